"""Pasting: a region of another picture (splice), or of the same one elsewhere (copy-move)."""

from __future__ import annotations

import numpy as np
from scipy import ndimage  # type: ignore[import-untyped]

from assay.training.fakes.pictures.colour import recoloured, relit
from assay.training.fakes.pictures.masks import bent, blot, feathered
from assay.training.fakes.pictures.method import Helps, Made, Mask, Pixels, Planes, Unfit, to_pixels
from assay.training.fakes.pictures.seamless import pasted
from assay.training.fakes.pictures.warp import affine

SHARES = (0.15, 0.45)  # of the picture's sides that the region's box takes
LEAST_SIDE = 96  # pixels of a picture
LEAST_REGION = 32  # pixels of the region's sides


def splice(pixels: Pixels, rng: np.random.Generator, helps: Helps) -> Made:
    """Paste a region of another picture, enlarged, turned, recoloured and feathered or blended without a seam."""
    assert helps.other is not None
    box, mask = region(pixels, rng)
    source = helps.other.pixels
    if min(source.shape[:2]) < LEAST_SIDE:
        raise Unfit(f"The other picture has less than {LEAST_SIDE} pixels a side.")
    scale = float(np.exp(rng.uniform(np.log(0.6), np.log(1.6))))
    height, width = mask.shape
    # The region must be found in the other picture, so a small one is enlarged.
    scale = max(scale, 1.05 * max(height / source.shape[0], width / source.shape[1]))
    new = _cut(source, box, scale, rng)
    return _paste(pixels, new, box, mask, rng, recolour=0.5)


def copy_move(pixels: Pixels, rng: np.random.Generator, helps: Helps) -> Made:
    """Paste a region of the picture at another place of it, at times a little enlarged or turned."""
    box, mask = region(pixels, rng)
    left, top, right, bottom = box
    height, width = pixels.shape[:2]
    plain = bool(rng.random() < 0.5)
    scale = 1.0 if plain else float(np.exp(rng.uniform(np.log(0.8), np.log(1.25))))
    for _ in range(20):
        x = float(rng.integers((right - left) // 2, width - (right - left) // 2 + 1))
        y = float(rng.integers((bottom - top) // 2, height - (bottom - top) // 2 + 1))
        if abs(x - (left + right) / 2) >= 0.7 * (right - left) or abs(y - (top + bottom) / 2) >= 0.7 * (bottom - top):
            break
    else:
        raise Unfit("There is no room for a second place.")
    if plain:
        # A whole number of pixels: nothing is interpolated, as with most copies by hand.
        x0, y0 = (int(x) - (right - left) // 2, int(y) - (bottom - top) // 2)
        new = pixels[y0 : y0 + bottom - top, x0 : x0 + right - left].astype(np.float32)
        if new.shape[:2] != mask.shape:
            raise Unfit("There is no room for a second place.")
    else:
        new = _moved(pixels, (x, y), box, scale, rng.uniform(-0.2, 0.2))
    return _paste(pixels, new, box, mask, rng, recolour=0.0)


def region(pixels: Pixels, rng: np.random.Generator) -> tuple[tuple[int, int, int, int], Mask]:
    """A box by chance (left, top, right, bottom) and a blot in it, hard-edged, with 2 pixels free around it.

    Raises:
        Unfit: If the picture is smaller than `LEAST_SIDE`.
    """
    height, width = pixels.shape[:2]
    if min(height, width) < LEAST_SIDE:
        raise Unfit(f"The picture has less than {LEAST_SIDE} pixels a side.")
    h, w = (max(LEAST_REGION, round(size * rng.uniform(*SHARES))) for size in (height, width))
    top, left = int(rng.integers(height - h + 1)), int(rng.integers(width - w + 1))
    mask = blot(h, w, rng)
    mask[:2] = mask[-2:] = mask[:, :2] = mask[:, -2:] = 0
    return (left, top, left + w, top + h), mask


def _cut(source: Pixels, box: tuple[int, int, int, int], scale: float, rng: np.random.Generator) -> Planes:
    """A part of `source` as large as the box, at `scale`, around a place by chance."""
    height, width = box[3] - box[1], box[2] - box[0]
    reach_x, reach_y = width / 2 / scale, height / 2 / scale
    x = rng.uniform(reach_x, source.shape[1] - reach_x)
    y = rng.uniform(reach_y, source.shape[0] - reach_y)
    turn = 0.0 if rng.random() < 0.5 else rng.uniform(-0.3, 0.3)
    return _moved(source, (x, y), box, scale, turn)


def _moved(
    source: Pixels, centre: tuple[float, float], box: tuple[int, int, int, int], scale: float, turn: float
) -> Planes:
    """`source` around `centre`, enlarged by `scale` and turned by `turn` radians, brought to the middle of the box."""
    cos, sin = scale * np.cos(turn), scale * np.sin(turn)
    matrix = np.array([[cos, -sin, 0.0], [sin, cos, 0.0]])
    middle = np.array([(box[0] + box[2]) / 2, (box[1] + box[3]) / 2])
    matrix[:, 2] = middle - matrix[:, :2] @ np.array(centre)
    if scale < 0.75:
        sigma = 0.5 * np.sqrt(max(1 / scale**2 - 1, 0.0))
        return affine(ndimage.gaussian_filter(source.astype(np.float32), (sigma, sigma, 0)), matrix, box)
    return affine(source, matrix, box)


def _paste(
    pixels: Pixels,
    new: Planes,
    box: tuple[int, int, int, int],
    mask: Mask,
    rng: np.random.Generator,
    *,
    recolour: float,
) -> Made:
    """Blend a region of the box's size into the picture; `recolour` is the chance that it takes the place's colours."""
    left, top, right, bottom = box
    here = pixels[top:bottom, left:right].astype(np.float32)
    mask = np.asarray(bent(mask, 0.03 * min(mask.shape), rng) > 0.5, np.float32)
    mask[:2] = mask[-2:] = mask[:, :2] = mask[:, -2:] = 0
    if mask.sum() < LEAST_REGION**2 / 4:
        raise Unfit("The region came out empty.")
    if rng.random() < recolour:
        new = recoloured(new, here, mask)
    elif recolour and rng.random() < 0.5:
        new = relit(new, rng, strength=0.7)
    if rng.random() < 0.35:
        blended, share = pasted(new, here, mask), mask
    else:
        share = feathered(mask, float(np.exp(rng.uniform(np.log(0.7), np.log(max(1.0, min(mask.shape) / 25))))))
        blended = here + (new - here) * share[..., None]
    out, whole = pixels.copy(), np.zeros(pixels.shape[:2], np.float32)
    out[top:bottom, left:right] = to_pixels(blended)
    whole[top:bottom, left:right] = share
    return out, whole
