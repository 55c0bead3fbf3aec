"""The detector of sound on a stream that has not ended: second by second, in memory that does not grow.

What a recording goes through in `assay.audio.detector`, a stream goes through here, with the same windows: they are
scored as they fill, so that at its end a stream has the scores of the recording. The difference is one of speed: a
second completes at most four windows, and the network reads their whole length again, five times as much as of a
recording.

`RollingLane` is used in two steps, so that one call of the network can serve many streams: `hear` takes seconds in and
gives the stretch to be scored, `learn` takes the logits of that stretch and goes through those seconds one by one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assay.audio.detector import SPOKEN, STRETCH_WINDOWS, Floats
from assay.audio.listening import SPEECH
from assay.audio.rolling_memory import Bools, LlrMemory, Newest, RollingQuality
from assay.audio.silence import Samples, SilenceFiller
from assay.audio.speech import CHUNK, SAMPLE_RATE_HZ, SpeechStream
from assay.audio.statistics import Statistics
from assay.audio.windows import WindowCutter
from assay.models.card import DetectorCard

KEEP_S = 3600.0  # of llrs; of what is older, figures are kept
MOST_SECONDS = 15  # heard at once: with the rest of a stream not more than a stretch
FLAGS = 4096  # chunks whose speech flags are kept: 131 s, more than a step and a window

Logits = tuple[NDArray[np.float32], NDArray[np.float32]]


@dataclass(frozen=True)
class _Heard:
    """One second, or the rest of a stream."""

    samples: Samples
    flags: Bools
    last: bool


class RollingLane:
    """One stream, of which one channel is heard.

    Args:
        card: Of the detector.
        speech: Its speech activity.
        keep_s: Seconds of llrs that are kept.
    """

    def __init__(self, card: DetectorCard, speech: SpeechStream, *, keep_s: float = KEEP_S) -> None:
        self._card, self._stream = card, speech
        self._filler, self._quality = SilenceFiller(), RollingQuality()
        self._cutter = WindowCutter(card.window_samples, card.hop_samples, windows=STRETCH_WINDOWS + 1)
        self._heard: list[_Heard] = []
        self._flags = Newest(FLAGS)
        self._speech_chunks = 0
        self.samples = 0
        keep = max(1, round(keep_s * SAMPLE_RATE_HZ / card.hop_samples))
        limits = card.calibration.lowest, card.calibration.highest
        self.windows, self.parts = LlrMemory(*limits, keep), LlrMemory(*limits, keep)

    @property
    def duration_s(self) -> float:
        """Seconds that `learn` has been through."""
        return self.samples / SAMPLE_RATE_HZ

    @property
    def speech_s(self) -> float:
        """Seconds of speech in them."""
        return self._speech_chunks * CHUNK / SAMPLE_RATE_HZ

    @property
    def statistics(self) -> Statistics:
        """Figures of everything so far."""
        return Statistics(
            windows=self.windows.count,
            mean_llr=self.windows.mean,
            variance=self.windows.variance,
            highest_part=self.parts.highest,
            median_part=self.parts.median,
            speech_s=self.speech_s,
            quality=self._quality.figures(),
        )

    def hear(self, seconds: list[Samples], *, rest: Samples | None = None) -> Samples | None:
        """Take the next seconds in; `learn` must follow before the next call.

        Args:
            seconds: Samples of each, shape (n,); no more than `MOST_SECONDS`.
            rest: What remains when the stream ends, shape (n,), maybe n = 0; None while it goes on.

        Returns:
            The stretch whose logits are wanted, shape (samples,); None if no window is complete.
        """
        filled = []
        for samples in seconds if rest is None else [*seconds, rest]:
            last = samples is rest
            flags = self._stream.push(samples)
            if last:
                flags = np.concatenate([flags, self._stream.finish()])
            self._heard.append(_Heard(samples, flags >= SPEECH, last))
            filled.append(self._filler.push(samples))
        for _ in self._cutter.push(np.concatenate([np.empty(0, np.float32), *filled])):
            raise AssertionError("more seconds at once than a stretch holds")
        return self._cutter.take() if rest is None else next(self._cutter.finish(), None)

    def learn(self, logits: Logits | None) -> Iterator[None]:
        """Go through the seconds that were heard; after each, everything here is as of its end.

        Args:
            logits: Of the stretch that `hear` gave.
        """
        windows, parts = self._llrs(logits)
        first = self.windows.newest.total
        heard, self._heard = self._heard, []
        for second in heard:
            self.samples += second.samples.size
            self._quality.push(second.samples, second.flags, last=second.last)
            self._flags.push(second.flags.astype(np.float64))
            self._speech_chunks += int(np.count_nonzero(second.flags))
            self._take(windows, parts, first, last=second.last)
            yield

    def _llrs(self, logits: Logits | None) -> tuple[Floats, Floats]:
        if logits is None:
            return np.empty(0), np.empty(0)
        apply = self._card.calibration.apply
        return apply(logits[0].astype(np.float64)), apply(logits[1].astype(np.float64))

    def _take(self, windows: Floats, parts: Floats, first: int, *, last: bool) -> None:
        """Remember the scores that are known at the end of this second, of a stretch that began with window `first`."""
        card = self._card
        complete = max(0, (self.samples - card.window_samples) // card.hop_samples + 1)
        ahead = (card.window_samples - card.part_samples) // card.hop_samples
        known = (windows.size, parts.size) if last else (complete - first, complete - first + ahead if complete else 0)
        # A stream shorter than a window has one; whether it holds enough speech is the policy's question.
        least = 0.0 if last and self.samples <= card.window_samples else SPOKEN
        for memory, llrs, count, length in (
            (self.windows, windows, known[0], card.window_samples),
            (self.parts, parts, known[1], card.part_samples),
        ):
            start = memory.newest.total
            new = llrs[start - first : max(count, start - first)]
            memory.push(np.where(self._spoken(start, new.size, length) > least * length, new, np.nan))

    def _spoken(self, start: int, count: int, length: int) -> Floats:
        """Samples of speech in so many stretches of this length, one hop apart."""
        flags, before = self._flags.values, self._flags.first
        total = np.concatenate([[0.0], np.cumsum(flags)])
        starts = (start + np.arange(count)) * self._card.hop_samples
        first = np.clip(starts // CHUNK - before, 0, flags.size)
        last = np.clip((starts + length) // CHUNK - before, 0, flags.size)
        spoken: Floats = (total[last] - total[first]) * CHUNK
        return spoken
