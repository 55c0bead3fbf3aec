"""Frame-wise linear prediction with an invented residual, a classical parametric vocoder."""

from __future__ import annotations

import numpy as np

from assay.training.fakes.method import fit
from assay.training.sound import Samples


def lpc(samples: Samples, rng: np.random.Generator) -> Samples:
    """Frame-wise linear prediction with the residual replaced by pulses and noise (a classical parametric vocoder)."""
    order, n, hop = int(rng.choice([16, 20, 24])), 512, 128
    padded = np.pad(samples, (n // 2, n))
    frames = np.lib.stride_tricks.sliding_window_view(padded, n)[::hop].astype(np.float64) * np.hanning(n)
    spectra = np.fft.rfft(frames, 2 * n)
    correlation = np.fft.irfft(np.abs(spectra) ** 2)[:, : order + 1]
    lags = np.abs(np.subtract.outer(np.arange(order), np.arange(order)))
    systems = correlation[:, lags] + np.eye(order) * (1e-4 * correlation[:, :1, None] + 1e-9)
    coefficients = np.linalg.solve(systems, correlation[:, 1:, None])[..., 0]
    gain = np.sqrt(np.maximum(correlation[:, 0] - (coefficients * correlation[:, 1:]).sum(1), 1e-12) / n)
    voicing = np.fft.irfft(np.abs(spectra) ** 2)[:, 40:320]
    lag = voicing.argmax(1) + 40
    strength = np.clip(voicing.max(1) / np.maximum(correlation[:, 0], 1e-9), 0, 1)
    excitation = rng.standard_normal(len(padded) + n) * 0.7
    position = 0.0
    while position < len(padded):  # pulses at the pitch period, scaled so that voiced frames are mostly pulses
        frame = min(int(position // hop), len(lag) - 1)
        if strength[frame] > 0.35:
            start = int(position)
            excitation[start : start + lag[frame]] *= 1 - strength[frame]
            excitation[start] += strength[frame] * np.sqrt(lag[frame])
        position += lag[frame]
    denominator = np.fft.rfft(np.concatenate([np.ones((len(gain), 1)), -coefficients], axis=1), 2 * n)
    pieces = np.lib.stride_tricks.sliding_window_view(excitation, n)[::hop][: len(gain)] * np.hanning(n)
    made = np.fft.irfft(np.fft.rfft(pieces, 2 * n) * gain[:, None] / denominator)[:, : 2 * n]
    out = np.zeros(len(padded) + 3 * n)
    for index, piece in enumerate(made):
        out[index * hop : index * hop + 2 * n] += piece
    return fit(out[n // 2 :].astype(np.float32), len(samples))
