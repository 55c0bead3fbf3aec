"""Band-pass filters whose edges are learnt, straight on samples.

Source: Ravanelli and Bengio, "Speaker recognition from raw waveform with SincNet", SLT 2018. Unlike there, pass bands
have gain one whatever their width, so that learnt responses can be compared in one plot.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

from assay.training.zoo._front import SAMPLE_RATE_HZ

LOWEST_HZ = 30.0  # lower edges lie here or above
NARROWEST_HZ = 50.0


@dataclass(frozen=True)
class Responses:
    """What learnt filters let through.

    Attributes:
        frequency_hz: Shape (points,), 0 to 8000.
        gain_db: Shape (filters, points); 0 in the pass band, not below -100.
        edges_hz: Shape (filters, 2): lower and upper edge.
    """

    frequency_hz: NDArray[np.float64]
    gain_db: NDArray[np.float64]
    edges_hz: NDArray[np.float64]


class Sinc(nn.Module):
    """Bank of band-pass filters: differences of two ideal low-pass filters, cut by a Hamming window.

    Args:
        filters: Their number; to begin with, evenly spaced on the mel scale from 30 Hz to 7.9 kHz.
        taps: Length, odd.
        stride: Samples from one output to the next.
    """

    time: torch.Tensor
    taper: torch.Tensor

    def __init__(self, filters: int, taps: int = 129, stride: int = 1) -> None:
        super().__init__()
        self.stride, self.taps = stride, taps
        edges = _mel_edges(filters)
        self.low = nn.Parameter((edges[:-1] - LOWEST_HZ) / SAMPLE_RATE_HZ)
        self.width = nn.Parameter((edges.diff() - NARROWEST_HZ).clamp_min(1.0) / SAMPLE_RATE_HZ)
        time = torch.arange(taps, dtype=torch.float32) - taps // 2
        self.register_buffer("time", time, persistent=False)
        self.register_buffer("taper", torch.hamming_window(taps, periodic=False), persistent=False)

    def edges(self) -> torch.Tensor:
        """Lower and upper edges as shares of the sample rate, shape (2, filters)."""
        low = LOWEST_HZ / SAMPLE_RATE_HZ + self.low.abs()
        return torch.stack([low, low + NARROWEST_HZ / SAMPLE_RATE_HZ + self.width.abs()]).clamp_max(0.5)

    def kernels(self) -> torch.Tensor:
        """Impulse responses, shape (filters, taps)."""
        angle = 2 * math.pi * self.time
        # 2 f sinc(2 f t) is sin(2 pi f t) / (pi t), and 2 f in the middle, where the quotient is not defined.
        middle = self.time == 0
        low, high = (
            torch.where(middle, 2 * edge, (edge * angle).sin() / torch.where(middle, 1.0, angle / 2))
            for edge in self.edges().unsqueeze(-1)
        )
        return (high - low) * self.taper

    def forward(self, samples: torch.Tensor) -> torch.Tensor:
        """Shape (n, samples) to (n, filters, samples / stride), rounded up."""
        kernels = self.kernels().unsqueeze(1)
        return functional.conv1d(samples.unsqueeze(1), kernels, stride=self.stride, padding=self.taps // 2)


@torch.no_grad()
def responses(sinc: Sinc, points: int = 512) -> Responses:
    """Frequency responses of the filters as they are now, for a plot.

    Args:
        sinc: The front end.
        points: Frequencies, evenly spaced from 0 to 8 kHz, >= 2.
    """
    kernels = sinc.kernels().double().cpu().numpy()
    frequency = np.linspace(0, SAMPLE_RATE_HZ / 2, points)
    turns = np.exp(-2j * np.pi / SAMPLE_RATE_HZ * np.outer(np.arange(sinc.taps), frequency))
    gain = 20 * np.log10(np.maximum(np.abs(kernels @ turns), 1e-5))
    return Responses(frequency, gain, sinc.edges().T.double().cpu().numpy() * SAMPLE_RATE_HZ)


def _mel_edges(filters: int) -> torch.Tensor:
    """One more than `filters` frequencies in hertz, evenly spaced on HTK's mel scale."""
    lowest, highest = (2595 * math.log10(1 + hz / 700) for hz in (LOWEST_HZ, 7900.0))
    mels = torch.linspace(lowest, highest, filters + 1, dtype=torch.float64)
    return (700 * (10 ** (mels / 2595) - 1)).float()
