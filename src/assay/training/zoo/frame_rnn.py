"""`frame-rnn`: three LSTM layers with attention over the features of a face, frame by frame.

Layers, for 16 x 1280 (the features that `picture-lite` gives of a face in each of 16 frames): each feature
standardised -> dropout -> dense 64, ReLU -> LSTM 256 -> self-attention -> LSTM 128 -> self-attention -> LSTM 64,
dropout behind each -> a logit and a weight for each frame -> the weighted mean of the logits. 905,665 parameters, 14.6
M multiply-adds.

Decisions. The recurrent part is `assay.training.video.network.TemporalNet`, which the shipped `video-lite` uses. It
narrows 1280 features to 64 before the first layer, which the design does not name: there are a few hundred videos to
learn from, and LSTM 256 on 1280 inputs has 1.6 million weights in its first layer alone. Attention is scaled dot
products of one head, added to what came in, with layer normalisation. Mean and deviation of the features are those of
a batch normalisation without weights, so that a trainer need not measure them beforehand. Any number of frames works.

Sources: Hochreiter & Schmidhuber, "Long short-term memory", 1997; Vaswani et al., 2017; layers of requirement D1.
"""

from __future__ import annotations

import torch
from torch import nn

from assay.training.pictures.network import FEATURES
from assay.training.video.network import Kind, TemporalNet
from assay.training.zoo.registry import Architecture, register

FRAMES = 16


class FrameRnn(nn.Module):
    """Standardised features through a temporal network.

    Args:
        kind: Of the recurrent layers.
        features: Numbers for each frame.
        narrow: What they are brought to before the first layer.
        dropout: Share dropped in training, of features and between layers.
    """

    def __init__(self, kind: Kind = "lstm", features: int = FEATURES, narrow: int = 64, dropout: float = 0.3) -> None:
        super().__init__()
        self.standardise = nn.BatchNorm1d(features, affine=False)
        self.net = TemporalNet(features, kind, narrow, dropout)
        # Added to the weight of every frame alike, which the softmax takes out again: there is nothing to learn in it.
        self.net.weight.bias.requires_grad_(False)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Logits, positive for spoof.

        Args:
            features: Shape (n, frames, features).

        Returns:
            Shape (n,).
        """
        logits: torch.Tensor = self.net(self.standardise(features.transpose(1, 2)).transpose(1, 2))[0]
        return logits


register(
    Architecture(
        name="frame-rnn",
        media="video",
        make=FrameRnn,
        shape=(FRAMES, FEATURES),
        integer=False,
        summary="LSTM 256, 128 and 64 with attention over a face's features in 16 frames (requirement D1).",
        small_shape=(6, FEATURES),
    )
)
