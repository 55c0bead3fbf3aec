"""What learns from bona fide pictures alone: its door for a trainer, and how an error becomes a logit.

An autoencoder learns to give back bona fide pictures; what it gives back badly is unlike them. A trainer gives it bona
fide batches only, and lowers `reconstruction_loss`; `forward` answers with logits as every architecture does.

Sources: Hinton & Salakhutdinov, Science 2006 (autoencoders); Chandola et al., "Anomaly detection: a survey", 2009.
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import torch
from torch import nn

LEAST_ERROR = 1e-6  # keeps the logarithm finite; pixels are -1 to 1
LEAST_DEVIATION = 1e-2
MEMORY = 20  # batches that location and variance are taken over, about


@runtime_checkable
class OneClass(Protocol):
    """A network that learns from bona fide pictures alone."""

    def reconstruction_loss(self, pixels: torch.Tensor) -> torch.Tensor:
        """What training lowers.

        In training mode the scale of the logits follows these pictures, too.

        Args:
            pixels: Bona fide pictures only, shape (n, side, side, 3), 0 to 255.

        Returns:
            Shape ().
        """


class ErrorScale(nn.Module):
    """From errors of reconstruction to logits, rising with the error.

    The logit is by how many standard deviations the logarithm of an error lies above that of the bona fide pictures
    that training showed lately. Before any training it is the logarithm itself. Odds it is not: calibration follows.
    """

    def __init__(self) -> None:
        super().__init__()
        self.location: torch.Tensor
        self.variance: torch.Tensor
        self.seen: torch.Tensor
        self.register_buffer("location", torch.zeros(()))
        self.register_buffer("variance", torch.ones(()))
        self.register_buffer("seen", torch.zeros(()))  # batches; a float, so that averaging weights averages it, too

    @torch.no_grad()
    def learn(self, errors: torch.Tensor) -> None:
        """Follow a batch of bona fide pictures, errors of shape (n,); the first sets the scale."""
        told = errors.float().clamp(min=LEAST_ERROR).log()
        share = 1 / (self.seen + 1).clamp(max=MEMORY)
        self.location += share * (told.mean() - self.location)
        self.variance += share * ((told - self.location).square().mean() - self.variance)
        self.seen += 1

    def forward(self, errors: torch.Tensor) -> torch.Tensor:
        """Logits, same shape."""
        deviation = self.variance.sqrt().clamp(min=LEAST_DEVIATION)
        return (errors.clamp(min=LEAST_ERROR).log() - self.location) / deviation


def squared_error(back: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """Mean squared error of each picture, shape (n, 3, h, w) twice to (n,)."""
    return (back - x).square().mean((1, 2, 3))
