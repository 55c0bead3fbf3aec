"""Discriminators that judge spectrograms, one per resolution; without them a vocoder of this size buzzes.

After Jang et al., "UnivNet" (Interspeech 2021). Departures: magnitudes are compressed, layers are few and stride from
the first on, so that one processor core can afford them.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn
from torch.nn import functional

from assay.training.fakes.spectra import stft

SLOPE = 0.1
COMPRESSION, FLOOR = 0.3, 1e-4
Verdict = list[torch.Tensor]  # of each layer; the last is the judgement, one number per patch


class SpectrumCritic(nn.Module):
    """One resolution: ``wave (batch, n) -> activations of each layer``."""

    def __init__(self, n_fft: int, channels: int) -> None:
        super().__init__()
        self.n_fft = n_fft
        widths = ((1, channels), (channels, channels), (channels, 2 * channels), (2 * channels, 2 * channels))
        strides = ((4, 1), (2, 2), (2, 2), (2, 1))
        self.layers = nn.ModuleList(
            nn.Conv2d(*width, (5, 3), stride=stride, padding=(2, 1))
            for width, stride in zip(widths, strides, strict=True)
        )
        self.judge = nn.Conv2d(2 * channels, 1, 3, padding=1)

    def forward(self, wave: torch.Tensor) -> Verdict:
        """Activations of each layer, the judgement last."""
        x = (stft(wave, self.n_fft, self.n_fft // 4).abs().clamp_min(FLOOR) ** COMPRESSION)[:, None]
        seen = []
        for layer in self.layers:
            x = functional.leaky_relu(layer(x), SLOPE)
            seen.append(x)
        return [*seen, self.judge(x)]


class Critics(nn.Module):
    """All resolutions: ``wave (batch, n) -> one verdict each``."""

    def __init__(self, n_ffts: Sequence[int], channels: int) -> None:
        super().__init__()
        self.parts = nn.ModuleList(SpectrumCritic(n_fft, channels) for n_fft in n_ffts)

    def forward(self, wave: torch.Tensor) -> list[Verdict]:
        """One verdict per resolution."""
        return [part(wave) for part in self.parts]
