"""Ways in which a picture may reach somebody: saved again, at another size, with its edges cut off.

A delivery takes pixels and gives a file, because some detectors look at how a picture was stored, too. Pixels are
uint8 RGB, shape (height, width, 3). Same pixels, same file.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import partial
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from assay.errors import MissingExtra, UnsupportedMedia

Pixels = NDArray[np.uint8]
Delivery = Callable[[Pixels], bytes]


def as_png(pixels: Pixels) -> bytes:
    """As a PNG file without metadata."""
    return _saved(pixels, "PNG", compress_level=1)


def as_jpeg(quality: int, pixels: Pixels) -> bytes:
    """As a JPEG file of a quality from 1 to 95.

    Raises:
        UnsupportedMedia: If a side is longer than JPEG allows, 65,500 pixels.
    """
    return _saved(pixels, "JPEG", quality=quality)


def as_webp(quality: int, pixels: Pixels) -> bytes:
    """As a lossy WebP file.

    Raises:
        UnsupportedMedia: If a side is longer than WebP allows, 16,383 pixels.
        MissingExtra: If this Pillow was built without WebP.
    """
    return _saved(pixels, "WEBP", quality=quality)


def resize(factor: float, pixels: Pixels) -> Pixels:
    """Another size, by bicubic interpolation."""
    image = Image.fromarray(pixels)
    size = max(1, round(image.width * factor)), max(1, round(image.height * factor))
    return np.asarray(image.resize(size, Image.Resampling.BICUBIC))


def crop(share: float, pixels: Pixels) -> Pixels:
    """A share of each side, below 0.5, cut off all around."""
    top, left = round(len(pixels) * share), round(pixels.shape[1] * share)
    return np.ascontiguousarray(pixels[top : len(pixels) - top, left : pixels.shape[1] - left])


def first(change: Callable[[Pixels], Pixels], save: Delivery = as_png) -> Delivery:
    """A delivery that changes pixels before it saves them."""
    return lambda pixels: save(change(pixels))


def _saved(pixels: Pixels, form: str, **options: int) -> bytes:
    buffer = io.BytesIO()
    try:
        Image.fromarray(pixels).save(buffer, form, **options)
    except KeyError as error:  # Pillow knows encoders by name
        raise MissingExtra(
            f"Pillow lacks its encoder of {form} here. Its wheels hold it:"
            " pip install --force-reinstall --only-binary pillow pillow",
            codec=form,
        ) from error
    except (OSError, ValueError) as error:
        height, width = pixels.shape[:2]
        why = " ".join(str(error).split()).rstrip(".")
        raise UnsupportedMedia(f"A picture of {width} × {height} pixels cannot be saved as {form} ({why}).") from error
    return buffer.getvalue()


DELIVERIES: MappingProxyType[str, Delivery] = MappingProxyType(
    {
        "JPEG 75": partial(as_jpeg, 75),
        "WebP 75": partial(as_webp, 75),
        "half the size": first(partial(resize, 0.5)),
        "half the size, JPEG 75": first(partial(resize, 0.5), partial(as_jpeg, 75)),  # as messengers do
        "a twentieth cut off all around": first(partial(crop, 0.05)),
    }
)
