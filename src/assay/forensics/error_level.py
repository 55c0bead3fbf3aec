"""Error level: where saving a picture again costs another error than elsewhere.

Saved as JPEG at some quality, a picture keeps coefficients near multiples of that quality's steps. Save it again at
the same quality, and the error is small; at another, the error follows from both. A part that came from elsewhere has
another past, or its past on another grid, so its error differs, at one quality or another (a "JPEG ghost").

The plain map of errors, as many programs show it, mostly shows texture: where there is nothing to round, nothing is
lost. Here only coefficients count that do not become zero. Their error in steps is evenly distributed unless the past
says otherwise, so its mean square is 1/12, whatever the content; what content is left in it is taken away by comparing
blocks with those whose coefficients are of like size.

What this cannot see: parts with the same past as the rest (copied within the picture, see `assay.forensics.copy_move`),
and anything after a last save well below the former quality. What it sees without a forgery: parts of the picture
that differ in sharpness or noise, such as a blurred background.

References:
    Krawetz, Black Hat 2007 (error level analysis); Farid, IEEE Trans. Information Forensics and Security 2009 (JPEG
    ghosts). Departures: computed in the DCT domain, over non-zero coefficients, and in units of chance.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assay.forensics.coefficients import Floats, block_coefficients
from assay.forensics.ijg import LUMINANCE, scaled
from assay.forensics.planes import Region, box_mean, compact_region, measured_box, region_strength
from assay.forensics.trace import Measured, Trace

QUALITIES = range(52, 98, 3)
FEWEST_BLOCKS = 900
FAINT, CLEAR = 0.03, 0.1  # share of the picture in the region: strength 0 and 1, see docs/forensics.md
FEWEST_TOGETHER = 150  # blocks of a region: in a small picture fewer are chance, whatever their share
WINDOW = 7  # blocks: one block has too few coefficients that count
_MODES = tuple((i, j) for i in range(5) for j in range(5) if 1 <= i + j <= 4)
_FEWEST = 40  # coefficients in a window
_STANDS_OUT = 3.5  # deviations
_LEVELS = 16  # groups of like size


@dataclass(frozen=True)
class ErrorLevel:
    """The quality at which most stands out.

    Attributes:
        quality: On libjpeg's scale, one of `QUALITIES`.
        standing_out: Share of blocks beyond 3.5 deviations, in [0, 1].
        region: The largest compact part of them, in blocks; None if there is none.
        higher: Whether the error is higher there than elsewhere, as of a part that lacks the past of the rest.
        deviations: Map, shape (rows, columns) of blocks; 0 where nothing could be measured.
        strength: 0 where the region has a share of `FAINT` or `FEWEST_TOGETHER` blocks or less, 1 at `CLEAR` and
            above, logarithmic between.
    """

    quality: int
    standing_out: float
    region: Region | None
    higher: bool
    deviations: Floats
    strength: float


def error_levels(plane: Floats, quality: int = 90) -> Floats:
    """The plain error-level map: what saving at a quality changes, before the decoder rounds.

    Args:
        plane: Luminance, shape (height, width), 0 to 255, its JPEG grid at (0, 0).
        quality: On libjpeg's scale, 1 to 100.

    Returns:
        Root mean square error of each whole block in levels, shape (height // 8, width // 8).
    """
    coefficients = block_coefficients(plane)
    steps = scaled(LUMINANCE, quality).astype(np.float32)
    error = coefficients - np.rint(coefficients / steps) * steps
    return np.asarray(np.sqrt(np.einsum("abij,abij->ab", error, error) / 64), np.float32)


def detect_error_level(plane: Floats) -> ErrorLevel | None:
    """Save at each of the `QUALITIES`, and look where the error stands out most.

    Args:
        plane: Luminance, shape (height, width), 0 to 255, its JPEG grid at (0, 0).

    Returns:
        What stands out, or that nothing does; None for pictures of fewer than `FEWEST_BLOCKS` blocks.
    """
    coefficients = block_coefficients(plane, lowest=5)
    rows, columns = coefficients.shape[:2]
    if rows * columns < FEWEST_BLOCKS:
        return None
    sizes = np.stack([np.abs(coefficients[..., i, j]).ravel() for i, j in _MODES])
    by_size = np.array_split(np.argsort(sizes.sum(axis=0), kind="stable"), _LEVELS)
    best: ErrorLevel | None = None
    for quality in QUALITIES:
        deviations = _deviations(sizes, by_size, quality, (rows, columns))
        found = compact_region(deviations, _STANDS_OUT)
        cells = found[0].cells if found else 0
        if best is None or cells > (best.region.cells if best.region else 0):
            best = ErrorLevel(
                quality=quality,
                standing_out=round(float(np.mean(np.abs(deviations) > _STANDS_OUT)), 4),
                region=found[0] if found else None,
                higher=bool(found and found[1] > 0),
                deviations=deviations,
                strength=region_strength(cells, deviations.size, FAINT, CLEAR, FEWEST_TOGETHER),
            )
    return best


def _deviations(sizes: Floats, by_size: list[NDArray[np.int64]], quality: int, shape: tuple[int, int]) -> Floats:
    """Mean square error of non-zero coefficients around each block, in deviations from what is usual."""
    table = scaled(LUMINANCE, quality)
    steps = np.array([table[mode] for mode in _MODES], np.float32)[:, None]
    multiples = sizes * (1 / steps)
    error = multiples - np.rint(multiples)
    counted = (multiples > 0.5) & (steps > 1)  # with a step of 1 there is only the decoder's own rounding to see
    number = counted.sum(axis=0, dtype=np.float32)
    excess = np.where(counted, 12 * error * error - 1, 0).sum(axis=0, dtype=np.float32)
    for group in by_size:
        excess[group] -= number[group] * (excess[group].sum() / max(1.0, float(number[group].sum())))
    total, count = (box_mean(part.reshape(shape), WINDOW) * WINDOW**2 for part in (excess, number))
    enough = count > _FEWEST
    if not enough.any():
        return np.zeros(shape, np.float32)
    # The square of an evenly distributed error has a variance of 0.8 in these units.
    middle = float(np.median((total / np.maximum(count, 1))[enough]))
    deviations = np.where(enough, (total - middle * count) / np.sqrt(0.8 * np.maximum(count, 1)), 0)
    spread = 1.4826 * float(np.median(np.abs(deviations[enough])))
    return np.asarray(deviations / max(1.0, spread), np.float32)


def error_level_traces(found: ErrorLevel, left: int = 0, top: int = 0) -> tuple[Trace, ...]:
    """What stands out as a trace.

    Args:
        found: From `detect_error_level`.
        left: Pixels left of the plane that was measured.
        top: Pixels above it.
    """
    box = found.region.box(8, left, top) if found.region and found.strength else None
    share = found.region.cells / found.deviations.size if found.region else 0.0
    measured: dict[str, Measured] = {
        "quality": found.quality,
        "blocks_standing_out": found.standing_out,
        "region_share": round(share, 4),
        "higher_inside": found.higher if box else None,
    }
    return (
        Trace(
            name="error_level",
            measured=measured | measured_box(box),
            strength=found.strength,
            note="Saved again, a part of the picture errs otherwise than the rest of like texture: it may have come"
            " from another file, or be sharper, blurred or cleaner by nature."
            if found.strength
            else "No part errs otherwise than the rest when it is saved again; a strong last compression hides every"
            " part, and one copied within the picture does not show.",
        ),
    )
