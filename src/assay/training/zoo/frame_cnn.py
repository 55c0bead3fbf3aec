"""`frame-cnn`: a small convolutional network on every frame of a face, and the mean of what it says.

Layers, for 16 x 96 x 96 x 3, every frame by itself: pixels -1 to 1 -> convolutions 3x3/2 of 16, 32, 64 and 128, batch
normalisation and ReLU behind each -> mean over the frame (128) -> dropout -> dense 1 (logit of the frame). The logit
is the mean over frames. 97,809 parameters, 143.3 M multiply-adds (9 M for each frame).

Decisions. The design says no more than "frame-CNN". Order and number of frames do not matter to it: it is what models
over time have to beat. Sixteen faces of 96 pixels within 150 million multiply-adds leave 9 million for each.

Source: requirement D1; Afchar et al., "MesoNet", WIFS 2018, for a network this small on faces.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import nn

from assay.training.zoo.pixels import planes
from assay.training.zoo.registry import Architecture, register

FRAMES, SIDE = 16, 96
WIDTHS = (16, 32, 64, 128)


class FrameTrunk(nn.Module):
    """Every frame by itself to features."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for inputs, outputs in pairwise((3, *WIDTHS)):
            layers += [nn.Conv2d(inputs, outputs, 3, 2, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()]
        self.layers = nn.Sequential(*layers)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """Shape (n, frames, side, side, 3), 0 to 255, side a multiple of 16, to (n, frames, 128)."""
        features: torch.Tensor = self.layers(planes(pixels.flatten(0, 1))).mean((2, 3))
        return features.reshape(pixels.shape[0], pixels.shape[1], WIDTHS[-1])


class FrameCnn(nn.Module):
    """A logit of every frame, and their mean.

    Args:
        dropout: Share of features dropped in training.
    """

    def __init__(self, dropout: float = 0.2) -> None:
        super().__init__()
        self.trunk = FrameTrunk()
        self.dropout, self.head = nn.Dropout(dropout), nn.Linear(WIDTHS[-1], 1)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """Logits, positive for spoof.

        Args:
            pixels: Shape (n, frames, side, side, 3), 0 to 255, side a multiple of 16.

        Returns:
            Shape (n,).
        """
        logits: torch.Tensor = self.head(self.dropout(self.trunk(pixels))).squeeze(2).mean(1)
        return logits


register(
    Architecture(
        name="frame-cnn",
        media="video",
        make=FrameCnn,
        shape=(FRAMES, SIDE, SIDE, 3),
        integer=True,
        summary="Four convolutions on every frame of a face by itself, mean of the frames' logits.",
        small_shape=(4, 32, 32, 3),
    )
)
