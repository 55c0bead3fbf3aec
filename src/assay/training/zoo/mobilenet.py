"""`mobilenet`: MobileNetV2 by transfer learning.

Layers, for 128 x 128 x 3: colours normalised as for ImageNet -> convolution 3x3/2, 32 -> inverted residual blocks of
16, 24 (2), 32 (3), 64 (4), 96 (3), 160 (3) and 320 channels, six times as wide inside (the first one time), ReLU6 ->
convolution 1x1, 1280 -> mean over the picture -> dropout -> dense 1 (logit). 2,225,153 parameters, 97.8 M
multiply-adds; the head has 1,281 of the parameters.

Decisions. Own implementation; layers have torchvision's names, so that its published weights (mobilenet_v2-*.pth) can
be loaded from a file. 128 pixels as in the other two transfer backbones, so that a table compares networks and not
resolutions. Any side that is a multiple of 32 works.

Source: Sandler et al., "MobileNetV2: inverted residuals and linear bottlenecks", CVPR 2018.
"""

from __future__ import annotations

import torch
from torch import nn

from assay.training.zoo.pixels import imagenet_normalise
from assay.training.zoo.registry import Architecture, register
from assay.training.zoo.transfer import Transfer

SIDE = 128
FEATURES = 1280
# Expansion, channels, repetitions, stride.
BLOCKS = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))


def _layer(inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1) -> nn.Sequential:
    convolution = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(outputs), nn.ReLU6())


class Inverted(nn.Module):
    """An inverted residual block; names of the layers are torchvision's.

    Args:
        inputs, outputs: Channels.
        expansion: How many times as wide it is inside.
        stride: Of the depthwise convolution.
    """

    def __init__(self, inputs: int, outputs: int, expansion: int, stride: int) -> None:
        super().__init__()
        middle = inputs * expansion
        layers: list[nn.Module] = [_layer(inputs, middle, 1)] if expansion > 1 else []
        layers += [_layer(middle, middle, 3, stride, middle)]
        layers += [nn.Conv2d(middle, outputs, 1, bias=False), nn.BatchNorm2d(outputs)]
        self.conv = nn.Sequential(*layers)
        self.adds = stride == 1 and inputs == outputs

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Shape (n, inputs, h, w) to (n, outputs, h / stride, w / stride)."""
        y: torch.Tensor = self.conv(x)
        return x + y if self.adds else y


class MobileNetTrunk(nn.Module):
    """Everything before the mean over the picture."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = [_layer(3, 32, 3, 2)]
        inputs = 32
        for expansion, outputs, repetitions, stride in BLOCKS:
            for number in range(repetitions):
                layers.append(Inverted(inputs, outputs, expansion, stride if number == 0 else 1))
                inputs = outputs
        self.features = nn.Sequential(*layers, _layer(inputs, FEATURES, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Shape (n, 3, h, w) to (n, 1280, h / 32, w / 32)."""
        y: torch.Tensor = self.features(x)
        return y


class MobileNet(Transfer):
    """The trunk of MobileNetV2 and a head.

    Args:
        fine_tune: Whether the trunk learns, too.
        dropout: Share of features dropped in training.
    """

    def __init__(self, *, fine_tune: bool = True, dropout: float = 0.2) -> None:
        super().__init__(MobileNetTrunk(), FEATURES, imagenet_normalise(), fine_tune=fine_tune, dropout=dropout)


register(
    Architecture(
        name="mobilenet",
        media="image",
        make=MobileNet,
        shape=(SIDE, SIDE, 3),
        integer=True,
        summary="MobileNetV2 from ImageNet weights, mean over the picture, one head (Sandler et al., 2018).",
        small_shape=(64, 64, 3),
    )
)
