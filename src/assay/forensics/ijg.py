"""Quantisation tables of the Independent JPEG Group's library, and which quality fits given tables.

References:
    ITU-T T.81 (1992), Annex K, tables K.1 and K.2; libjpeg 6b, ``jcparam.c`` (scaling by quality).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

Table = NDArray[np.int64]

LUMINANCE: Table = np.array(
    [
        [16, 11, 10, 16, 24, 40, 51, 61],
        [12, 12, 14, 19, 26, 58, 60, 55],
        [14, 13, 16, 24, 40, 57, 69, 56],
        [14, 17, 22, 29, 51, 87, 80, 62],
        [18, 22, 37, 56, 68, 109, 103, 77],
        [24, 35, 55, 64, 81, 104, 113, 92],
        [49, 64, 78, 87, 103, 121, 120, 101],
        [72, 92, 95, 98, 112, 100, 103, 99],
    ]
)
CHROMINANCE: Table = np.full((8, 8), 99)
CHROMINANCE[:4, :4] = [[17, 18, 24, 47], [18, 21, 26, 66], [24, 26, 56, 99], [47, 66, 99, 99]]


def scaled(base: Table, quality: int, *, largest: int = 255) -> Table:
    """A base table at a quality, as libjpeg makes it.

    Args:
        base: Shape (8, 8), natural order.
        quality: 1 to 100.
        largest: 255 for baseline files, 32,767 for tables of 16 bits.
    """
    percent = 5000 // quality if quality < 50 else 200 - 2 * quality
    return np.clip((base * percent + 50) // 100, 1, largest)


@dataclass(frozen=True)
class Quality:
    """The IJG quality that fits best.

    Attributes:
        quality: 1 to 100, on libjpeg's scale.
        exact: Every step of every table is libjpeg's at that quality.
        mean_error: Mean absolute difference from libjpeg's steps, in steps; 0 if exact.
    """

    quality: int
    exact: bool
    mean_error: float


def estimate_quality(luminance: Table, chrominance: Table | None = None) -> Quality:
    """Find the quality at which libjpeg's tables come nearest.

    Args:
        luminance: Steps, shape (8, 8), natural order, each >= 0.
        chrominance: Of the other components; None for a grey picture.

    Returns:
        The quality with the least sum of differences relative to the step; the higher one of equals.
    """
    given = [luminance] if chrominance is None else [luminance, chrominance]
    qualities, made = _all_scaled()
    made = made[:, : len(given)]
    error = np.abs(made - np.stack(given))
    # Relative, or the large steps of high frequencies would outvote everything else.
    best = int((error / made).sum(axis=(1, 2, 3)).argmin())
    return Quality(qualities[best], not error[best].any(), round(float(error[best].mean()), 4))


@cache
def _all_scaled() -> tuple[list[int], NDArray[np.int64]]:
    """Qualities from 100 down, and both tables at each, shape (n, 2, 8, 8)."""
    kinds = [(quality, largest) for quality in range(100, 0, -1) for largest in (255, 32_767)]
    kinds = [(quality, largest) for quality, largest in kinds if largest == 255 or quality <= 24]  # above the same
    tables = [[scaled(base, kind[0], largest=kind[1]) for base in (LUMINANCE, CHROMINANCE)] for kind in kinds]
    return [quality for quality, _ in kinds], np.array(tables)
