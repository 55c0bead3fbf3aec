"""Occlusion on a grid, coarse to fine: places are hidden one by one, and what matters most is looked at more closely.

Every box of the coarse grid is hidden once. The boxes that move the answer most, up or down, are cut in four, and each
part is hidden, too. The parts are then shifted alike, so that they add up to what their whole did: what two parts tell
twice, and hiding one of them therefore does not show, is not lost.

Source of the idea: Zeiler & Fergus, "Visualizing and understanding convolutional networks", ECCV 2014 (section 4.2).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Box:
    """Rows and columns of a fine grid, the ends left out."""

    top: int
    bottom: int
    left: int
    right: int

    @property
    def where(self) -> tuple[slice, slice]:
        """Of an array of the grid's shape."""
        return slice(self.top, self.bottom), slice(self.left, self.right)

    @property
    def area(self) -> int:
        """Cells."""
        return (self.bottom - self.top) * (self.right - self.left)

    def parts(self) -> list[Box]:
        """Halves of both axes; only itself where nothing is left to cut."""
        rows, columns = _halves(self.top, self.bottom), _halves(self.left, self.right)
        return [Box(*row, *column) for row in rows for column in columns]


Ask = Callable[[Sequence[Box]], Floats]


def tiles(rows: int, columns: int, high: int, wide: int) -> list[Box]:
    """A grid in boxes of so many cells; those at the end may be smaller."""
    return [
        Box(top, min(top + high, rows), left, min(left + wide, columns))
        for top in range(0, rows, high)
        for left in range(0, columns, wide)
    ]


def occlude(rows: int, columns: int, coarse: tuple[int, int], finer: Sequence[int], ask: Ask) -> Floats:
    """Llr lost over a grid, shape (rows, columns); the sum over a box is what hiding it costs.

    Args:
        rows: Of the finest grid.
        columns: Likewise.
        coarse: Height and width of the first boxes, in cells.
        finer: How many boxes to cut in each further round.
        ask: Llr lost when each of some boxes is hidden, shape (boxes,).
    """
    boxes = tiles(rows, columns, *coarse)
    lost = ask(boxes)
    found = np.zeros((rows, columns))
    for box, value in zip(boxes, lost, strict=True):
        found[box.where] = value / box.area
    for count in finer:
        rank = sorted((n for n, box in enumerate(boxes) if box.area > 1), key=lambda n: (-abs(lost[n]), n))[:count]
        if not rank:
            break
        each = [boxes[n].parts() for n in rank]
        flat = [part for parts in each for part in parts]
        asked = iter(ask(flat))
        boxes_next, lost_next = [], []
        for n, parts in zip(rank, each, strict=True):
            values = np.array([next(asked) for _ in parts])
            values += (lost[n] - values.sum()) / len(parts)
            for part, value in zip(parts, values, strict=True):
                found[part.where] = value / part.area
            boxes_next += parts
            lost_next += values.tolist()
        rest = [n for n in range(len(boxes)) if n not in set(rank)]
        boxes = [boxes[n] for n in rest] + boxes_next
        lost = np.concatenate([lost[rest], lost_next])
    return found


def _halves(first: int, last: int) -> list[tuple[int, int]]:
    middle = (first + last + 1) // 2
    return [(first, last)] if middle >= last else [(first, middle), (middle, last)]
