"""A face swap by landmarks: another person's face, pulled into this one's shape, recoloured and blended in.

What face swaps before networks did (FaceSwap in Rössler et al., "FaceForensics++", ICCV 2019) and what many apps still
do. Two ways to fit: triangle by triangle, which gives the target's very shape, or one turn and scale, which keeps the
donor's. Two ways to blend: a soft edge, or no seam.
"""

from __future__ import annotations

import numpy as np

from assay.training.fakes.pictures.colour import recoloured
from assay.training.fakes.pictures.faces import face_width, outline
from assay.training.fakes.pictures.masks import feathered, filled
from assay.training.fakes.pictures.method import Helps, Made, Pixels, Points, Unfit, to_pixels
from assay.training.fakes.pictures.seamless import pasted
from assay.training.fakes.pictures.warp import affine, piecewise, resized, similarity

MARGIN = 0.1  # of the face's width, around it in the box that is worked on
PIECEWISE, SEAMLESS = 0.7, 0.5  # chances


def landmark_swap(pixels: Pixels, rng: np.random.Generator, helps: Helps) -> Made:
    """Put the other picture's face in the place of this one's."""
    face, other = helps.face, helps.other
    assert face is not None
    assert other is not None
    assert other.face is not None
    height, width = pixels.shape[:2]
    edge = outline(face, rng.uniform(0.45, 0.95))
    centre = edge.mean(axis=0)
    edge = centre + (edge - centre) * rng.uniform(0.92, 0.99)
    margin = MARGIN * face_width(face) + 3
    low, high = edge.min(axis=0) - margin, edge.max(axis=0) + margin
    box = (max(0, int(low[0])), max(0, int(low[1])), min(width, int(high[0]) + 1), min(height, int(high[1]) + 1))
    left, top, right, bottom = box
    here = pixels[top:bottom, left:right].astype(np.float32)
    mask = filled(edge - (left, top), bottom - top, right - left)
    source, points = _reduced(other.pixels, other.face, face_width(face))
    if rng.random() < PIECEWISE:
        new, covered = piecewise(source, points[:, :2], face[:, :2], box)
        mask = np.asarray(mask * covered, np.float32)
    else:
        new = affine(source, similarity(points[:, :2], face[:, :2]), box)
    mask[[0, -1]] = 0
    mask[:, [0, -1]] = 0
    if mask.sum() < 100:
        raise Unfit("The outline of the face is empty.")
    new = recoloured(new, here, mask)
    if rng.random() < SEAMLESS:
        mask = np.asarray(mask > 0.5, np.float32)
        blended = pasted(new, here, mask)
        # A pixel or two of transition: the border itself would be a line of two pictures' noise.
        share = feathered(mask, max(0.7, 0.01 * face_width(face)))
    else:
        blended = new
        share = feathered(mask, face_width(face) * rng.uniform(0.02, 0.06))
    out, whole = pixels.copy(), np.zeros((height, width), np.float32)
    out[top:bottom, left:right] = to_pixels(here + (blended - here) * share[..., None])
    whole[top:bottom, left:right] = share
    return out, whole


def _reduced(pixels: Pixels, face: Points, width: float) -> tuple[Pixels, Points]:
    """A picture whose face is no more than a little wider than `width` pixels; finer detail would fold over."""
    scale = width / face_width(face)
    if scale > 0.8:
        return pixels, face
    size = max(1, round(pixels.shape[1] * scale)), max(1, round(pixels.shape[0] * scale))
    factors = np.array([size[0] / pixels.shape[1], size[1] / pixels.shape[0], scale])
    return resized(pixels, *size), face * factors
