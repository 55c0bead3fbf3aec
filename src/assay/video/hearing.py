"""The level of a sound track while it passes by, so that a long one is neither held nor decoded twice."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

import numpy as np

from assay.video.lips import RATE_HZ, Float32, Float64, Level, speech_level

if TYPE_CHECKING:
    from assay.audio.deliveries import Recording

AROUND = 2  # hops on either side that the window of a level reaches into, and a half to spare


class LevelMeter:
    """`speech_level`, block by block.

    Args:
        sample_rate_hz: A multiple of 100, at least 6,800.
        start_s: When the first sample is heard, by the clock of the frames.
    """

    def __init__(self, sample_rate_hz: int, *, start_s: float = 0.0) -> None:
        self._rate_hz, self._hop, self._start_s = sample_rate_hz, sample_rate_hz // RATE_HZ, start_s
        self._rest: Float32 = np.empty(0, np.float32)
        self._before = 0  # hops at the beginning of the rest whose levels are told already
        self._levels: list[Float64] = []

    def push(self, samples: Float32) -> None:
        """Take the next samples of one channel, shape (n,)."""
        self._rest = np.concatenate([self._rest, samples])
        ready = self._rest.size // self._hop - AROUND  # levels before this one have all of their surroundings
        if ready > self._before:
            self._levels.append(self._measured()[self._before : ready])
            kept = max(0, ready - AROUND)
            self._rest, self._before = self._rest[kept * self._hop :], ready - kept

    def finish(self) -> Level | None:
        """The whole level; None if nothing was heard."""
        if self._rest.size:
            self._levels.append(self._measured()[self._before :])
        if not self._levels:
            return None
        levels = np.concatenate(self._levels)
        return Level(self._start_s + np.arange(levels.size) / RATE_HZ, levels)

    def _measured(self) -> Float64:
        return speech_level(self._rest, self._rate_hz).level_db


class Overheard:
    """A recording that tells its level to a meter while somebody else reads it.

    Args:
        recording: What is read.
        meter: Gets the mean of the channels.
    """

    def __init__(self, recording: Recording, meter: LevelMeter) -> None:
        self._recording, self._meter = recording, meter

    @property
    def notes(self) -> tuple[str, ...]:
        """Those of the recording."""
        return self._recording.notes

    def blocks(self, *, channels: Literal["mix", "each"] = "mix", block_s: float = 30.0) -> Iterator[Float32]:
        """The recording's blocks, unchanged."""
        for block in self._recording.blocks(channels=channels, block_s=block_s):
            self._meter.push(block.mean(axis=0, dtype=np.float32))
            yield block
