"""Copy-move: a part of a picture that was copied to another place in it, to hide or to repeat something.

Each window of 16 x 16 pixels is described by nine low frequencies, which JPEG 75 hardly changes. Windows on a coarse
lattice are looked up among the windows at every pixel by a hash of the rounded description, several times with other
rounding, and each pair votes for its displacement. What many pairs agree on is checked pixel by pixel: the part must
be alike in fine structure, compact, and not merely periodic.

What this cannot see: copies that were turned, mirrored or scaled, parts smaller than about 64 x 64 pixels, and flat
ones. What it sees without a forgery: repeated print, tiles, windows of a front, screens and other exact repetitions.

References:
    Fridrich, Soukal & Lukáš, DFRWS 2003 (blocks, votes on displacements); Christlein et al., IEEE Trans. Information
    Forensics and Security 2012 (comparison of features and checks); Datar et al., SoCG 2004 (hashes with random
    offsets), in place of lexicographic sorting.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assay.forensics.coefficients import Floats
from assay.forensics.planes import Box, Region, box_mean, cell_means, measured_box, ramp, regions
from assay.forensics.trace import Measured, Trace

Indices = NDArray[np.int64]

MOST_PIXELS = 2**20  # larger pictures are reduced by a whole factor first
SMALLEST_SIDE = 64
WINDOW = 16
LATTICE = 4
NEAREST = 32  # pixels; nearer displacements are those of smooth things to themselves
FAINT, CLEAR = 16.0, 120.0  # cells of 8 x 8 pixels that agree: strength 0 and 1, see docs/forensics.md
_CELL = 8
_ROUNDING = 8.0  # levels; JPEG 75 changes a description by about one
_HASHES = 6
_CONTRAST = 24.0  # norm of the description without its mean; below, windows are flat
_FREQUENCIES = ((0, 0), (0, 1), (1, 0), (1, 1), (0, 2), (2, 0), (1, 2), (2, 1), (2, 2))
_MOST_IN_BUCKET = 8  # lattice windows of one hash; more are a repeated texture
_MOST_PAIRS = 4_000_000
_FEWEST_VOTES = 12
_VOTES_PER_CELL = 1.3  # fronts with windows have about one, copies two to nine
_CHECKED = 6  # displacements that are looked at closely
_MOST_RIVALS = 6  # displacements with half as many votes, before a picture counts as periodic
_ALIKE = 0.9  # correlation of fine structure
_TABLE_BITS = 22


@dataclass(frozen=True)
class CopyMove:
    """Two places that show the same.

    Attributes:
        source: One of them, in pixels of the plane: left, top, width, height; which one is the copy is not told.
        target: The other.
        votes: Pairs of windows that agree on the displacement.
        cells: Cells of 8 x 8 pixels (after reduction) that are alike.
        correlation: Mean correlation of their fine structure, 0.9 to 1.
        mask: Cells of both places, shape (rows, columns) in cells of `cell` pixels: 1 for source, 2 for target.
        cell: Pixels of the plane.
        strength: 0 for `FAINT` cells or fewer, 1 for `CLEAR` and more, logarithmic between.
    """

    source: Box | None
    target: Box | None
    votes: int
    cells: int
    correlation: float | None
    mask: Floats
    cell: int
    strength: float


def detect_copy_move(plane: Floats) -> CopyMove | None:
    """Look for a part that occurs twice.

    Args:
        plane: Luminance, shape (height, width), 0 to 255.

    Returns:
        The largest pair of places, or that there is none; None for pictures with a side below `SMALLEST_SIDE`
        (after reduction to `MOST_PIXELS`).
    """
    factor = 1
    while plane.size > MOST_PIXELS * factor**2:
        factor += 1
    small = cell_means(plane, factor) if factor > 1 else plane
    if min(small.shape) < SMALLEST_SIDE:
        return None
    means = _means_of_four(small)
    best: tuple[Region, tuple[int, int], int, float, NDArray[np.bool_]] | None = None
    for down, across, votes in _displacements(_descriptions(means)):
        found = _alike(means, down, across)
        # In a copy nearly every textured window finds its like; in a front with windows few do, though much is alike.
        if found and votes >= _VOTES_PER_CELL * found[0].cells and (best is None or found[0].cells > best[0].cells):
            best = (found[0], (down, across), votes, found[1], found[2])
    mask = np.zeros((small.shape[0] // _CELL, small.shape[1] // _CELL), np.float32)
    if best is None:
        return CopyMove(None, None, 0, 0, None, mask, _CELL * factor, 0.0)
    region, (down, across), votes, correlation, cells = best
    _mark(mask, cells, down, across)
    left, top, width, height = source = region.box(_CELL * factor)
    target = (left + across * factor, top + down * factor, width, height)
    return CopyMove(
        source=source,
        target=target,
        votes=votes,
        cells=region.cells,
        correlation=round(correlation, 4),
        mask=mask,
        cell=_CELL * factor,
        strength=ramp(region.cells, FAINT, CLEAR),
    )


def _means_of_four(plane: Floats) -> Floats:
    """Mean of 4 x 4 pixels from each pixel on, shape (height - 3, width - 3)."""
    pairs = plane[:, :-1] + plane[:, 1:]
    across = pairs[:, :-2] + pairs[:, 2:]
    pairs = across[:-1] + across[1:]
    return np.asarray((pairs[:-2] + pairs[2:]) * np.float32(1 / 16), np.float32)


def _descriptions(means: Floats) -> Floats:
    """Nine low frequencies of 4 x 4 such means around each pixel, shape (9, height - 12, width - 12)."""
    position, frequency = np.arange(4), np.arange(3)[:, None]
    basis = np.cos(np.pi * frequency * (2 * position + 1) / 8) / np.sqrt(2)
    basis[0] /= np.sqrt(2)
    wide, high = means.shape[1] - 12, means.shape[0] - 12
    across = [_combined(line, [means[:, 4 * k : 4 * k + wide] for k in range(4)]) for line in basis]
    parts = [[part[4 * k : 4 * k + high] for k in range(4)] for part in across]
    return np.stack([_combined(basis[i], parts[j]) for i, j in _FREQUENCIES])


def _combined(weights: NDArray[np.float64], parts: list[Floats]) -> Floats:
    total = np.float32(weights[0]) * parts[0]
    for weight, part in zip(weights[1:], parts[1:], strict=True):
        total = total + np.float32(weight) * part
    return total


def _displacements(described: Floats) -> list[tuple[int, int, int]]:
    """Rows down, columns across and votes of the displacements that most pairs agree on; none if all is periodic."""
    high, wide = described.shape[1:]
    energy = np.einsum("cij,cij->ij", described[1:], described[1:])
    # An edge alone looks the same all along itself.
    horizontal, vertical = np.abs(described[1]) + np.abs(described[4]), np.abs(described[2]) + np.abs(described[5])
    textured = (energy > _CONTRAST**2) & (np.minimum(horizontal, vertical) > _ROUNDING)
    lattice = np.zeros((high, wide), np.bool_)
    lattice[::LATTICE, ::LATTICE] = True
    everywhere = np.flatnonzero(textured)
    asked = np.flatnonzero((textured & lattice)[textured])
    if asked.size < _FEWEST_VOTES:
        return []
    values = described.reshape(len(described), -1)[:, everywhere]
    rng = np.random.default_rng(0)
    pairs: list[Indices] = []
    left = _MOST_PAIRS
    for _ in range(_HASHES):
        keys = _hashed(values, rng)
        first, second = _same(keys, asked, left)
        first, second = everywhere[first], everywhere[second]
        down, across = second // wide - first // wide, second % wide - first % wide
        kept = np.maximum(np.abs(down), np.abs(across)) >= NEAREST
        turned = (down < 0) | ((down == 0) & (across < 0))
        code = np.where(turned, -1, 1) * (down * (2 * wide) + across)
        pairs.append(np.stack([code[kept], first[kept]]))
        left -= first.size
        if left <= 0:
            break
    return _agreed(np.concatenate(pairs, axis=1), wide)


def _hashed(values: Floats, rng: np.random.Generator) -> NDArray[np.uint32]:
    """One number for each column of descriptions, equal where all rounded values are."""
    keys = np.zeros(values.shape[1], np.uint32)
    for row in values:
        rounded = np.floor(row * np.float32(1 / _ROUNDING) + np.float32(rng.random() + 1024)).astype(np.uint32)
        keys = (keys ^ rounded) * np.uint32(0x9E3779B1)
        keys ^= keys >> np.uint32(15)
    return keys


def _same(keys: NDArray[np.uint32], asked: Indices, most: int) -> tuple[Indices, Indices]:
    """Places in `keys` of pairs with equal keys: one of those asked for, and any other."""
    order = np.argsort(keys[asked], kind="stable")
    wanted = keys[asked][order]
    # Most keys occur once; a small table tells so faster than a search.
    table = np.zeros(1 << _TABLE_BITS, np.bool_)
    table[wanted >> np.uint32(32 - _TABLE_BITS)] = True
    others = np.flatnonzero(table[keys >> np.uint32(32 - _TABLE_BITS)])
    start = np.searchsorted(wanted, keys[others], "left")
    count = np.searchsorted(wanted, keys[others], "right") - start
    kept = (count > 0) & (count <= _MOST_IN_BUCKET)
    others, start, count = others[kept], start[kept], count[kept]
    enough = int(np.searchsorted(np.cumsum(count), most, "right"))
    others, start, count = others[:enough], start[:enough], count[:enough]
    within = np.arange(int(count.sum())) - np.repeat(np.cumsum(count) - count, count)
    return asked[order[np.repeat(start, count) + within]], np.repeat(others, count)


def _agreed(pairs: Indices, wide: int) -> list[tuple[int, int, int]]:
    codes, firsts = pairs
    if not codes.size:
        return []
    votes = np.bincount(codes)
    # Several hashes find the same pair; only the displacements that could win are counted again, without these.
    likely = np.argsort(votes, kind="stable")[::-1][:64]
    counted = sorted(((np.unique(firsts[codes == code]).size, int(code)) for code in likely), reverse=True)
    found: list[tuple[int, int, int]] = []
    for number, code in counted:
        down = (code + wide) // (2 * wide)
        across = code - down * 2 * wide
        near = any(max(abs(down - other[0]), abs(across - other[1])) <= 2 for other in found)
        if number >= _FEWEST_VOTES and not near:
            found.append((down, across, number))
    if found and sum(2 * number >= found[0][2] for _, _, number in found) > _MOST_RIVALS:
        return []
    return found[:_CHECKED]


def _alike(means: Floats, down: int, across: int) -> tuple[Region, float, NDArray[np.bool_]] | None:
    """The largest compact part that has the same fine structure so far away; its mean correlation and its cells."""
    high, wide = means.shape[0] - down, means.shape[1] - abs(across)
    left = max(0, -across)
    fine = means[:-4, :-4] - means[4:, 4:]  # structure of 4 to 16 pixels, whatever the brightness
    high, wide = high - 4, wide - 4
    if min(high, wide) < 2 * _CELL:
        return None
    here = fine[:high, left : left + wide]
    there = fine[down : down + high, left + across : left + across + wide]
    own, other, both = (box_mean(cell_means(part, _CELL), 3) for part in (here * here, there * there, here * there))
    correlation = both / np.sqrt(np.maximum(own * other, 1e-6))
    mask = (correlation > _ALIKE) & (np.minimum(own, other) > 1)
    best: tuple[Region, float, NDArray[np.bool_]] | None = None
    for rows, columns in regions(mask):
        if best and rows.size <= best[0].cells:
            continue
        top, first = int(rows.min()), int(columns.min())
        tall, broad = int(rows.max()) - top + 1, int(columns.max()) - first + 1
        if min(tall, broad) < 3 or 2 * rows.size < tall * broad:
            continue
        cells = np.zeros(mask.shape, np.bool_)
        cells[rows, columns] = True
        # Cells count from the left of what overlaps, which is the left of the plane only if `across` is not negative.
        shift = round(left / _CELL)
        cells = np.pad(cells, ((0, 0), (shift, 0)))
        region = Region(rows.size, first + shift, top, broad, tall)
        best = region, float(correlation[rows, columns].mean()), cells
    return best


def _mark(mask: Floats, cells: NDArray[np.bool_], down: int, across: int) -> None:
    """Write source (1) and target (2) into a map of cells."""
    rows, columns = np.nonzero(cells)
    for value, by_rows, by_columns in ((1, 0, 0), (2, round(down / _CELL), round(across / _CELL))):
        r, c = rows + by_rows, columns + by_columns
        inside = (r >= 0) & (r < mask.shape[0]) & (c >= 0) & (c < mask.shape[1])
        mask[r[inside], c[inside]] = value


def copy_move_traces(found: CopyMove) -> tuple[Trace, ...]:
    """The pair of places as a trace."""
    measured: dict[str, Measured] = {
        "votes": found.votes,
        "cells": found.cells,
        "correlation": found.correlation,
    }
    if found.strength:
        measured |= measured_box(found.source, "source_") | measured_box(found.target, "target_")
    return (
        Trace(
            name="copy_move",
            measured=measured,
            strength=found.strength,
            note="Two places of the picture show the same down to fine structure: one may be a copy of the other, or"
            " both show things that are made alike, such as print, tiles or windows."
            if found.strength
            else "No part occurs twice; copies that were turned, mirrored or scaled, small ones and flat ones are not"
            " found.",
        ),
    )
