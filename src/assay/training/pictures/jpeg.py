"""JPEG for a batch of tensors, on any device: what a file saved at a quality and opened again looks like.

Quantisation tables, colour conversion and chroma subsampling are those of the IJG library (ITU-T T.81, annex K); the
entropy coding, which loses nothing, is left out.
"""

from __future__ import annotations

import math
from functools import cache

import torch
from torch.nn import functional

LUMINANCE = (
    16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55, 14, 13, 16, 24, 40, 57, 69, 56, 14, 17, 22, 29, 51,
    87, 80, 62, 18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92, 49, 64, 78, 87, 103, 121, 120, 101,
    72, 92, 95, 98, 112, 100, 103, 99,
)  # fmt: skip
CHROMINANCE = (
    17, 18, 24, 47, 99, 99, 99, 99, 18, 21, 26, 66, 99, 99, 99, 99, 24, 26, 56, 99, 99, 99, 99, 99, 47, 66, 99, 99, 99,
    99, 99, 99, *(99,) * 32,
)  # fmt: skip
TO_YCC = ((0.299, 0.587, 0.114), (-0.168736, -0.331264, 0.5), (0.5, -0.418688, -0.081312))
TO_RGB = ((1.0, 0.0, 1.402), (1.0, -0.344136, -0.714136), (1.0, 1.772, 0.0))
BLOCK = 8


@cache
def _transform(device: torch.device) -> torch.Tensor:
    """The cosine transform of a block whose rows lie end to end, shape (64, 64), orthonormal."""
    k = torch.arange(BLOCK, dtype=torch.float64)
    matrix = torch.cos(math.pi * (2 * k[None] + 1) * k[:, None] / (2 * BLOCK)) * math.sqrt(2 / BLOCK)
    matrix[0] /= math.sqrt(2)
    return torch.kron(matrix, matrix).float().to(device)


@cache
def _constants(device: torch.device) -> tuple[torch.Tensor, ...]:
    tables = torch.tensor([LUMINANCE, CHROMINANCE], dtype=torch.float32).view(2, BLOCK, BLOCK)
    return tables.to(device), torch.tensor(TO_YCC).to(device), torch.tensor(TO_RGB).to(device)


def tables_of(quality: torch.Tensor) -> torch.Tensor:
    """Luminance and chrominance tables of each quality, (n,) in 1 to 100, as shape (n, 2, 8, 8)."""
    tables, _, _ = _constants(quality.device)
    scale = torch.where(quality < 50, (5000 / quality).floor(), 200 - 2 * quality)
    return ((tables * scale.view(-1, 1, 1, 1) + 50) / 100).floor().clamp(1, 255)


def save_and_open(pixels: torch.Tensor, quality: torch.Tensor, *, halved: bool) -> torch.Tensor:
    """What comes back from a JPEG file.

    Args:
        pixels: RGB, shape (n, 3, h, w), float, 0 to 255; sides a multiple of 16.
        quality: Shape (n,), whole numbers 1 to 100, as floats.
        halved: Whether chroma is halved in both directions (4:2:0) or kept (4:4:4).

    Returns:
        Same shape, whole numbers.
    """
    _, to_ycc, to_rgb = _constants(pixels.device)
    ycc = torch.einsum("oc,nchw->nohw", to_ycc, pixels.round()).round()
    tables = tables_of(quality)
    luma = _quantised(ycc[:, :1] - 128, tables[:, :1])
    chroma = functional.avg_pool2d(ycc[:, 1:], 2).round() if halved else ycc[:, 1:]
    chroma = _quantised(chroma, tables[:, 1:])
    if halved:
        chroma = functional.interpolate(chroma, scale_factor=2, mode="bilinear")
    back = torch.einsum("oc,nchw->nohw", to_rgb, torch.cat([luma + 128, chroma], 1).round())
    return back.round().clamp(0, 255)


def _quantised(planes: torch.Tensor, tables: torch.Tensor) -> torch.Tensor:
    n, channels, height, width = planes.shape
    rows, columns = height // BLOCK, width // BLOCK
    blocks = planes.reshape(n, channels, rows, BLOCK, columns, BLOCK).transpose(3, 4)
    # Both directions in one product of 64 x 64: one large multiplication instead of many small ones.
    transform = _transform(planes.device)
    steps = tables.reshape(n, -1, 1, 1, BLOCK * BLOCK)
    levels = (blocks.reshape(n, channels, rows, columns, -1) @ transform.T / steps).round() * steps
    back = (levels @ transform).reshape(n, channels, rows, columns, BLOCK, BLOCK)
    return back.transpose(3, 4).reshape(n, channels, height, width)
