"""Masks: outlines filled, blots drawn by chance, both softened and bent. All are float32 in [0, 1], shape (h, w)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy import ndimage  # type: ignore[import-untyped]

from assay.training.fakes.pictures.method import Mask, Points

BLOT_KNOTS = 5  # of the noise that shapes a blot, a side


def filled(outline: Points, height: int, width: int) -> Mask:
    """Inside of a polygon, shape (n, 2), n >= 3."""
    image = Image.new("L", (width, height))
    ImageDraw.Draw(image).polygon([(float(x) - 0.5, float(y) - 0.5) for x, y in outline[:, :2]], fill=255)
    return np.asarray(image, np.float32) / np.float32(255)


def soft(mask: Mask, sigma: float) -> Mask:
    """Gaussian blur, `sigma` in pixels; beyond the edge the last pixels go on."""
    return np.asarray(ndimage.gaussian_filter(mask, sigma, mode="nearest", truncate=3.0), np.float32)


def feathered(mask: Mask, sigma: float) -> Mask:
    """Softened inwards only: outside the mask nothing changes. `sigma` in pixels."""
    # Drawn in by two deviations first, the blur has little left of it where the old edge was.
    inner = ndimage.gaussian_filter(mask, sigma, mode="nearest", truncate=3.0)
    return np.asarray(np.clip(2 * inner - 1, 0, 1) * (mask > 0), np.float32)


def waves(height: int, width: int, knots: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """Smooth noise: normal at `knots` × `knots` points, splines between, shape (height, width)."""
    coarse = rng.standard_normal((knots, knots))
    y = np.linspace(0, knots - 1, height)[:, None] + np.zeros(width)
    x = np.linspace(0, knots - 1, width) + np.zeros((height, 1))
    return np.asarray(ndimage.map_coordinates(coarse, [y, x], order=3, mode="nearest"), np.float32)


def bent(mask: Mask, reach: float, rng: np.random.Generator, *, knots: int = 6) -> Mask:
    """Every point moved by smooth noise of about `reach` pixels (Simard et al., ICDAR 2003, on fewer knots)."""
    height, width = mask.shape
    y, x = (reach * waves(height, width, knots, rng) for _ in range(2))
    rows, columns = np.mgrid[:height, :width]
    return np.asarray(
        np.clip(ndimage.map_coordinates(mask, [rows + y, columns + x], order=1, mode="nearest"), 0, 1), np.float32
    )


def blot(height: int, width: int, rng: np.random.Generator) -> Mask:
    """A blot or an outline of straight lines by chance, hard-edged, that fills most of the given box."""
    if rng.random() < 0.3:
        corners = int(rng.integers(4, 9))
        angles = np.sort(rng.uniform(0, 2 * np.pi, corners))
        radii = rng.uniform(0.35, 0.5, corners)
        shape = 0.5 + np.stack([np.cos(angles), np.sin(angles)], axis=1) * radii[:, None]
        drawn = filled(shape * (width, height), height, width)
        if drawn.mean() > 0.15:
            return np.asarray(drawn > 0.5, np.float32)
    y, x = (np.linspace(-1, 1, size) for size in (height, width))
    power = rng.uniform(2.0, 4.0)  # from an ellipse towards a rectangle
    radius = (np.abs(y)[:, None] ** power + np.abs(x) ** power) ** (1 / power)
    drawn = np.asarray(radius + 0.2 * waves(height, width, BLOT_KNOTS, rng) < 0.8, np.float32)
    parts, count = ndimage.label(drawn)
    if count > 1:
        sizes = np.bincount(parts.ravel())[1:]
        drawn = np.asarray(parts == 1 + int(sizes.argmax()), np.float32)
    return drawn


def box_of(mask: Mask) -> tuple[int, int, int, int] | None:
    """Left, top, right, bottom (exclusive) of what is above 0, in pixels; None if nothing is."""
    rows, columns = np.flatnonzero(mask.max(axis=1) > 0), np.flatnonzero(mask.max(axis=0) > 0)
    if not len(rows):
        return None
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1
