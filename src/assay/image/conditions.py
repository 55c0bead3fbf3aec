"""What may have happened to a picture before it arrives, for measuring how a detector bears it.

To the deliveries of `assay.image.deliveries` come harder ones of the same kind, blur, noise and brightness. Nothing is
random but the noise, which has a fixed seed.
"""

from __future__ import annotations

from functools import partial
from types import MappingProxyType

import numpy as np
from PIL import Image, ImageFilter

from assay.image.deliveries import DELIVERIES, Delivery, Pixels, as_jpeg, as_png, crop, first, resize

SEED = 3
Condition = Delivery


def blur(radius: float, pixels: Pixels) -> Pixels:
    """Gaussian blur of a standard deviation in pixels."""
    return np.asarray(Image.fromarray(pixels).filter(ImageFilter.GaussianBlur(radius)))


def add_noise(deviation: float, pixels: Pixels) -> Pixels:
    """Gaussian noise of a standard deviation in levels, apart in each colour."""
    noise = np.random.default_rng(SEED).standard_normal(pixels.shape) * deviation
    return np.clip(np.rint(pixels + noise), 0, 255).astype(np.uint8)


def brighten(factor: float, pixels: Pixels) -> Pixels:
    """Every level times a factor, white stays white."""
    levels = np.clip(np.rint(np.arange(256) * factor), 0, 255).astype(np.uint8)
    return np.take(levels, pixels)


CONDITIONS: MappingProxyType[str, Condition] = MappingProxyType(
    {
        "PNG without metadata": as_png,
        **DELIVERIES,
        "JPEG 40": partial(as_jpeg, 40),
        "half as large again": first(partial(resize, 1.5)),
        "a tenth cut off all around": first(partial(crop, 0.1)),
        "blur of 1.5 pixels": first(partial(blur, 1.5)),
        "noise of 5 levels": first(partial(add_noise, 5.0)),
        "levels times 1.2": first(partial(brighten, 1.2)),
    }
)
