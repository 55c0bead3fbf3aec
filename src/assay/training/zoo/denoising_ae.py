"""`denoising-ae`: a convolutional autoencoder that takes noise out of bona fide pictures.

Layers, for 128 x 128 x 3: pixels -1 to 1 (in training plus Gaussian noise) -> convolutions 3x3/2 of 32, 64, 96, 128 ->
transposed convolutions 4x4/2 of 96, 64, 32, 3 -> pixels. The code is 8 x 8 x 128, a sixth of the picture. 515,427
parameters, 121.2 M multiply-adds.

Learns from bona fide pictures alone, by the mean squared error towards the picture before the noise. The logit rises
with the logarithm of the mean squared error of a picture that no noise was added to.

Decisions. The design names no layers. The code is not narrow: it is the noise that keeps the network from copying.
What a denoiser changes of a clean picture points to where pictures are more likely (Alain & Bengio), so its size tells
how unlikely the picture was; and nothing is drawn at random when a file is scored.

Sources: Vincent et al., "Extracting and composing robust features with denoising autoencoders", ICML 2008; Alain &
Bengio, "What regularized auto-encoders learn from the data-generating distribution", JMLR 2014.
"""

from __future__ import annotations

import torch
from torch import nn

from assay.training.zoo.coders import decoder, encoder
from assay.training.zoo.one_class import ErrorScale, squared_error
from assay.training.zoo.pixels import planes
from assay.training.zoo.registry import Architecture, register

SIDE = 128
NOISE = 0.1  # standard deviation, of pixels -1 to 1: 13 of 255 levels


class DenoisingAutoencoder(nn.Module):
    """Encoder, decoder, and the scale of its errors.

    Args:
        noise: Standard deviation of what is added in training, pixels being -1 to 1.
    """

    def __init__(self, noise: float = NOISE) -> None:
        super().__init__()
        self.noise = noise
        self.encoder, self.decoder = encoder(), decoder()
        self.scale = ErrorScale()

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """Logits, positive for spoof.

        Args:
            pixels: Shape (n, side, side, 3), 0 to 255, side a multiple of 16.

        Returns:
            Shape (n,).
        """
        x = planes(pixels)
        logits: torch.Tensor = self.scale(squared_error(self.decoder(self.encoder(x)), x))
        return logits

    def reconstruction_loss(self, pixels: torch.Tensor) -> torch.Tensor:
        """What training lowers; see `assay.training.zoo.one_class.OneClass`."""
        x = planes(pixels)
        errors = squared_error(self.decoder(self.encoder(x + self.noise * torch.randn_like(x))), x)
        if self.training:
            self.scale.learn(errors)
        return errors.mean()


register(
    Architecture(
        name="denoising-ae",
        media="image",
        make=DenoisingAutoencoder,
        shape=(SIDE, SIDE, 3),
        integer=True,
        summary="Denoising autoencoder of bona fide pictures (Vincent et al., 2008), scored by its error.",
        one_class=True,
        small_shape=(64, 64, 3),
    )
)
