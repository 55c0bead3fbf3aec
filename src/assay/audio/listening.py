"""What is told of one channel while it streams by, whatever network scores it: where somebody speaks, and quality."""

from __future__ import annotations

import time
from collections import defaultdict
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from assay.audio.quality import Quality, QualityMeter
from assay.audio.speech import SpeechActivity

if TYPE_CHECKING:
    from assay.audio.deliveries import Filter

SPEECH = 0.5  # probability from which a chunk counts as speech
Samples = NDArray[np.float32]


class Clock:
    """Adds up wall time per stage: ``with clock("network"): ...``."""

    def __init__(self) -> None:
        self.spent_ms: dict[str, float] = defaultdict(float)

    def __call__(self, stage: str) -> Clock:
        """Name the stage that is entered."""
        self._stage, self._since = stage, time.perf_counter()
        return self

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        self.spent_ms[self._stage] += (time.perf_counter() - self._since) * 1e3


class Listening:
    """One channel on its way through the quality meter, a filter if there is one, and speech activity.

    Quality is measured before the filter: a recording does not come closer to what a model knows by being cleaned.

    Args:
        speech: Shared by all channels.
        clock: Of the recording.
        prepared: A filter that keeps the length, for what speech activity and networks hear.
    """

    def __init__(self, speech: SpeechActivity, clock: Clock, prepared: Filter | None = None) -> None:
        self._clock, self._prepared = clock, prepared
        self._stream = speech.stream()
        self._meter = QualityMeter()
        self._speech: list[NDArray[np.bool_]] = []

    def push(self, samples: Samples) -> Samples:
        """Take the next samples, shape (n,); return what a network is to hear of them so far, shape (m,)."""
        with self._clock("quality"):
            self._meter.push(samples)
        if self._prepared is None:
            return self._hear(samples)
        with self._clock("denoise"):
            samples = self._prepared.push(samples)
        return self._hear(samples)

    def rest(self) -> Samples:
        """What the filter still held, once all samples were pushed; shape (m,), maybe m = 0."""
        if self._prepared is None:
            return np.empty(0, np.float32)
        with self._clock("denoise"):
            rest = self._prepared.finish()
        return self._hear(rest)

    def finish(self) -> tuple[NDArray[np.bool_], Quality]:
        """Whether somebody speaks, per 32 ms chunk, and the figures of the channel; behind `rest`."""
        speech = np.concatenate([*self._speech, self._stream.finish() >= SPEECH])
        return speech, self._meter.finish(speech)

    def _hear(self, samples: Samples) -> Samples:
        with self._clock("speech"):
            self._speech.append(self._stream.push(samples) >= SPEECH)
        return samples
