"""How a face looks, in a few hundred numbers: enough to find it again behind a cut, far from enough to name somebody.

Three parts: the brightness of a small, upright cut of the face where its 468 landmarks lie, which follows pose and
expression; and what colours there are above the forehead (hair) and below the chin (clothes). Rates of rejoined and of
wrongly joined faces are measured in docs/video-cues.md.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from assay.image.faces.face import Float64, Picture
from assay.image.faces.mesh import landmarks_region
from assay.image.faces.sampling import Region, crop

Float32 = NDArray[np.float32]

SIDE = 16  # pixels of the cuts: fine lines would tell one frame from the next
TAPS = 4  # samples of a pixel, in each direction
LEVELS = 6  # of each colour
COLOURS = LEVELS**3
WIDER = 2.0  # side of the second cut over that of the first
HAIR, CLOTHES = (slice(3, 5), slice(5, 11)), (slice(12, 16), slice(3, 13))  # rows and columns of the wider cut
# Share of each part in the distance of two looks.
PARTS = (
    ("face", slice(0, 468), 1.0),
    ("hair", slice(468, 468 + COLOURS), 0.5),
    ("clothes", slice(468 + COLOURS, 468 + 2 * COLOURS), 0.5),
)

SAME, SAME_FACE = 0.3, 0.15  # distances, of all and of the face alone, up to which two looks may be of one person


def look(picture: Picture, landmarks: Float64) -> Float32:
    """The look of a face.

    Args:
        picture: uint8 RGB, shape (height, width, 3).
        landmarks: Of a face in it, shape (468, 3), pixels.

    Returns:
        Shape (900,); each part has the length 1. The mean of the looks of several frames is a look again.
    """
    region = landmarks_region(landmarks)
    face = _small(picture, region).mean(axis=2)
    around = _small(picture, Region(region.centre, WIDER * region.side, region.angle))
    tone = _at(face, _within(region, landmarks))
    tone = tone - tone.mean()  # with the division below: no matter how bright, how much contrast
    parts = [tone / max(float(np.linalg.norm(tone)), 1e-6), _colours(around[HAIR]), _colours(around[CLOTHES])]
    return np.concatenate(parts).astype(np.float32)


def _small(picture: Picture, region: Region) -> Float32:
    """A cut of 16 x 16 pixels, each a mean of 4 x 4: single samples would depend on where exactly the face is."""
    fine = crop(picture, region, SIDE * TAPS).reshape(SIDE, TAPS, SIDE, TAPS, 3)
    means: Float32 = fine.mean(axis=(1, 3), dtype=np.float32)
    return means


def distance(first: Float32, second: Float32) -> Float64:
    """How different looks are: 0 for the same, about 1 for two strangers, at most 3.

    Args:
        first: Shape (..., 900).
        second: One look, shape (900,).

    Returns:
        Shape (...,).
    """
    total: Float64 = np.sum([weight * _apart(first[..., part], second[part]) for _, part, weight in PARTS], axis=0)
    return total


def may_be_same(first: Float32, second: Float32) -> NDArray[np.bool_]:
    """Whether looks are so alike that they may be of one person, shape (...,); the same clothes alone do not do."""
    face = PARTS[0][1]
    return (distance(first, second) <= SAME) & (_apart(first[..., face], second[face]) <= SAME_FACE)


def _apart(first: Float32, second: Float32) -> Float64:
    """One less the cosine of vectors, in [0, 2]."""
    lengths = np.linalg.norm(first, axis=-1) * np.linalg.norm(second)
    apart: Float64 = 1 - np.asarray(first @ second, np.float64) / np.maximum(lengths, 1e-9)
    return apart


def _within(region: Region, landmarks: Float64) -> Float64:
    """Landmarks in fractions of a region's side, shape (468, 2)."""
    fractions: Float64 = (landmarks[:, :2] - region.centre) @ region.axes().T / region.side**2 + 0.5
    return fractions


def _at(grey: Float32, places: Float64) -> Float32:
    """Values of a square picture at places in fractions of its side, between pixels linearly; shape (n,)."""
    size = len(grey)
    x, y = np.clip(places.T * size - 0.5, 0, size - 1 - 1e-6)
    column, row = x.astype(np.intp), y.astype(np.intp)
    dx, dy = x - column, y - row
    upper = grey[row, column] * (1 - dx) + grey[row, column + 1] * dx
    lower = grey[row + 1, column] * (1 - dx) + grey[row + 1, column + 1] * dx
    values: Float32 = (upper * (1 - dy) + lower * dy).astype(np.float32)
    return values


def _colours(pixels: Float32) -> Float64:
    """Histogram of colours; square roots of the shares, so that its length is 1 (Bhattacharyya)."""
    steps = np.minimum(pixels.reshape(-1, 3) * (LEVELS / 256), LEVELS - 1).astype(np.intp)
    counts = np.bincount(steps @ np.array([LEVELS**2, LEVELS, 1]), minlength=COLOURS)
    shares: Float64 = np.sqrt(counts / counts.sum())
    return shares
