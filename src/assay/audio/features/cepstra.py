"""Log-mel spectra, cepstra over mel or linear bands, and their slopes in time."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from assay.audio.features.filter_banks import linear_filter_bank, mel_filter_bank
from assay.audio.features.spectra import Float32, Samples, checked_samples, filtered_power
from assay.errors import InvalidArray, SettingsError

POWER_FLOOR = 1e-10  # below this a band counts as silent, -100 dB


def log_mel(
    samples: Samples,
    sample_rate_hz: float,
    *,
    n_fft: int = 2048,
    hop: int = 512,
    n_mels: int = 128,
    fmin_hz: float = 0.0,
    fmax_hz: float | None = None,
    htk: bool = False,
    top_db: float | None = 80.0,
) -> Float32:
    """Mel power spectrum in decibels.

    Args:
        samples: Shape (n,), any floating type, finite, n >= 1.
        sample_rate_hz: Of the samples.
        n_fft: Samples of a frame, >= 2.
        hop: Samples from one frame to the next, >= 1.
        n_mels: Number of bands.
        fmin_hz: Lower edge of the lowest band.
        fmax_hz: Upper edge of the highest; None is half the sample rate.
        htk: HTK's mel scale instead of Slaney's.
        top_db: What lies this far below the loudest value is raised to it; None leaves it.

    Returns:
        Shape (n_mels, frames), dB re 1, not below -100.

    Raises:
        InvalidArray: If `samples` is not a non-empty row of finite floats, or the rate is not positive.
        SettingsError: If another argument is out of range.

    References:
        `librosa.feature.melspectrogram` and `librosa.power_to_db` with their defaults.
    """
    samples = checked_samples(samples, sample_rate_hz)
    bank = mel_filter_bank(sample_rate_hz, n_fft=n_fft, n_mels=n_mels, fmin_hz=fmin_hz, fmax_hz=fmax_hz, htk=htk)
    return _decibels(filtered_power(samples, bank, n_fft, hop), top_db)


def mfcc(
    samples: Samples,
    sample_rate_hz: float,
    *,
    n_mfcc: int = 13,
    n_fft: int = 2048,
    hop: int = 512,
    n_mels: int = 128,
    fmin_hz: float = 0.0,
    fmax_hz: float | None = None,
    htk: bool = False,
    top_db: float | None = 80.0,
) -> Float32:
    """Mel-frequency cepstral coefficients: orthonormal DCT-II of `log_mel` over its bands.

    Args:
        samples: Shape (n,), any floating type, finite, n >= 1.
        sample_rate_hz: Of the samples.
        n_mfcc: Number of coefficients, the 0th included, at most `n_mels`.
        n_fft: As in `log_mel`, like all that follows.
        hop: See there.
        n_mels: See there.
        fmin_hz: See there.
        fmax_hz: See there.
        htk: See there.
        top_db: See there.

    Returns:
        Shape (n_mfcc, frames).

    Raises:
        InvalidArray: If `samples` is not a non-empty row of finite floats, or the rate is not positive.
        SettingsError: If another argument is out of range.

    References:
        Davis and Mermelstein, IEEE TASSP 28(4), 1980; `librosa.feature.mfcc`.
    """
    bands = log_mel(
        samples,
        sample_rate_hz,
        n_fft=n_fft,
        hop=hop,
        n_mels=n_mels,
        fmin_hz=fmin_hz,
        fmax_hz=fmax_hz,
        htk=htk,
        top_db=top_db,
    )
    return _cepstrum(bands, n_mfcc)


def lfcc(
    samples: Samples,
    sample_rate_hz: float,
    *,
    n_lfcc: int = 20,
    n_fft: int = 2048,
    hop: int = 512,
    n_filters: int = 128,
    fmin_hz: float = 0.0,
    fmax_hz: float | None = None,
    top_db: float | None = 80.0,
) -> Float32:
    """Linear-frequency cepstral coefficients: as `mfcc`, but over bands evenly spaced in hertz.

    They keep the upper half of the spectrum, where the mel scale is coarse and vocoders leave traces.

    Args:
        samples: Shape (n,), any floating type, finite, n >= 1.
        sample_rate_hz: Of the samples.
        n_lfcc: Number of coefficients, the 0th included, at most `n_filters`.
        n_fft: Samples of a frame, >= 2.
        hop: Samples from one frame to the next, >= 1.
        n_filters: Number of bands.
        fmin_hz: Lower edge of the lowest band.
        fmax_hz: Upper edge of the highest; None is half the sample rate.
        top_db: As in `log_mel`.

    Returns:
        Shape (n_lfcc, frames).

    Raises:
        InvalidArray: If `samples` is not a non-empty row of finite floats, or the rate is not positive.
        SettingsError: If another argument is out of range.

    References:
        Sahidullah, Kinnunen and Hanilçi, "A comparison of features for synthetic speech detection",
        Interspeech 2015.
    """
    samples = checked_samples(samples, sample_rate_hz)
    bank = linear_filter_bank(sample_rate_hz, n_fft=n_fft, n_filters=n_filters, fmin_hz=fmin_hz, fmax_hz=fmax_hz)
    return _cepstrum(_decibels(filtered_power(samples, bank, n_fft, hop), top_db), n_lfcc)


def deltas(features: Float32, *, order: int = 1, width: int = 9) -> Float32:
    """Slope (Δ) or curvature (ΔΔ) of features in time, per frame.

    The derivative of the polynomial of degree `order` that fits `width` frames best (Savitzky and Golay,
    1964). That derivative is constant over its window, so the first and last frames take the value of the
    nearest whole window.

    Args:
        features: Shape (rows, frames), frames >= width.
        order: 1 for Δ, 2 for ΔΔ.
        width: Frames of a window, odd, >= 3.

    Returns:
        Same shape.

    Raises:
        InvalidArray: If `features` is not 2-D, or has fewer frames than `width`.
        SettingsError: If `order` or `width` is out of range.

    References:
        `librosa.feature.delta` with mode="interp".
    """
    if order not in (1, 2) or width < 3 or width % 2 == 0:
        raise SettingsError(
            f"order is {order}, width {width}; give order 1 or 2 and an odd width >= 3.",
            order=order,
            width=width,
        )
    if features.ndim != 2 or features.shape[1] < width:
        raise InvalidArray(
            f"Deltas need (rows, frames) with {width} frames or more, not {features.shape}; "
            "give a longer signal or a smaller width.",
            shape=list(features.shape),
        )
    offsets = np.arange(width) - width // 2
    basis = offsets.astype(np.float64) if order == 1 else offsets**2 - np.mean(offsets**2)
    kernel = (order * basis / np.sum(basis**2)).astype(np.float32)
    windows = np.lib.stride_tricks.sliding_window_view(features, width, axis=1)
    return np.pad(windows @ kernel, ((0, 0), (width // 2, width // 2)), mode="edge").astype(np.float32)


def _decibels(power: Float32, top_db: float | None) -> Float32:
    """Ten times the decimal logarithm, in place."""
    level = np.log10(np.maximum(power, POWER_FLOOR, out=power), out=power)
    level *= 10
    if top_db is not None:
        np.maximum(level, level.max() - np.float32(top_db), out=level)
    return level


def _cepstrum(bands: Float32, coefficients: int) -> Float32:
    """The first coefficients of the DCT-II over the bands."""
    if not 1 <= coefficients <= len(bands):
        raise SettingsError(
            f"{coefficients} coefficients asked of {len(bands)} bands; give 1 to {len(bands)}.",
            coefficients=coefficients,
        )
    # in double: the 0th coefficient is large, and its rounding would be seen
    return (_dct(len(bands))[:coefficients] @ bands.astype(np.float64)).astype(np.float32)


@lru_cache(maxsize=8)
def _dct(size: int) -> NDArray[np.float64]:
    """Orthonormal DCT-II, shape (size, size), row k being frequency k."""
    rows, columns = np.arange(size)[:, None], np.arange(size)
    matrix = np.sqrt(2 / size) * np.cos(np.pi * rows * (2 * columns + 1) / (2 * size))
    matrix[0] /= np.sqrt(2)
    return np.asarray(matrix)
