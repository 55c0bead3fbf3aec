"""Self-blended faces for a batch: a changed copy of a face is blended into itself, where only the seam tells.

Written after the idea of Shiohara & Yamasaki, "Detecting Deepfakes with Self-Blended Images", 2022: what swaps have in
common is a face whose colour, sharpness and place do not quite fit what is around it.
"""

from __future__ import annotations

import math

import torch
from torch.nn import functional

COARSE = 8  # knots of the warps, a side


def self_blended(pixels: torch.Tensor, hulls: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Blend each face with a changed copy of itself.

    Args:
        pixels: Crops around faces, shape (n, 3, s, s), float, 0 to 255.
        hulls: Convex outline of each face, shape (n, points, 2), x and y as shares of the crop's side in [0, 1],
            counter-clockwise or clockwise, the last point repeated to fill up.
        generator: On the device of the pixels.

    Returns:
        Same shape, 0 to 255.
    """
    drawn = _Drawn(generator, len(pixels), pixels.device)
    mask = face_masks(hulls, pixels.shape[-1], drawn)
    changed = _moved(_recoloured(pixels, drawn), drawn)
    base = pixels
    swapped = drawn.uniform(0, 1) < 0.5  # either the face or what is around it was changed
    inner = torch.where(swapped, changed, base)
    outer = torch.where(swapped, base, changed)
    return (outer + (inner - outer) * mask).clamp(0, 255)


def face_masks(hulls: torch.Tensor, side: int, drawn: _Drawn) -> torch.Tensor:
    """Soft masks of the hulls, scaled, bent and blurred by chance, shape (n, 1, side, side), 0 to 1."""
    middle = hulls.mean(1, keepdim=True)
    scale = drawn.uniform(0.75, 1.12).view(-1, 1, 1)
    lower = (drawn.uniform(0, 1) < 0.25).view(-1, 1, 1)  # at times the lower half of the face only
    points = middle + (hulls - middle) * scale
    top = torch.where(lower, middle[..., 1:], torch.zeros_like(middle[..., 1:]))
    points = torch.cat([points[..., :1], torch.maximum(points[..., 1:], top)], -1)
    grid = torch.linspace(0.5 / side, 1 - 0.5 / side, side, device=hulls.device)
    at = torch.stack([grid.expand(side, side), grid[:, None].expand(side, side)], -1).view(1, side, side, 2)
    at = at + drawn.bend(side, 0.025)
    start, edge = points, points.roll(-1, 1) - points
    away = at.view(len(at), 1, -1, 2) - start[:, :, None]
    cross = edge[:, :, None, 0] * away[..., 1] - edge[:, :, None, 1] * away[..., 0]
    inside = (cross >= -1e-9).all(1) | (cross <= 1e-9).all(1)
    mask = inside.view(-1, 1, side, side).float()
    # Three box blurs make nearly a Gaussian; one width for all, the depth of the seam is drawn for each.
    width = int(drawn.one(1, max(2, side // 24))) * 2 + 1
    for _ in range(3):
        mask = functional.avg_pool2d(mask, width, 1, width // 2, count_include_pad=False)
    harden = drawn.uniform(1.0, 3.0)
    mask = ((mask - 0.5) * harden + 0.5).clamp(0, 1)
    weights = torch.tensor([0.25, 0.5, 0.75, 1.0, 1.0, 1.0], device=mask.device)
    return mask * weights[(drawn.uniform(0, 1) * len(weights)).long().clamp(max=len(weights) - 1)]


class _Drawn:
    """Random numbers for a batch."""

    def __init__(self, generator: torch.Generator, n: int, device: torch.device) -> None:
        self._generator, self._n, self._device = generator, n, device

    def uniform(self, low: float, high: float, channels: int = 1) -> torch.Tensor:
        """Shape (n, channels, 1, 1)."""
        drawn = torch.rand((self._n, channels, 1, 1), generator=self._generator, device=self._device)
        return low + (high - low) * drawn

    def one(self, low: float, high: float) -> float:
        """One number for the batch."""
        return low + (high - low) * float(torch.rand(1, generator=self._generator, device=self._device).item())

    def bend(self, side: int, reach: float) -> torch.Tensor:
        """Smooth displacements, shape (n, side, side, 2), about `reach` of the side."""
        knots = torch.randn((self._n, 2, COARSE, COARSE), generator=self._generator, device=self._device) * reach
        return functional.interpolate(knots, size=(side, side), mode="bicubic").permute(0, 2, 3, 1)


def _recoloured(x: torch.Tensor, drawn: _Drawn) -> torch.Tensor:
    """Other light and colour, other sharpness: what another camera and another place would leave."""
    shift = drawn.uniform(-20, 20, 3) * (drawn.uniform(0, 1) < 0.6)
    gain = 1 + drawn.uniform(-0.15, 0.15) * (drawn.uniform(0, 1) < 0.6)
    grey = x.mean(1, keepdim=True)
    saturation = 1 + drawn.uniform(-0.3, 0.3) * (drawn.uniform(0, 1) < 0.6)
    y = grey + (x - grey) * saturation
    y = (y - 127) * gain + 127 + shift
    factor = drawn.one(1.3, 3.0)
    small = functional.interpolate(y, scale_factor=1 / factor, mode="bilinear", antialias=True)
    soft = functional.interpolate(small, size=y.shape[-2:], mode="bicubic")
    kind = drawn.uniform(0, 1)
    y = torch.where(kind < 0.35, soft, y)
    amount = drawn.uniform(0.2, 0.9)
    return torch.where(kind > 0.75, y + (y - soft) * amount, y).clamp(0, 255)


def _moved(x: torch.Tensor, drawn: _Drawn) -> torch.Tensor:
    """Shifted, scaled, turned and bent a little."""
    n, side = len(x), x.shape[-1]
    angle = drawn.uniform(-0.05, 0.05).view(n)
    scale = 1 + drawn.uniform(-0.04, 0.04).view(n)
    cos, sin = torch.cos(angle) * scale, torch.sin(angle) * scale
    shift = drawn.uniform(-0.05, 0.05, 2).view(n, 2)
    matrix = torch.stack([cos, -sin, shift[:, 0], sin, cos, shift[:, 1]], 1).view(n, 2, 3)
    grid = functional.affine_grid(matrix, [n, 3, side, side], align_corners=False)
    grid = grid + drawn.bend(side, 0.008 * math.sqrt(2))
    return functional.grid_sample(x, grid, mode="bicubic", padding_mode="reflection", align_corners=False).clamp(0, 255)
