"""`hybrid`: cepstra and bands side by side, convolutions of three sizes, attention, a recurrent layer.

Layers, for 64,000 samples:

1. samples at one level → log-mel of 39 bands × 256 frames (512 samples every 250) and, beside it, the first 13 cepstra
   (MFCC) of those bands with Δ and ΔΔ: 2 × 39 × 256, batch norm of each row
2. convolutions 3×3, 5×5 and 7×7 side by side, 16 maps each, batch norm, ReLU, max-pool 3 × 4: 48 × 13 × 64
3. convolution 3×3 to 64 maps, batch norm, ReLU, max-pool 3 × 1: 64 × 4 × 64
4. 64 steps of 4 × 64 = 256 features → self-attention of 8 heads of 64 with its shortcut and layer norm
5. BiLSTM 128, mean over steps
6. dense 256, dense 128, dense 64, each with ReLU and dropout 0.3, dense 1

Counts: 1,058,013 parameters, 132.2 M multiply-adds.

Decided: the width of the branches (16) and the pooling, which the row leaves open, keep the whole within 150 M
multiply-adds. 64,000 samples give 257 centred frames; the last, which is half padding, is left out.

Sources: Davis and Mermelstein, 1980 (MFCC); Szegedy et al., "Going deeper with convolutions", CVPR 2015 (branches);
Vaswani et al., 2017 (attention); Hochreiter and Schmidhuber, 1997 (LSTM).
"""

from __future__ import annotations

import torch
from torch import nn

from assay.training.zoo._front import WINDOW_SAMPLES, Cepstra, LogBands, WithSlopes, at_one_level
from assay.training.zoo._layers import SelfAttention, conv2d
from assay.training.zoo.registry import Architecture, register

BANDS = 39
FRAME_SAMPLES, HOP_SAMPLES = 512, 250
BRANCHES = (3, 5, 7)
BRANCH_MAPS = 16
ROWS_LEFT = 4  # of 39, behind both poolings
DENSE = (256, 128, 64)


class Sheets(nn.Module):
    """Samples to MFCC + Δ + ΔΔ and log-mel, (n, 2, 39, frames)."""

    def __init__(self) -> None:
        super().__init__()
        self.bands = LogBands(FRAME_SAMPLES, HOP_SAMPLES, BANDS)
        self.cepstra = nn.Sequential(Cepstra(BANDS, BANDS // 3), WithSlopes())

    def forward(self, samples: torch.Tensor) -> torch.Tensor:
        """Shape (n, samples) to (n, 2, 39, samples / 250)."""
        bands = self.bands(samples)[..., :-1]
        return torch.stack([self.cepstra(bands), bands], 1)


class Hybrid(nn.Module):
    """Raw samples to a logit."""

    def __init__(self) -> None:
        super().__init__()
        self.front = Sheets()
        self.norm = nn.BatchNorm1d(2 * BANDS)
        self.branches = nn.ModuleList(conv2d(2, BRANCH_MAPS, kernel=size) for size in BRANCHES)
        self.pool = nn.MaxPool2d((3, 4))
        self.joined = nn.Sequential(conv2d(3 * BRANCH_MAPS, 64), nn.MaxPool2d((3, 1)))
        self.attention = SelfAttention(64 * ROWS_LEFT, heads=8, width=64)
        self.recurrent = nn.LSTM(64 * ROWS_LEFT, 128, batch_first=True, bidirectional=True)
        layers = [
            nn.Sequential(nn.Linear(a, b), nn.ReLU(), nn.Dropout(0.3))
            for a, b in zip((256, *DENSE), DENSE, strict=False)
        ]
        self.dense = nn.Sequential(*layers)
        self.head = nn.Linear(DENSE[-1], 1)

    def forward(self, samples: torch.Tensor) -> torch.Tensor:
        """Shape (n, samples) to logits (n,)."""
        sheets = self.front(at_one_level(samples))
        sheets = self.norm(sheets.flatten(1, 2)).reshape(-1, 2, BANDS, int(sheets.shape[3]))
        maps = self.joined(self.pool(torch.cat([branch(sheets) for branch in self.branches], 1)))
        steps = self.attention(maps.flatten(1, 2).transpose(1, 2))
        steps = self.recurrent(steps)[0]
        logits: torch.Tensor = self.head(self.dense(steps.mean(1))).squeeze(1)
        return logits


register(
    Architecture(
        name="hybrid",
        media="audio",
        make=Hybrid,
        shape=(WINDOW_SAMPLES,),
        integer=False,
        summary="MFCC + Δ + ΔΔ beside log-mel, 2 × 39 × 256; branches 3×3/5×5/7×7, convolution 64, "
        "self-attention 8 × 64, BiLSTM 128, dense 256/128/64.",
        small_shape=(WINDOW_SAMPLES // 4,),
    )
)
