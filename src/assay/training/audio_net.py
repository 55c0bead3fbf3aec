"""The network of `audio-resnet`: log spectrum, residual trunk, attentive statistics over a sliding window.

Decision: nothing in it pads in time. A window's logit depends on that window's samples and on nothing else, and the
trunk's stride divides the hop, so one pass over a long stretch gives exactly what scoring each window alone would
give, at a fraction of the cost. The input is `(n, samples)` with ``samples = WINDOW_SAMPLES + k * HOP_SAMPLES``; the
logit is `(n, k + 1)`, positive for spoof.

Decision: the spectrum is divided by its own mean over `LEVEL_FRAMES` frames, so that gain cannot matter, and has a
floor 60 dB below that mean. In pauses longer than that the noise is seen at full height; augmentation therefore always
adds some noise, so that digital silence tells nothing.

Sources: residual blocks (He et al., CVPR 2016); attentive statistics pooling (Okabe et al., Interspeech 2018).
"""

from __future__ import annotations

import math

import torch
from torch import nn
from torch.nn import functional

SAMPLE_RATE_HZ = 16_000
BLOCK = 256  # samples per frame step; a frame is two blocks, 32 ms
LEVEL_FRAMES = 17  # 272 ms over which the level is taken
STRIDE_FRAMES = 16
POOL_FRAMES = 8
WINDOW_SAMPLES = 256 * BLOCK  # 4.096 s
HOP_SAMPLES = STRIDE_FRAMES * BLOCK  # 0.256 s


class LogSpectrum(nn.Module):
    """Raw samples to a gain-free log power spectrum, as matrix products so that every runtime computes it alike.

    A 512-point transform is split once by decimation in frequency: even bins come from the sum of a frame's halves,
    odd bins from their difference, which halves the work of the plain product.
    """

    even: torch.Tensor
    odd: torch.Tensor
    window: torch.Tensor

    def __init__(self) -> None:
        super().__init__()
        j = torch.arange(BLOCK, dtype=torch.float64)[:, None]
        k = torch.arange(BLOCK // 2, dtype=torch.float64)[None]
        even = 2 * math.pi * j * k / BLOCK
        odd = 2 * math.pi * j * (2 * k + 1) / (2 * BLOCK)
        self.register_buffer("even", torch.cat([even.cos(), even.sin()], 1).float())
        self.register_buffer("odd", torch.cat([odd.cos(), odd.sin()], 1).float())
        self.register_buffer("window", torch.hann_window(2 * BLOCK, dtype=torch.float64).float())

    def forward(self, samples: torch.Tensor) -> torch.Tensor:
        """`(n, samples)` to `(n, 1, frames, 256)`; always in single precision."""
        with torch.autocast(samples.device.type, enabled=False):
            return self._spectrum(samples.float())

    def _spectrum(self, samples: torch.Tensor) -> torch.Tensor:
        blocks = samples.reshape(samples.shape[0], -1, BLOCK)
        first = blocks[:, :-1] * self.window[:BLOCK]
        second = blocks[:, 1:] * self.window[BLOCK:]
        powers = []
        for frames, basis in ((first + second, self.even), (first - second, self.odd)):
            parts = (frames @ basis).square()
            powers.append(parts[..., : BLOCK // 2] + parts[..., BLOCK // 2 :])
        power = torch.stack(powers, dim=-1).flatten(2)
        level = functional.avg_pool1d(power.mean(-1, keepdim=True).transpose(1, 2), LEVEL_FRAMES, 1).transpose(1, 2)
        margin = LEVEL_FRAMES // 2
        relative = power[:, margin:-margin] / (level + 1e-9)
        return ((relative + 1e-6).log() / 4 + 1.5).unsqueeze(1)


def _conv(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    """3×3 convolution that pads frequency only, batch norm, ReLU."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride, padding=(0, 1), bias=False), nn.BatchNorm2d(outputs), nn.ReLU()
    )


class Residual(nn.Module):
    """Two convolutions around a shortcut that loses the same two frames on each side."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = _conv(channels, channels)
        self.second = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=(0, 1), bias=False), nn.BatchNorm2d(channels)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """`(n, channels, frames, bins)` to the same with four frames less."""
        return torch.relu(x[:, :, 2:-2] + self.second(self.first(x)))


class SlidingStatistics(nn.Module):
    """Attention-weighted mean and deviation over each `POOL_FRAMES` consecutive frames."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.attention = nn.Sequential(nn.Conv1d(channels, 32, 1), nn.Tanh(), nn.Conv1d(32, channels, 1), nn.Tanh())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """`(n, channels, frames)` to `(n, windows, 2 * channels)`."""
        # Weights lie between e^-3 and e^3, so that sums over any stretch stay well-conditioned.
        weight = (3 * self.attention(x)).exp()

        def pool(values: torch.Tensor) -> torch.Tensor:
            return functional.avg_pool1d(values, POOL_FRAMES, 1)

        total = pool(weight)
        mean = pool(weight * x) / total
        variance = pool(weight * x * x) / total - mean * mean
        return torch.cat([mean, (variance.clamp_min(0) + 1e-4).sqrt()], 1).transpose(1, 2)


class AudioResnet(nn.Module):
    """Raw 16 kHz samples to one logit per window, positive for spoof."""

    def __init__(self, channels: tuple[int, int, int, int] = (16, 32, 48, 96), embedding: int = 128) -> None:
        super().__init__()
        stem, low, middle, high = channels
        self.spectrum = LogSpectrum()
        self.trunk = nn.Sequential(
            _conv(1, stem, 2),
            _conv(stem, low, 2),
            _conv(low, middle, 2),
            Residual(middle),
            _conv(middle, high, 2),
            Residual(high),
            nn.Conv2d(high, embedding, (1, 16), bias=False),
            nn.BatchNorm2d(embedding),
            nn.ReLU(),
        )
        self.pool = SlidingStatistics(embedding)
        self.dropout = nn.Dropout(0.2)
        self.head = nn.Linear(2 * embedding, 1)

    def forward(self, samples: torch.Tensor, band_mask: torch.Tensor | None = None) -> torch.Tensor:
        """Score windows.

        Args:
            samples: Shape (n, WINDOW_SAMPLES + k * HOP_SAMPLES), float32.
            band_mask: Shape (n, 256), 0 where a frequency is hidden (training only).

        Returns:
            Logits, shape (n, k + 1).
        """
        spectrum = self.spectrum(samples)
        if band_mask is not None:
            spectrum = spectrum * band_mask[:, None, None]
        spectrum = spectrum.contiguous(memory_format=torch.channels_last)
        frames: torch.Tensor = self.trunk(spectrum).flatten(2)
        logits: torch.Tensor = self.head(self.dropout(self.pool(frames)))
        return logits.squeeze(-1)
