"""Self-blended images: a changed copy of a face blended into itself.

What face swaps of all kinds have in common is a face whose colour, sharpness and place do not quite fit what is around
it, and a seam; here nothing else is there to be learnt. After Shiohara & Yamasaki, "Detecting Deepfakes with
Self-Blended Images", CVPR 2022. Departures: outlines of MediaPipe's 468 landmarks instead of 81; the elastic bend is
smooth noise on a few knots; sharpening is an unsharp mask.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage  # type: ignore[import-untyped]

from assay.training.fakes.pictures.colour import relit
from assay.training.fakes.pictures.faces import EYES_AND_NOSE, LOWER, face_width, outline
from assay.training.fakes.pictures.masks import bent, filled, soft
from assay.training.fakes.pictures.method import Helps, Made, Mask, Pixels, Planes, Points, Unfit, to_pixels
from assay.training.fakes.pictures.warp import affine, resized

RATIOS = (0.25, 0.5, 0.75, 1.0, 1.0, 1.0)  # of the blend, as in the paper
HULLS = (0.6, 0.2, 0.2)  # chances of the whole face, its lower half, eyes and nose
GEOMETRY_ONLY = 0.15  # chance that colours and sharpness stay
MARGIN = 0.35  # of the face's width around the outline


def self_blended(pixels: Pixels, rng: np.random.Generator, helps: Helps) -> Made:
    """Blend the face with a changed copy of itself."""
    assert helps.face is not None
    height, width = pixels.shape[:2]
    points = _hull(helps.face, rng)
    size = face_width(helps.face)
    low, high = points.min(axis=0) - MARGIN * size, points.max(axis=0) + MARGIN * size
    left, top = max(0, int(low[0])), max(0, int(low[1]))
    right, bottom = min(width, int(high[0]) + 1), min(height, int(high[1]) + 1)
    here = pixels[top:bottom, left:right].astype(np.float32)
    mask = _mask(points - (left, top), bottom - top, right - left, size, rng)
    if mask.max() < 0.05:
        raise Unfit("The outline of the face is empty.")
    # Nothing around the face is changed, though the paper changes either: it would tell the spoof from its twin.
    changed = here if rng.random() < GEOMETRY_ONLY else _changed(here, size, rng)
    blended = here + (_moved(changed, size, rng) - here) * mask[..., None]
    out, whole = pixels.copy(), np.zeros((height, width), np.float32)
    out[top:bottom, left:right] = to_pixels(blended)
    whole[top:bottom, left:right] = mask
    return out, whole


def _hull(face: Points, rng: np.random.Generator) -> Points:
    """One of the outlines, shape (n, 2), convex but for the whole face."""
    from scipy.spatial import ConvexHull  # type: ignore[import-untyped]

    kind = int(rng.choice(len(HULLS), p=HULLS))
    if kind == 0:
        return outline(face, rng.uniform(0.3, 1.0))
    points = face[list((LOWER, EYES_AND_NOSE)[kind - 1]), :2]
    return np.asarray(points[ConvexHull(points).vertices], np.float64)


def _mask(points: Points, height: int, width: int, size: float, rng: np.random.Generator) -> Mask:
    """Outline moved, bent, blurred twice and weakened by chance; `size` is the face's width."""
    centre = points.mean(axis=0)
    angle, scale = rng.uniform(-0.08, 0.08), rng.uniform(0.9, 1.05, 2)
    cos, sin = np.cos(angle), np.sin(angle)
    points = ((points - centre) * scale) @ np.array([[cos, sin], [-sin, cos]]) + centre
    points = points + rng.uniform(-0.02, 0.02, 2) * size
    mask = bent(filled(points, height, width), 0.025 * size, rng)
    mask = soft(mask, size * rng.uniform(0.005, 0.05))
    if rng.random() < 0.5:
        mask = soft(np.asarray(mask > 0.98 if mask.max() > 0.98 else mask, np.float32), size * rng.uniform(0.005, 0.03))
    # The box's border must stay as it is.
    frame = np.minimum(1, _edge_distance(mask.shape) / max(2.0, 0.04 * size))
    return np.asarray(mask * frame * rng.choice(RATIOS), np.float32)


def _edge_distance(shape: tuple[int, ...]) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """Pixels from the border of the box, 0 on it."""
    y, x = (np.minimum(np.arange(n), np.arange(n)[::-1]).astype(np.float64) for n in shape[:2])
    return np.minimum(y[:, None], x)


def _changed(here: Planes, size: float, rng: np.random.Generator) -> Planes:
    """Other colours, and either softer or sharper."""
    changed = relit(here, rng)
    if rng.random() < 0.5:
        factor = rng.uniform(1.3, 2.0 if size < 160 else 3.0)
        height, width = here.shape[:2]
        small = resized(to_pixels(changed), max(8, round(width / factor)), max(8, round(height / factor)))
        return resized(small, width, height).astype(np.float32)
    blurred = ndimage.gaussian_filter(changed, (1.2, 1.2, 0), mode="nearest")
    return np.asarray(np.clip(changed + (changed - blurred) * rng.uniform(0.2, 0.8), 0, 255), np.float32)


def _moved(here: Planes, size: float, rng: np.random.Generator) -> Planes:
    """Shifted up to 3 %, scaled up to 5 % of the face's width, as in the paper."""
    height, width = here.shape[:2]
    scale = rng.uniform(0.95, 1.05, 2)
    shift = rng.uniform([-0.03, -0.015], [0.03, 0.015]) * size
    middle = np.array([width / 2, height / 2])
    matrix = np.concatenate([np.diag(scale), (middle - scale * middle + shift)[:, None]], axis=1)
    return affine(here, matrix, (0, 0, width, height))
