"""Frames and their spectra, the ground floor of all features.

Spectra are computed a few frames at a time, in float32: the block stays in the processor's cache, and a
long file needs memory for its feature only. Inside, arrays are (frames, bins), as the FFT makes them; at
the public surface (bins, frames), as librosa has them.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from assay.errors import InvalidArray, SettingsError

Float32 = NDArray[np.float32]
Complex64 = NDArray[np.complex64]
Samples = NDArray[np.floating]

BLOCK_SAMPLES = 2**16  # of the frames transformed at once, 256 KB


def stft(samples: Samples, *, n_fft: int = 2048, hop: int = 512) -> Complex64:
    """Short-time Fourier transform with centred frames and a periodic Hann window.

    Args:
        samples: Shape (n,), any floating type, finite, n >= 1.
        n_fft: Samples of a frame, >= 2.
        hop: Samples from one frame to the next, >= 1.

    Returns:
        Shape (1 + n_fft // 2, frames), complex64.

    Raises:
        InvalidArray: If `samples` is not a non-empty row of finite floats.
        SettingsError: If `n_fft` or `hop` is out of range.
    """
    samples = checked_samples(samples)
    out = np.empty((frame_count(samples.size, n_fft, hop), 1 + n_fft // 2), np.complex64)
    for first, block in spectra(samples, n_fft, hop):
        out[first : first + len(block)] = block
    return out.T


def filtered_power(samples: Float32, bank: Float32, n_fft: int, hop: int) -> Float32:
    """Power spectrum seen through ``bank (filters, bins)``: shape (filters, frames)."""
    out = np.empty((len(bank), frame_count(samples.size, n_fft, hop)), np.float32)
    for first, block in spectra(samples, n_fft, hop):
        out[:, first : first + len(block)] = bank @ power(block).T
    return out


def spectra(samples: Float32, n_fft: int, hop: int) -> Iterator[tuple[int, Complex64]]:
    """Index of the first frame, and spectra (frames, bins), block by block."""
    frames = np.lib.stride_tricks.sliding_window_view(np.pad(samples, n_fft // 2), n_fft)[::hop]
    step = max(1, BLOCK_SAMPLES // n_fft)
    for first in range(0, len(frames), step):
        block = np.fft.rfft(frames[first : first + step] * hann_window(n_fft))
        yield first, block.astype(np.complex64, copy=False)  # numpy 1 computes in double


def power(spectrum: Complex64) -> Float32:
    """Squared magnitude."""
    squares: Float32 = np.square(spectrum.real)
    squares += np.square(spectrum.imag)
    return squares


def frame_count(samples: int, n_fft: int, hop: int) -> int:
    """Frames of a signal of this many samples.

    Raises:
        SettingsError: If `n_fft` or `hop` is out of range.
    """
    if n_fft < 2 or hop < 1:
        raise SettingsError(f"n_fft is {n_fft} and hop {hop}; give n_fft >= 2 and hop >= 1.", n_fft=n_fft, hop=hop)
    return 1 + (samples + 2 * (n_fft // 2) - n_fft) // hop


def bin_frequencies(sample_rate_hz: float, n_fft: int) -> NDArray[np.float64]:
    """Centres of the bins in hertz, shape (1 + n_fft // 2,)."""
    return np.arange(1 + n_fft // 2, dtype=np.float64) * (sample_rate_hz / n_fft)


@lru_cache(maxsize=8)
def hann_window(length: int) -> Float32:
    """Periodic Hann window: one period of a raised cosine, its second zero left out."""
    window = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(length) / length)).astype(np.float32)
    window.flags.writeable = False  # shared by all callers
    return window


def checked_samples(samples: Samples, sample_rate_hz: float = 1) -> Float32:
    """The one check at the public door; the samples as float32.

    Raises:
        InvalidArray: If `samples` is not a non-empty row of finite floats, or the rate not positive.
    """
    if not isinstance(samples, np.ndarray) or samples.ndim != 1 or samples.dtype.kind != "f":
        given = f"{getattr(samples, 'dtype', type(samples).__name__)} {getattr(samples, 'shape', '')}".strip()
        raise InvalidArray(f"Features take a 1-D array of floats, one channel, not {given}.", given=given)
    if samples.size == 0:
        raise InvalidArray("Features take at least one sample; the array is empty.", samples=0)
    if not 0 < sample_rate_hz < np.inf:
        raise InvalidArray(
            f"The sample rate is {sample_rate_hz} Hz; give a positive number.", given=str(sample_rate_hz)
        )
    with np.errstate(over="ignore"):  # a double beyond float32 becomes infinite and is refused below
        samples = samples.astype(np.float32, copy=False)
    finite = np.isfinite(samples)
    if not finite.all():
        first = int(np.argmin(finite))
        raise InvalidArray(f"Sample {first} is {samples[first]}; replace what is not finite.", first=first)
    return samples
