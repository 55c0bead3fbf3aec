"""What many outcomes add up to: counts, coverage, seconds of sound and video. Memory does not grow with their number.

Coverage is the share of the analysed files that got a decision, that is, any verdict but ``inconclusive``;
inputs that could not be analysed are counted apart, under the code of their error.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, get_args

from assay.result import ScanResult, Verdict

if TYPE_CHECKING:
    from assay.result import Outcome


@dataclass(frozen=True)
class Summary:
    """Figures over a batch.

    Attributes:
        verdicts: Files per verdict; every verdict is a key.
        failures: Inputs that could not be analysed, per error code.
        pictures: How many of the files are pictures.
        videos: How many are videos.
        audio_s: Seconds of recording analysed.
        video_s: Seconds of video analysed.
        speech_s: Seconds of speech found in both.
        stages_ms: Time per stage, summed over files; more than the wall time if files ran side by side.
    """

    verdicts: dict[Verdict, int]
    failures: dict[str, int]
    pictures: int
    videos: int
    audio_s: float
    video_s: float
    speech_s: float
    stages_ms: dict[str, float]

    @property
    def analysed(self) -> int:
        """Files with a result."""
        return sum(self.verdicts.values())

    @property
    def failed(self) -> int:
        """Inputs without one."""
        return sum(self.failures.values())

    @property
    def inputs(self) -> int:
        """All inputs, analysed or not."""
        return self.analysed + self.failed

    @property
    def decided(self) -> int:
        """Files with a verdict other than ``inconclusive``."""
        return self.analysed - self.verdicts["inconclusive"]

    @property
    def coverage(self) -> float | None:
        """Share of the analysed files that were decided, in [0, 1]; None if there are none."""
        return self.decided / self.analysed if self.analysed else None


class Tally:
    """Counts outcomes as they come."""

    def __init__(self) -> None:
        self._verdicts: dict[Verdict, int] = dict.fromkeys(get_args(Verdict), 0)
        self._failures: Counter[str] = Counter()
        self._stages: dict[str, float] = {}
        self._audio_s = self._video_s = self._speech_s = 0.0
        self._pictures = self._videos = 0

    def add(self, outcome: Outcome) -> None:
        """Count one outcome."""
        if not isinstance(outcome, ScanResult):
            self._failures[outcome.error.code] += 1
            return
        self._verdicts[outcome.verdict] += 1
        self._pictures += outcome.media == "image"
        self._videos += outcome.media == "video"
        self._audio_s += (outcome.duration_s or 0.0) * (outcome.media == "audio")
        self._video_s += (outcome.duration_s or 0.0) * (outcome.media == "video")
        self._speech_s += outcome.speech_s or 0.0
        for stage, duration in outcome.timings_ms.items():
            self._stages[stage] = self._stages.get(stage, 0.0) + duration

    def summary(self) -> Summary:
        """The figures so far."""
        return Summary(
            verdicts=dict(self._verdicts),
            failures=dict(self._failures),
            pictures=self._pictures,
            videos=self._videos,
            audio_s=self._audio_s,
            video_s=self._video_s,
            speech_s=self._speech_s,
            stages_ms=dict(self._stages),
        )


def summarise(outcomes: Iterable[Outcome]) -> Summary:
    """Add up outcomes, as `Detector.scan_many` yields them.

    Args:
        outcomes: Results and failures; taken one by one, none is kept.

    Returns:
        Counts per verdict and per error, coverage, seconds of sound.
    """
    tally = Tally()
    for outcome in outcomes:
        tally.add(outcome)
    return tally.summary()
