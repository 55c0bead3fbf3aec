"""Pictures moved: enlarged, reduced, turned, and pulled from landmark to landmark."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy import ndimage  # type: ignore[import-untyped]

from assay.training.fakes.pictures.method import Mask, Pixels, Planes, Points

FELT = 12  # pixels: a cubic spline's weights fall by nearly four from one to the next


def resized(pixels: Pixels, width: int, height: int, how: Image.Resampling = Image.Resampling.BICUBIC) -> Pixels:
    """Another size, uint8, low-pass filtered where it shrinks."""
    return np.asarray(Image.fromarray(pixels).resize((width, height), how))


def sampled(planes: NDArray[np.generic], x: NDArray[np.floating], y: NDArray[np.floating]) -> Planes:
    """Cubic spline values at places; beyond the edge the last pixels go on.

    Args:
        planes: Shape (h, w, channels).
        x: Pixels, of any shape; the centre of the first is 0.5.
        y: Likewise.

    Returns:
        Shape (..., channels), float32, in the range of `planes` where that is [0, 255].
    """
    at = [np.asarray(y) - 0.5, np.asarray(x) - 0.5]
    # Only what is seen, and as much around it as a spline feels.
    firsts = [int(np.clip(a.min() - FELT, 0, size - 1)) for a, size in zip(at, planes.shape, strict=False)]
    lasts = [int(np.clip(a.max() + FELT + 1, 1, size)) for a, size in zip(at, planes.shape, strict=False)]
    planes = planes[firsts[0] : max(lasts[0], firsts[0] + 1), firsts[1] : max(lasts[1], firsts[1] + 1)]
    at = [a - first for a, first in zip(at, firsts, strict=True)]
    parts = [
        ndimage.map_coordinates(planes[..., channel].astype(np.float32), at, order=3, mode="nearest")
        for channel in range(planes.shape[-1])
    ]
    return np.asarray(np.clip(np.stack(parts, axis=-1), 0, 255), np.float32)


def similarity(source: Points, target: Points) -> NDArray[np.float64]:
    """Turn, scale and shift that bring points nearest to others in the mean square (Umeyama, PAMI 1991).

    Args:
        source: Shape (n, 2), n >= 2, not all the same.
        target: Shape (n, 2).

    Returns:
        Shape (2, 3): ``target ≈ source @ m[:, :2].T + m[:, 2]``.
    """
    middle_s, middle_t = source.mean(axis=0), target.mean(axis=0)
    centred, wanted = source - middle_s, target - middle_t
    u, sizes, vt = np.linalg.svd(wanted.T @ centred)
    flip = np.diag([1.0, np.sign(np.linalg.det(u @ vt))])
    scale = np.trace(np.diag(sizes) @ flip) / (centred**2).sum()
    turn = scale * (u @ flip @ vt)
    return np.concatenate([turn, (middle_t - turn @ middle_s)[:, None]], axis=1)


def inverse(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """The affine map that undoes another, both of shape (2, 3)."""
    turn = np.linalg.inv(matrix[:, :2])
    return np.concatenate([turn, -(turn @ matrix[:, 2])[:, None]], axis=1)


def places(box: tuple[int, int, int, int]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Where the centres of a box's pixels (left, top, right, bottom) are: x and y, shape (h, w) each."""
    left, top, right, bottom = box
    y, x = np.mgrid[top:bottom, left:right]
    return x + 0.5, y + 0.5


def affine(planes: NDArray[np.generic], matrix: NDArray[np.float64], box: tuple[int, int, int, int]) -> Planes:
    """`planes` moved by `matrix` of shape (2, 3), seen through a box, shape (h, w, channels) of the box."""
    x, y = places(box)
    back = inverse(matrix)
    return sampled(planes, back[0, 0] * x + back[0, 1] * y + back[0, 2], back[1, 0] * x + back[1, 1] * y + back[1, 2])


def piecewise(
    planes: NDArray[np.generic], source: Points, target: Points, box: tuple[int, int, int, int]
) -> tuple[Planes, Mask]:
    """Every triangle of points moved affinely onto the triangle of the target's.

    Args:
        planes: Shape (h, w, channels).
        source: Points in it, shape (n, 2).
        target: Where they go, shape (n, 2); triangulated after Delaunay.
        box: Part of the target's plane to see: left, top, right, bottom.

    Returns:
        Shape (h, w, channels) of the box; and 1 where there is a triangle, else 0.
    """
    from scipy.spatial import Delaunay  # type: ignore[import-untyped]

    mesh = Delaunay(target)
    left, top, right, bottom = box
    # Numbers of the triangles drawn as colours, from 1 on: much faster than to ask for every pixel.
    image = Image.new("I", (right - left, bottom - top))
    draw = ImageDraw.Draw(image)
    corners = target[mesh.simplices] - (left + 0.5, top + 0.5)
    for number, corner in enumerate(corners):
        draw.polygon([(float(cx), float(cy)) for cx, cy in corner], fill=number + 1)
    triangle = np.asarray(image).ravel() - 1
    inside = triangle >= 0
    x, y = places(box)
    at = np.stack([x.ravel(), y.ravel()], axis=1)[inside]
    maps = _maps(target[mesh.simplices], source[mesh.simplices])[triangle[inside]]
    back = np.einsum("nij,nj->ni", maps[:, :, :2], at) + maps[:, :, 2]
    moved = np.zeros((len(inside), planes.shape[2]), np.float32)
    if len(back):
        moved[inside] = sampled(planes, back[:, 0], back[:, 1])
    return moved.reshape(*x.shape, -1), inside.reshape(x.shape).astype(np.float32)


def _maps(source: Points, target: Points) -> NDArray[np.float64]:
    """The affine map of each triangle onto another, both of shape (n, 3, 2); shape (n, 2, 3).

    A triangle without area goes to the other's first corner.
    """
    sides, wanted = source[:, 1:] - source[:, :1], target[:, 1:] - target[:, :1]
    (a, b), (c, d) = np.moveaxis(sides, 0, -1)
    area = a * d - b * c
    whole = np.abs(area) > 1e-9
    undo = np.moveaxis(np.array([[d, -b], [-c, a]]), -1, 0) / np.where(whole, area, 1.0)[:, None, None]
    turn = np.swapaxes(undo @ wanted, 1, 2) * whole[:, None, None]
    shift = target[:, 0] - np.einsum("nij,nj->ni", turn, source[:, 0])
    return np.concatenate([turn, shift[:, :, None]], axis=2)
