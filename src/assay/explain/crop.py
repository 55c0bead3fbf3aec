"""What a network sees of a picture in one look, with places blurred: they lose their detail and keep their colour."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from assay.explain.adaptive import Box
from assay.image.looks import Pixels, Square

BLURRED = 8  # pixels a side that are left of a crop where it is hidden
SOFT = 0.02  # of a crop's side over which a patch fades
Mask = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Crop:
    """What a network sees of a picture in one look.

    Attributes:
        square: Where, in pixels of the picture.
        pixels: Shown to the network, uint8 (side, side, 3).
        cells: Of its finest grid, along a side.
        coarse: Cells of a first box.
        finer: Boxes that are cut in four, round by round.
    """

    square: Square
    pixels: Pixels
    cells: int
    coarse: int
    finer: tuple[int, ...]
    blurred: NDArray[np.float32] = field(init=False)

    def __post_init__(self) -> None:
        side = len(self.pixels)
        small = Image.fromarray(self.pixels).resize((BLURRED, BLURRED), Image.Resampling.BOX)
        object.__setattr__(
            self, "blurred", np.asarray(small.resize((side, side), Image.Resampling.BICUBIC), np.float32)
        )

    def hidden(self, mask: Mask) -> Pixels:
        """With places blurred; how much of each, 0 to 1, shape (side, side)."""
        mixed = self.pixels + (self.blurred - self.pixels) * mask[..., None]
        return np.clip(np.round(mixed), 0, 255).astype(np.uint8)

    def box(self, box: Box) -> Mask:
        """The mask of a box of its finest grid."""
        side, cell = len(self.pixels), len(self.pixels) / self.cells
        rows = _ramp(side, box.top * cell, box.bottom * cell)
        columns = _ramp(side, box.left * cell, box.right * cell)
        return rows[:, None] * columns[None]

    def under(self, weights: Mask, height: int, width: int) -> Mask:
        """What a grid over the whole picture hides of it.

        Args:
            weights: Shape (rows, columns), evenly spread over the picture.
            height: Of the picture.
            width: Likewise.
        """
        side, square = len(self.pixels), self.square
        rows = _ramps(side, square.top, square.side, len(weights), height)
        columns = _ramps(side, square.left, square.side, weights.shape[1], width)
        return np.clip(rows @ weights @ columns.T, 0, 1).astype(np.float32)


def _ramp(side: int, first: float, last: float) -> Mask:
    """1 between two places of an axis, fading at both ends unless these are the axis's own; shape (side,)."""
    soft = max(1.0, SOFT * side)
    at = np.arange(side) + 0.5
    rising = np.ones(side) if first <= 0 else (at - first) / soft + 0.5
    falling = np.ones(side) if last >= side else (last - at) / soft + 0.5
    return np.clip(np.minimum(rising, falling), 0, 1).astype(np.float32)


def _ramps(side: int, start: int, length: int, cells: int, whole: int) -> Mask:
    """How much of each pixel of a crop's axis each cell of the picture's axis covers, shape (side, cells)."""
    edges = np.linspace(0, whole, cells + 1)
    inside = (edges - start) * side / length
    soft = max(1.0, SOFT * side)
    at = np.arange(side)[:, None] + 0.5
    # Steps that fade; the difference of two neighbours is a cell, and all cells add up to one.
    steps = np.clip((at - inside[None]) / soft + 0.5, 0, 1)
    steps[:, edges <= 0], steps[:, edges >= whole] = 1, 0
    return (steps[:, :-1] - steps[:, 1:]).astype(np.float32)
