"""`anomaly-ae`: an autoencoder with a narrow code, scored by where it gives a picture back worst.

Layers, for 128 x 128 x 3: pixels -1 to 1 -> convolutions 3x3/2 of 32, 64, 96, 128 -> convolution 1x1, 16 (the code, 8
x 8 x 16, a forty-eighth of the picture) -> convolution 1x1, 128, ReLU -> transposed convolutions 4x4/2 of 96, 64, 32,
3 -> pixels. 519,667 parameters, 121.5 M multiply-adds.

Learns from bona fide pictures alone, by the mean absolute error. The logit rises with the logarithm of the mean
squared error of the worst tenth of the blocks of 16 x 16 pixels.

Decisions. The design says no more than "reconstruction error". The code is narrow, so that only what bona fide
pictures have in common passes. Blocks, because a changed face or an inpainted region fills a part of a picture and
would be lost in the mean over all of it; a tenth of them rather than the worst one, because one busy block is in every
picture.

Sources: Sakurada & Yairi, "Anomaly detection using autoencoders with nonlinear dimensionality reduction", MLSDA 2014;
errors by region: Bergmann et al., "MVTec AD", CVPR 2019.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from assay.training.zoo.coders import WIDTHS, decoder, encoder
from assay.training.zoo.one_class import ErrorScale
from assay.training.zoo.pixels import planes
from assay.training.zoo.registry import Architecture, register

SIDE = 128
CODE = 16
BLOCK = 16  # pixels
WORST = 10  # one block of so many


class AnomalyAutoencoder(nn.Module):
    """Encoder, narrow code, decoder, and the scale of its errors.

    Args:
        code: Channels of the code.
    """

    def __init__(self, code: int = CODE) -> None:
        super().__init__()
        self.encoder, self.decoder = encoder(), decoder()
        self.narrow = nn.Conv2d(WIDTHS[-1], code, 1)
        self.widen = nn.Sequential(nn.Conv2d(code, WIDTHS[-1], 1), nn.ReLU())
        self.scale = ErrorScale()

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """Logits, positive for spoof.

        Args:
            pixels: Shape (n, side, side, 3), 0 to 255, side a multiple of 16.

        Returns:
            Shape (n,).
        """
        x = planes(pixels)
        logits: torch.Tensor = self.scale(worst_blocks(self._back(x), x))
        return logits

    def reconstruction_loss(self, pixels: torch.Tensor) -> torch.Tensor:
        """What training lowers; see `assay.training.zoo.one_class.OneClass`."""
        x = planes(pixels)
        back = self._back(x)
        if self.training:
            self.scale.learn(worst_blocks(back, x))
        return (back - x).abs().mean()

    def _back(self, x: torch.Tensor) -> torch.Tensor:
        y: torch.Tensor = self.decoder(self.widen(self.narrow(self.encoder(x))))
        return y


def worst_blocks(back: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """Mean squared error of the worst tenth of the blocks, at least of one; shape (n, 3, h, w) twice to (n,)."""
    blocks = functional.avg_pool2d((back - x).square().mean(1, keepdim=True), BLOCK).flatten(1)
    count = max(1, int(blocks.shape[1]) // WORST)
    return blocks.topk(count, 1).values.mean(1)


register(
    Architecture(
        name="anomaly-ae",
        media="image",
        make=AnomalyAutoencoder,
        shape=(SIDE, SIDE, 3),
        integer=True,
        summary="Autoencoder of bona fide pictures with a narrow code, scored by the error of its worst blocks.",
        one_class=True,
        small_shape=(64, 64, 3),
    )
)
