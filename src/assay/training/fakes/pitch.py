"""Pitch and WORLD analysis, through the wheel pyworld."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.errors import MissingExtra
from assay.training.sound import SAMPLE_RATE_HZ, Samples

FRAME_S = 0.005


def pyworld() -> Any:
    """The module, or the error that says how to get it."""
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "pkg_resources is deprecated")  # pyworld's way to its own version
            import pyworld as module
    except ImportError as error:
        raise MissingExtra.of("train", "The WORLD vocoder") from error
    return module


def pitch_hz(samples: Samples) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Pitch in Hz every 5 ms, 0 where unvoiced, and the times in seconds, both shape (frames,).

    References:
        Morise et al., "Fast and reliable F0 estimation method based on the period extraction of vocal fold vibration of
        singing voice and speech" (DIO), AES 2009, refined by StoneMask.
    """
    x = samples.astype(np.float64)
    f0, times = pyworld().dio(x, SAMPLE_RATE_HZ)
    return pyworld().stonemask(x, f0, times, SAMPLE_RATE_HZ), times


def pitch_at(samples: Samples, hop: int) -> NDArray[np.float64]:
    """Pitch in Hz every `hop` samples, 0 where unvoiced, shape (ceil(n / hop),)."""
    f0, times = pitch_hz(samples)
    nearest = np.round(np.arange(0, len(samples), hop) / SAMPLE_RATE_HZ / FRAME_S).astype(int)
    return np.asarray(f0[np.minimum(nearest, len(times) - 1)])


def pulses(f0: NDArray[np.float64], hop: int, length: int) -> NDArray[np.int64]:
    """Positions of glottal pulses in samples for a pitch contour of one value per `hop`; none where it is 0."""
    per_sample = np.repeat(f0, hop)[:length] / SAMPLE_RATE_HZ
    return np.flatnonzero(np.diff(np.floor(np.cumsum(per_sample)), prepend=0.0) > 0)
