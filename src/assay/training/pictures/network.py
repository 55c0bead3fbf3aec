"""The network that looks at a crop of a picture: EfficientNet-Lite0, begun with ImageNet weights, and three heads.

Input are pixels as they are, 0 to 255; output is a logit for each look (a face, a whole picture, a piece), positive for
spoof. What the trunk is shown is a `view`: the pixels themselves,
or one of the residuals that the literature proposes; which of them is worth its price is measured in
docs/picture-detector.md.

Sources: Tan & Le, "EfficientNet", 2019, and the Lite variants of the TensorFlow authors (no squeeze-and-excitation,
ReLU6); views: Tan et al., "Rethinking the Up-Sampling Operations", 2024 (neighbours); Bayar & Stamm, 2016
(constrained); Tan et al., "Learning on Gradients", 2023 (a plain Laplacian here); Gragnaniello et al., 2021 (no
down-sampling in the first layer); Frank et al., 2020 (spectrum).
"""

from __future__ import annotations

from itertools import pairwise
from typing import Literal, get_args

import torch
from torch import nn
from torch.nn import functional

View = Literal["pixels", "neighbours", "laplacian", "constrained", "shuffle", "spectrum", "full", "two"]
VIEWS: tuple[str, ...] = get_args(View)
# Expansion, channels, repetitions, stride, kernel.
BLOCKS = ((1, 16, 1, 1, 3), (6, 24, 2, 2, 3), (6, 40, 2, 2, 5), (6, 80, 3, 2, 3), (6, 112, 3, 1, 5), (6, 192, 4, 2, 5),
          (6, 320, 1, 1, 3))  # fmt: skip
FEATURES = 1280
SHUFFLED = 48  # side of a piece, in pixels
TILE = 32  # side of a spectrum, in pixels
LOOKS = 3  # columns of the output: face, whole, piece


class SameConv(nn.Conv2d):
    """A convolution padded as TensorFlow pads: with stride 2 one more at the right and at the bottom."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1) -> None:
        symmetric = kernel // 2 if stride == 1 else 0
        super().__init__(inputs, outputs, kernel, stride, symmetric, groups=groups, bias=False)
        whole = kernel - stride  # for even sides
        self.edges = (whole // 2, whole - whole // 2) * 2 if stride > 1 else None

    def forward(self, x: torch.Tensor) -> torch.Tensor:  # noqa: D102
        return super().forward(functional.pad(x, self.edges) if self.edges else x)


def _normed(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=1e-3, momentum=0.01)


class Inverted(nn.Module):
    """An inverted residual block; names of the layers are those of the published weights."""

    def __init__(self, inputs: int, outputs: int, expansion: int, stride: int, kernel: int) -> None:
        super().__init__()
        middle = inputs * expansion
        self.expands = expansion != 1
        if self.expands:
            self._expand_conv, self._bn0 = SameConv(inputs, middle, 1), _normed(middle)
        self._depthwise_conv, self._bn1 = SameConv(middle, middle, kernel, stride, middle), _normed(middle)
        self._project_conv, self._bn2 = SameConv(middle, outputs, 1), _normed(outputs)
        self.adds = stride == 1 and inputs == outputs

    def forward(self, x: torch.Tensor) -> torch.Tensor:  # noqa: D102
        y: torch.Tensor = functional.relu6(self._bn0(self._expand_conv(x))) if self.expands else x
        y = self._bn2(self._project_conv(functional.relu6(self._bn1(self._depthwise_conv(y)))))
        return x + y if self.adds else y


class Trunk(nn.Module):
    """EfficientNet-Lite0 up to its last features.

    Args:
        full: Keep the full resolution in the first layer.
    """

    def __init__(self, *, full: bool = False) -> None:
        super().__init__()
        self._conv_stem, self._bn0 = SameConv(3, 32, 3, 1 if full else 2), _normed(32)
        blocks, inputs = [], 32
        for expansion, outputs, repetitions, stride, kernel in BLOCKS:
            for i in range(repetitions):
                blocks.append(Inverted(inputs, outputs, expansion, stride if i == 0 else 1, kernel))
                inputs = outputs
        self._blocks = nn.Sequential(*blocks)
        self._conv_head, self._bn1 = SameConv(inputs, FEATURES, 1), _normed(FEATURES)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Shape (n, 3, h, w) to (n, 1280, h / 32, w / 32)."""
        x = self._blocks(functional.relu6(self._bn0(self._conv_stem(x))))
        return functional.relu6(self._bn1(self._conv_head(x)))


