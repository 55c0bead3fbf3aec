"""`mel-cnn`: a plain convolutional network over a mel spectrogram, the yardstick of the others.

Layers, for 64,000 samples:

1. samples at one level → log-mel, 64 bands × 201 frames (512 samples every 320), batch norm of each band
2. four blocks of convolution 3×3, batch norm, ReLU, max-pool 2: 16 × 32 × 100, 32 × 16 × 50, 64 × 8 × 25, 128 × 4 × 12
3. global average pooling, dropout 0.2, dense 64, ReLU, dense 1

Counts: 105,841 parameters, 62.6 M multiply-adds.

The row gives no layers; these are ours.
"""

from __future__ import annotations

import torch
from torch import nn

from assay.training.zoo._front import WINDOW_SAMPLES, LogBands, at_one_level
from assay.training.zoo._layers import conv2d
from assay.training.zoo.registry import Architecture, register

BANDS = 64
FRAME_SAMPLES, HOP_SAMPLES = 512, 320
WIDTHS = (16, 32, 64, 128)


class MelCnn(nn.Module):
    """Raw samples to a logit."""

    def __init__(self) -> None:
        super().__init__()
        self.front = LogBands(FRAME_SAMPLES, HOP_SAMPLES, BANDS)
        self.norm = nn.BatchNorm1d(BANDS)
        inputs = (1, *WIDTHS)
        self.trunk = nn.Sequential(
            *(nn.Sequential(conv2d(a, b), nn.MaxPool2d(2)) for a, b in zip(inputs, WIDTHS, strict=False))
        )
        self.dropout = nn.Dropout(0.2)
        self.dense = nn.Linear(WIDTHS[-1], 64)
        self.head = nn.Linear(64, 1)

    def forward(self, samples: torch.Tensor) -> torch.Tensor:
        """Shape (n, samples) to logits (n,)."""
        sheet = self.norm(self.front(at_one_level(samples)))
        maps = self.trunk(sheet.unsqueeze(1)).mean((2, 3))
        logits: torch.Tensor = self.head(torch.relu(self.dense(self.dropout(maps)))).squeeze(1)
        return logits


register(
    Architecture(
        name="mel-cnn",
        media="audio",
        make=MelCnn,
        shape=(WINDOW_SAMPLES,),
        integer=False,
        summary="Log-mel 64 × 201, convolutions 16/32/64/128, average, dense 64.",
        small_shape=(WINDOW_SAMPLES // 4,),
    )
)
