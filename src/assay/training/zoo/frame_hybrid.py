"""`frame-hybrid`: convolutions on every frame of a face, an LSTM over the frames, attention.

Layers, for 16 x 96 x 96 x 3: the convolutions of `frame-cnn` (16, 32, 64, 128; mean over the frame) -> dropout -> LSTM
128 -> self-attention -> dropout -> a logit and a weight for each frame -> the weighted mean of the logits. 279,441
parameters, 146.3 M multiply-adds.

Decisions. The design says no more than "CNN+RNN+attention hybrid". Convolutions and recurrence learn together, from
pixels. Attention and the weighted mean are those of `frame-rnn`, so that the two differ by what they see of a frame.
One recurrent layer: little is left of the budget, and of the videos to learn from. Any number of frames works.

Sources: Donahue et al., "Long-term recurrent convolutional networks", CVPR 2015; Güera & Delp, "Deepfake video
detection using recurrent neural networks", AVSS 2018; Vaswani et al., 2017; requirement D1.
"""

from __future__ import annotations

import torch
from torch import nn

from assay.training.video.network import Attention
from assay.training.zoo.frame_cnn import FRAMES, SIDE, WIDTHS, FrameTrunk
from assay.training.zoo.registry import Architecture, register

RECURRENT = 128


class FrameHybrid(nn.Module):
    """Features of frames, how they go on, and what of it matters.

    Args:
        dropout: Share dropped before the recurrent layer and behind the attention in training.
    """

    def __init__(self, dropout: float = 0.2) -> None:
        super().__init__()
        self.trunk = FrameTrunk()
        self.dropout = nn.Dropout(dropout)
        self.recurrent = nn.LSTM(WIDTHS[-1], RECURRENT, batch_first=True)
        self.attention = Attention(RECURRENT)
        self.logit = nn.Linear(RECURRENT, 1)
        self.weight = nn.Linear(RECURRENT, 1, bias=False)  # a bias would shift all weights alike

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """Logits, positive for spoof.

        Args:
            pixels: Shape (n, frames, side, side, 3), 0 to 255, side a multiple of 16.

        Returns:
            Shape (n,).
        """
        x = self.recurrent(self.dropout(self.trunk(pixels)))[0]
        x = self.dropout(self.attention(x))
        weights = self.weight(x).squeeze(2).softmax(1)
        logits: torch.Tensor = (self.logit(x).squeeze(2) * weights).sum(1)
        return logits


register(
    Architecture(
        name="frame-hybrid",
        media="video",
        make=FrameHybrid,
        shape=(FRAMES, SIDE, SIDE, 3),
        integer=True,
        summary="Convolutions on every frame of a face, LSTM 128, self-attention, weighted mean of frames' logits.",
        small_shape=(4, 32, 32, 3),
    )
)
