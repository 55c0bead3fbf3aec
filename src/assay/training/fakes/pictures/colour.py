"""Colour: to CIELAB and back, and one region given the colours of another."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from assay.training.fakes.pictures.method import Mask, Planes

_TO_XYZ = np.array(
    [[0.412453, 0.357580, 0.180423], [0.212671, 0.715160, 0.072169], [0.019334, 0.119193, 0.950227]], np.float32
)
_WHITE = _TO_XYZ.sum(axis=1)  # D65
_FROM_XYZ = np.linalg.inv(_TO_XYZ).astype(np.float32)
_CUBED = 6 / 29
MOST_GAIN = 1.6  # of a channel's spread: more would show noise and JPEG blocks


def to_lab(rgb: NDArray[np.generic]) -> Planes:
    """From sRGB in [0, 255], shape (..., 3), to CIELAB, L in [0, 100]."""
    share = rgb.astype(np.float32) / np.float32(255)
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    t = (linear @ _TO_XYZ.T) / _WHITE
    f = np.where(t > _CUBED**3, np.cbrt(t), t / (3 * _CUBED**2) + 4 / 29)
    x, y, z = np.moveaxis(f, -1, 0)
    return np.asarray(np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1), np.float32)


def to_rgb(lab: Planes) -> Planes:
    """CIELAB to sRGB, held within [0, 255]."""
    y = (lab[..., 0] + 16) / 116
    f = np.stack([y + lab[..., 1] / 500, y, y - lab[..., 2] / 200], axis=-1)
    t = np.where(f > _CUBED, f**3, 3 * _CUBED**2 * (f - 4 / 29)) * _WHITE
    linear = np.clip(t @ _FROM_XYZ.T, 0, 1)
    share = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return np.asarray(255 * share, np.float32)


def recoloured(source: Planes, target: NDArray[np.generic], mask: Mask) -> Planes:
    """`source` with the mean and spread of `target`'s colours within the mask.

    After Reinhard et al., "Color transfer between images", 2001; in CIELAB rather than lαβ, and the spread grows at
    most `MOST_GAIN` times.

    Args:
        source: sRGB in [0, 255], shape (h, w, 3).
        target: Likewise.
        mask: Shape (h, w); above one half counts, and some of it must.

    Returns:
        Shape (h, w, 3), sRGB in [0, 255].
    """
    inside = mask > 0.5
    lab, wanted = to_lab(source), to_lab(target[inside])
    given = lab[inside]
    gain = np.minimum(wanted.std(axis=0) / np.maximum(given.std(axis=0), 1e-3), MOST_GAIN)
    return to_rgb((lab - given.mean(axis=0)) * gain + wanted.mean(axis=0))


def relit(rgb: Planes, rng: np.random.Generator, *, strength: float = 1.0) -> Planes:
    """Brightness, contrast, saturation and each channel's level changed by chance, as another camera would.

    Args:
        rgb: sRGB in [0, 255], shape (h, w, 3).
        rng: What is drawn from.
        strength: Of the change; 1 is up to 20 levels, 15 % of contrast and 30 % of saturation.

    Returns:
        Likewise.
    """
    grey = rgb.mean(axis=-1, keepdims=True)
    saturation = 1 + strength * rng.uniform(-0.3, 0.3)
    contrast = 1 + strength * rng.uniform(-0.15, 0.15)
    shift = strength * (rng.uniform(-15, 15) + rng.uniform(-10, 10, 3))
    changed = grey + (rgb - grey) * saturation
    return np.asarray(np.clip((changed - 128) * contrast + 128 + shift, 0, 255), np.float32)
