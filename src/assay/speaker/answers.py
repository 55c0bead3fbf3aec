"""What enrolment, verification and identification answer: frozen, validated when built, the same for every interface.

Here an `llr` rises for the SAME speaker: log p(score | same speaker) - log p(score | different speakers), natural
logarithm. That of a spoof verdict rises for spoof, as everywhere else in Assay. The two stand beside each other and are
never made into one: who a voice sounds like and whether a machine made it are different questions.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from assay.result import ModelReference, ScanResult, Verdict
from assay.speaker.profile import Consent, Profile

Decision = Literal["match", "no_match", "not_enough_speech"]
PLAIN_DECISIONS: dict[Decision, str] = {
    "match": "sounds like the enrolled speaker",
    "no_match": "does not sound like the enrolled speaker",
    "not_enough_speech": "cannot tell: not enough speech",
}
NO_PROOF = (
    "A match or a mismatch is no proof. A clone of this voice can match, and so can another person; the speaker's own"
    " recording can fail to. Neither says whether the recording is genuine or a clone."
)


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ProfileSummary(_Part):
    """A profile without its embedding.

    Attributes:
        recordings: How many it was made from.
        speech_s: Seconds of speech in them.
        retain_until: Last day, UTC, on which it may be used.
        encoder: What made it.
        expired: Whether that day has passed.
    """

    id: str
    name: str
    recordings: int = Field(ge=1)
    speech_s: float = Field(ge=0)
    consent: Consent
    retain_until: date
    created: datetime
    encoder: str
    expired: bool = False

    @classmethod
    def of(cls, profile: Profile, *, expired: bool = False) -> ProfileSummary:
        """The summary of a profile."""
        return cls(
            id=profile.id,
            name=profile.name,
            recordings=len(profile.recordings),
            speech_s=profile.speech_s,
            consent=profile.consent,
            retain_until=profile.retain_until,
            created=profile.created,
            encoder=f"{profile.encoder.name} {profile.encoder.version}",
            expired=expired,
        )


class Enrolment(_Part):
    """A speaker who was enrolled.

    Attributes:
        profile: What is kept.
        notes: What to know about the recordings, such as one that does not sound like the others.
    """

    schema_version: Literal[1] = 1
    profile: ProfileSummary
    notes: tuple[str, ...]


class SpoofVerdict(_Part):
    """What a scan of the probe says about synthesis, beside the match.

    Attributes:
        verdict: Of the scan.
        plain: In words.
        spoof_probability: Posterior that the probe is synthetic, at least in part; None if nothing could be scored.
        llr: The evidence behind it, positive for spoof.
        reasons: Why, in words.
        model: Which detector answered.
    """

    verdict: Verdict
    plain: str
    spoof_probability: float | None = Field(ge=0, le=1)
    llr: float | None
    reasons: tuple[str, ...]
    model: ModelReference | None

    @classmethod
    def of(cls, result: ScanResult) -> SpoofVerdict:
        """What stands in the result of a scan."""
        return cls(
            verdict=result.verdict,
            plain=result.plain_verdict,
            spoof_probability=result.spoof_probability,
            llr=result.llr,
            reasons=tuple(reason.text for reason in result.reasons),
            model=result.model,
        )


class Probe(_Part):
    """The recording in question.

    Attributes:
        path: As the caller named it.
        sha256: Of its bytes.
        duration_s: Seconds heard.
        speech_s: Seconds of speech in them.
        needed_s: Less speech than this is not enough.
    """

    path: str
    sha256: str
    duration_s: float = Field(ge=0)
    speech_s: float = Field(ge=0)
    needed_s: float = Field(gt=0)


class MatchPointInForce(_Part):
    """The trade-off that the decision was made at.

    Attributes:
        max_false_match: Accepted rate, per probe, of another person's voice taken for an enrolled one.
        comparisons: Profiles the probe was compared with.
        per_comparison: What that leaves for each of them (Šidák).
        threshold_llr: Profiles whose llr is at least this match.
        extrapolated: True when that lies beyond what the development data could measure.
    """

    max_false_match: float = Field(gt=0, lt=1)
    comparisons: int = Field(ge=1)
    per_comparison: float = Field(gt=0, lt=1)
    threshold_llr: float
    extrapolated: bool


class Candidate(_Part):
    """One enrolled speaker beside a probe.

    Attributes:
        id, name: Of the profile.
        score: Cosine between the embeddings, in [-1, 1]; None where there was not enough speech.
        llr: The evidence, positive for the same speaker.
        chance: Share of other people's voices in the development data that reach this llr; no less than could be
            measured, so that it is an upper limit at its least.
        match: Whether the llr reaches the threshold.
    """

    id: str
    name: str
    score: float | None = Field(ge=-1.001, le=1.001)
    llr: float | None
    chance: float | None = Field(ge=0, le=1)
    match: bool


class _Comparison(_Part):
    """What both comparisons tell of a probe.

    Attributes:
        decision: ``match``, ``no_match`` or ``not_enough_speech``.
        spoof: What a scan says of the probe; None where none was made.
        no_spoof: Why none was made.
        statement: What the answer does not say; always there.
        notes: What else to know.
        model: The encoder.
    """

    schema_version: Literal[1] = 1
    probe: Probe
    decision: Decision
    operating_point: MatchPointInForce
    spoof: SpoofVerdict | None
    no_spoof: str | None = None
    statement: str = NO_PROOF
    notes: tuple[str, ...]
    model: ModelReference


class Verification(_Comparison):
    """Whether a probe sounds like one enrolled speaker, and beside it whether it sounds synthetic."""

    speaker: Candidate

    @property
    def plain_decision(self) -> str:
        """The decision in words for people."""
        return PLAIN_DECISIONS[self.decision]


class Identification(_Comparison):
    """Which of the enrolled speakers a probe sounds like, if any, and beside it whether it sounds synthetic.

    Attributes:
        decision: ``match`` if the best candidate reaches the threshold, which rises with the number of profiles.
        candidates: Best first.
        left_out: Profiles that were not compared, and why, by id.
    """

    candidates: tuple[Candidate, ...]
    left_out: dict[str, str]

    @property
    def plain_decision(self) -> str:
        """The decision in words for people."""
        if self.decision == "match":
            return f"sounds most like {self.candidates[0].name}"
        return (
            "sounds like none of the enrolled speakers"
            if self.decision == "no_match"
            else PLAIN_DECISIONS[self.decision]
        )
