"""`sinc-lcnn`: learnt band-pass filters on the raw wave, then a light CNN.

Layers, for 64,000 samples:

1. samples at one level → `Sinc`: 48 band-pass filters of 129 taps, a step of 1 ms: 48 × 4000
2. magnitude, mean over 8 ms, logarithm, batch norm of each filter: 1 × 48 × 500
3. convolution 3×3 to 2 × 16 maps, batch norm, max-feature-map, max-pool 2: 16 × 24 × 250
4. convolution 3×3 to 2 × 32 maps, batch norm, max-feature-map, max-pool 2: 32 × 12 × 125
5. convolution 3×3 to 2 × 64 maps, batch norm, max-feature-map: 64 × 12 × 125
6. global average pooling, dropout 0.2, dense 1

Counts: 47,073 parameters, 142.3 M multiply-adds.

The variant ``relu`` has 16, 32 and 64 maps and ReLU instead of the larger of each two maps: 23,665 parameters, 83.5 M
multiply-adds.

Decided: the row says convolutions of 16, 32 and 64; they are two-dimensional over filters and time, as in the light CNN
that they are named after, and their input is the level of each band over 8 ms, which keeps the whole within 150 M
multiply-adds. Filters step by 1 ms: what folds over in a band's samples leaves its level as it is.

Sources: Ravanelli and Bengio, "Speaker recognition from raw waveform with SincNet", SLT 2018; Lavrentyeva et al., "STC
antispoofing systems for the ASVspoof 2019 challenge", Interspeech 2019 (light CNN); Wu et al., 2018 (max-feature-map).
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import nn

from assay.training.zoo._front import WINDOW_SAMPLES, at_one_level
from assay.training.zoo._layers import MaxFeatureMap
from assay.training.zoo._sinc import Responses, Sinc, responses
from assay.training.zoo.registry import Architecture, register

FILTERS = 48
STEP_SAMPLES = 16
LEVEL_STEPS = 8
WIDTHS = (16, 32, 64)
FAINT = 1e-3  # of a window's level: 60 dB below it

Unit = Literal["max-feature-map", "relu"]


class SincLcnn(nn.Module):
    """Raw samples to a logit.

    Args:
        unit: What follows a convolution.
    """

    def __init__(self, unit: Unit = "max-feature-map") -> None:
        super().__init__()
        self.front = Sinc(FILTERS, stride=STEP_SAMPLES)
        self.level = nn.AvgPool1d(LEVEL_STEPS)
        self.norm = nn.BatchNorm1d(FILTERS)
        inputs = (1, *WIDTHS)
        self.trunk = nn.Sequential(
            _block(inputs[0], WIDTHS[0], unit),
            nn.MaxPool2d(2),
            _block(inputs[1], WIDTHS[1], unit),
            nn.MaxPool2d(2),
            _block(inputs[2], WIDTHS[2], unit),
        )
        self.dropout = nn.Dropout(0.2)
        self.head = nn.Linear(WIDTHS[-1], 1)

    def forward(self, samples: torch.Tensor) -> torch.Tensor:
        """Shape (n, samples) to logits (n,)."""
        bands = (self.level(self.front(at_one_level(samples)).abs()) + FAINT).log()
        maps = self.trunk(self.norm(bands).unsqueeze(1))
        logits: torch.Tensor = self.head(self.dropout(maps.mean((2, 3)))).squeeze(1)
        return logits

    def filter_responses(self, points: int = 512) -> Responses:
        """What the filters let through as they are now, for a plot; see `_sinc.responses`."""
        return responses(self.front, points)


def _block(inputs: int, outputs: int, unit: Unit) -> nn.Sequential:
    maps = 2 * outputs if unit == "max-feature-map" else outputs
    return nn.Sequential(
        nn.Conv2d(inputs, maps, 3, padding=1, bias=False),
        nn.BatchNorm2d(maps),
        MaxFeatureMap() if unit == "max-feature-map" else nn.ReLU(),
    )


register(
    Architecture(
        name="sinc-lcnn",
        media="audio",
        make=SincLcnn,
        shape=(WINDOW_SAMPLES,),
        integer=False,
        summary="Learnt band-pass filters on the raw wave, light CNN 16/32/64 with max-feature-map, average, dense "
        "(Ravanelli & Bengio 2018; Lavrentyeva et al. 2019).",
        variants=(("relu", {"unit": "relu"}),),
        small_shape=(WINDOW_SAMPLES // 8,),
    )
)
