"""How pictures are read, and how a spoof and its parent's twin are stored: alike in everything.

Decision: the parent alone, with the seed, decides container, quality and subsampling, so that all spoofs of a parent
and its one bona fide twin have the same history: decoded, reduced to `max_side`, (synthesised), stored. No metadata is
written.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image

from assay.media.pictures import open_picture
from assay.settings import load_settings
from assay.training.fakes.method import generator_of
from assay.training.fakes.pictures.method import Mask, Pixels
from assay.training.fakes.pictures.warp import resized

LOSSLESS = 0.25  # share of PNG
QUALITIES = (75, 98)


@dataclass(frozen=True)
class Store:
    """How a file is written.

    Attributes:
        suffix: ``.png`` or ``.jpg``.
        quality: Of JPEG, 1 to 100.
        subsampling: Of JPEG: 0 keeps chroma (4:4:4), 2 halves it both ways (4:2:0).
    """

    suffix: Literal[".png", ".jpg"]
    quality: int = 95
    subsampling: Literal[0, 2] = 2


def store_of(parent: str, seed: int) -> Store:
    """How everything that belongs to a parent is stored."""
    rng = generator_of(seed, "store", parent)
    quality, subsampling = int(rng.integers(QUALITIES[0], QUALITIES[1] + 1)), 0 if rng.random() < 0.4 else 2
    return Store(".png") if rng.random() < LOSSLESS else Store(".jpg", quality, 0 if subsampling == 0 else 2)


def read_pixels(path: Path, max_side: int) -> Pixels:
    """A picture, upright sRGB, uint8 of shape (h, w, 3), reduced so that no side is longer than `max_side` pixels.

    Raises:
        MediaError: If it is no picture or broken; see `assay.media.pictures.open_picture`.
    """
    pixels = open_picture(path, settings=load_settings()).pixels
    height, width = pixels.shape[:2]
    scale = max_side / max(height, width)
    if scale >= 1:
        return pixels
    return resized(pixels, max(1, round(width * scale)), max(1, round(height * scale)), Image.Resampling.LANCZOS)


def write_picture(path: Path, pixels: Pixels, store: Store) -> None:
    """Write under a temporary name first: a killed run leaves no half file under the final one."""
    part = path.with_name(path.name + ".part")
    image = Image.fromarray(np.ascontiguousarray(pixels))
    if store.suffix == ".png":
        image.save(part, format="PNG")
    else:
        image.save(part, format="JPEG", quality=store.quality, subsampling=store.subsampling)
    part.replace(path)


def write_mask(path: Path, mask: Mask) -> None:
    """Write a mask as a grey PNG, 0 to 255, likewise."""
    part = path.with_name(path.name + ".part")
    Image.fromarray(np.rint(mask * 255).astype(np.uint8)).save(part, format="PNG")
    part.replace(path)
