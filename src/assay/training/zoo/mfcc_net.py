"""`mfcc-net`: cepstra with their slopes, read by dilated convolutions over time, judged by their statistics.

Layers, for 64,000 samples:

1. samples at one level → 13 cepstra (MFCC) over 40 mel bands with Δ and ΔΔ: 39 × 401 (512 samples every 160), batch
   norm of each row
2. convolutions over time: 128 maps of 5 frames; 128 of 3, every second frame; 128 of 3, every third; 256 of 1; each
   with batch norm and ReLU
3. mean and deviation over time, 512 → dropout 0.2, dense 64, ReLU, dense 1

Counts: 190,287 parameters, 93.4 M multiply-adds.

The variant ``lfcc`` takes 13 cepstra over 40 bands evenly spaced in hertz, at the same size and cost.

The row gives no layers; these follow x-vectors, narrower. Sources: Snyder et al., "X-vectors", ICASSP 2018; Davis and
Mermelstein, 1980 (MFCC); Sahidullah, Kinnunen and Hanilçi, Interspeech 2015 (LFCC for synthetic speech).
"""

from __future__ import annotations

import torch
from torch import nn

from assay.training.zoo._front import WINDOW_SAMPLES, Cepstra, LogBands, Scale, WithSlopes, at_one_level
from assay.training.zoo._layers import Statistics, conv1d
from assay.training.zoo.registry import Architecture, register

BANDS = 40
COEFFICIENTS = 13
FRAME_SAMPLES, HOP_SAMPLES = 512, 160


class MfccNet(nn.Module):
    """Raw samples to a logit.

    Args:
        scale: How the bands behind the cepstra are spaced: ``mel`` gives MFCC, ``linear`` LFCC.
    """

    def __init__(self, scale: Scale = "mel") -> None:
        super().__init__()
        self.front = nn.Sequential(
            LogBands(FRAME_SAMPLES, HOP_SAMPLES, BANDS, scale), Cepstra(BANDS, COEFFICIENTS), WithSlopes()
        )
        self.norm = nn.BatchNorm1d(3 * COEFFICIENTS)
        self.trunk = nn.Sequential(
            conv1d(3 * COEFFICIENTS, 128, 5),
            conv1d(128, 128, 3, dilation=2),
            conv1d(128, 128, 3, dilation=3),
            conv1d(128, 256, 1),
        )
        self.pool = Statistics()
        self.dropout = nn.Dropout(0.2)
        self.dense = nn.Linear(512, 64)
        self.head = nn.Linear(64, 1)

    def forward(self, samples: torch.Tensor) -> torch.Tensor:
        """Shape (n, samples) to logits (n,)."""
        pooled = self.pool(self.trunk(self.norm(self.front(at_one_level(samples)))))
        logits: torch.Tensor = self.head(torch.relu(self.dense(self.dropout(pooled)))).squeeze(1)
        return logits


register(
    Architecture(
        name="mfcc-net",
        media="audio",
        make=MfccNet,
        shape=(WINDOW_SAMPLES,),
        integer=False,
        summary="MFCC + Δ + ΔΔ, 39 × 401, dilated convolutions over time 128/128/128/256, statistics, dense 64 "
        "(after Snyder et al. 2018).",
        variants=(("lfcc", {"scale": "linear"}),),
        small_shape=(WINDOW_SAMPLES // 4,),
    )
)
