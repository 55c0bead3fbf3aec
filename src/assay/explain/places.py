"""What a map marks: the smallest set of places that holds half of the evidence, as stretches, bands and regions.

A map holds the llr that is lost without a place, and its sum over several is about what is lost without all of them.
Pure functions on arrays.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from assay.timeline import runs

HALF = 0.5
LEAST = 1e-6  # llr below which nothing speaks for a spoof
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


def holding(values: Floats, share: float = HALF) -> Flags:
    """The fewest places that hold a share of the evidence for a spoof, any shape; none where there is no evidence."""
    flat = np.maximum(values, 0.0).ravel()
    marked = np.zeros(flat.size, bool)
    total = flat.sum()
    if total > LEAST:
        order = np.argsort(-flat, kind="stable")
        needed = int(np.searchsorted(np.cumsum(flat[order]), share * total)) + 1
        marked[order[:needed]] = True
    return marked.reshape(values.shape)


def coverage(values: Floats) -> float:
    """Share of the places that `holding` takes, in [0, 1]."""
    return float(holding(values).mean()) if values.size else 0.0


def stretches(profile: Floats, most: int) -> list[tuple[int, int]]:
    """Unbroken stretches of a profile that hold half of its evidence, at most so many of the strongest, in order."""
    found = runs(holding(profile))
    found.sort(key=lambda ends: -float(profile[ends[0] : ends[1]].sum()))
    return sorted(found[:most])


def patches(values: Floats, most: int) -> list[tuple[int, int, int, int]]:
    """Boxes around connected places that hold half of the evidence: top, bottom, left, right; the strongest first."""
    left = holding(values)
    found: list[tuple[float, tuple[int, int, int, int]]] = []
    while left.any():
        one = _connected(left)
        left &= ~one
        rows, columns = np.flatnonzero(one.any(1)), np.flatnonzero(one.any(0))
        box = int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1
        found.append((float(values[one].sum()), box))
    found.sort(key=lambda pair: (-pair[0], pair[1]))
    return [box for _, box in found[:most]]


def _connected(flags: Flags) -> Flags:
    """The first place that is set, with all that touch it by a side."""
    grown = np.zeros_like(flags)
    grown.flat[int(np.argmax(flags))] = True
    while True:
        wider = grown.copy()
        wider[1:] |= grown[:-1]
        wider[:-1] |= grown[1:]
        wider[:, 1:] |= grown[:, :-1]
        wider[:, :-1] |= grown[:, 1:]
        wider &= flags
        if (wider == grown).all():
            return grown
        grown = wider


def overlaps(of: Sequence[float] | Floats, to: Sequence[float] | Floats) -> Floats:
    """Share of each cell of one axis that lies in each cell of another, shape (cells of `to`, cells of `of`).

    Args:
        of: Edges of the cells, rising.
        to: Likewise, of the other axis.
    """
    given, wanted = np.asarray(of, np.float64), np.asarray(to, np.float64)
    first = np.maximum(wanted[:-1, None], given[None, :-1])
    last = np.minimum(wanted[1:, None], given[None, 1:])
    found: Floats = np.maximum(last - first, 0.0) / np.diff(given)[None]
    return found


def respread(values: Floats, rows: tuple[Floats, Floats], columns: tuple[Floats, Floats]) -> Floats:
    """A map on another grid, with its sum kept as far as the two grids overlap.

    Args:
        values: Shape (r, c).
        rows: Edges of its cells, and edges of the wanted cells, in the same unit.
        columns: Likewise.
    """
    found: Floats = overlaps(*rows) @ values @ overlaps(*columns).T
    return found
