"""From pictures to the square inputs of the networks, and from their coordinates back.

Both ways shrink in two steps: by a whole factor, where up to 4 × 4 pixels spread over each block are averaged, and
then by less than 2 with bilinear interpolation. The cost then follows the size of the input and not of the picture,
and fine patterns do not turn into coarse ones, which plain bilinear interpolation would let happen.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from assay.image.faces.face import Float32, Float64, Picture

TAPS = 4  # of a block, in each direction


@dataclass(frozen=True)
class Placement:
    """Where a picture lies in a square input: ``input = picture * scale + offset``.

    Attributes:
        scale: Input pixels per picture pixel.
        offset: Of the picture's corner in the input, (x, y).
    """

    scale: float
    offset: tuple[float, float]

    def to_picture(self, points: Float64) -> Float64:
        """Input coordinates, shape (..., 2), to picture coordinates of the same shape."""
        return (points - self.offset) / self.scale


@dataclass(frozen=True)
class Region:
    """A rotated square of a picture.

    Attributes:
        centre: x and y in pixels.
        side: In pixels.
        angle: Of its upper edge, in radians, positive clockwise.
    """

    centre: tuple[float, float]
    side: float
    angle: float

    def axes(self) -> Float64:
        """The square's x and y axis in picture coordinates, one per row, of the length of a side."""
        cos, sin = np.cos(self.angle), np.sin(self.angle)
        return self.side * np.array([[cos, sin], [-sin, cos]])

    def to_picture(self, points: Float64) -> Float64:
        """Points within the square, each coordinate in [0, 1], shape (..., 2), to picture coordinates.

        Points of shape (..., 3) have a depth in sides, too; it becomes pixels.
        """
        flat = (points[..., :2] - 0.5) @ self.axes() + self.centre
        return np.concatenate([flat, points[..., 2:] * self.side], axis=-1)


def letterbox(picture: Picture, size: int) -> tuple[Float32, Placement]:
    """A whole picture in the middle of a black square, its proportions kept.

    Args:
        picture: Shape (height, width, 3).
        size: Side of the square in pixels.

    Returns:
        Shape (size, size, 3), float32 in [0, 255], and where the picture lies in it.
    """
    height, width = picture.shape[:2]
    scale = size / max(height, width)
    offset = ((size - width * scale) / 2, (size - height * scale) / 2)
    block = max(1, int(1 / scale))
    small = _average_blocks(picture, block, block)
    columns, inside_x = _positions(size, offset[0], scale * block, small.shape[1], width * scale)
    rows, inside_y = _positions(size, offset[1], scale * block, small.shape[0], height * scale)
    square = np.zeros((size, size, 3), np.float32)
    if rows.size and columns.size:
        square[inside_y, inside_x] = _lerp(_lerp(small, rows, 0), columns, 1)
    return square, Placement(scale, offset)


def _positions(size: int, offset: float, scale: float, count: int, extent: float) -> tuple[Float64, slice]:
    """For the centres of the input's pixels that lie on the picture: indices into it, with fractions; and which."""
    centres = np.arange(size) + 0.5 - offset
    inside = np.flatnonzero((centres >= 0) & (centres <= extent))
    where = slice(int(inside[0]), int(inside[-1]) + 1) if inside.size else slice(0, 0)
    return np.clip(centres[where] / scale - 0.5, 0, count - 1), where


def _lerp(values: Float32, positions: Float64, axis: int) -> Float32:
    """Linear interpolation along an axis at indices with fractions, all within the array."""
    low = positions.astype(np.intp)
    high = np.minimum(low + 1, values.shape[axis] - 1)
    weight = (positions - low).astype(np.float32).reshape([-1 if d == axis else 1 for d in range(values.ndim)])
    first = values.take(low, axis)
    result: Float32 = first + (values.take(high, axis) - first) * weight
    return result


