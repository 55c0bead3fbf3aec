"""Harmonics and noise: voiced sound as a sum of sinusoids at multiples of the pitch, the rest as shaped noise."""

from __future__ import annotations

import numpy as np
import torch

from assay.training.fakes.method import fit
from assay.training.fakes.pitch import pitch_at
from assay.training.fakes.spectra import frames_of, istft, stft
from assay.training.sound import SAMPLE_RATE_HZ, Samples

HOP, N_FFT = 80, 512
NOISE_FFT, NOISE_HOP = 512, 128


def sinusoidal(samples: Samples, rng: np.random.Generator) -> Samples:
    """Harmonic plus noise model (Stylianou, 2001; McAulay & Quatieri, 1986), phases invented.

    Up to a drawn maximum voiced frequency a voiced frame is harmonics with the magnitudes of the spectrum there; above
    it, and in unvoiced frames, it is noise with the smoothed spectrum.
    """
    f0 = pitch_at(samples, HOP)
    edge_hz = float(rng.uniform(3000, 7600))
    made = _harmonics(samples, f0, edge_hz, rng) + _noise(samples, f0 > 0, edge_hz, rng)
    return fit(made.astype(np.float32), len(samples))


def _harmonics(samples: Samples, f0: np.ndarray, edge_hz: float, rng: np.random.Generator) -> np.ndarray:
    window = np.hanning(N_FFT)
    spectra = np.abs(np.fft.rfft(frames_of(samples.astype(np.float64), N_FFT, HOP) * window, 4 * N_FFT))
    amplitudes = 2 * spectra / window.sum()
    times = np.arange(len(samples))
    frames = np.arange(len(f0)) * HOP
    voiced = f0 > 0
    if not voiced.any():
        return np.zeros(len(samples))
    contour = np.interp(times, frames[voiced], f0[voiced])  # through gaps, where the amplitude is zero
    phase = 2 * np.pi * np.cumsum(contour) / SAMPLE_RATE_HZ
    rows = np.arange(len(f0))
    made = np.zeros(len(samples))
    for harmonic in range(1, int(edge_hz / f0[voiced].min()) + 1):
        frequency = harmonic * f0
        bins = np.clip(np.round(frequency * 4 * N_FFT / SAMPLE_RATE_HZ), 0, spectra.shape[1] - 1).astype(int)
        amplitude = np.where(voiced & (frequency < edge_hz), amplitudes[rows, bins], 0.0)
        made += np.interp(times, frames, amplitude) * np.sin(harmonic * phase + rng.uniform(0, 2 * np.pi))
    return made


def _noise(samples: Samples, voiced: np.ndarray, edge_hz: float, rng: np.random.Generator) -> np.ndarray:
    magnitude = stft(torch.from_numpy(samples), NOISE_FFT, NOISE_HOP).abs()
    smooth = torch.nn.functional.avg_pool1d(magnitude.T[:, None], 9, 1, 4, count_include_pad=False)[:, 0].T
    at = np.minimum(np.arange(smooth.shape[1]) * NOISE_HOP // HOP, len(voiced) - 1)
    below = (torch.arange(smooth.shape[0]) * SAMPLE_RATE_HZ / NOISE_FFT < edge_hz)[:, None]
    smooth = smooth * ~(below & torch.from_numpy(voiced[at])[None])
    white = stft(torch.from_numpy(rng.standard_normal(len(samples)).astype(np.float32)), NOISE_FFT, NOISE_HOP)
    made = istft(white / white.abs().mean() * smooth, NOISE_FFT, NOISE_HOP, len(samples))
    return np.asarray(made.numpy(), dtype=np.float64)
