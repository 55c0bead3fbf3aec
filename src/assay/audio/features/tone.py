"""Two descriptions of tone: which pitch classes sound, and how bright the sound is."""

from __future__ import annotations

import numpy as np

from assay.audio.features.filter_banks import chroma_filter_bank
from assay.audio.features.spectra import (
    Float32,
    Samples,
    bin_frequencies,
    checked_samples,
    filtered_power,
    frame_count,
    power,
    spectra,
)

TINY = np.finfo(np.float32).tiny  # frames weaker than this are silent, and not divided by their level


def chroma(samples: Samples, sample_rate_hz: float, *, n_fft: int = 2048, hop: int = 512) -> Float32:
    """Strength of the twelve pitch classes, C first, for instruments tuned to A4 = 440 Hz.

    Args:
        samples: Shape (n,), any floating type, finite, n >= 1.
        sample_rate_hz: Of the samples.
        n_fft: Samples of a frame, >= 2.
        hop: Samples from one frame to the next, >= 1.

    Returns:
        Shape (12, frames), in [0, 1], the strongest class of a frame being 1; silent frames are 0.

    Raises:
        InvalidArray: If `samples` is not a non-empty row of finite floats, or the rate is not positive.
        SettingsError: If `n_fft` or `hop` is out of range.

    References:
        `librosa.feature.chroma_stft` with tuning=0; we never estimate the tuning, since speech has none.
    """
    samples = checked_samples(samples, sample_rate_hz)
    strength = filtered_power(samples, chroma_filter_bank(sample_rate_hz, n_fft=n_fft), n_fft, hop)
    peak = strength.max(axis=0)
    strength /= np.where(peak < TINY, 1, peak)
    return strength


def spectral_centroid(samples: Samples, sample_rate_hz: float, *, n_fft: int = 2048, hop: int = 512) -> Float32:
    """Mean frequency of a frame, weighted by magnitude.

    Args:
        samples: Shape (n,), any floating type, finite, n >= 1.
        sample_rate_hz: Of the samples.
        n_fft: Samples of a frame, >= 2.
        hop: Samples from one frame to the next, >= 1.

    Returns:
        Shape (1, frames), in hertz; 0 for silent frames.

    Raises:
        InvalidArray: If `samples` is not a non-empty row of finite floats, or the rate is not positive.
        SettingsError: If `n_fft` or `hop` is out of range.

    References:
        `librosa.feature.spectral_centroid`.
    """
    samples = checked_samples(samples, sample_rate_hz)
    centroid = np.empty((1, frame_count(samples.size, n_fft, hop)), np.float32)
    frequencies = bin_frequencies(sample_rate_hz, n_fft)
    for first, block in spectra(samples, n_fft, hop):
        magnitude = np.sqrt(power(block))
        level = magnitude.sum(axis=1, dtype=np.float64)
        centroid[0, first : first + len(block)] = (magnitude @ frequencies) / np.where(level < TINY, 1, level)
    return centroid
