"""`resnet`: ResNet-18 or ResNet-34 by transfer learning.

Layers, for 128 x 128 x 3: colours normalised as for ImageNet -> convolution 7x7/2, 64 -> max-pooling 3x3/2 -> residual
blocks of two 3x3 convolutions: 64 (2), 128 (2), 256 (2), 512 (2), the first of each width but 64 with stride 2 -> mean
over the picture -> dropout -> dense 1 (logit). 11,177,025 parameters, 592.2 M multiply-adds; the head has 513 of the
parameters. With `depth=34` the blocks are 3, 4, 6 and 3: 21,285,185 parameters, 1196.2 M multiply-adds.

Decisions. Own implementation; layers have torchvision's names, so that its published weights (resnet18-*.pth,
resnet34-*.pth) can be loaded from a file. 128 pixels as in the other two transfer backbones, so that a table compares
networks and not resolutions. That is four times the budget of the zoo: the widths are the design's own, and at 64
pixels, which would fit, down-sampling has taken most traces of synthesis. Any side that is a multiple of 32 works.

Source: He et al., "Deep residual learning for image recognition", CVPR 2016.
"""

from __future__ import annotations

import torch
from torch import nn

from assay.errors import TrainingError
from assay.training.zoo.pixels import imagenet_normalise
from assay.training.zoo.registry import Architecture, register
from assay.training.zoo.transfer import Transfer

SIDE = 128
WIDTHS = (64, 128, 256, 512)
BLOCKS = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3)}  # by depth


def _convolution(inputs: int, outputs: int, kernel: int, stride: int) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False)


class Residual(nn.Module):
    """Two convolutions beside a shortcut; names of the layers are torchvision's.

    Args:
        inputs, outputs: Channels.
        stride: Of the first convolution and of the shortcut.
    """

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1, self.bn1 = _convolution(inputs, outputs, 3, stride), nn.BatchNorm2d(outputs)
        self.conv2, self.bn2 = _convolution(outputs, outputs, 3, 1), nn.BatchNorm2d(outputs)
        alike = stride == 1 and inputs == outputs
        self.downsample = (
            None if alike else nn.Sequential(_convolution(inputs, outputs, 1, stride), nn.BatchNorm2d(outputs))
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Shape (n, inputs, h, w) to (n, outputs, h / stride, w / stride)."""
        y = self.bn2(self.conv2(torch.relu(self.bn1(self.conv1(x)))))
        return torch.relu(y + (x if self.downsample is None else self.downsample(x)))


class ResNetTrunk(nn.Module):
    """Everything before the mean over the picture.

    Args:
        blocks: How many of each width.
    """

    def __init__(self, blocks: tuple[int, ...]) -> None:
        super().__init__()
        self.conv1, self.bn1 = _convolution(3, WIDTHS[0], 7, 2), nn.BatchNorm2d(WIDTHS[0])
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        inputs = WIDTHS[0]
        for number, (width, count) in enumerate(zip(WIDTHS, blocks, strict=True), 1):
            layer = [Residual(inputs, width, 1 if number == 1 else 2)]
            layer += [Residual(width, width, 1) for _ in range(count - 1)]
            self.add_module(f"layer{number}", nn.Sequential(*layer))
            inputs = width

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Shape (n, 3, h, w) to (n, 512, h / 32, w / 32)."""
        x = self.maxpool(torch.relu(self.bn1(self.conv1(x))))
        for number in range(1, len(WIDTHS) + 1):
            x = self.get_submodule(f"layer{number}")(x)
        return x


class ResNet(Transfer):
    """The trunk of a ResNet and a head.

    Args:
        depth: 18 or 34.
        fine_tune: Whether the trunk learns, too.
        dropout: Share of features dropped in training.

    Raises:
        TrainingError: If there is no such depth.
    """

    def __init__(self, *, depth: int = 18, fine_tune: bool = True, dropout: float = 0.2) -> None:
        if depth not in BLOCKS:
            raise TrainingError(f"There is no ResNet of depth {depth} here; give 18 or 34.", depth=depth)
        trunk = ResNetTrunk(BLOCKS[depth])
        super().__init__(trunk, WIDTHS[-1], imagenet_normalise(), fine_tune=fine_tune, dropout=dropout)


register(
    Architecture(
        name="resnet",
        media="image",
        make=ResNet,
        shape=(SIDE, SIDE, 3),
        integer=True,
        summary="ResNet-18 (or 34) from ImageNet weights, mean over the picture, one head (He et al., 2016).",
        variants=(("resnet-34", {"depth": 34}),),
        small_shape=(64, 64, 3),
    )
)
