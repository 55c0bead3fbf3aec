"""`picture-lite`: the network of the shipped detector of pictures, by its head for whole pictures.

Layers, for 192 x 192 x 3, the side that the shipped weight takes: those of
`assay.training.pictures.network.PictureNet` as it is: pixels (x - 127) / 128 -> the convolutions of EfficientNet-Lite0
(see `assay.training.zoo.efficientnet`) -> mean over the picture (1280) -> dropout -> dense 3 (logits of a face, of a
whole picture, of a piece of one), of which the second is given. 3,374,851 parameters, 282.1 M multiply-adds.

Decisions. This is the plain network under the zoo's conditions, for the table: the shipped weight comes from its own
recipe (`assay train image --recipe recipes/picture-lite.toml`), with all three heads, couples and histories. Here the
heads of the face and of the piece are there and learn nothing. The side makes it twice the budget of the zoo; it is
the shipped one.

Source: see `assay.training.pictures.network`.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from assay.image.looks import LOOKS
from assay.training.pictures.network import PictureNet
from assay.training.zoo.registry import Architecture, register
from assay.training.zoo.transfer import load_trunk

SIDE = 192
WHOLE = LOOKS.index("whole")


class PictureLite(nn.Module):
    """The picture network, of which one look is asked for.

    Args:
        dropout: Share of features dropped in training.
    """

    def __init__(self, dropout: float = 0.2) -> None:
        super().__init__()
        self.net = PictureNet(dropout=dropout)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """Logits, positive for spoof.

        Args:
            pixels: Shape (n, side, side, 3), 0 to 255, side a multiple of 32.

        Returns:
            Shape (n,).
        """
        logits: torch.Tensor = self.net(pixels.permute(0, 3, 1, 2).float())
        return logits[:, WHOLE]

    @property
    def trunk(self) -> nn.Module:
        """What may begin with ImageNet weights, and may be left as it is."""
        return self.net.trunk

    def load_imagenet(self, path: Path) -> None:
        """Begin with published weights of efficientnet_lite0; see `assay.training.zoo.transfer.load_trunk`."""
        load_trunk(self.trunk, path)


register(
    Architecture(
        name="picture-lite",
        media="image",
        make=PictureLite,
        shape=(SIDE, SIDE, 3),
        integer=True,
        summary="The shipped detector's network: EfficientNet-Lite0 with heads for face, whole picture and piece.",
        small_shape=(64, 64, 3),
    )
)
