"""Whether a picture was compressed as JPEG on another block grid than its present one: cropped, shifted or pasted.

The coefficients of blocks that lie on a former grid gather at multiples of the former steps, whatever happened since
in the way of mild compression. So the blocks are transformed at each of the 64 offsets, and the strength of the
period that each IJG quality predicts is measured in six low frequencies at once. A former grid shows as one offset
that stands out from the others; the present grid, at (0, 0), always does and is left out.

A first look takes few blocks, and most pictures are left after it; where something may be there, more are measured.

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

from assay.forensics.coefficients import Floats, shifted_basis, spread_windows, window_coefficients
from assay.forensics.ijg import LUMINANCE, scaled
from assay.forensics.trace import Trace

MODES = ((0, 0), (0, 1), (1, 0), (1, 1), (0, 2), (2, 0))
FIRST_BLOCKS, MOST_BLOCKS = 1_024, 4_096  # spread over the picture; more only where the first ones show something
FEWEST_BLOCKS = 225
QUALITIES = range(30, 98)  # above, most of the six steps are 1, and integers have no period worth measuring
FAINT, CLEAR = 6.0, 30.0  # contrast of strength 0 and 1, see docs/forensics.md
_WORTH_A_LOOK = 2.2  # contrast in the first blocks; one in twelve pictures without a former grid reaches it
_CHANCE = 5.0  # two deviations of the sum over six modes if phases are random
_TEXTURE = 1_600.0  # energy of the five AC modes; flat blocks repeat their neighbours, and any period fits them
_BACKGROUND = 0.1  # share of what the second one reaches that says nothing: edges give periods of their own
_PERIODS = np.arange(2, 41)
_CELLS = 2  # per unit
_DC_RANGE, _AC_RANGE = 512, 256  # DC beyond is counted at the end of the range, AC left out


def _waves(limit: int, *, peak: bool) -> tuple[Floats, Floats]:
    """What sums a histogram of 0 to `limit` at each period: cosines beside ones, and sines."""
    centres = (np.arange(limit * _CELLS) + 0.5)[:, None] / _CELLS
    kept = (centres > 0.5 * _PERIODS) | peak
    phases = 2 * np.pi * centres / _PERIODS
    cosines = np.concatenate([np.cos(phases) * kept, kept], axis=1)
    return cosines.astype(np.float32), (np.sin(phases) * kept).astype(np.float32)


# The peak at zero, which every picture has in the AC modes, would be a period of any length.
_DC_WAVES, _AC_WAVES = _waves(_DC_RANGE, peak=True), _waves(_AC_RANGE, peak=False)
_BASIS = shifted_basis(range(8), 15, 3)
_STEPS = np.array([[int(scaled(LUMINANCE, quality)[mode]) for mode in MODES] for quality in QUALITIES])
_KINDS = (
    np.array([8 * row + column for row in range(1, 8) for column in range(1, 8)]),
    np.arange(1, 8),
    8 * np.arange(1, 8),
)


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


def detect_former_grid(plane: Floats, *, deep: bool = False) -> FormerGrid | None:
    """Look for a JPEG grid at another offset than (0, 0).

    Args:
        plane: Luminance, shape (height, width), 0 to 255. It need not come from a JPEG file.
        deep: Measure `MOST_BLOCKS` in any case, even if nothing stands out in `FIRST_BLOCKS`.

    Returns:
        The offset that stands out most, whether or not it does clearly; None for pictures of fewer than
        `FEWEST_BLOCKS` blocks.
    """
    blocks = max(0, plane.shape[0] - 7) // 8 * (max(0, plane.shape[1] - 7) // 8)
    if blocks < FEWEST_BLOCKS:
        return None
    if not deep and blocks > FIRST_BLOCKS:
        found = _measured(spread_windows(plane, 15, FIRST_BLOCKS))
        if found.contrast < _WORTH_A_LOOK:
            return found
    return _measured(spread_windows(plane, 15, MOST_BLOCKS))


def _measured(windows: Floats) -> FormerGrid:
    strengths = _of_qualities(_periodicity(windows))
    contrast, offset, index = max(_standing_out(strengths, kind) for kind in _KINDS)
    return FormerGrid(
        row=offset // 8,
        column=offset % 8,
        quality=QUALITIES[index],
        contrast=round(contrast, 3),
        strength=round(float(np.clip(np.log(max(contrast, 1e-9) / FAINT) / np.log(CLEAR / FAINT), 0, 1)), 4),
        blocks=windows.shape[0] * windows.shape[2],
        map=tuple(tuple(round(float(value), 2) for value in line) for line in strengths[index].reshape(8, 8)),
    )


def _of_qualities(periodicity: Floats) -> Floats:
    """Periodicity at the steps of each of the `QUALITIES`, summed over the modes, shape (qualities, 64)."""
    tested = np.isin(_STEPS, _PERIODS)
    of_steps = periodicity[np.arange(len(MODES)), :, np.where(tested, _STEPS - 2, 0)]
    return np.asarray(np.where(tested[..., None], of_steps, 0).sum(axis=1), np.float32)


def _standing_out(strengths: Floats, kind: NDArray[np.int64]) -> tuple[float, int, int]:
    """The highest contrast of the strongest of some offsets, the offset, and the quality's index."""
    values = np.sort(strengths[:, kind], axis=1)
    first, second, median = values[:, -1], values[:, -2], values[:, kind.size // 2]
    contrasts = (first - second) / (second - median + _BACKGROUND * np.maximum(second, 0) + _CHANCE)
    index = int(contrasts.argmax())
    return float(contrasts[index]), int(kind[strengths[index, kind].argmax()]), index


def _periodicity(windows: Floats) -> Floats:
    """Power at each period over that of random phases, shape (modes, 64, periods)."""
    dc = np.empty((2, 1, 8, 8, _DC_RANGE * _CELLS), np.float32)
    ac = np.empty((2, len(MODES) - 1, 8, 8, _AC_RANGE * _CELLS), np.float32)
    # Row by row, so that what is between stays small: new memory costs more than arithmetic.
    for row in range(8):
        modes, columns = _textured(windows, row)
        dc[:, :, row] = _histograms(np.clip(modes[:1], -_DC_RANGE, _DC_RANGE - 0.1), columns, _DC_RANGE)
        ac[:, :, row] = _histograms(np.where(np.abs(modes[1:]) < _AC_RANGE, modes[1:], 0), columns, _AC_RANGE)
    parts = [
        _power(counts.reshape(2, -1, counts.shape[-1]), waves) for counts, waves in ((dc, _DC_WAVES), (ac, _AC_WAVES))
    ]
    return np.concatenate(parts).reshape(len(MODES), 64, _PERIODS.size)


def _power(counts: Floats, waves: tuple[Floats, Floats]) -> Floats:
    """Of histograms, sums and differences of both signs, shape (2, n, cells): over chance, shape (n, periods)."""
    real, number = np.split(counts[0] @ waves[0], 2, axis=1)
    return np.asarray((real**2 + (counts[1] @ waves[1]) ** 2) / np.maximum(number, 1) - 1)


def _textured(windows: Floats, row: int) -> tuple[Floats, NDArray[np.int64]]:
    """The `MODES` of textured blocks at the offsets of a row, shape (modes, n), and the column of each."""
    found = window_coefficients(windows, _BASIS[3 * row : 3 * row + 3], _BASIS)
    placed = found.reshape(found.shape[0], 3, -1, 8, 3)
    modes = np.stack([placed[:, i, :, :, j] for i, j in MODES]).reshape(len(MODES), -1)
    textured = np.flatnonzero((modes[1:] ** 2).sum(axis=0) > _TEXTURE)
    return modes.take(textured, 1), textured % 8


def _histograms(modes: Floats, columns: NDArray[np.int64], limit: int) -> NDArray[np.int64]:
    """Counts of both signs added and subtracted, by mode and column, shape (2, modes, 8, limit * _CELLS)."""
    size = 2 * limit * _CELLS
    cells = ((modes + limit) * _CELLS).astype(np.int64)
    cells += size * (columns + np.arange(0, len(modes) * 8, 8)[:, None])
    counts = np.bincount(cells.ravel(), minlength=len(modes) * 8 * size).reshape(len(modes), 8, size)
    mirrored, positive = counts[..., size // 2 - 1 :: -1], counts[..., size // 2 :]
    return np.stack([positive + mirrored, positive - mirrored])


def grid_traces(plane: Floats, *, deep: bool = False) -> tuple[Trace, ...]:
    """The former grid as a trace; none if the picture is too small. Arguments: `detect_former_grid`."""
    found = detect_former_grid(plane, deep=deep)
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
