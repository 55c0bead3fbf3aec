"""`voice-consistency`: does it stay one voice? Embeddings of short stretches, judged by how far they drift apart.

Layers, for 64,000 samples:

1. samples at one level → log-mel, 40 bands × 401 frames (512 samples every 160), batch norm of each band
2. convolutions over time: 128 maps of 5 frames, 128 of 3, 128 of 1, each with batch norm and ReLU
3. mean and deviation over stretches of 0.8 s every 0.4 s: 9 × 256 → dense 64, scaled to length one: nine embeddings
4. drift, seven cosines: of each embedding with their mean (mean, least, deviation), of neighbours (mean, least,
   deviation), of the first with the last
5. batch norm, dense 16, ReLU, dense 1

Counts: 108,591 parameters, 67.2 M multiply-adds.

Nothing reaches the logit but the drift: the network cannot learn what a voice sounds like, only whether it keeps, and
one that keeps too well can tell as much as one that wanders.

Decided: there is no speaker embedder in this repository, so a small one is trained with the rest, from the same key.
Behind a trained embedder the same drift is one of speakers; here it is one of whatever tells the keys apart.

Source of embeddings over overlapping stretches: Wan et al., "Generalized end-to-end loss for speaker verification",
ICASSP 2018.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from assay.training.zoo._front import WINDOW_SAMPLES, LogBands, at_one_level
from assay.training.zoo._layers import conv1d
from assay.training.zoo.registry import Architecture, register

BANDS = 40
FRAME_SAMPLES, HOP_SAMPLES = 512, 160
STRETCH_FRAMES, STEP_FRAMES = 80, 40  # 0.8 s every 0.4 s
EMBEDDING = 64
DRIFTS = 7


class VoiceConsistency(nn.Module):
    """Raw samples to a logit, by way of embeddings; takes 1.6 s or more, three stretches."""

    def __init__(self) -> None:
        super().__init__()
        self.front = LogBands(FRAME_SAMPLES, HOP_SAMPLES, BANDS)
        self.norm = nn.BatchNorm1d(BANDS)
        self.trunk = nn.Sequential(conv1d(BANDS, 128, 5), conv1d(128, 128, 3), conv1d(128, 128, 1))
        self.embed = nn.Linear(256, EMBEDDING)
        self.scale = nn.BatchNorm1d(DRIFTS)
        self.dense = nn.Linear(DRIFTS, 16)
        self.head = nn.Linear(16, 1)

    def embeddings(self, samples: torch.Tensor) -> torch.Tensor:
        """Shape (n, samples) to (n, stretches, 64), each of length one."""
        frames = self.trunk(self.norm(self.front(at_one_level(samples))))
        mean = functional.avg_pool1d(frames, STRETCH_FRAMES, STEP_FRAMES)
        square = functional.avg_pool1d(frames.square(), STRETCH_FRAMES, STEP_FRAMES)
        deviation = ((square - mean.square()).clamp_min(0) + 1e-4).sqrt()
        return _unit(self.embed(torch.cat([mean, deviation], 1).transpose(1, 2)))

    def drift(self, embeddings: torch.Tensor) -> torch.Tensor:
        """Shape (n, stretches, 64) to seven cosines (n, 7); all are 1, and deviations 0, where the voice keeps."""
        centre = _unit(embeddings.mean(1, keepdim=True))
        to_centre = (embeddings * centre).sum(2)
        to_next = (embeddings[:, 1:] * embeddings[:, :-1]).sum(2)
        ends = (embeddings[:, 0] * embeddings[:, -1]).sum(1)
        return torch.stack([*_summary(to_centre), *_summary(to_next), ends], 1)

    def forward(self, samples: torch.Tensor) -> torch.Tensor:
        """Shape (n, samples) to logits (n,)."""
        drift = self.scale(self.drift(self.embeddings(samples)))
        logits: torch.Tensor = self.head(torch.relu(self.dense(drift))).squeeze(1)
        return logits


def _unit(x: torch.Tensor) -> torch.Tensor:
    """Vectors along the last axis, scaled to length one."""
    return x / (x.square().sum(-1, keepdim=True) + 1e-8).sqrt()


def _summary(cosines: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Mean, least and deviation over the last axis."""
    mean = cosines.mean(1)
    deviation = ((cosines - mean.unsqueeze(1)).square().mean(1) + 1e-8).sqrt()
    return mean, cosines.amin(1), deviation


register(
    Architecture(
        name="voice-consistency",
        media="audio",
        make=VoiceConsistency,
        shape=(WINDOW_SAMPLES,),
        integer=False,
        summary="Log-mel 40 × 401, embeddings of 0.8 s every 0.4 s, their drift (seven cosines), dense 16 "
        "(embeddings after Wan et al. 2018).",
        small_shape=(WINDOW_SAMPLES // 2,),
    )
)
