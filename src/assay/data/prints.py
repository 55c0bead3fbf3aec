"""Perceptual prints: unit vectors that stay close when a picture or a recording is encoded, scaled or cut again.

Decisions
- A picture's print is that of pHash (Zauner, thesis, Hagenberg 2010) at higher resolution: signs of the 16 x 16 lowest
  frequencies of a 64 x 64 grey picture, without the mean. 255 signs instead of 63, because portraits resemble each
  other. Two prints that differ in d signs have the product 1 - 2 d / 255.
- A recording's print is a set of vectors, one per onset: where the level in four bands (`assay.data.overlap`) rises
  most within half a second around, the course of the level from 0.25 s before it to 1.25 s after it. Onsets are where
  they are however the recording is cut. What the vectors find, `overlap` confirms. Of 156 copies of clips of our
  training partition (codecs of training, 20 dB quieter, cut) that `overlap` calls copies, the vectors found 148; of
  pairs of other clips they let 0.8 % through to it.
- Flat pictures and recordings without onsets have no print, as everything would resemble them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from assay.data.overlap import HOP_S

Floats = NDArray[np.float32]
Prints = NDArray[np.float16]

SIDE = 64
SIGNS = 255
PICTURE_ALIKE = 0.8  # 25 of 255 signs differ
SOUND_ALIKE = 0.6  # what `overlap` would call a copy has more; it looks at what passes here
_FLAT_LEVELS = 2.0  # standard deviation of grey below which a picture is flat
_BEFORE, _AFTER, _POOL = round(0.25 / HOP_S), round(1.25 / HOP_S), 5
_APART = round(0.5 / HOP_S)
_RISE = round(0.05 / HOP_S)
_ROWS = 2_048  # compared at a time


def picture_print(pixels: NDArray[np.uint8]) -> Prints:
    """Print of a picture.

    Args:
        pixels: Shape (height, width, 3), uint8 RGB.

    Returns:
        Shape (1, 255), or (0, 255) for a flat picture.
    """
    grey = Image.fromarray(pixels).convert("L").resize((SIDE, SIDE), Image.Resampling.BOX)
    values = np.asarray(grey, np.float32)
    if values.std() < _FLAT_LEVELS:
        return np.zeros((0, SIGNS), np.float16)
    cosines = _cosines()
    low = (cosines[:16] @ values @ cosines[:16].T).ravel()[1:]
    signs = np.where(low > np.median(low), 1.0, -1.0)
    return np.asarray(signs[None] / np.sqrt(SIGNS), np.float16)


def sound_print(levels: Floats) -> Prints:
    """Print of a recording.

    Args:
        levels: Its envelope, shape (frames, bands), see `assay.data.overlap.envelope`.

    Returns:
        Shape (onsets, bands * 30).
    """
    length = _BEFORE + _AFTER
    size = levels.shape[1] * (length // _POOL)
    if len(levels) <= length:
        return np.zeros((0, size), np.float16)
    mean = levels.mean(axis=1)
    rise = np.zeros(len(mean), np.float32)
    rise[_RISE:-_RISE] = mean[2 * _RISE :] - mean[: -2 * _RISE]
    rows = []
    for onset in _peaks(rise):
        start = min(max(0, onset - _BEFORE), len(levels) - length)
        piece = levels[start : start + length].reshape(length // _POOL, _POOL, -1).mean(axis=1)
        piece = piece - piece.mean(axis=0)
        norm = float(np.linalg.norm(piece))
        if norm > np.sqrt(piece.size):  # 1 dB
            rows.append((piece / norm).ravel())
    return np.asarray(rows, np.float16).reshape(-1, size)


def alike(prints: Sequence[Prints], least: float) -> Iterator[tuple[int, int, float]]:
    """Pairs whose prints have a product of at least `least`.

    Every pair is compared, in blocks: 100,000 prints of 255 numbers take a core two minutes.

    Yields:
        Index of the one, index of the other (larger), and the largest product among their prints.
    """
    owners = np.repeat(np.arange(len(prints)), [len(each) for each in prints])
    if not len(owners):
        return
    vectors = np.concatenate([each for each in prints if len(each)])
    found: dict[tuple[int, int], float] = {}
    for start in range(0, len(vectors), _ROWS):
        block = vectors[start : start + _ROWS].astype(np.float32)
        for other in range(start, len(vectors), _ROWS):
            products = block @ vectors[other : other + _ROWS].astype(np.float32).T
            for row, column in np.argwhere(products >= least):
                one, two = int(owners[start + row]), int(owners[other + column])
                if one != two:
                    pair = (min(one, two), max(one, two))
                    found[pair] = max(found.get(pair, -1.0), float(products[row, column]))
    yield from ((one, two, product) for (one, two), product in sorted(found.items()))


def _peaks(rise: Floats) -> list[int]:
    """Where it is largest within half a second around, and positive."""
    padded = np.pad(rise, _APART, constant_values=-np.inf)
    around = np.lib.stride_tricks.sliding_window_view(padded, 2 * _APART + 1).max(axis=1)
    return [int(place) for place in np.flatnonzero((rise >= around) & (rise > 3.0))]


@cache
def _cosines() -> Floats:
    """Rows of the discrete cosine transform of `SIDE` points (type II)."""
    place = (np.arange(SIDE) + 0.5) * np.pi / SIDE
    return np.cos(np.arange(SIDE)[:, None] * place).astype(np.float32)
