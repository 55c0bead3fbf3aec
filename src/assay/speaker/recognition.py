"""The three acts: enrol a speaker, verify a probe against one, identify it among all.

A `Recogniser` keeps networks and store between calls; `enroll`, `verify` and `identify` make one for a single call. How
a probe is scanned for synthesis is given by the caller, as anything with the signature of `assay.Detector.scan`: this
room knows nothing of the line above it. Without it the answer says that nobody looked.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import date, timedelta
from typing import Any
from uuid import uuid4

import numpy as np

from assay.errors import EnrolmentRefused, MediaError, MediaUnreadable, ProfileOutdated, SpeakerError
from assay.media.source import open_bytes
from assay.models.registry import speaker_card
from assay.result import ModelReference, ScanResult
from assay.settings import Settings, load_settings
from assay.speaker.answers import (
    Candidate,
    Decision,
    Enrolment,
    Identification,
    MatchPointInForce,
    Probe,
    ProfileSummary,
    SpoofVerdict,
    Verification,
)
from assay.speaker.encoder import MODEL, unit
from assay.speaker.enrolment import remarks, retention, voices_of
from assay.speaker.profile import Consent, EncoderReference, Profile, Recording, encoded
from assay.speaker.scoring import Scorer
from assay.speaker.store import ProfileStore
from assay.speaker.voice import Voice, VoiceReader

NOT_LOOKED = "the probe was not scanned for signs of synthesis"

Scan = Callable[..., ScanResult]


class Recogniser:
    """Enrols, verifies and identifies; may be shared between threads.

    Args:
        settings: None loads those in force.
        store: None opens the one that the settings name.
        reader: Hears voices; None loads the packaged networks.
        scan: `Detector.scan`, or None to leave probes unscanned.
        tell: Words why a profile is left out.

    Raises:
        SettingsError: If a setting is wrong.
        MissingExtra: If the extra `speaker` is not installed.
        ModelError: If a weight or its card is missing or damaged.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        store: ProfileStore | None = None,
        reader: VoiceReader | None = None,
        scan: Scan | None = None,
        tell: Callable[[SpeakerError], str] = lambda error: error.message,
    ) -> None:
        self.settings = settings or load_settings()
        self.store = store or ProfileStore.from_settings(self.settings)
        self.card = speaker_card(MODEL)
        self._reader = reader or VoiceReader(self.settings)
        self._scorer, self._scan, self._tell = Scorer(self.card), scan, tell

    def enroll(
        self,
        sources: Sequence[Any],
        *,
        name: str,
        consent: Consent,
        retain_until: date | None = None,
        names: Sequence[str] | None = None,
    ) -> Enrolment:
        """Make and keep a profile of a speaker.

        Args:
            sources: Recordings of this speaker alone, 1 to 20, best 3 to 5 of different days and devices; each as for
                `assay.media.open_moving`.
            name: For display.
            consent: Whose word it rests on.
            retain_until: Last day of its use, UTC; None takes the longest that ``speaker_retention_days`` allows.
            names: What to call each recording in messages, instead of its path.

        Raises:
            EnrolmentRefused: If consent lies in the future, it would be kept too long or not at all, there are too many
                recordings, one stands there twice, or they hold too little speech.
            MediaError: If a recording cannot be read.
            ProfileKeyError: If the store has no key that fits.
        """
        now = self.store.now()
        until = retention(retain_until, now, self.settings.speaker_retention_days)
        if not name.strip() or len(name.strip()) > 200:
            raise EnrolmentRefused("The name of a speaker has 1 to 200 characters; give one.")
        if consent.recorded_on > (now + timedelta(days=1)).date():  # a day's grace for clocks east of UTC
            raise EnrolmentRefused(
                f"The consent is dated {consent.recorded_on}, which is yet to come. Correct the date."
            )
        voices = voices_of(sources, self._reader, self.card.min_enrol_speech_s, names)
        embeddings = [voice.embedding for voice in voices if voice.embedding is not None]
        profile = Profile(
            id=uuid4().hex,
            name=name,
            embedding_base64=encoded(unit(np.mean(embeddings, axis=0))),
            recordings=tuple(Recording(sha256=voice.sha256, speech_s=voice.speech_s) for voice in voices),
            consent=consent,
            retain_until=until,
            encoder=self._encoder(),
            created=now,
        )
        self.store.save(profile)
        return Enrolment(
            profile=ProfileSummary.of(profile),
            notes=tuple(remarks(voices, self._scorer, self.settings.speaker_false_match)),
        )

    def verify(self, source: Any, who: str, *, name: str | None = None) -> Verification:
        """Tell whether a probe sounds like one enrolled speaker.

        Args:
            source: The probe, as for `assay.media.open_moving`.
            who: Id or name of the profile.
            name: What to call the probe, instead of its path.

        Raises:
            ProfileNotFound, ProfileExpired, ProfileDamaged, ProfileKeyError: As `ProfileStore.load`.
            ProfileOutdated: If another encoder made the profile.
            MediaError: If the probe cannot be read.
        """
        profile = self.store.load(who)
        if (error := self._outdated(profile)) is not None:
            raise error
        voice, spoof, no_spoof = self._hear(source, name)
        point = self._scorer.point(self.settings.speaker_false_match)
        speaker = self._candidate(profile, voice, point)
        return Verification(
            probe=self._probe(voice),
            decision=self._decision(voice, speaker.match),
            speaker=speaker,
            operating_point=point,
            spoof=spoof,
            no_spoof=no_spoof,
            notes=(*voice.notes, *_used_before(voice, [profile])),
            model=self._reference(),
        )

    def identify(self, source: Any, *, name: str | None = None) -> Identification:
        """Tell which enrolled speaker a probe sounds like, if any.

        Args:
            source: The probe, as for `assay.media.open_moving`.
            name: What to call the probe, instead of its path.

        Raises:
            MediaError: If the probe cannot be read.
        """
        listing = self.store.list()
        left_out = {identity: self._tell(error) for identity, error in listing.unreadable.items()}
        left_out |= {p.id: f"was to be kept until {p.retain_until}" for p in listing.expired}
        outdated = {p.id: self._tell(error) for p in listing.profiles if (error := self._outdated(p)) is not None}
        left_out |= outdated
        profiles = [profile for profile in listing.profiles if profile.id not in outdated]
        voice, spoof, no_spoof = self._hear(source, name)
        point = self._scorer.point(self.settings.speaker_false_match, max(1, len(profiles)))
        candidates = [self._candidate(profile, voice, point) for profile in profiles]
        candidates.sort(key=lambda one: (-(one.score or 0.0), one.name, one.id))
        notes = [*voice.notes, *_used_before(voice, profiles)]
        if not profiles:
            notes.append("no profile could be compared")
        return Identification(
            probe=self._probe(voice),
            decision=self._decision(voice, any(one.match for one in candidates)),
            candidates=tuple(candidates),
            left_out=left_out,
            operating_point=point,
            spoof=spoof,
            no_spoof=no_spoof,
            notes=tuple(notes),
            model=self._reference(),
        )

    def _hear(self, source: Any, name: str | None) -> tuple[Voice, SpoofVerdict | None, str | None]:
        """The voice of a probe, and what a scan says of the same bytes."""
        if not isinstance(source, (str, os.PathLike, bytes, bytearray, memoryview, tuple)) or source == "-":
            name, held = open_bytes(source, self.settings, name)
            with closing(held.reader()) as stream:  # it can be read once only
                source = stream.read()
        voice = self._reader.read(source, name=name)
        if self._scan is None:
            return voice, None, NOT_LOOKED
        try:
            result = self._scan(source, name=name)
        except MediaError as error:
            return voice, None, f"the scan failed: {error.message}"
        if result.sha256 != voice.sha256:
            raise MediaUnreadable(f"'{voice.path}' changed while it was read. Try again when nobody writes to it.")
        return voice, SpoofVerdict.of(result), None

    def _candidate(self, profile: Profile, voice: Voice, point: MatchPointInForce) -> Candidate:
        if not self._enough(voice) or voice.embedding is None:
            return Candidate(id=profile.id, name=profile.name, score=None, llr=None, chance=None, match=False)
        score = self._scorer.score(profile.embedding, voice.embedding)
        llr = self._scorer.llr(score)
        return Candidate(
            id=profile.id,
            name=profile.name,
            score=score,
            llr=llr,
            chance=self._scorer.chance(llr),
            match=llr >= point.threshold_llr,
        )

    def _enough(self, voice: Voice) -> bool:
        return voice.embedding is not None and voice.speech_s >= self.card.min_probe_speech_s

    def _decision(self, voice: Voice, match: bool) -> Decision:
        if not self._enough(voice):
            return "not_enough_speech"
        return "match" if match else "no_match"

    def _probe(self, voice: Voice) -> Probe:
        return Probe(
            path=voice.path,
            sha256=voice.sha256,
            duration_s=voice.duration_s,
            speech_s=voice.speech_s,
            needed_s=self.card.min_probe_speech_s,
        )

    def _encoder(self) -> EncoderReference:
        return EncoderReference(name=self.card.name, version=self.card.version, sha256=self.card.sha256)

    def _reference(self) -> ModelReference:
        return ModelReference(name=self.card.name, version=self.card.version, sha256=self.card.sha256)

    def _outdated(self, profile: Profile) -> ProfileOutdated | None:
        """What is wrong with a profile that another encoder made."""
        if profile.encoder == self._encoder():
            return None
        made = f"{profile.encoder.name} {profile.encoder.version} ({profile.encoder.sha256[:12]}…)"
        return ProfileOutdated(
            f"Profile {profile.id} was made by {made}, and this is {self.card.name} {self.card.version}"
            f" ({self.card.sha256[:12]}…); their embeddings cannot be compared. Enrol the speaker anew, with consent,"
            f" and delete the old profile: assay speaker delete {profile.id}",
            profile=profile.id,
        )


