"""Layers that several architectures of sound share."""

from __future__ import annotations

import torch
from torch import nn


class MaxFeatureMap(nn.Module):
    """Of each two maps the larger value: half as many maps come out.

    Source: Wu et al., "A light CNN for deep face representation with noisy labels", IEEE TIFS 2018.
    """

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Shape (n, 2 * maps, ...) to (n, maps, ...); map k against map k + maps."""
        return torch.maximum(*x.chunk(2, 1))


class SelfAttention(nn.Module):
    """Scaled dot-product attention of several heads over steps, added to what comes in, and a layer norm.

    Written out, because the fused layer of PyTorch has another graph in evaluation, which cannot be exported. Keys have
    no bias: it would change nothing.

    Source: Vaswani et al., "Attention is all you need", NeurIPS 2017.

    Args:
        features: Of a step.
        heads: Their number.
        width: Of a head.
    """

    def __init__(self, features: int, heads: int, width: int) -> None:
        super().__init__()
        self.heads, self.width = heads, width
        self.query, self.key, self.value = (nn.Linear(features, heads * width, bias=False) for _ in range(3))
        self.out = nn.Linear(heads * width, features)
        self.norm = nn.LayerNorm(features)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Shape (n, steps, features), kept."""
        query, key, value = (self._split(layer(x)) for layer in (self.query, self.key, self.value))
        weights = (query @ key.transpose(2, 3) / self.width**0.5).softmax(-1)
        met = (weights @ value).transpose(1, 2).flatten(2)
        y: torch.Tensor = self.norm(x + self.out(met))
        return y

    def _split(self, x: torch.Tensor) -> torch.Tensor:
        """Shape (n, steps, heads * width) to (n, heads, steps, width)."""
        return x.reshape(-1, int(x.shape[1]), self.heads, self.width).transpose(1, 2)


class Statistics(nn.Module):
    """Mean and standard deviation over time (Snyder et al., "X-vectors", ICASSP 2018)."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Shape (n, features, frames) to (n, 2 * features)."""
        mean = x.mean(2)
        deviation = ((x - mean.unsqueeze(2)).square().mean(2) + 1e-5).sqrt()
        return torch.cat([mean, deviation], 1)


def conv2d(inputs: int, outputs: int, *, kernel: int = 3, stride: int = 1) -> nn.Sequential:
    """Convolution that keeps the size but for its stride, batch norm, ReLU."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(),
    )


def conv1d(inputs: int, outputs: int, kernel: int, dilation: int = 1) -> nn.Sequential:
    """Convolution over frames that keeps their number, batch norm, ReLU."""
    return nn.Sequential(
        nn.Conv1d(inputs, outputs, kernel, padding=dilation * (kernel // 2), dilation=dilation, bias=False),
        nn.BatchNorm1d(outputs),
        nn.ReLU(),
    )
