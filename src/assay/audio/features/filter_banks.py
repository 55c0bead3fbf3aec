"""Filter banks over the bins of a power spectrum: mel, linear, chroma.

A bank has shape (filters, 1 + n_fft // 2), float32, and is multiplied from the left: ``bank @ power``.
Banks are computed once per set of arguments and shared, hence read-only.
"""

from __future__ import annotations

import logging
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from assay.audio.features.spectra import Float32, bin_frequencies
from assay.errors import SettingsError

logger = logging.getLogger("assay.audio.features")

Float64 = NDArray[np.float64]

# Slaney's scale is linear below 1 kHz (200/3 Hz per mel) and logarithmic above (27 mel for a factor of 6.4)
LINEAR_HZ_PER_MEL = 200 / 3
KNEE_HZ = 1_000.0
KNEE_MEL = KNEE_HZ / LINEAR_HZ_PER_MEL
LOG_STEP = np.log(6.4) / 27

A0_HZ = 27.5  # pitch 0 of the chroma bank
CHROMA_CENTRE_OCTAVES = 5.0  # above A0, where the octave weighting peaks ...
CHROMA_WIDTH_OCTAVES = 2.0  # ... and its standard deviation


@lru_cache(maxsize=16)
def mel_filter_bank(
    sample_rate_hz: float,
    *,
    n_fft: int = 2048,
    n_mels: int = 128,
    fmin_hz: float = 0.0,
    fmax_hz: float | None = None,
    htk: bool = False,
    norm: Literal["slaney"] | None = "slaney",
) -> Float32:
    """Triangles evenly spaced on the mel scale.

    Args:
        sample_rate_hz: Of the samples behind the spectrum.
        n_fft: Samples of a frame.
        n_mels: Number of filters.
        fmin_hz: Lower edge of the first filter.
        fmax_hz: Upper edge of the last; None is half the sample rate.
        htk: HTK's mel scale, 2595 log10(1 + f / 700), instead of Slaney's.
        norm: "slaney" gives each triangle the area 1 (in 1/Hz), None the height 1.

    Returns:
        Shape (n_mels, 1 + n_fft // 2), read-only.

    Raises:
        SettingsError: If an argument is out of range.

    References:
        Slaney, Auditory Toolbox, Interval TR 1998-010; Young et al., The HTK Book; `librosa.filters.mel`.
    """
    fmax_hz = _checked_range(sample_rate_hz, n_fft, n_mels, fmin_hz, fmax_hz)
    to_mel, to_hz = (_hz_to_htk, _htk_to_hz) if htk else (_hz_to_slaney, _slaney_to_hz)
    lowest, highest = to_mel(np.array([fmin_hz, fmax_hz]))
    edges = to_hz(np.linspace(lowest, highest, n_mels + 2))
    bank = _triangles(edges, bin_frequencies(sample_rate_hz, n_fft))
    if norm == "slaney":
        bank *= (2 / (edges[2:] - edges[:-2]))[:, None]
    return _shared(bank)


@lru_cache(maxsize=16)
def linear_filter_bank(
    sample_rate_hz: float,
    *,
    n_fft: int = 2048,
    n_filters: int = 128,
    fmin_hz: float = 0.0,
    fmax_hz: float | None = None,
) -> Float32:
    """Triangles of height 1, evenly spaced in hertz.

    Args:
        sample_rate_hz: Of the samples behind the spectrum.
        n_fft: Samples of a frame.
        n_filters: Number of filters.
        fmin_hz: Lower edge of the first filter.
        fmax_hz: Upper edge of the last; None is half the sample rate.

    Returns:
        Shape (n_filters, 1 + n_fft // 2), read-only.

    Raises:
        SettingsError: If an argument is out of range.
    """
    fmax_hz = _checked_range(sample_rate_hz, n_fft, n_filters, fmin_hz, fmax_hz)
    edges = np.linspace(fmin_hz, fmax_hz, n_filters + 2)
    return _shared(_triangles(edges, bin_frequencies(sample_rate_hz, n_fft)))


