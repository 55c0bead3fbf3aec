"""A picture through an encoder and a decoder and back: the traces of a generator on a bona fide content.

What latent diffusion leaves comes from its decoder; a round trip leaves the same, with nothing else changed (Ricker et
al., "AEROBLADE", CVPR 2024; Corvi et al., 2023). The grid of the latent lies anywhere: the picture is shifted by chance
before and back afterwards.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from assay.training.fakes.pictures.masks import feathered, soft
from assay.training.fakes.pictures.method import Made, Pixels, Planes, mixed
from assay.training.fakes.pictures.splice import region

Trip = Callable[[torch.Tensor], torch.Tensor]


def through(pixels: Pixels, trip: Trip, multiple: int, rng: np.random.Generator) -> Planes:
    """The whole picture after a round trip.

    Args:
        pixels: uint8, shape (h, w, 3).
        trip: ``(1, 3, H, W) -> (1, 3, H, W)``, float32 in [0, 1].
        multiple: What the sides must be a multiple of.
        rng: Draws the shift.

    Returns:
        Shape (h, w, 3), float32 in [0, 255].
    """
    height, width = pixels.shape[:2]
    top, left = (int(shift) for shift in rng.integers(multiple, size=2))
    pad = ((top, -(height + top) % multiple), (left, -(width + left) % multiple), (0, 0))
    padded = np.pad(pixels, pad, mode="symmetric")
    x = torch.from_numpy(padded.astype(np.float32) / np.float32(255)).permute(2, 0, 1)[None].contiguous()
    with torch.inference_mode():
        back = trip(x)[0].clamp(0, 1).permute(1, 2, 0).numpy()
    return np.asarray(back[top : top + height, left : left + width] * np.float32(255), np.float32)


def whole(pixels: Pixels, trip: Trip, multiple: int, rng: np.random.Generator) -> Made:
    """A spoof that is all round trip."""
    made = through(pixels, trip, multiple, rng)
    return mixed(pixels, made, np.ones(pixels.shape[:2], np.float32)), None


def regional(pixels: Pixels, trip: Trip, multiple: int, rng: np.random.Generator) -> Made:
    """A region by chance from the round trip, with a soft edge, as inpainting programs paste what they made.

    The network sees the region and what is around it only.
    """
    (left, top, right, bottom), blot = region(pixels, rng)
    mask = np.zeros(pixels.shape[:2], np.float32)
    mask[top:bottom, left:right] = blot
    width = float(rng.uniform(0.7, 5.0))
    mask = feathered(mask, width) if rng.random() < 0.5 else soft(mask, width)
    reach = 32 + int(3 * width)
    rows = slice(max(0, top - reach), bottom + reach)
    columns = slice(max(0, left - reach), right + reach)
    made = pixels.astype(np.float32)
    made[rows, columns] = through(pixels[rows, columns], trip, multiple, rng)
    return mixed(pixels, made, mask), mask
