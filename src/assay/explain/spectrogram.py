"""Hides places of a recording in its short-time spectrum, without edges: time × band boxes become noise.

Nothing is set to zero: a hole would itself be a trace of processing. What is hidden becomes noise of the level that the
recording has around that place, so that loudness and timbre stay and fine structure goes: harmonics, phases, pulses.
Analysis and synthesis windows overlap by three quarters, which fades each box in and out.

The transform is linear, so a recording with a box hidden is the recording plus the inverse transform of what changes
in that box, and only the frames of the box are transformed back. The noise is drawn from a fixed seed: same file, same
answer.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SAMPLE_RATE_HZ = 16_000
NYQUIST_HZ = SAMPLE_RATE_HZ / 2
FRAME, STEP = 512, 128  # samples: 32 ms every 8 ms
BINS = FRAME // 2 + 1
AROUND = (12, 8)  # frames and bins on either side over which a level is taken: 100 ms, 250 Hz
SEED = 9
Samples = NDArray[np.float32]
Spectrum = NDArray[np.complex64]
Weights = NDArray[np.float32]


class Canvas:
    """A recording whose places can be hidden.

    Args:
        samples: At 16 kHz, shape (n,), n >= 1.
    """

    def __init__(self, samples: Samples) -> None:
        self.samples = samples
        self.frames = -(-samples.size // STEP) + FRAME // STEP - 1
        self._window = np.hanning(FRAME + 1)[:-1].astype(np.float32)
        self._norm = np.float32(np.square(self._window, dtype=np.float64).sum() / STEP)
        spectrum = self._forward(samples)
        noise = self._forward(np.random.default_rng(SEED).standard_normal(samples.size).astype(np.float32))
        level = np.sqrt(_around(_power(spectrum)) / (_around(_power(noise)) + 1e-20))
        self.power = _power(spectrum)
        self._change: Spectrum = noise * level - spectrum

    @property
    def duration_s(self) -> float:
        """Seconds."""
        return self.samples.size / SAMPLE_RATE_HZ

    def frame_of(self, second: float) -> int:
        """The first frame whose middle is not before a time."""
        middle = second * SAMPLE_RATE_HZ / STEP + (FRAME - STEP) / STEP - FRAME / 2 / STEP
        return int(np.clip(np.ceil(middle), 0, self.frames))

    def hidden(self, weights: Weights, first: int = 0) -> Samples:
        """The recording with places hidden, shape (n,).

        Args:
            weights: How much of each place is hidden, 0 to 1, shape (frames, bins).
            first: Which frame they begin with.
        """
        changed = np.fft.irfft(self._change[first : first + len(weights)] * weights, axis=1).astype(np.float32)
        changed *= self._window / self._norm
        start = first * STEP - (FRAME - STEP)
        added = np.zeros(STEP * (len(weights) - 1) + FRAME, np.float32)
        for quarter in range(FRAME // STEP):
            part = changed[:, quarter * STEP : (quarter + 1) * STEP].reshape(-1)
            added[quarter * STEP : quarter * STEP + part.size] += part
        found = self.samples.copy()
        from_, to = max(start, 0), min(start + added.size, found.size)
        if to > from_:
            found[from_:to] += added[from_ - start : to - start]
        return found

    def box(self, start_s: float, end_s: float, low_hz: float, high_hz: float) -> Samples:
        """The recording with one box hidden."""
        first, last = self.frame_of(start_s), self.frame_of(end_s)
        if start_s <= 0:
            first = 0
        if end_s >= self.duration_s:
            last = self.frames
        weights = np.zeros((max(0, last - first), BINS), np.float32)
        weights[:, bins_of(low_hz, high_hz)] = 1
        return self.hidden(weights, first) if len(weights) else self.samples.copy()

    def cells(self, marked: NDArray[np.bool_]) -> Samples:
        """The recording with the cells of a grid hidden, shape (bands, columns), both evenly spread."""
        rows = np.minimum((np.arange(BINS) * len(marked)) // BINS, len(marked) - 1)
        edges = [0, *(self.frame_of(self.duration_s * k / marked.shape[1]) for k in range(1, marked.shape[1]))]
        columns = np.searchsorted(edges, np.arange(self.frames), side="right") - 1
        return self.hidden(marked[rows][:, columns].T.astype(np.float32))

    def _forward(self, samples: Samples) -> Spectrum:
        padded = np.zeros(STEP * (self.frames - 1) + FRAME, np.float32)
        padded[FRAME - STEP : FRAME - STEP + samples.size] = samples
        frames = np.lib.stride_tricks.sliding_window_view(padded, FRAME)[::STEP]
        return np.fft.rfft(frames * self._window, axis=1).astype(np.complex64)


def bins_of(low_hz: float, high_hz: float) -> slice:
    """Bins of a band; the highest band holds the last one."""
    last = BINS if high_hz >= NYQUIST_HZ else round(high_hz / NYQUIST_HZ * (BINS - 1))
    return slice(round(low_hz / NYQUIST_HZ * (BINS - 1)), last)


def _power(spectrum: Spectrum) -> NDArray[np.float32]:
    return spectrum.real**2 + spectrum.imag**2


def _around(power: NDArray[np.float32]) -> NDArray[np.float32]:
    """Mean over the surroundings of each place; at the ends over what is there."""
    found = power.astype(np.float64)
    for axis, reach in enumerate(AROUND):
        total = np.cumsum(np.insert(found, 0, 0.0, axis=axis), axis=axis)
        size = found.shape[axis]
        first = np.maximum(np.arange(size) - reach, 0)
        last = np.minimum(np.arange(size) + reach + 1, size)
        count = (last - first).reshape((-1, 1) if axis == 0 else (1, -1))
        found = (total.take(last, axis) - total.take(first, axis)) / count
    return np.maximum(found, 0.0).astype(np.float32)
