"""The three looks that the detector takes at a picture; training cuts its crops with the same functions.

face    a square around a face, resized
whole   the middle of the picture, resized
piece   pixels as they are: nothing that a generator left is resized away
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

if TYPE_CHECKING:
    from assay.image.faces import Face

LEAST_SIDE = 96  # pixels of the shorter side of a picture, below which it is not looked at as a whole
LEAST_FACE = 56.0  # pixels of a face's width
MARGIN = 1.7  # side of a face's square over the longer side of its box
ABOVE = 0.53  # share of the square above the middle of the box: it reaches from brows to chin, and hair is above

Look = Literal["face", "whole", "piece"]
LOOKS: tuple[Look, ...] = ("face", "whole", "piece")
Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Square:
    """A part of a picture, in its pixels; always inside it."""

    left: int
    top: int
    side: int

    def inner(self, share: float) -> Square:
        """The middle of it, `share` of the side."""
        side = max(1, round(self.side * share))
        spare = (self.side - side) // 2
        return Square(self.left + spare, self.top + spare, side)


def face_square(face: Face, height: int, width: int) -> Square | None:
    """The square around a face; None for one that is too small, or that hardly fits into the picture."""
    left, top, right, bottom = face.box
    longer = max(right - left, bottom - top)
    side = min(round(MARGIN * longer), height, width)
    if right - left < LEAST_FACE or side < longer:
        return None
    return _within((left + right - side) / 2, (top + bottom) / 2 - side * ABOVE, side, height, width)


def whole_square(height: int, width: int) -> Square | None:
    """The largest square in the middle; None in a picture that is too small."""
    side = min(height, width)
    return Square((width - side) // 2, (height - side) // 2, side) if side >= LEAST_SIDE else None


def piece_squares(height: int, width: int, side: int) -> list[Square]:
    """All pieces, edge to edge, the rest of the picture left around them."""
    rows, columns = height // side, width // side
    top, left = (height - rows * side) // 2, (width - columns * side) // 2
    return [Square(left + side * j, top + side * i, side) for i in range(rows) for j in range(columns)]


def detail(pixels: Pixels, square: Square) -> float:
    """Mean difference between neighbours in green, in levels, of about 128 rows: how much there is to see."""
    rows = slice(square.top, square.top + square.side, max(1, square.side // 128))
    part = np.ascontiguousarray(pixels[rows, square.left : square.left + square.side, 1])
    # Bytes are subtracted the right way round: wider numbers would take three times as long.
    steps = np.maximum(part[:, 1:], part[:, :-1]) - np.minimum(part[:, 1:], part[:, :-1])
    return float(steps.mean(dtype=np.float32)) if steps.size else 0.0


def flat_share(pixels: Pixels) -> float:
    """Share of pixels that equal the one to their right in all colours, of about 64 rows; high in drawings."""
    rows = np.ascontiguousarray(pixels[:: max(1, len(pixels) // 64)].transpose(2, 0, 1))
    if rows.shape[2] < 2:
        return 1.0
    red, green, blue = rows[..., 1:] == rows[..., :-1]
    return float((red & green & blue).mean())


def cut(pixels: Pixels, square: Square, side: int) -> Pixels:
    """What a square shows, resized to ``(side, side, 3)`` unless it has that size."""
    part = pixels[square.top : square.top + square.side, square.left : square.left + square.side]
    if square.side == side:
        return part
    how = Image.Resampling.LANCZOS if square.side > side else Image.Resampling.BICUBIC
    image = Image.fromarray(np.ascontiguousarray(part))
    # Far larger ones are averaged by a whole number first: half the time, and hardly another picture.
    return np.asarray(image.resize((side, side), how, reducing_gap=1.5))


def _within(left: float, top: float, side: int, height: int, width: int) -> Square:
    return Square(round(min(max(left, 0), width - side)), round(min(max(top, 0), height - side)), side)
