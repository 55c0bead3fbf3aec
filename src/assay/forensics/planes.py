"""What the tools that look at pixels share: luminance, the block grid, like compared with like, regions, ramps.

Everything is in the coordinates of the upright picture. A JPEG's blocks begin at its stored corner, which turning may
have brought elsewhere: `grid_origin` tells where they begin now.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assay.forensics.coefficients import Floats
from assay.forensics.trace import Measured
from assay.media.pictures import Picture

Mask = NDArray[np.bool_]
Box = tuple[int, int, int, int]  # left, top, width, height in pixels

MOST_SHARE = 0.4
_WEIGHTS = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601, as JPEG uses it
_FLIPS_ROWS = {3, 4, 7, 8}  # orientations after whose undoing the stored corner is no longer above
_FLIPS_COLUMNS = {2, 3, 6, 7}


@dataclass(frozen=True)
class Region:
    """A connected part of a map.

    Attributes:
        cells: How many cells belong to it; its box may hold more.
        left: Of the box around it, in cells from the left.
        top: In cells from above.
        width: In cells.
        height: In cells.
    """

    cells: int
    left: int
    top: int
    width: int
    height: int

    def box(self, cell: int, left: int = 0, top: int = 0) -> Box:
        """The box in pixels.

        Args:
            cell: Side of a cell in pixels.
            left: Pixels left of the map.
            top: Pixels above the map.
        """
        return left + cell * self.left, top + cell * self.top, cell * self.width, cell * self.height


def measured_box(box: Box | None, prefix: str = "") -> dict[str, Measured]:
    """A box as a trace holds it: ``left``, ``top``, ``width``, ``height`` in pixels; empty for none."""
    sides = ("left", "top", "width", "height")
    return {} if box is None else {prefix + side: value for side, value in zip(sides, box, strict=True)}


def picture_luminance(picture: Picture) -> Floats:
    """Luminance of the upright pixels, shape (height, width), 0 to 255, not rounded."""
    return np.asarray(picture.pixels @ _WEIGHTS, np.float32)


def grid_origin(picture: Picture) -> tuple[int, int]:
    """Row and column, 0 to 7 each, at which the first whole JPEG block begins in the upright picture."""
    row = picture.height % 8 if picture.orientation in _FLIPS_ROWS else 0
    column = picture.width % 8 if picture.orientation in _FLIPS_COLUMNS else 0
    return row, column


def middle(plane: Floats, most_pixels: int, row: int = 0, column: int = 0) -> tuple[Floats, int, int]:
    """The part in the middle that a tool has time for.

    Args:
        plane: Shape (height, width).
        most_pixels: At most about so many are kept; the aspect stays.
        row: The part begins at this row or a multiple of 16 further down.
        column: The same for columns.

    Returns:
        A view, its top and its left in the plane.
    """
    height, width = plane.shape
    share = min(1.0, (most_pixels / max(1, height * width)) ** 0.5)
    high, wide = int(height * share), int(width * share)
    top = row + max(0, (height - row - high) // 2) // 16 * 16
    left = column + max(0, (width - column - wide) // 2) // 16 * 16
    return plane[top : top + high, left : left + wide], top, left


def cell_means(plane: Floats, side: int) -> Floats:
    """Mean of each whole square of a plane, shape (height // side, width // side)."""
    rows, columns = plane.shape[0] // side, plane.shape[1] // side
    part = plane[: rows * side, : columns * side]
    # Rows first: adding whole rows is fast, and a product is for what remains; a mean over a few values is slow.
    high = part.reshape(rows, side, columns * side).sum(axis=1)
    return np.asarray((high.reshape(-1, side) @ np.full(side, 1 / side**2, np.float32)).reshape(rows, columns))


def box_mean(plane: Floats, side: int) -> Floats:
    """Mean over a square of odd side around each cell; at the borders over what there is of it."""
    half, total = side // 2, plane.astype(np.float64)
    for axis in (0, 1):
        size = plane.shape[axis]
        sums = np.zeros([length + (each == axis) for each, length in enumerate(plane.shape)])
        np.cumsum(total, axis, out=sums[1:] if axis == 0 else sums[:, 1:])
        ends = np.minimum(np.arange(size) + half + 1, size)
        starts = np.maximum(np.arange(size) - half, 0)
        total = sums.take(ends, axis) - sums.take(starts, axis)
        total /= (ends - starts)[:, None] if axis == 0 else ends - starts
    return total.astype(np.float32)


def among_peers(values: Floats, first: Floats, second: Floats, *, peers: int = 64) -> Floats:
    """How far each value stands out from those of cells that are like it in two respects.

    Cells are sorted into groups of about `peers`: strips of equal count by the first respect, each cut by the second.
    The median of a group is what its members are expected to have; deviations are in units of the spread of the group
    (1.4826 times the median absolute deviation, the standard deviation for normal noise).

    Args:
        values: Any shape.
        first: Same shape.
        second: Same shape.
        peers: Cells in a group, at least.

    Returns:
        Deviations, the shape of `values`; zeros if there are too few cells for two groups.
    """
    flat, result = values.ravel(), np.zeros(values.size, np.float32)
    strips = int((flat.size / peers) ** 0.5)
    if strips < 2:
        return result.reshape(values.shape)
    by_first, ranks = np.argsort(_rank(first), kind="stable"), _rank(second)
    # A group of equals has no spread of its own.
    floor = np.float32(1e-3 + 0.25 * np.median(np.abs(flat - np.median(flat))))
    for strip in np.array_split(by_first, strips):
        order = strip[np.argsort(ranks[strip], kind="stable")]
        groups = max(1, order.size // peers)
        whole = order[: order.size // groups * groups].reshape(groups, -1)
        rest = order[whole.size :]
        apart = flat[whole]
        centre = _medians(apart)
        apart -= centre[:, None]
        spread = np.maximum(np.float32(1.4826) * _medians(np.abs(apart)), floor)
        result[whole] = apart / spread[:, None]
        result[rest] = (flat[rest] - centre[-1]) / spread[-1]
    return result.reshape(values.shape)


def _rank(values: Floats) -> NDArray[np.uint16]:
    """The same order in 16 bits, which are sorted ten times as fast; values nearer than 1/65,536 of all are equal."""
    flat = values.ravel()
    low, high = float(flat.min()), float(flat.max())
    return ((flat - np.float32(low)) * np.float32(65_535 / max(high - low, 1e-9))).astype(np.uint16)


def _medians(values: Floats) -> Floats:
    """Of each row; `numpy.median` takes longer for its checks than for a short row."""
    size = values.shape[1]
    low, high = (size - 1) // 2, size // 2
    ranked = np.partition(values, (low, high), axis=1)
    return np.asarray((ranked[:, low] + ranked[:, high]) / 2, np.float32)


def largest_region(mask: Mask) -> Region | None:
    """The largest set of true cells that touch each other along sides; of equal ones the first from above."""
    rows, starts, ends, names = _runs(mask)
    if not names.size:
        return None
    cells = np.bincount(names, weights=ends - starts)
    best = int(cells.argmax())
    own = names == best
    top, left = int(rows[own].min()), int(starts[own].min())
    return Region(
        cells=int(cells[best]),
        left=left,
        top=top,
        width=int(ends[own].max()) - left,
        height=int(rows[own].max()) - top + 1,
    )


def compact_region(deviations: Floats, threshold: float) -> tuple[Region, int] | None:
    """The largest connected part of a map that stands out to one side, if it could be a pasted part.

    What fills less than half of its box follows an outline of the contents, and what takes more than `MOST_SHARE` of
    the picture is rather the picture itself.

    Args:
        deviations: Shape (rows, columns).
        threshold: Cells beyond it count.

    Returns:
        The region, and 1 or -1 for the side; None if no region qualifies.
    """
    best: tuple[Region, int] | None = None
    for sign in (1, -1):
        region = largest_region(sign * deviations > threshold)
        if region is None or region.cells > MOST_SHARE * deviations.size:
            continue
        if 2 * region.cells >= region.width * region.height and (best is None or region.cells > best[0].cells):
            best = region, sign
    return best


def regions(mask: Mask) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Rows and columns of the cells of each connected set, from above."""
    rows, starts, ends, names = _runs(mask)
    lengths = ends - starts
    order = np.argsort(names, kind="stable")
    cells = np.repeat(names[order], lengths[order])
    before = np.cumsum(lengths[order]) - lengths[order]
    columns = np.arange(cells.size) + np.repeat(starts[order] - before, lengths[order])
    cuts = np.flatnonzero(np.diff(cells)) + 1
    parts = (np.split(part, cuts) for part in (np.repeat(rows[order], lengths[order]), columns))
    return list(zip(*parts, strict=True)) if cells.size else []


def _runs(mask: Mask) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Row, first column and column behind the end of each run of true cells, and the first run it is connected with."""
    wide = mask.shape[1] + 1
    flat = np.zeros((mask.shape[0] + 1, wide), np.int8)  # no run goes on in the next row
    flat[1:, :-1] = mask
    edges = np.diff(flat.ravel())
    starts, ends = np.flatnonzero(edges == 1) + 1, np.flatnonzero(edges == -1) + 1
    first = np.searchsorted(ends, starts + wide, side="right")
    behind = np.searchsorted(starts, ends + wide, side="left")
    names = list(range(starts.size))

    def name(run: int) -> int:
        while names[run] != run:
            names[run] = run = names[names[run]]
        return run

    for run in np.flatnonzero(behind > first).tolist():
        for below in range(first[run], behind[run]):
            one, other = name(run), name(below)
            names[max(one, other)] = min(one, other)
    rows = starts // wide
    found = np.array([name(run) for run in range(starts.size)], np.int64)
    return rows - 1, starts - rows * wide, ends - rows * wide, found


def ramp(value: float, faint: float, clear: float) -> float:
    """Strength of a trace: 0 at `faint` and below, 1 at `clear` and above, logarithmic between; four digits."""
    return round(float(np.clip(np.log(max(value, 1e-9) / faint) / np.log(clear / faint), 0, 1)), 4)


def region_strength(cells: int, of: int, faint: float, clear: float, fewest: int) -> float:
    """Strength of a region by its share of the picture.

    Args:
        cells: Cells of the region.
        of: Cells of the picture.
        faint: Share of strength 0.
        clear: Share of strength 1; at least twice that of strength 0.
        fewest: So many cells or fewer have strength 0, whatever their share.
    """
    least = max(faint, fewest / of)
    return ramp(cells / of, least, max(clear, 2 * least))
