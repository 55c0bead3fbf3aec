"""A trained network in fewer steps: the same answers, cheaper to compute. What is exported is folded; training is not.

- A logarithm's unit goes into the first convolution.
- The larger of two maps, ``max(a, b) = relu(a - b) + b``, becomes two convolutions and a sum, since ``a - b`` is a
  convolution, too. Runtimes keep their fastest layout through these, and not through a maximum.
"""

from __future__ import annotations

import copy

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from assay.training.audio_net import AudioResnet, Larger


class Difference(nn.Module):
    """What `Larger` answers, without a maximum."""

    def __init__(self, larger: Larger) -> None:
        super().__init__()
        both = fuse_conv_bn_eval(larger.both, larger.norm)
        (first, second), (first_bias, second_bias) = both.weight.chunk(2), _bias(both).chunk(2)
        self.excess = _like(both, first - second, first_bias - second_bias)
        self.second = _like(both, second, second_bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """`(n, inputs, frames, bins)` to `(n, outputs, ...)`."""
        larger: torch.Tensor = torch.relu(self.excess(x)) + self.second(x)
        return larger


def fold(net: AudioResnet) -> AudioResnet:
    """A folded copy of a network, in evaluation mode."""
    folded = copy.deepcopy(net).eval()
    for branch in folded.each:
        first = next(layer for layer in branch.trunk.modules() if isinstance(layer, nn.Conv2d))
        with torch.no_grad():
            first.weight[:, :: branch.spectrum.maps] *= branch.spectrum.unit  # those that see logarithms
        branch.spectrum.unit = 1.0
        for place, layer in enumerate(branch.trunk):
            if isinstance(layer, Larger):
                branch.trunk[place] = Difference(layer)
    return folded


def _bias(layer: nn.Conv2d) -> torch.Tensor:
    if layer.bias is None:
        raise ValueError("a convolution behind which a norm was fused has a bias")
    return layer.bias


def _like(layer: nn.Conv2d, weight: torch.Tensor, bias: torch.Tensor) -> nn.Conv2d:
    """A convolution that moves and pads as `layer` does, with other weights."""
    outputs, inputs, *kernel = weight.shape
    made = nn.Conv2d(inputs, outputs, (kernel[0], kernel[1]), layer.stride, layer.padding)  # type: ignore[arg-type]
    made.weight, made.bias = nn.Parameter(weight.detach()), nn.Parameter(bias.detach())
    return made