class Traces(nn.Module):
    """A small plain net on what is left when neighbours predict each other: a second branch."""

    channels = 96

    def __init__(self) -> None:
        super().__init__()
        widths = (9, 32, 48, 64, self.channels)
        layers: list[nn.Module] = []
        for inputs, outputs in pairwise(widths):
            layers += [SameConv(inputs, outputs, 3, 2), nn.BatchNorm2d(outputs), nn.ReLU()]
            layers += [SameConv(outputs, outputs, 3), nn.BatchNorm2d(outputs), nn.ReLU()]
        self.layers = nn.Sequential(*layers)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Shape (n, 3, h, w), values about -1 to 1, to (n, channels, h / 16, w / 16)."""
        across = functional.pad(x[..., 1:] - x[..., :-1], (0, 1))
        down = functional.pad(x[..., 1:, :] - x[..., :-1, :], (0, 0, 0, 1))
        features: torch.Tensor = self.layers(torch.cat([across, down, laplacian(x)], 1) * 3)
        return features


class Spectra(nn.Module):
    """Mean and spread over tiles of the log spectrum of the Laplacian, as features."""

    features = 64

    def __init__(self) -> None:
        super().__init__()
        bins = TILE * (TILE // 2 + 1)
        self.net = nn.Sequential(nn.Linear(2 * bins, 128), nn.ReLU(), nn.Linear(128, self.features), nn.ReLU())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Shape (n, 3, h, w) to (n, 64)."""
        with torch.autocast(x.device.type, enabled=False):
            residual = laplacian(x.float().mean(1, keepdim=True))
            n, _, height, width = residual.shape
            cut = residual[..., : height // TILE * TILE, : width // TILE * TILE]
            tiles = cut.unfold(2, TILE, TILE).unfold(3, TILE, TILE).reshape(n, -1, TILE, TILE)
            window = torch.hann_window(TILE, device=x.device)
            power = torch.fft.rfft2(tiles * window * window[:, None]).abs().add(1e-3).log()
            told: torch.Tensor = self.net(torch.cat([power.mean(1).flatten(1), power.std(1).flatten(1)], 1))
        return told


class PictureNet(nn.Module):
    """Trunk and heads.

    Args:
        view: What the trunk is shown.
        dropout: Share of features dropped in training.
    """

    def __init__(self, view: View = "pixels", dropout: float = 0.2) -> None:
        super().__init__()
        self.view = view
        self.trunk = Trunk(full=view == "full")
        self.constrained = nn.Conv2d(3, 3, 5, padding=2, bias=False) if view == "constrained" else None
        self.spectra = Spectra() if view == "spectrum" else None
        self.traces = Traces() if view == "two" else None
        self.dropout = nn.Dropout(dropout)
        beside = Spectra.features if self.spectra else 2 * Traces.channels if self.traces else 0
        self.head = nn.Linear(FEATURES + beside, LOOKS)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """Logits.

        Args:
            pixels: Shape (n, 3, h, w), 0 to 255, sides a multiple of 32.

        Returns:
            Shape (n, 3): of a face, of a whole picture, of a piece of one.
        """
        logits: torch.Tensor = self.head(self.dropout(self.features(pixels)))
        return logits

    def features(self, pixels: torch.Tensor) -> torch.Tensor:
        """What the heads see, shape (n, features)."""
        x = (pixels - 127) / 128
        found = [self.trunk(self._shown(x)).mean((2, 3))]
        if self.spectra is not None:
            found.append(self.spectra(x))
        if self.traces is not None:
            traces = self.traces(x).float()
            found += [traces.mean((2, 3)), traces.std((2, 3))]
        return torch.cat(found, 1)

    def _shown(self, x: torch.Tensor) -> torch.Tensor:
        if self.view == "neighbours":
            first = x[..., ::2, ::2].repeat_interleave(2, -1).repeat_interleave(2, -2)
            return (x - first) * 4
        if self.view == "laplacian":
            return laplacian(x) * 2
        if self.constrained is not None:
            weight = self.constrained.weight
            return functional.conv2d(x, weight - weight.mean((2, 3), keepdim=True), padding=2) * 4
        if self.view == "shuffle":
            return shuffled(x)
        return x


def laplacian(x: torch.Tensor) -> torch.Tensor:
    """Four times each value minus its neighbours, edges repeated; same shape."""
    padded = functional.pad(x, (1, 1, 1, 1), mode="replicate")
    around = padded[..., :-2, 1:-1] + padded[..., 2:, 1:-1] + padded[..., 1:-1, :-2] + padded[..., 1:-1, 2:]
    return 4 * x - around


def shuffled(x: torch.Tensor) -> torch.Tensor:
    """Pieces of `SHUFFLED` pixels in another order, one and the same for the batch; in eval mode, too."""
    n, channels, height, width = x.shape
    rows, columns = height // SHUFFLED, width // SHUFFLED
    pieces = x[..., : rows * SHUFFLED, : columns * SHUFFLED].reshape(n, channels, rows, SHUFFLED, columns, SHUFFLED)
    pieces = pieces.permute(0, 1, 3, 5, 2, 4).reshape(n, channels, SHUFFLED, SHUFFLED, rows * columns)
    pieces = pieces[..., torch.randperm(rows * columns, device=x.device)]
    pieces = pieces.reshape(n, channels, SHUFFLED, SHUFFLED, rows, columns).permute(0, 1, 4, 2, 5, 3)
    return pieces.reshape(n, channels, rows * SHUFFLED, columns * SHUFFLED)


def load_imagenet(net: PictureNet, state: dict[str, torch.Tensor]) -> None:
    """Begin with the published weights of efficientnet_lite0; its classifier is left out.

    Raises:
        RuntimeError: If a layer is missing or of another shape.
    """
    net.trunk.load_state_dict({name: value for name, value in state.items() if not name.startswith("_fc")})
