"""What kind of recording this is: level, noise, band and overdrive, measured while it streams by.

These figures decide nothing about bona fide or spoof. They say whether a recording lies outside what the detector was
measured on, in which case the honest answer is "cannot tell".
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assay.audio.speech import CHUNK, SAMPLE_RATE_HZ

Samples = NDArray[np.float32]

FRAME = 1024  # samples of a spectrum
FRAME_EVERY = 8192  # one spectrum each 0.512 s is plenty for a band edge
FULL_SCALE = 0.999


@dataclass(frozen=True)
class Quality:
    """Figures of one channel.

    Attributes:
        level_db: RMS level of speech chunks, dB relative to full scale; -inf without speech.
        snr_db: Speech level over the level of the quietest tenth of the chunks, dB.
        bandwidth_hz: Frequency below which 99.9 % of the power of loud frames lies.
        clipped: Share of samples at full scale, in [0, 1].
        silent: Share of chunks that are digitally silent, in [0, 1].
    """

    level_db: float
    snr_db: float
    bandwidth_hz: float
    clipped: float
    silent: float


class QualityMeter:
    """Collects figures block by block; memory grows by four bytes per 32 ms."""

    def __init__(self) -> None:
        self._powers: list[NDArray[np.float32]] = []
        self._held = np.empty(0, np.float32)
        self._spectrum = np.zeros(FRAME // 2 + 1)
        self._window = np.hanning(FRAME).astype(np.float32)
        self._clipped = 0
        self._samples = 0

    def push(self, samples: Samples) -> None:
        """Take the next samples, shape (n,), 16 kHz."""
        self._samples += samples.size
        self._clipped += int(np.count_nonzero(np.abs(samples) >= FULL_SCALE))
        held = np.concatenate([self._held, samples]) if self._held.size else samples
        chunks = held.size // CHUNK
        whole = held[: chunks * CHUNK].reshape(-1, CHUNK)
        self._powers.append(np.einsum("ij,ij->i", whole, whole) / np.float32(CHUNK))
        self._held = held[chunks * CHUNK :].copy()
        if samples.size >= FRAME:
            frames = np.lib.stride_tricks.sliding_window_view(samples, FRAME)[::FRAME_EVERY]
            self._spectrum += (np.abs(np.fft.rfft(frames * self._window)) ** 2).sum(0)

    def finish(self, speech: NDArray[np.bool_]) -> Quality:
        """Sum up.

        Args:
            speech: For each 32 ms chunk whether somebody speaks, shape (chunks,) or one longer.
        """
        powers = np.concatenate(self._powers) if self._powers else np.zeros(0, np.float32)
        spoken = powers[speech[: powers.size]]
        level = float(spoken.mean()) if spoken.size else 0.0
        quiet = float(np.quantile(powers, 0.1)) if powers.size else 0.0
        with np.errstate(divide="ignore"):
            level_db = float(10 * np.log10(level)) if level > 0 else -np.inf
            noise_db = float(10 * np.log10(max(quiet, 1e-12)))
        return Quality(
            level_db=level_db,
            snr_db=level_db - noise_db,
            bandwidth_hz=self._bandwidth(),
            clipped=self._clipped / max(1, self._samples),
            silent=float(np.mean(powers < 1e-10)) if powers.size else 1.0,
        )

    def _bandwidth(self) -> float:
        total = self._spectrum.sum()
        if total <= 0:
            return 0.0
        bin_ = int(np.searchsorted(np.cumsum(self._spectrum) / total, 0.999))
        return bin_ * SAMPLE_RATE_HZ / FRAME
