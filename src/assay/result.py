"""The one result object that every interface prints.

Frozen, validated when built, versioned (`SCHEMA_VERSION`; ``docs/result.md`` explains each field). Times are seconds
from the start of the file, places are pixels of the upright picture, probabilities and rates lie in [0, 1], and every
score rises for spoof.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from assay.credentials import Provenance
from assay.errors import AssayError

SCHEMA_VERSION = 2
Verdict = Literal["bona_fide", "spoof", "mixed", "inconclusive"]
PLAIN_VERDICTS: dict[Verdict, str] = {
    "bona_fide": "no sign of synthesis found",
    "spoof": "likely synthetic",
    "mixed": "partly synthetic",
    "inconclusive": "cannot tell",
}


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Segment(_Part):
    """A stretch of the recording that got one score.

    Segments cover what was analysed, in order; stretches that stand out from the rest of a ``mixed`` file are
    segments of their own, with `suspicious` set.
    """

    start_s: float = Field(ge=0)
    end_s: float = Field(ge=0)
    spoof_probability: float = Field(ge=0, le=1)
    llr: float
    suspicious: bool = False
    channel: int | None = Field(default=None, ge=0, description="None when channels were averaged")


class Timeline(_Part):
    """Scores at an even step, for drawing; None where nothing could be scored. At most 1,000 points."""

    start_s: float
    step_s: float
    spoof_probability: tuple[float | None, ...]
    channel: int | None = None


class Reason(_Part):
    """Why the verdict is what it is; `code` is stable, `text` is for people."""

    code: str
    text: str


class NotAnalysed(_Part):
    """A part of the input that was left out, and why."""

    code: str
    text: str
    start_s: float | None = None
    end_s: float | None = None


class Finding(_Part):
    """A measured property of the recording that bears on how far to trust the verdict."""

    name: str
    value: float | None
    unit: str
    text: str


class Face(_Part):
    """A face in a picture, or the face of one person in a video.

    Attributes:
        box: Left, top, right, bottom, from the brows to the chin; parts may lie outside the picture. In a video that of
            the frame in which the face detector is surest.
        score: How sure the face detector is that it is a face; says nothing about synthesis.
        spoof_probability: Posterior that the face is synthetic or was changed; None where no detector was asked.
        llr: The evidence behind it.
        track_id: The person, in a video.
        start_s, end_s: When the person is seen first and last.
        box_s: When the face is where `box` is.
    """

    box: tuple[float, float, float, float]
    score: float = Field(ge=0, le=1)
    spoof_probability: float | None = Field(ge=0, le=1)
    llr: float | None
    track_id: int | None = Field(default=None, ge=0)
    start_s: float | None = Field(default=None, ge=0)
    end_s: float | None = Field(default=None, ge=0)
    box_s: float | None = Field(default=None, ge=0)


class Piece(_Part):
    """A part of a picture at full resolution.

    Attributes:
        box: Left, top, right, bottom, in pixels.
        spoof_probability: Posterior that this part alone is synthetic or was changed.
        llr: The evidence behind it.
    """

    box: tuple[int, int, int, int]
    spoof_probability: float = Field(ge=0, le=1)
    llr: float


class Evidence(_Part):
    """A trace in the file beside the score, which it never enters.

    Attributes:
        name: Stable, for programs.
        measured: The numbers and names behind it. A box is ``left``, ``top``, ``width`` and ``height``.
        strength: How clearly the trace is there; no probability of a spoof. None for plain facts, and where nothing
            could be measured.
        text: Why it matters, and what it does not prove.
    """

    name: str
    measured: dict[str, bool | int | float | str | None]
    strength: float | None = Field(ge=0, le=1)
    text: str


class Speech(_Part):
    """A stretch in which one person speaks, as far as lips and sound tell."""

    start_s: float = Field(ge=0)
    end_s: float = Field(ge=0)


class Span(_Part):
    """A stretch in which one person was looked at closely."""

    start_s: float = Field(ge=0)
    end_s: float = Field(ge=0)


class LipAgreement(_Part):
    """How well the lips of one person go with the sound; evidence, and no verdict.

    Attributes:
        offset_s: Shift with the best agreement; positive if the sound is late against the lips.
        strength: Normalised cross-correlation there.
        p: Chance of so much if the two had nothing to do with each other; never below 1 / (n + 1).
        n: How many stretches of shifts tell what chance gives.
        seconds: How much of the lips was compared.
    """

    offset_s: float
    strength: float = Field(ge=-1, le=1)
    p: float = Field(gt=0, le=1)
    n: int = Field(ge=0)
    seconds: float = Field(ge=0)


class Person(_Part):
    """One person in a video: the face over time, and whether the voice is theirs.

    Attributes:
        id: From 0, in order of first appearance; `Face.track_id` is the same.
        start_s, end_s: When the face is seen first and last.
        seen_s: For how long it is seen, holes left out.
        spoof_probability: Posterior that the face is synthetic or was changed; None where it was too small, too near to
            the edge or seen in too few frames.
        llr: The evidence behind it, of both parts below.
        frame_llr: Of single frames.
        temporal_llr: Of the course of time; None also where it was seen too seldom or too briefly.
        stretches: The windows behind `temporal_llr`, in order of time; `suspicious` where the person stands out.
        closely: When the face was looked at closely; `speaking`, `cues` and `agreement` know of nothing else.
        speaking: When this person speaks.
        voice: Whether the score of the sound track concerns this person, who speaks in it; None if that is not told.
        cues: What the movement of the face tells; remarks, never part of a score.
        agreement: Of lips and sound; None where they were not compared.
        no_agreement: Why they were not.
    """

    id: int = Field(ge=0)
    start_s: float = Field(ge=0)
    end_s: float = Field(ge=0)
    seen_s: float = Field(ge=0)
    spoof_probability: float | None = Field(ge=0, le=1)
    llr: float | None
    frame_llr: float | None
    temporal_llr: float | None
    stretches: tuple[Segment, ...] = ()
    closely: tuple[Span, ...] = ()
    speaking: tuple[Speech, ...] = ()
    voice: bool | None = None
    cues: tuple[Evidence, ...] = ()
    agreement: LipAgreement | None = None
    no_agreement: str | None = None


class FusedPart(_Part):
    """What one part of a video says, and how much it counts.

    Attributes:
        name: ``image``: whole frames; ``video``: the most suspicious person; ``audio``: the sound track.
        llr: Its evidence.
        weight: In the fused llr; the weights of the parts present add up to 1.
        moved: The fused llr less what it would be without this part (0 without any).
        threshold_llr: At or above, this part stands out.
        bona_fide_below_llr: At or below, nothing in it speaks for a spoof.
        stands_out: Whether it was found to; of the sound a part of it may, though `llr` of the whole does not.
    """

    name: Literal["image", "video", "audio"]
    llr: float
    weight: float = Field(ge=0, le=1)
    moved: float
    threshold_llr: float
    bona_fide_below_llr: float
    stands_out: bool


class Fusion(_Part):
    """How the parts of a video became one number.

    Attributes:
        rule: ``weighted-0.40-0.40-0.20``: these shares of image, video and audio, renormalised over what is present.
        llr: The fused evidence.
        parts: Those that could be judged; at least one.
    """

    rule: str
    llr: float
    parts: tuple[FusedPart, ...] = Field(min_length=1)


class ModelReference(_Part):
    """Which weight answered.

    Attributes:
        provider: ONNX Runtime's execution provider that computed it; empty where that is not known.
    """

    name: str
    version: str
    sha256: str
    provider: str = ""


class OperatingPointInForce(_Part):
    """The trade-off the verdict was made at.

    Attributes:
        max_false_alarm: Accepted rate of bona fide files flagged.
        threshold_llr: Whole files at or above are ``spoof``.
        bona_fide_below_llr: Whole files at or below are ``bona_fide``; between the two it is ``inconclusive``.
        prior: P(spoof) before looking, behind `spoof_probability`.
        extrapolated: True when the promise lies beyond what the development data could measure.
        denoised: Noise was reduced before scoring; the card's rates were measured without that.
    """

    max_false_alarm: float
    threshold_llr: float
    bona_fide_below_llr: float
    prior: float
    extrapolated: bool
    denoised: bool = False


class Delivery(_Part):
    """What came out when the recording, picture or video was delivered in another way."""

    delivery: str
    verdict: Verdict
    llr: float | None
    spoof_probability: float | None = Field(ge=0, le=1)


class Stability(_Part):
    """Whether the verdict held over deliveries.

    Attributes:
        verdict: As it came; that of the result is ``inconclusive`` if a delivery turned it round.
        deliveries: One for each way of delivery; of a longer video the part that was delivered, as it came, is first.
        llr_spread: Largest minus smallest llr, that of all as it came included; None if there is none.
    """

    verdict: Verdict
    deliveries: tuple[Delivery, ...]
    llr_spread: float | None = Field(ge=0)


class ScanResult(_Part):
    """The answer for one file.

    Attributes:
        path: As the caller named it.
        sha256: Of the file's bytes.
        sample_rate_hz, channels, speech_s: Of a recording, or of the sound track of a video; None for a picture.
        duration_s: Of a recording or video; None for a picture.
        width, height: Of a picture or of the first frame, upright, in pixels; None for a recording.
        spoof_probability: Posterior that the file is synthetic, at least in part; None only if nothing could be
            scored.
        llr: The evidence alone, natural log-likelihood ratio.
        interval: 90 % interval of `spoof_probability`, from calibration and from the spread over the file.
        segments, timeline: Of a recording, or of the sound track of a video by the clock of its frames.
        faces: In a picture, best first; in a video one per person; empty for a recording.
        pieces: Of a picture, those with most detail, or with ``deep`` all; empty for a recording.
        persons: In a video, in order of first appearance.
        fusion: Of a video: its parts, and how much each moved the answer; None if none could be judged.
        evidence: What else the file shows; the score does not depend on it.
        provenance: Its Content Credentials; None where they were not looked for.
        model: None where no detector was asked; of a video the temporal one.
        operating_point: None where no detector was asked, or where its card promises no false-alarm rate.
        timings_ms: Wall time per stage.
        stability: What other deliveries gave; None if that was not asked for or not possible.
    """

    schema_version: Literal[2] = 2
    path: str
    sha256: str
    media: Literal["audio", "image", "video"] = "audio"
    container: str
    codec: str
    sample_rate_hz: int | None = None
    channels: int | None = None
    duration_s: float | None = None
    speech_s: float | None = None
    width: int | None = None
    height: int | None = None
    verdict: Verdict
    spoof_probability: float | None = Field(ge=0, le=1)
    llr: float | None
    interval: tuple[float, float] | None
    segments: tuple[Segment, ...]
    timeline: tuple[Timeline, ...]
    findings: tuple[Finding, ...]
    reasons: tuple[Reason, ...] = Field(min_length=1)
    not_analysed: tuple[NotAnalysed, ...]
    faces: tuple[Face, ...] = ()
    pieces: tuple[Piece, ...] = ()
    persons: tuple[Person, ...] = ()
    fusion: Fusion | None = None
    evidence: tuple[Evidence, ...] = ()
    provenance: Provenance | None = None
    model: ModelReference | None
    operating_point: OperatingPointInForce | None
    timings_ms: dict[str, float]
    stability: Stability | None = None

    @property
    def plain_verdict(self) -> str:
        """The verdict in words for people."""
        return PLAIN_VERDICTS[self.verdict]

    @property
    def suspicious(self) -> tuple[Segment, ...]:
        """Stretches that stand out, of the sound and of persons, in order of time."""
        every = (*self.segments, *(stretch for person in self.persons for stretch in person.stretches))
        return tuple(sorted((one for one in every if one.suspicious), key=lambda one: (one.start_s, one.end_s)))


class ErrorDetail(_Part):
    """What went wrong with one input."""

    code: str
    message: str
    context: dict[str, Any] = Field(default_factory=dict)


class ScanFailure(_Part):
    """Stands in the place of a result when an input could not be analysed."""

    schema_version: Literal[2] = 2
    path: str
    error: ErrorDetail

    @classmethod
    def of(cls, path: str, error: AssayError) -> ScanFailure:
        """Wrap an error of our tree."""
        detail = ErrorDetail(code=error.code, message=error.message, context=error.context)
        return cls(path=path, error=detail)


Outcome = ScanResult | ScanFailure
