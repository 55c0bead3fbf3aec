"""Pixels as they come to the planes that convolutions take, inside the network, so that it travels with the graph."""

from __future__ import annotations

import torch
from torch import nn

# Mean and standard deviation of the colours of ImageNet, of 1, as torchvision's weights were trained with.
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_DEVIATION = (0.229, 0.224, 0.225)


def planes(pixels: torch.Tensor) -> torch.Tensor:
    """Shape (n, height, width, 3), 0 to 255, to (n, 3, height, width), -1 to 1."""
    return pixels.permute(0, 3, 1, 2).float() / 127.5 - 1


class Normalise(nn.Module):
    """Pixels minus a mean, divided by a deviation, colour by colour.

    Args:
        mean, deviation: Of red, green and blue, of 255.
    """

    def __init__(self, mean: tuple[float, float, float], deviation: tuple[float, float, float]) -> None:
        super().__init__()
        self.mean: torch.Tensor
        self.deviation: torch.Tensor
        self.register_buffer("mean", torch.tensor(mean)[:, None, None], persistent=False)
        self.register_buffer("deviation", torch.tensor(deviation)[:, None, None], persistent=False)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """Shape (n, height, width, 3), 0 to 255, to (n, 3, height, width)."""
        return (pixels.permute(0, 3, 1, 2).float() - self.mean) / self.deviation


def imagenet_normalise() -> Normalise:
    """As torchvision's ImageNet weights expect."""
    return Normalise(_of_255(IMAGENET_MEAN), _of_255(IMAGENET_DEVIATION))


def _of_255(colour: tuple[float, float, float]) -> tuple[float, float, float]:
    red, green, blue = colour
    return 255 * red, 255 * green, 255 * blue
