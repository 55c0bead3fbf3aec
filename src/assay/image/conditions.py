"""What may have happened to a picture before it arrives, for measuring how a detector bears it.

A condition takes pixels and gives a file, because some detectors look at how a picture was stored, too. Pixels are
uint8 RGB, shape (height, width, 3). Nothing is random but the noise, which has a fixed seed.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import partial
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

SEED = 3
Pixels = NDArray[np.uint8]
Condition = Callable[[Pixels], bytes]


def as_png(pixels: Pixels) -> bytes:
    """As a PNG file without metadata."""
    return _saved(Image.fromarray(pixels), "PNG", compress_level=1)


def as_jpeg(quality: int, pixels: Pixels) -> bytes:
    """As a JPEG file of a quality from 1 to 95."""
    return _saved(Image.fromarray(pixels), "JPEG", quality=quality)


def as_webp(quality: int, pixels: Pixels) -> bytes:
    """As a lossy WebP file."""
    return _saved(Image.fromarray(pixels), "WEBP", quality=quality)


def resized(factor: float, pixels: Pixels) -> bytes:
    """Another size, by bicubic interpolation."""
    image = Image.fromarray(pixels)
    size = max(1, round(image.width * factor)), max(1, round(image.height * factor))
    return as_png(np.asarray(image.resize(size, Image.Resampling.BICUBIC)))


def blurred(radius: float, pixels: Pixels) -> bytes:
    """Gaussian blur of a standard deviation in pixels."""
    return as_png(np.asarray(Image.fromarray(pixels).filter(ImageFilter.GaussianBlur(radius))))


def noisy(deviation: float, pixels: Pixels) -> bytes:
    """Gaussian noise of a standard deviation in levels, apart in each colour."""
    noise = np.random.default_rng(SEED).standard_normal(pixels.shape) * deviation
    return as_png(np.clip(np.rint(pixels + noise), 0, 255).astype(np.uint8))


def cropped(share: float, pixels: Pixels) -> bytes:
    """A share of each side cut off all around."""
    top, left = round(len(pixels) * share), round(pixels.shape[1] * share)
    return as_png(np.ascontiguousarray(pixels[top : len(pixels) - top, left : pixels.shape[1] - left]))


def brighter(factor: float, pixels: Pixels) -> bytes:
    """Every level times a factor, white stays white."""
    return as_png(np.clip(np.rint(pixels * factor), 0, 255).astype(np.uint8))


def half_and_jpeg(pixels: Pixels) -> bytes:
    """Half the size, then JPEG 75: as messengers do."""
    with Image.open(io.BytesIO(resized(0.5, pixels))) as image:
        return as_jpeg(75, np.asarray(image))


def _saved(image: Image.Image, form: str, **options: int) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


CONDITIONS: MappingProxyType[str, Condition] = MappingProxyType(
    {
        "PNG without metadata": as_png,
        "JPEG 75": partial(as_jpeg, 75),
        "JPEG 40": partial(as_jpeg, 40),
        "WebP 75": partial(as_webp, 75),
        "half the size": partial(resized, 0.5),
        "half the size, JPEG 75": half_and_jpeg,
        "half as large again": partial(resized, 1.5),
        "blur of 1.5 pixels": partial(blurred, 1.5),
        "noise of 5 levels": partial(noisy, 5.0),
        "a tenth cut off all around": partial(cropped, 0.1),
        "levels times 1.2": partial(brighter, 1.2),
    }
)
