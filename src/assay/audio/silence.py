"""Digital silence is filled with the noise of a last bit before the network hears it.

No microphone gives zeros: they come from editors, gates and synthesis, and say nothing reliable about the key. Training
always adds some noise, so the network has never seen them. On 704 development clips with a second of zeros put at both
ends the equal error rate was 0.298 with the zeros as they are and 0.247 filled; without added zeros 0.263 both ways.
Decision: only samples that are exactly zero are replaced, by noise of one step of 16 bits (-90 dB) whose values depend
on the place in the recording alone, so that the same file gives the same answer however it is cut into blocks.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]

PERIOD = 65_536
STEP = 2.0**-15


@cache
def _noise() -> Samples:
    return (STEP * np.random.default_rng(16).standard_normal(PERIOD)).astype(np.float32)


class SilenceFiller:
    """Replaces zeros of one channel, block by block."""

    def __init__(self) -> None:
        self._at = 0

    def push(self, samples: Samples) -> Samples:
        """The next samples, shape (n,), without zeros; the array itself if it has none."""
        start, self._at = self._at % PERIOD, self._at + samples.size
        zeros = np.flatnonzero(samples == 0)
        if not zeros.size:
            return samples
        filled = samples.copy()
        filled[zeros] = _noise()[(start + zeros) % PERIOD]
        return filled
