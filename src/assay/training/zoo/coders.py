"""Encoder and decoder of the three autoencoders: four halvings, and four doublings back.

Every layer of the encoder is a convolution 3x3 with stride 2, every layer of the decoder a transposed one, 4x4 with
stride 2 (an even kernel, so that no checkerboard comes of it); batch normalisation and ReLU behind all but the last.
"""

from __future__ import annotations

from itertools import pairwise

from torch import nn

WIDTHS = (32, 64, 96, 128)
SHRINK = 2 ** len(WIDTHS)


def encoder() -> nn.Sequential:
    """Shape (n, 3, h, w), -1 to 1, to (n, 128, h / 16, w / 16), not negative; sides a multiple of 16."""
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise((3, *WIDTHS)):
        layers += [nn.Conv2d(inputs, outputs, 3, 2, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()]
    return nn.Sequential(*layers)


def decoder() -> nn.Sequential:
    """Shape (n, 128, h / 16, w / 16) to (n, 3, h, w)."""
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(WIDTHS[::-1]):
        layers += [nn.ConvTranspose2d(inputs, outputs, 4, 2, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()]
    return nn.Sequential(*layers, nn.ConvTranspose2d(WIDTHS[0], 3, 4, 2, 1))