@lru_cache(maxsize=16)
def chroma_filter_bank(sample_rate_hz: float, *, n_fft: int = 2048) -> Float32:
    """From bins to the twelve pitch classes, C first, with A4 at 440 Hz.

    A bin gives to each class by a Gaussian of their distance in semitones, as wide as the bin is; bins far
    from the fifth octave above A0 count less.

    Args:
        sample_rate_hz: Of the samples behind the spectrum.
        n_fft: Samples of a frame.

    Returns:
        Shape (12, 1 + n_fft // 2), read-only.

    Raises:
        SettingsError: If an argument is out of range.

    References:
        Ellis, "Chroma feature analysis and synthesis", 2007; `librosa.filters.chroma` with tuning=0.
    """
    _checked_range(sample_rate_hz, n_fft, 12, 0.0, None)
    bins = np.arange(1, 2 + n_fft // 2)  # one more than there are, for the width of the last
    pitch = 12 * np.log2(bins * (sample_rate_hz / n_fft) / A0_HZ)
    pitch = np.concatenate([[pitch[0] - 18], pitch])  # 0 Hz has no pitch: 1.5 octaves down, and as wide
    width, pitch = np.maximum(np.diff(pitch), 1), pitch[:-1]
    classes = (np.arange(12) + 3)[:, None]  # C is three semitones above A
    distance = (pitch - classes + 6) % 12 - 6
    bank = np.exp(-2 * (distance / width) ** 2)
    bank /= np.linalg.norm(bank, axis=0)
    bank *= np.exp(-0.5 * ((pitch / 12 - CHROMA_CENTRE_OCTAVES) / CHROMA_WIDTH_OCTAVES) ** 2)
    return _shared(bank)


def _triangles(edges: Float64, frequencies: Float64) -> Float64:
    """Triangle i rises from edge i to edge i + 1 and falls to edge i + 2, height 1."""
    slopes = (frequencies - edges[:, None]) / np.append(np.diff(edges), 1)[:, None]
    bank: Float64 = np.maximum(0, np.minimum(slopes[:-2], 1 - slopes[1:-1]))
    blind = int(np.sum(~bank.any(axis=1)))
    if blind:
        logger.warning(
            "%d of %d filters lie between two bins and stay 0: fewer filters or larger n_fft",
            blind,
            len(bank),
        )
    return bank


def _shared(bank: Float64) -> Float32:
    """The bank as all callers get it."""
    single = bank.astype(np.float32)
    single.flags.writeable = False
    return single


def _checked_range(sample_rate_hz: float, n_fft: int, filters: int, fmin_hz: float, fmax_hz: float | None) -> float:
    """The upper edge, filled in."""
    top = sample_rate_hz / 2 if fmax_hz is None else fmax_hz
    if n_fft < 2 or filters < 1:
        raise SettingsError(
            f"n_fft is {n_fft}, filters {filters}; give n_fft >= 2 and one filter or more.", n_fft=n_fft
        )
    if not 0 <= fmin_hz < top <= sample_rate_hz / 2:
        raise SettingsError(
            f"The band is {fmin_hz} to {top} Hz; give 0 <= fmin_hz < fmax_hz <= {sample_rate_hz / 2} Hz.",
            fmin_hz=fmin_hz,
            fmax_hz=top,
        )
    return top


def _hz_to_slaney(hz: Float64) -> Float64:
    above = KNEE_MEL + np.log(np.maximum(hz, KNEE_HZ) / KNEE_HZ) / LOG_STEP
    return np.where(hz < KNEE_HZ, hz / LINEAR_HZ_PER_MEL, above)


def _slaney_to_hz(mel: Float64) -> Float64:
    above = KNEE_HZ * np.exp(LOG_STEP * (np.maximum(mel, KNEE_MEL) - KNEE_MEL))
    return np.where(mel < KNEE_MEL, mel * LINEAR_HZ_PER_MEL, above)


def _hz_to_htk(hz: Float64) -> Float64:
    return np.asarray(2595 * np.log10(1 + hz / 700))


def _htk_to_hz(mel: Float64) -> Float64:
    return np.asarray(700 * (10 ** (mel / 2595) - 1))