def _used_before(voice: Voice, profiles: Sequence[Profile]) -> list[str]:
    """A probe that was enrolled with is like itself, which says nothing."""
    return [
        f"this very recording was used to enrol {profile.name}: the score says nothing"
        for profile in profiles
        if any(recording.sha256 == voice.sha256 for recording in profile.recordings)
    ]


def enroll(
    sources: Sequence[Any],
    *,
    name: str,
    consent: Consent,
    retain_until: date | None = None,
    settings: Settings | None = None,
    store: ProfileStore | None = None,
) -> Enrolment:
    """Make and keep a profile of a speaker; see `Recogniser.enroll`."""
    return Recogniser(settings, store=store).enroll(sources, name=name, consent=consent, retain_until=retain_until)


def verify(
    source: Any,
    who: str,
    *,
    scan: Scan | None = None,
    settings: Settings | None = None,
    store: ProfileStore | None = None,
) -> Verification:
    """Tell whether a probe sounds like one enrolled speaker; see `Recogniser.verify`."""
    return Recogniser(settings, store=store, scan=scan).verify(source, who)


def identify(
    source: Any, *, scan: Scan | None = None, settings: Settings | None = None, store: ProfileStore | None = None
) -> Identification:
    """Tell which enrolled speaker a probe sounds like, if any; see `Recogniser.identify`."""
    return Recogniser(settings, store=store, scan=scan).identify(source)
