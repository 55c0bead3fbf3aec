"""What a vocoder's network shapes into a voice: pulses at the pitch, and noise.

A mel spectrogram of 10 to 16 ms steps hardly says where in its period a voice is, and a network that starts from it
alone needs days to learn to swing by itself. Given pulses, it need only shape them (Wang et al., "Neural source-filter
waveform models for statistical parametric speech synthesis", 2020; Li et al., "HiFTNet", 2023).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from assay.training.fakes.pitch import FRAME_S
from assay.training.sound import SAMPLE_RATE_HZ

PITCH_HOP = round(FRAME_S * SAMPLE_RATE_HZ)  # samples between two values of a pitch contour
EDGE_HZ = 7600.0  # of the highest harmonic


def excitation(f0: NDArray[np.floating], length: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """Pulses and noise.

    Args:
        f0: Pitch in Hz every `PITCH_HOP` samples, 0 where unvoiced, shape (frames,).
        length: Samples.
        rng: Draws the noise and where in its period the voice begins.

    Returns:
        Shape (2, length): harmonics of one height up to `EDGE_HZ`, of RMS 1 where voiced and 0 elsewhere; and white
        noise of RMS 1.
    """
    noise = rng.standard_normal(length)
    start = rng.uniform(0, 1)
    voiced = f0 > 0
    if not voiced.any():
        return np.stack([np.zeros(length), noise]).astype(np.float32)
    times, frames = np.arange(length), np.arange(len(f0)) * PITCH_HOP
    contour = np.interp(times, frames[voiced], f0[voiced])  # through gaps
    phase = 2 * np.pi * ((start + np.cumsum(contour / SAMPLE_RATE_HZ)) % 1)
    count = np.floor(EDGE_HZ / contour)
    # Sum of cos(k x) over k = 1 ... n by Dirichlet's kernel; n at x = 0.
    half = np.sin(phase / 2)
    near = np.abs(half) < 1e-6
    total = np.where(near, count, 0.5 * (np.sin((count + 0.5) * phase) / np.where(near, 1, half) - 1))
    on = voiced[np.minimum((times + PITCH_HOP // 2) // PITCH_HOP, len(f0) - 1)]
    return np.stack([on * total / np.sqrt(np.maximum(count, 1) / 2), noise]).astype(np.float32)
