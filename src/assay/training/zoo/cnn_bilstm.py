"""`cnn-bilstm`: a convolutional look at a mel spectrogram, read in time by recurrent layers both ways.

Layers, for 64,000 samples:

1. samples at one level → log-mel, 128 bands × 157 frames (1024 samples every 410), batch norm of each band
2. three blocks of convolution 3×3, stride 2, batch norm, ReLU: 32 × 64 × 79, 64 × 32 × 40, 128 × 16 × 20
3. 20 steps of 16 × 128 = 2048 features → BiLSTM 64 → dropout 0.3 → BiLSTM 32; of it the last state each way
4. dense 64, ReLU, dropout 0.3, dense 1

Counts: 1,221,217 parameters, 122.6 M multiply-adds.

Decided: 128 × 157 came from 5 s with a step of 512 samples; with 410 it is the same sheet of 4 s, so that all
architectures hear the same. Blocks halve by stride instead of pooling: 49 M multiply-adds of convolution instead of
190 M, which would have gone past the budget of 150 M.

Sources: Hochreiter and Schmidhuber, "Long short-term memory", 1997; Schuster and Paliwal, "Bidirectional recurrent
neural networks", 1997.
"""

from __future__ import annotations

import torch
from torch import nn

from assay.training.zoo._front import WINDOW_SAMPLES, LogBands, at_one_level
from assay.training.zoo._layers import conv2d
from assay.training.zoo.registry import Architecture, register

BANDS = 128
FRAME_SAMPLES, HOP_SAMPLES = 1024, 410
WIDTHS = (32, 64, 128)


class CnnBilstm(nn.Module):
    """Raw samples to a logit."""

    def __init__(self) -> None:
        super().__init__()
        self.front = LogBands(FRAME_SAMPLES, HOP_SAMPLES, BANDS)
        self.norm = nn.BatchNorm1d(BANDS)
        self.trunk = nn.Sequential(*(conv2d(a, b, stride=2) for a, b in zip((1, *WIDTHS), WIDTHS, strict=False)))
        self.first = nn.LSTM(WIDTHS[-1] * BANDS // 8, 64, batch_first=True, bidirectional=True)
        self.second = nn.LSTM(128, 32, batch_first=True, bidirectional=True)
        self.dropout = nn.Dropout(0.3)
        self.dense = nn.Linear(64, 64)
        self.head = nn.Linear(64, 1)

    def forward(self, samples: torch.Tensor) -> torch.Tensor:
        """Shape (n, samples) to logits (n,)."""
        sheet = self.norm(self.front(at_one_level(samples)))
        steps = self.trunk(sheet.unsqueeze(1)).flatten(1, 2).transpose(1, 2)
        steps = self.second(self.dropout(self.first(steps)[0]))[0]
        ends = torch.cat([steps[:, -1, :32], steps[:, 0, 32:]], 1)
        logits: torch.Tensor = self.head(self.dropout(torch.relu(self.dense(ends)))).squeeze(1)
        return logits


register(
    Architecture(
        name="cnn-bilstm",
        media="audio",
        make=CnnBilstm,
        shape=(WINDOW_SAMPLES,),
        integer=False,
        summary="Log-mel 128 × 157, convolutions 32/64/128, BiLSTM 64, BiLSTM 32, dense 64.",
        small_shape=(WINDOW_SAMPLES // 4,),
    )
)
