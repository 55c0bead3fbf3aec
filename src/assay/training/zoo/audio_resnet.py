"""`audio-resnet`: the network of the shipped detector (`assay.training.audio_net`) with one logit for each input.

Layers of each of two views, for 65,536 samples (4.096 s):

1. spectrum divided by its own mean level: mel bands 80 (frames of 32 ms), or 128 bins with how phases turn (16 ms)
2. mels: nine convolutions of 16 to 64 maps with max-feature-map; phases: convolutions 24, 32, 64, 128 with residual
   blocks; each with batch norm
3. convolution over the bins that are left to 128, batch norm, ReLU
4. attention-weighted mean and deviation over windows and over parts of 2 s → dropout 0.2, dense 1; the logit is the
   mean over both and over views

Counts: 615,058 parameters, 352.4 M multiply-adds.

Decided: it is taken as it is, past the budget of 150 M multiply-adds and with its own window of whole hops, because its
figures are those of the shipped detector. Of a longer stretch the logit is the mean over windows.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from assay.training.audio_net import PART_SAMPLES, WINDOW_SAMPLES, AudioResnet
from assay.training.zoo.registry import Architecture, register


class OneLogit(nn.Module):
    """Raw samples to a logit.

    Args:
        views: Names of views; see `AudioResnet`.

    Attributes:
        net: The network itself, which also tells windows and parts.
    """

    def __init__(self, views: Sequence[str] = ("mels", "pulses-phase")) -> None:
        super().__init__()
        self.net = AudioResnet(views)

    def forward(self, samples: torch.Tensor) -> torch.Tensor:
        """Shape (n, 65536 + k * 4096) to logits (n,), means over the k + 1 windows.

        Shorter input, of 32768 samples and more whole hops, is judged as parts are.
        """
        if samples.shape[1] < WINDOW_SAMPLES:
            parts: torch.Tensor = self.net.part_logits(samples).mean((0, 2))
            return parts
        windows: torch.Tensor = self.net(samples)[0].mean(1)
        return windows


register(
    Architecture(
        name="audio-resnet",
        media="audio",
        make=OneLogit,
        shape=(WINDOW_SAMPLES,),
        integer=False,
        summary="Two views, mel bands and spectrum with phases; light CNN and residual convolutions; attentive "
        "statistics (the shipped detector).",
        small=(("views", ("mels",)),),
        small_shape=(PART_SAMPLES,),
    )
)
