"""Whether a picture was compressed as JPEG on another block grid than its present one: cropped, shifted or pasted.

The coefficients of blocks that lie on a former grid gather at multiples of the former steps, whatever happened since
in the way of mild compression. So the blocks are transformed at each of the 64 offsets, and the strength of the
period that each IJG quality predicts is measured in six low frequencies at once. A former grid shows as one offset
that stands out from the others; the present grid, at (0, 0), always does and is left out.

Flat skies and edges give every offset in the row or column of the present grid some periodicity. An offset is
therefore compared with the others of its kind only: off the grid in both directions, or in one.

What this cannot see: a crop by multiples of 8, a former quality at or above the last one (its periods drown in the
noise of the last steps), a resize or rotation in between, and pictures of few blocks. Cropping a picture and saving it
again is what most people do with pictures: it is no sign of manipulation.

References:
    Bianchi & Piva, IEEE Trans. Information Forensics and Security 2012 (integer periodicity of shifted blocks).
    Departures: the periods of whole quantisation tables are tested, over six modes, instead of one period in DC alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assay.forensics.coefficients import Floats, block_coefficients
from assay.forensics.ijg import LUMINANCE, scaled
from assay.forensics.trace import Trace

Doubles = NDArray[np.float64]

MODES = ((0, 0), (0, 1), (1, 0), (1, 1), (0, 2), (2, 0))
MOST_BLOCKS = 4_096
FEWEST_BLOCKS = 225
QUALITIES = range(30, 98)  # above, most of the six steps are 1, and integers have no period worth measuring
FAINT, CLEAR = 6.0, 30.0  # contrast of strength 0 and 1, see docs/forensics.md
_CHANCE = 5.0  # two deviations of the sum over six modes if phases are random
_TEXTURE = 1_600.0  # energy of the five AC modes; flat blocks repeat their neighbours, and any period fits them
_BACKGROUND = 0.1  # share of what the second one reaches that says nothing: edges give periods of their own
_PERIODS = np.arange(2, 41)
_CELLS, _RANGE = 2, 512  # per unit; coefficients beyond are counted at the end of the range
_CENTRES = (np.arange(-_RANGE * _CELLS, _RANGE * _CELLS) + 0.5) / _CELLS


@dataclass(frozen=True)
class FormerGrid:
    """The offset that stands out most, and how far.

    Attributes:
        row: 0 to 7: where the former grid begins, counted from the top of the picture.
        column: The same from its left edge; (row, column) is never (0, 0).
        quality: IJG quality whose periods fit best.
        contrast: How far the offset stands out from the next one, in units of what lies between that one and the
            median and of chance; below 1 as a rule where there was no former grid.
        strength: 0 at `FAINT` and below, 1 at `CLEAR` and above, logarithmic between.
        blocks: How many were measured at every offset, at most.
        map: Periodicity at each offset for that quality, shape (8, 8) as nested tuples; about 0 for random phases.
    """

    row: int
    column: int
    quality: int
    contrast: float
    strength: float
    blocks: int
    map: tuple[tuple[float, ...], ...]


def detect_former_grid(plane: Floats) -> FormerGrid | None:
    """Look for a JPEG grid at another offset than (0, 0).

    Args:
        plane: Luminance, shape (height, width), 0 to 255. It need not come from a JPEG file.

    Returns:
        The offset that stands out most, whether or not it does clearly; None for pictures of fewer than
        `FEWEST_BLOCKS` blocks.
    """
    blocks = max(0, plane.shape[0] - 7) // 8 * (max(0, plane.shape[1] - 7) // 8)
    if blocks < FEWEST_BLOCKS:
        return None
    periodicity = _periodicity(plane)
    best: tuple[float, int, int, int] | None = None
    best_map = np.zeros((8, 8))
    for quality in QUALITIES:
        table = scaled(LUMINANCE, quality)
        steps = [int(table[mode]) for mode in MODES]
        tested = [(mode, step - 2) for mode, step in enumerate(steps) if 2 <= step <= _PERIODS[-1]]
        strengths = sum((periodicity[:, :, mode, index] for mode, index in tested), np.zeros((8, 8)))
        for contrast, row, column in _standing_out(strengths):
            if best is None or contrast > best[0]:
                best, best_map = (contrast, row, column, quality), strengths
    assert best is not None
    contrast, row, column, quality = best
    return FormerGrid(
        row=row,
        column=column,
        quality=quality,
        contrast=round(contrast, 3),
        strength=round(float(np.clip(np.log(max(contrast, 1e-9) / FAINT) / np.log(CLEAR / FAINT), 0, 1)), 4),
        blocks=min(blocks, MOST_BLOCKS),
        map=tuple(tuple(round(float(value), 2) for value in line) for line in best_map),
    )


def _standing_out(strengths: Doubles) -> list[tuple[float, int, int]]:
    """Contrast, row and column of the strongest offset of each kind."""
    kinds = (
        [(row, column) for row in range(1, 8) for column in range(1, 8)],
        [(0, column) for column in range(1, 8)],
        [(row, 0) for row in range(1, 8)],
    )
    found: list[tuple[float, int, int]] = []
    for offsets in kinds:
        values = np.array([strengths[offset] for offset in offsets])
        order = np.argsort(values)
        first, second, median = values[order[-1]], values[order[-2]], np.median(values)
        noise = second - median + _BACKGROUND * max(second, 0) + _CHANCE
        found.append((float((first - second) / noise), *offsets[order[-1]]))
    return found


def _periodicity(plane: Floats) -> Doubles:
    """Power at each period over that of random phases, shape (8, 8, modes, periods)."""
    histograms = np.zeros((8, 8, len(MODES), _CENTRES.size))
    for row in range(8):
        for column in range(8):
            blocks = block_coefficients(plane, row, column, most_blocks=MOST_BLOCKS, lowest=3)
            textured = blocks[sum(blocks[..., i, j] ** 2 for i, j in MODES[1:]) > _TEXTURE]
            histograms[row, column] = [_histogram(textured[:, i, j]) for i, j in MODES]
    phases = 2 * np.pi * _CENTRES[:, None] / _PERIODS[None]
    # The peak at zero, which every picture has in the AC modes, would be a period of any length.
    outside = (np.abs(_CENTRES)[:, None] > 0.5 * _PERIODS[None]).astype(np.float64)
    found = np.zeros((8, 8, len(MODES), _PERIODS.size))
    for modes, kept in ((slice(0, 1), np.ones_like(outside)), (slice(1, None), outside)):
        part = histograms[:, :, modes]
        power = (part @ (np.cos(phases) * kept)) ** 2 + (part @ (np.sin(phases) * kept)) ** 2
        found[:, :, modes] = power / np.maximum(part @ kept, 1) - 1
    return found


def _histogram(coefficients: Floats) -> Doubles:
    cells = np.floor((coefficients.ravel() + _RANGE) * _CELLS).astype(np.int64)
    return np.bincount(np.clip(cells, 0, _CENTRES.size - 1), minlength=_CENTRES.size).astype(np.float64)


def grid_traces(plane: Floats) -> tuple[Trace, ...]:
    """The former grid as a trace; none if the picture is too small."""
    found = detect_former_grid(plane)
    if found is None:
        return ()
    clear = found.strength > 0
    return (
        Trace(
            name="former_jpeg_grid",
            measured={
                "contrast": found.contrast,
                "row": found.row if clear else None,
                "column": found.column if clear else None,
                "quality": found.quality if clear else None,
                "blocks": found.blocks,
            },
            strength=found.strength,
            note="The picture was a JPEG on another block grid before: as a rule it was cropped, and pasted parts show"
            " the same."
            if clear
            else "No trace of an earlier JPEG grid at another offset; strong later compression, resizing and crops by"
            " multiples of 8 leave none.",
        ),
    )
