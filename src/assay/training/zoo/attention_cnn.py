"""`attention-cnn`: four convolutions with attention, from random weights.

Layers, for 256 x 256 x 3: pixels -1 to 1 -> four stages of 64, 128, 256 and 512 channels, each a convolution 3x3 with
stride 2, batch normalisation, ReLU, in the first two stages max-pooling by 2, and attention to channels and to places
-> mean over the picture (512) -> dense 512, ReLU, dropout -> dense 256, ReLU, dropout -> dense 1 (logit). Feature maps
end at 64 x 64, 16 x 16, 8 x 8 and 4 x 4. 2,033,609 parameters, 142.6 M multiply-adds; 394,241 of the parameters are in
the dense layers.

Decisions. The design names widths, not kernels, strides or the kind of attention. Without early strides 512 channels
at 256 x 256 would cost billions of multiply-adds; with stride 2 everywhere and pooling in the first two stages they
stay below 150 million, and the first convolution still sees every pixel. Attention is CBAM: each channel is weighted
by what a small shared network makes of its mean and its maximum, then each place by a 7x7 convolution over the mean
and the maximum of its channels. The small network is an eighth as wide as its stage (a sixteenth in the paper: four
units behind 64 channels easily die together).

Sources: Woo et al., "CBAM: convolutional block attention module", ECCV 2018; widths and dense layers of requirement
C4.
"""

from __future__ import annotations

import torch
from torch import nn

from assay.training.zoo.pixels import planes
from assay.training.zoo.registry import Architecture, register

SIDE = 256
WIDTHS = (64, 128, 256, 512)
POOLED = 2  # stages, from the first
NARROWER = 8  # how much the network of the attention to channels is narrower than its stage
DENSE = (512, 256)


class Attention(nn.Module):
    """Weights channels, then places.

    Args:
        channels: Of what comes in.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        narrow = channels // NARROWER
        self.channels = nn.Sequential(
            nn.Linear(channels, narrow, bias=False), nn.ReLU(), nn.Linear(narrow, channels, bias=False)
        )
        self.places = nn.Conv2d(2, 1, 7, padding=3, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Shape (n, channels, h, w), kept."""
        told = self.channels(x.mean((2, 3))) + self.channels(x.amax((2, 3)))
        x = x * torch.sigmoid(told)[:, :, None, None]
        summary = torch.cat([x.mean(1, keepdim=True), x.amax(1, keepdim=True)], 1)
        return x * torch.sigmoid(self.places(summary))


def _stage(inputs: int, outputs: int, pooled: bool) -> nn.Sequential:
    layers: list[nn.Module] = [nn.Conv2d(inputs, outputs, 3, 2, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()]
    if pooled:
        layers.append(nn.MaxPool2d(2))
    return nn.Sequential(*layers, Attention(outputs))


class AttentionCnn(nn.Module):
    """Stages, mean, dense layers.

    Args:
        dropout: Share dropped behind each hidden dense layer in training.
    """

    def __init__(self, dropout: float = 0.3) -> None:
        super().__init__()
        inputs = (3, *WIDTHS[:-1])
        self.stages = nn.Sequential(
            *(_stage(i, o, number < POOLED) for number, (i, o) in enumerate(zip(inputs, WIDTHS, strict=True)))
        )
        wide, narrow = DENSE
        self.head = nn.Sequential(
            *(nn.Linear(WIDTHS[-1], wide), nn.ReLU(), nn.Dropout(dropout)),
            *(nn.Linear(wide, narrow), nn.ReLU(), nn.Dropout(dropout)),
            nn.Linear(narrow, 1),
        )

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """Logits, positive for spoof.

        Args:
            pixels: Shape (n, side, side, 3), 0 to 255, side a multiple of 64.

        Returns:
            Shape (n,).
        """
        logits: torch.Tensor = self.head(self.stages(planes(pixels)).mean((2, 3))).squeeze(1)
        return logits


register(
    Architecture(
        name="attention-cnn",
        media="image",
        make=AttentionCnn,
        shape=(SIDE, SIDE, 3),
        integer=True,
        summary="Convolutions of 64, 128, 256, 512 with attention (CBAM, Woo et al., 2018), mean, dense 512, 256.",
        small_shape=(64, 64, 3),
    )
)
