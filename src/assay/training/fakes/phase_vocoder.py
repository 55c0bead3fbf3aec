"""Phase vocoder: stretched in time and brought back, or moved in pitch."""

from __future__ import annotations

import numpy as np
import soxr
import torch

from assay.training.fakes.method import fit
from assay.training.fakes.spectra import istft, stft
from assay.training.sound import Samples


def phase_vocoder(samples: Samples, rng: np.random.Generator) -> Samples:
    """Phase vocoder (Flanagan & Golden, 1966): half of the time stretched and back, otherwise shifted in pitch."""
    factor = 2 ** (rng.choice([-1.0, 1.0]) * rng.uniform(0.15, 0.6))
    n_fft = int(rng.choice([512, 1024]))
    stretched = stretch(samples, factor, n_fft)
    if rng.random() < 0.5:
        return fit(stretch(stretched, len(samples) / len(stretched), n_fft), len(samples))
    return fit(soxr.resample(stretched, len(stretched), len(samples)).astype(np.float32), len(samples))


def stretch(samples: Samples, factor: float, n_fft: int) -> Samples:
    """`factor` times as long, pitch kept: magnitudes between frames, phases carried on at their own rate."""
    hop = n_fft // 4
    spectrum = stft(torch.from_numpy(samples), n_fft, hop).numpy()
    spectrum = np.pad(spectrum, ((0, 0), (0, 2)))
    at = np.arange(0, spectrum.shape[1] - 2, 1 / factor)
    first = at.astype(int)
    between = (at - first)[None]
    magnitude = (1 - between) * np.abs(spectrum[:, first]) + between * np.abs(spectrum[:, first + 1])
    expected = 2 * np.pi * hop * np.arange(spectrum.shape[0])[:, None] / n_fft
    step = np.angle(spectrum[:, first + 1]) - np.angle(spectrum[:, first]) - expected
    step = expected + step - 2 * np.pi * np.round(step / (2 * np.pi))
    phase = np.angle(spectrum[:, :1]) + np.cumsum(np.pad(step, ((0, 0), (1, 0)))[:, :-1], axis=1)
    made = torch.from_numpy((magnitude * np.exp(1j * phase)).astype(np.complex64))
    return np.asarray(istft(made, n_fft, hop, round(len(samples) * factor)).numpy(), dtype=np.float32)
