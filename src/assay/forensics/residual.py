"""Noise residual: what is left of a picture without its content, and where it is not the picture's own.

The residual is what a small linear filter leaves that is blind to anything flat, sloping or curved along a side; of
edges along a diagonal and of fine texture some remains. Sensor noise grows with brightness, and what remains of
content grows with contrast, so each block is compared with others of like brightness and like coarse contrast (the
picture's own noise-level function), and not with a constant.

What this cannot see: parts from a picture with like noise, and most parts after JPEG below about 80. What it sees
without a forgery: parts out of focus, fine cloth, hair and leaves beside smooth things; most of all in photographs
that were reduced, whose fine structure is denser.

References:
    Immerkær, Computer Vision and Image Understanding 1996 (the filter); Liu et al., CVPR 2006 (noise-level function);
    Mahdian & Saic, Image and Vision Computing 2009 (noise inconsistencies).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from assay.forensics.coefficients import Floats
from assay.forensics.planes import (
    Region,
    among_peers,
    box_mean,
    cell_means,
    compact_region,
    measured_box,
    region_strength,
)
from assay.forensics.trace import Measured, Trace

CELL = 8
_STRIP = 8 * CELL  # rows
FEWEST_CELLS = 900
FAINT, CLEAR = 0.025, 0.1  # share of the picture in the region: strength 0 and 1, see docs/forensics.md
FEWEST_TOGETHER = 150  # cells of a region: in a small picture fewer are chance, whatever their share
WINDOW = 5
_STANDS_OUT = 1.0  # deviations of the mean over a window
_MOST = 6.0  # deviations that one cell may bring into the mean
_TO_SIGMA = (np.pi / 2) ** 0.5  # mean absolute value of normal noise to its standard deviation


@dataclass(frozen=True)
class NoiseResidual:
    """Noise by place.

    Attributes:
        sigma: Median over the picture of the standard deviation of the residual, in levels; noise of that deviation
            would give it, and fine texture adds to it.
        sigmas: Standard deviation in each cell of `CELL` pixels, shape (rows, columns).
        deviations: From cells of like brightness and contrast, mean over a window, same shape.
        standing_out: Share of cells beyond one deviation, in [0, 1].
        region: The largest compact part of them, in cells; None if there is none.
        noisier: Whether it has more noise than its like.
        strength: 0 where the region has a share of `FAINT` or `FEWEST_TOGETHER` cells or less, 1 at `CLEAR` and
            above, logarithmic between.
    """

    sigma: float
    sigmas: Floats
    deviations: Floats
    standing_out: float
    region: Region | None
    noisier: bool
    strength: float


def noise_residual(plane: Floats) -> Floats:
    """Residual of a plane, scaled so that white noise keeps its standard deviation.

    Args:
        plane: Shape (height, width), each side >= 3.

    Returns:
        The same shape; zeros along the border.
    """
    residual = np.zeros_like(plane)
    # The filter is [1, -2, 1] both ways: the squares of its weights sum to 36.
    np.multiply(_differences(plane), np.float32(1 / 6), out=residual[1:-1, 1:-1])
    return residual


def _differences(plane: Floats) -> Floats:
    """Second difference down and across, shape (height - 2, width - 2)."""
    down = plane[:-2] + plane[2:]
    down -= plane[1:-1]
    down -= plane[1:-1]
    both = down[:, :-2] + down[:, 2:]
    both -= down[:, 1:-1]
    both -= down[:, 1:-1]
    return both


def detect_noise_inconsistency(plane: Floats) -> NoiseResidual | None:
    """Look for parts whose noise does not follow from brightness and contrast as in the rest.

    Args:
        plane: Luminance, shape (height, width), 0 to 255.

    Returns:
        Noise by place; None for pictures of fewer than `FEWEST_CELLS` cells.
    """
    rows, columns = plane.shape[0] // CELL, plane.shape[1] // CELL
    if rows * columns < FEWEST_CELLS or min(plane.shape) < 3:
        return None
    sigmas = _sigmas(plane)
    # Contrast between squares of 4 pixels: noise has hardly a share in it, or it would explain itself.
    coarse = cell_means(plane, CELL // 2)
    brightness = cell_means(coarse, 2)
    steps = np.abs(np.diff(coarse, axis=0, append=coarse[-1:])) + np.abs(np.diff(coarse, axis=1, append=coarse[:, -1:]))
    contrast = cell_means(steps, 2)
    cells = among_peers(np.log(sigmas + np.float32(0.05)), np.log(contrast + np.float32(0.3)), brightness)
    deviations = box_mean(np.clip(cells, -_MOST, _MOST), WINDOW)
    found = compact_region(deviations, _STANDS_OUT)
    return NoiseResidual(
        sigma=round(float(np.median(sigmas)), 3),
        sigmas=sigmas,
        deviations=deviations,
        standing_out=round(float(np.mean(np.abs(deviations) > _STANDS_OUT)), 4),
        region=found[0] if found else None,
        noisier=bool(found and found[1] > 0),
        strength=region_strength(found[0].cells if found else 0, deviations.size, FAINT, CLEAR, FEWEST_TOGETHER),
    )


def _sigmas(plane: Floats) -> Floats:
    """Standard deviation of the residual in each cell."""
    high, strips = plane.shape[0] // CELL * CELL, []
    sizes = np.zeros((_STRIP, plane.shape[1]), np.float32)  # the borders, where there is no difference, stay 0
    # In strips that stay in the processor's cache, each with the row above and the row below.
    for top in range(0, high, _STRIP):
        bottom, above = min(top + _STRIP, high), min(top, 1)
        differences = _differences(plane[top - above : bottom + 1])
        first = 1 - above
        np.abs(differences, out=sizes[first : first + len(differences), 1:-1])
        sizes[first + len(differences) :] = 0
        strips.append(cell_means(sizes[: bottom - top], CELL))
    return np.concatenate(strips) * np.float32(_TO_SIGMA / 6)


def residual_traces(found: NoiseResidual, left: int = 0, top: int = 0) -> tuple[Trace, ...]:
    """What stands out as a trace.

    Args:
        found: From `detect_noise_inconsistency`.
        left: Pixels left of the plane that was measured.
        top: Pixels above it.
    """
    box = found.region.box(CELL, left, top) if found.region and found.strength else None
    share = found.region.cells / found.deviations.size if found.region else 0.0
    measured: dict[str, Measured] = {
        "sigma_levels": found.sigma,
        "cells_standing_out": found.standing_out,
        "region_share": round(share, 4),
        "noisier_inside": found.noisier if box else None,
    }
    return (
        Trace(
            name="noise_inconsistency",
            measured=measured | measured_box(box),
            strength=found.strength,
            note="A part has more or less noise than others of like brightness and contrast: it may come from another"
            " picture, or be out of focus or finely textured."
            if found.strength
            else "Noise follows brightness and contrast alike in the whole picture; strong compression leaves none to"
            " compare.",
        ),
    )
