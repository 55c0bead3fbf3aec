"""From a recording to a result.

The score is that of whoever judges: the shipped detector, or a network that was trained here. What the file itself
shows stands beside it, in the evidence and the provenance, and never enters it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from assay.audio.denoise import NoiseReducer
from assay.evidence import declares_generator, reference_of, shown_traces
from assay.forensics.sound import SoundInspection, inspect_sound
from assay.policy import Judgement, decide
from assay.provenance import read_provenance
from assay.result import ModelReference, NotAnalysed, ScanResult
from assay.stability import check_stability
from assay.zoo_policy import decide_sound

if TYPE_CHECKING:
    from assay.audio.deliveries import Recording
    from assay.audio.detector import AudioDetector
    from assay.audio.speech import SpeechActivity
    from assay.credentials import Provenance
    from assay.media import AudioMedia
    from assay.settings import Settings
    from assay.views.network import Network


@dataclass(frozen=True)
class SoundJudge:
    """What scores recordings and decides.

    Attributes:
        model: Which weight answers.
        score: From a recording to `AudioScores` or `HeardScores`.
        decide: From such scores to a judgement; ``declared`` as for `assay.policy.decide`.
    """

    model: ModelReference
    score: Callable[[Recording], Any]
    decide: Callable[..., Judgement]

    @classmethod
    def of_detector(cls, detector: AudioDetector, settings: Settings) -> SoundJudge:
        """The shipped detector, as it is set."""

        def score(recording: Recording) -> Any:
            return detector.score(recording, channels=settings.channels, prepare=_prepare(settings))

        return cls(reference_of(detector), score, partial(decide, card=detector.card, settings=settings))

    @classmethod
    def of_network(cls, network: Network, settings: Settings, speech: SpeechActivity) -> SoundJudge:
        """A network that was trained here, with what tells it where somebody speaks."""
        from assay.views.sound import score_sound

        def score(recording: Recording) -> Any:
            name = getattr(recording, "path", "the recording")
            prepare = _prepare(settings)
            return score_sound(network, speech, recording, name=name, channels=settings.channels, prepare=prepare)

        return cls(reference_of(network), score, partial(decide_sound, card=network.card, settings=settings))

    def llr(self, recording: Recording) -> float | None:
        """Of a recording by itself; None if nothing of it could be scored."""
        return self.decide(self.score(recording)).llr


def examine(
    media: AudioMedia,
    judge: SoundJudge,
    settings: Settings,
    *,
    started: float,
    trust_anchors: bytes | None = None,
) -> ScanResult:
    """Make a result of a recording.

    Args:
        media: Opened.
        judge: Scores it and decides.
        settings: Whether to check the verdict in other deliveries.
        started: `time.perf_counter` before the file was opened.
        trust_anchors: As for `assay.provenance.read_provenance`.

    Raises:
        MediaError: If the recording turns out to be broken or over a limit.
    """
    opened = time.perf_counter()
    found = _traces(media)
    inspected = time.perf_counter()
    provenance = _provenance(media, trust_anchors)
    vouched = time.perf_counter()
    scores = judge.score(media)
    scored = time.perf_counter()
    decided_by = partial(judge.decide, declared=declares_generator(found.traces, provenance))
    judgement = decided_by(scores)
    decided = time.perf_counter()
    timings = {
        "open": opened - started,
        "forensics": inspected - opened,
        "provenance": vouched - inspected,
        "decide": decided - scored,
    }
    stability = None
    if settings.stability:
        judgement, stability = check_stability(media, judgement, lambda sound: decided_by(judge.score(sound)))
        timings["stability"] = time.perf_counter() - decided
    timings["total"] = time.perf_counter() - started
    return ScanResult(
        path=media.path,
        sha256=media.sha256,
        media="audio",
        container=media.container,
        codec=media.codec,
        sample_rate_hz=media.sample_rate_hz,
        channels=media.channels,
        duration_s=round(scores.duration_s, 4),
        speech_s=round(scores.speech_s, 3),
        model=judge.model,
        timings_ms={
            **{name: round(value, 3) for name, value in scores.timings_ms.items()},
            **{name: round(1e3 * value, 3) for name, value in timings.items()},
        },
        stability=stability,
        evidence=tuple(shown_traces(found.traces)),
        provenance=provenance,
        **{**_fields(judgement), "not_analysed": (*judgement.not_analysed, *_left_out(found))},
    )


def _prepare(settings: Settings) -> Callable[[], NoiseReducer] | None:
    return NoiseReducer if settings.denoise else None


def _provenance(media: AudioMedia, trust_anchors: bytes | None) -> Provenance | None:
    if media.original is None:
        return None
    return read_provenance(media.original, media.container, trust_anchors=trust_anchors)


def _traces(media: AudioMedia) -> SoundInspection:
    """Of the original bytes; an array has none.

    Raises:
        MediaError: If a file on disk vanished or changed since it was hashed.
    """
    if media.original is None:
        return SoundInspection()
    with closing(media.original.reader()) as reader:
        return inspect_sound(reader, media.original.size, media.container)


def _left_out(found: SoundInspection) -> Iterator[NotAnalysed]:
    for tool, reason in found.left_out.items():
        yield NotAnalysed(code=f"no_{tool}", text=f"{tool.replace('_', ' ')}: {reason}")


def _fields(judgement: Judgement) -> dict[str, Any]:
    return {name: getattr(judgement, name) for name in Judgement.__dataclass_fields__}
