"""`vae`: a variational autoencoder of bona fide pictures.

Layers, for 128 x 128 x 3: pixels -1 to 1 -> convolutions 3x3/2 of 32, 64, 96, 128 -> dense 128 (mean) and dense 128
(logarithm of the variance) of a Gaussian code -> dense 8 x 8 x 128, ReLU -> transposed convolutions 4x4/2 of 96, 64,
32, 3 -> pixels. 3,669,603 parameters, 124.4 M multiply-adds.

Learns from bona fide pictures alone, by the negative evidence lower bound: the picture given a drawn code is Gaussian
around what is decoded, with standard deviation 0.1 (13 of 255 levels), and the code is a standard Gaussian beforehand.
Multiplied by 2 s^2 / values that is the mean squared error plus 2 s^2 / values times the divergence. The logit rises
with the logarithm of the same sum, the code being the mean.

Decisions. The design names no layers. The divergence belongs to the error that the logit rises with: a picture that
needs an unusual code is an anomaly even if it is given back well. The mean is decoded when a file is scored, so that
nothing is drawn at random then.

Sources: Kingma & Welling, "Auto-encoding variational Bayes", ICLR 2014; An & Cho, "Variational autoencoder based
anomaly detection using reconstruction probability", 2015.
"""

from __future__ import annotations

import torch
from torch import nn

from assay.training.zoo.coders import SHRINK, WIDTHS, decoder, encoder
from assay.training.zoo.one_class import ErrorScale, squared_error
from assay.training.zoo.pixels import planes
from assay.training.zoo.registry import Architecture, register

SIDE = 128
CODE = 128
DEVIATION = 0.1  # of a picture around what is decoded, pixels -1 to 1
MOST_LOG_VARIANCE = 10.0


class VariationalAutoencoder(nn.Module):
    """Encoder, Gaussian code, decoder, and the scale of its errors.

    Args:
        side: Of the pictures, a multiple of 16; the dense layers depend on it.
        code: Numbers in the code.
        deviation: Of a picture around what is decoded.
    """

    def __init__(self, side: int = SIDE, code: int = CODE, deviation: float = DEVIATION) -> None:
        super().__init__()
        self.small = side // SHRINK
        self.weight = 2 * deviation**2 / (3 * side * side)
        wide = WIDTHS[-1] * self.small**2
        self.encoder, self.decoder = encoder(), decoder()
        self.mean, self.log_variance = nn.Linear(wide, code), nn.Linear(wide, code)
        self.widen = nn.Sequential(nn.Linear(code, wide), nn.ReLU())
        self.scale = ErrorScale()

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """Logits, positive for spoof.

        Args:
            pixels: Shape (n, side, side, 3), 0 to 255.

        Returns:
            Shape (n,).
        """
        x = planes(pixels)
        mean, log_variance = self._code(x)
        logits: torch.Tensor = self.scale(self._errors(x, mean, mean, log_variance))
        return logits

    def reconstruction_loss(self, pixels: torch.Tensor) -> torch.Tensor:
        """What training lowers; see `assay.training.zoo.one_class.OneClass`."""
        x = planes(pixels)
        mean, log_variance = self._code(x)
        code = mean + torch.randn_like(mean) * (log_variance / 2).exp()
        errors = self._errors(x, code, mean, log_variance)
        if self.training:
            self.scale.learn(errors)
        return errors.mean()

    def _code(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        wide = self.encoder(x).flatten(1)
        # A first step too long must not lead to infinity.
        return self.mean(wide), self.log_variance(wide).clamp(-MOST_LOG_VARIANCE, MOST_LOG_VARIANCE)

    def _errors(
        self, x: torch.Tensor, code: torch.Tensor, mean: torch.Tensor, log_variance: torch.Tensor
    ) -> torch.Tensor:
        back = self.decoder(self.widen(code).reshape(-1, WIDTHS[-1], self.small, self.small))
        divergence = (mean.square() + log_variance.exp() - 1 - log_variance).sum(1) / 2
        return squared_error(back, x) + self.weight * divergence


register(
    Architecture(
        name="vae",
        media="image",
        make=VariationalAutoencoder,
        shape=(SIDE, SIDE, 3),
        integer=True,
        summary="Variational autoencoder of bona fide pictures (Kingma & Welling, 2014), scored by its bound.",
        one_class=True,
        small=(("side", 64),),
        small_shape=(64, 64, 3),
    )
)