def _average_blocks(picture: Picture, rows: int, columns: int) -> Float32:
    """Means of blocks of rows × columns pixels, as float32; an unfinished block at an edge is left out.

    A block higher or wider than the picture is cut to it.
    """
    rows, columns = min(rows, picture.shape[0]), min(columns, picture.shape[1])
    if rows == columns == 1:
        return picture.astype(np.float32)
    down, across = picture.shape[0] // rows, picture.shape[1] // columns
    y, x = _taps(rows), _taps(columns)
    picture = picture[:, : across * columns]
    total = picture[y[0] : y[0] + (down - 1) * rows + 1 : rows].astype(np.uint16)
    for tap in y[1:]:
        total += picture[tap : tap + (down - 1) * rows + 1 : rows]
    # Sums of whole numbers below 2^24 are exact in float32, in whatever order a product takes them.
    weights = np.zeros((columns, 3, 3), np.float32)
    weights[x] = np.eye(3)
    # Row by row: one tall and thin product would be handed to several threads, and wait for them.
    sums = total.astype(np.float32).reshape(down, across, columns * 3) @ weights.reshape(-1, 3)
    means: Float32 = sums * np.float32(1 / (len(x) * len(y)))
    return means


def _taps(length: int) -> list[int]:
    """Up to `TAPS` different positions, evenly spread and symmetric, within a block of `length`."""
    count = min(length, TAPS)
    return [(2 * tap + 1) * length // (2 * count) for tap in range(count)]


def crop(picture: Picture, region: Region, size: int) -> Float32:
    """A rotated square of a picture, upright; beyond the picture's edge its last pixels go on.

    Args:
        picture: Shape (height, width, 3).
        region: What to cut out.
        size: Side of the result in pixels.

    Returns:
        Shape (size, size, 3), float32 in [0, 255].
    """
    # Only what the square covers, and a pixel around it for the interpolation.
    reach = np.abs(region.axes()).sum(axis=0) / 2
    height, width = picture.shape[:2]
    left, top = (
        int(np.clip(c - r - 1, 0, n - 1)) for c, r, n in zip(region.centre, reach, (width, height), strict=True)
    )
    right, bottom = (
        int(np.clip(c + r + 2, 1, n)) for c, r, n in zip(region.centre, reach, (width, height), strict=True)
    )
    part = picture[top : max(bottom, top + 1), left : max(right, left + 1)]
    block = max(1, min(int(region.side / size), part.shape[0], part.shape[1]))
    if block > 1:
        part = _average_blocks(part, block, block).round().astype(np.uint8)
    start = (region.to_picture(np.full((1, 2), 0.5 / size))[0] - (left, top)) / block - 0.5
    steps = np.arange(size)
    across, down = region.axes() / (size * block)
    x = (start[0] + across[0] * steps + down[0] * steps[:, None]).ravel().astype(np.float32)
    y = (start[1] + across[1] * steps + down[1] * steps[:, None]).ravel().astype(np.float32)
    return _bilinear(part, x, y).reshape(size, size, 3)


def _bilinear(picture: Picture, x: Float32, y: Float32) -> Float32:
    """Values at positions (n,) given as indices with fractions, held within the picture; shape (n, 3)."""
    height, width = picture.shape[:2]
    x, y = np.clip(x, 0, width - 1), np.clip(y, 0, height - 1)
    column, row = x.astype(np.intp), y.astype(np.intp)
    dx, dy = (x - column).astype(np.float32), (y - row).astype(np.float32)
    index = row * width + column
    right = (column < width - 1).astype(np.intp)
    below = index + width * (row < height - 1)
    corners = (index, index + right, below, below + right)
    result = np.empty((len(x), 3), np.float32)
    # Colour by colour: single numbers are picked much faster than groups of three bytes.
    for colour, plane in enumerate(picture.reshape(-1, 3).T.astype(np.float32, order="C")):
        values = [plane.take(corner) for corner in corners]
        upper = values[0] + (values[1] - values[0]) * dx
        lower = values[2] + (values[3] - values[2]) * dx
        result[:, colour] = upper + (lower - upper) * dy
    return result
