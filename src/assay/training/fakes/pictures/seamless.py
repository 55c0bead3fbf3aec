"""Blending without a seam: what is pasted keeps its gradients and takes the colours at its border.

Pérez et al., "Poisson image editing", SIGGRAPH 2003, in the form of a membrane: the difference of the two pictures
along the border is spread smoothly over the inside (a harmonic function) and added to what is pasted.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from assay.training.fakes.pictures.method import Mask, Planes

SMALLEST = 8  # pixels a side of the coarsest level
SWEEPS = 24  # of relaxation on each level


def membrane(values: Planes, inside: NDArray[np.bool_]) -> Planes:
    """Harmonic inside, as given outside, found from coarse to fine.

    Args:
        values: Shape (h, w, channels); those inside do not matter.
        inside: Shape (h, w); the outermost rows and columns are taken as outside.

    Returns:
        Shape (h, w, channels), float32.
    """
    inside = inside.copy()
    inside[[0, -1]] = False
    inside[:, [0, -1]] = False
    return _solved(values.astype(np.float32), inside)


def _solved(values: Planes, inside: NDArray[np.bool_]) -> Planes:
    height, width = inside.shape
    known = ~inside
    if not known.any():
        return np.zeros_like(values)
    if min(height, width) > SMALLEST and inside.any():
        small, empty = _halved(values, known)
        start = _solved(small, empty)
        start = start.repeat(2, axis=0).repeat(2, axis=1)[:height, :width]
    else:
        start = np.broadcast_to(values[known].mean(axis=0), values.shape)
    answer = np.where(inside[..., None], start, values)
    for _ in range(SWEEPS):
        padded = np.pad(answer, ((1, 1), (1, 1), (0, 0)), mode="edge")
        mean = (padded[:-2, 1:-1] + padded[2:, 1:-1] + padded[1:-1, :-2] + padded[1:-1, 2:]) / 4
        answer = np.where(inside[..., None], mean, values)
    return answer


def _halved(values: Planes, known: NDArray[np.bool_]) -> tuple[Planes, NDArray[np.bool_]]:
    """Means of what is known of each 2 × 2 block; and the blocks of which nothing is."""
    height, width = known.shape
    pad = ((0, height % 2), (0, width % 2))
    weight = np.pad(known.astype(np.float32), pad)[..., None]
    total = np.pad(values, (*pad, (0, 0))) * weight
    shape = (weight.shape[0] // 2, 2, weight.shape[1] // 2, 2)
    count = weight.reshape(*shape, 1).sum(axis=(1, 3))
    means = total.reshape(*shape, values.shape[2]).sum(axis=(1, 3)) / np.maximum(count, 1)
    return means.astype(np.float32), count[..., 0] == 0


def pasted(new: Planes, old: Planes, mask: Mask) -> Planes:
    """`new` within the mask (above one half), its colours fitted to `old` along the border; elsewhere `old`.

    Shapes (h, w, 3), (h, w, 3), (h, w); sRGB in [0, 255].
    """
    inside = mask > 0.5
    fitted = new + membrane(old - new, inside)
    return np.asarray(np.where(inside[..., None], np.clip(fitted, 0, 255), old), np.float32)
