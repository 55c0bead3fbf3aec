"""Spectra that several methods share: short-time transform, mel spectrogram, minimum phase, overlap-add."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray

from assay.audio.features import mel_filter_bank

MEL_FLOOR = 1e-5  # what HiFi-GAN and MelGAN were trained with


def stft(x: torch.Tensor, n_fft: int, hop: int) -> torch.Tensor:
    """Centred Hann short-time spectrum, shape (bins, frames)."""
    return torch.stft(x, n_fft, hop, window=torch.hann_window(n_fft), center=True, return_complex=True)


def istft(spectrum: torch.Tensor, n_fft: int, hop: int, length: int) -> torch.Tensor:
    """Inverse of `stft`, shape (length,)."""
    return torch.istft(spectrum, n_fft, hop, window=torch.hann_window(n_fft), center=True, length=length)


@lru_cache(maxsize=16)
def mel_basis(n_fft: int, n_mels: int, sample_rate_hz: int, fmax_hz: float) -> torch.Tensor:
    """Mel filters, shape (n_mels, bins)."""
    bank = mel_filter_bank(sample_rate_hz, n_fft=n_fft, n_mels=n_mels, fmin_hz=0.0, fmax_hz=fmax_hz)
    return torch.tensor(bank, dtype=torch.float32)


def log_mel(x: torch.Tensor, *, n_fft: int, hop: int, n_mels: int, sample_rate_hz: int, fmax_hz: float) -> torch.Tensor:
    """Natural logarithm of the mel magnitude spectrogram, shape (n_mels, frames)."""
    basis = mel_basis(n_fft, n_mels, sample_rate_hz, fmax_hz)
    return torch.log((basis @ stft(x, n_fft, hop).abs()).clamp_min(MEL_FLOOR))


def frames_of(x: NDArray[np.float64], n: int, hop: int) -> NDArray[np.float64]:
    """Centred frames, one per `hop`, shape (ceil(len / hop), n); samples outside `x` are zero."""
    padded = np.pad(x, (n // 2, n))
    return np.lib.stride_tricks.sliding_window_view(padded, n)[: len(x) : hop]


def overlap_add(pieces: NDArray[np.float64], hop: int) -> NDArray[np.float64]:
    """Sum of the rows of `pieces` (frames, m), each `hop` later than the one before."""
    count, m = pieces.shape
    blocks = -(-m // hop)
    padded = np.pad(pieces, ((0, 0), (0, blocks * hop - m))).reshape(count, blocks, hop)
    out = np.zeros((count + blocks, hop))
    for block in range(blocks):
        out[block : block + count] += padded[:, block]
    return out.ravel()


def minimum_phase(log_magnitude: NDArray[np.float64]) -> NDArray[np.complex128]:
    """Spectra of minimum phase with these log magnitudes, both shape (frames, bins), by the folded cepstrum.

    References:
        Oppenheim & Schafer, Discrete-Time Signal Processing, on the complex cepstrum of minimum-phase sequences.
    """
    cepstrum = np.fft.irfft(log_magnitude)
    n = cepstrum.shape[1]
    cepstrum[:, 1 : n // 2] *= 2
    cepstrum[:, n // 2 + 1 :] = 0
    return np.exp(np.fft.rfft(cepstrum))
