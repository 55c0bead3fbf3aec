"""Two networks from a mel spectrogram to a wave.

- `FrameGenerator` stays at the frame rate and leaves the wave to one inverse Fourier transform (Siuzdak, "Vocos:
  closing the gap between time-domain and Fourier-based neural vocoders", 2023; blocks after Liu et al., "A ConvNet for
  the 2020s", CVPR 2022). Its traces are those of invented phases.
- `UpsamplingGenerator` raises the rate by transposed convolutions and ends in a small inverse transform (Kong et al.,
  "HiFi-GAN", NeurIPS 2020; Kaneko et al., "iSTFTNet", ICASSP 2022). Its traces are those of upsampling.

Departures: no weight normalisation, one convolution per dilation in a residual block, few and narrow layers.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from assay.training.fakes.spectra import istft
from assay.training.vocoders.recipe import HEAD_HOP, HEAD_N_FFT, Features, VocoderRecipe

MEL_MEAN, MEL_SPREAD = -5.0, 3.0  # of log mels of speech, roughly: a network likes inputs near one
MAX_LOG_MAGNITUDE = 6.0  # a full-scale sine of 1024 Hann samples has 5.5
SLOPE = 0.1


class Generator(nn.Module):
    """What both kinds have in common: ``mel (batch, n_mels, frames), length -> wave (batch, length)``."""

    def forward(self, mel: torch.Tensor, length: int) -> torch.Tensor:
        """Make a wave.

        Args:
            mel: Natural logarithm of mel magnitudes, shape (batch, n_mels, frames).
            length: Samples to make, at most frames × hop.

        Returns:
            Shape (batch, length), float32, about [-1, 1].
        """
        raise NotImplementedError


def make_generator(recipe: VocoderRecipe) -> Generator:
    """The network of a recipe, with weights drawn from torch's random state."""
    layers = recipe.layers
    if recipe.kind == "istft":
        return FrameGenerator(recipe.features, layers.channels, layers.hidden, layers.blocks)
    return UpsamplingGenerator(recipe.features, layers.channels, layers.upsamplings)


def polar_istft(x: torch.Tensor, n_fft: int, hop: int, length: int) -> torch.Tensor:
    """Inverse short-time transform of log magnitudes and phases.

    Args:
        x: Natural log magnitudes, clamped to `MAX_LOG_MAGNITUDE`, above phases in radians, shape
            (batch, 2 × (n_fft / 2 + 1), frames).
        n_fft: Samples of a frame.
        hop: Samples from frame to frame; frame i is centred at sample i × hop.
        length: Samples to make.

    Returns:
        Shape (batch, length), float32.
    """
    magnitude, phase = x.float().chunk(2, dim=1)  # bfloat16 phases would be noise
    spectrum = torch.polar(magnitude.clamp_max(MAX_LOG_MAGNITUDE).exp(), phase)
    return istft(spectrum, n_fft, hop, length)


class _FrameBlock(nn.Module):
    def __init__(self, channels: int, hidden: int, scale: float) -> None:
        super().__init__()
        self.along = nn.Conv1d(channels, channels, 7, padding=3, groups=channels)
        self.norm = nn.LayerNorm(channels)
        self.widen, self.narrow = nn.Linear(channels, hidden), nn.Linear(hidden, channels)
        self.scale = nn.Parameter(torch.full((channels,), scale))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.norm(self.along(x).transpose(1, 2))
        y = self.scale * self.narrow(functional.gelu(self.widen(y)))
        out: torch.Tensor = x + y.transpose(1, 2)
        return out


class FrameGenerator(Generator):
    """Mel -> blocks at frame rate -> log magnitude and phase of each bin -> inverse transform."""

    def __init__(self, features: Features, channels: int, hidden: int, blocks: int) -> None:
        super().__init__()
        self.n_fft, self.hop = features.n_fft, features.hop
        self.first = nn.Conv1d(features.n_mels, channels, 7, padding=3)
        self.blocks = nn.Sequential(*(_FrameBlock(channels, hidden, 1 / blocks) for _ in range(blocks)))
        self.norm = nn.LayerNorm(channels)
        self.head = nn.Linear(channels, features.n_fft + 2)

    def forward(self, mel: torch.Tensor, length: int) -> torch.Tensor:
        """See `Generator`."""
        x = self.blocks(self.first((mel - MEL_MEAN) / MEL_SPREAD))
        x = self.head(self.norm(x.transpose(1, 2))).transpose(1, 2)
        return polar_istft(x, self.n_fft, self.hop, length)


class _Residual(nn.Module):
    def __init__(self, channels: int, kernel: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            nn.Conv1d(channels, channels, kernel, dilation=dilation, padding=dilation * (kernel // 2))
            for dilation in (1, 3)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for layer in self.layers:
            x = x + layer(functional.leaky_relu(x, SLOPE))
        return x


class _Upsampling(nn.Module):
    def __init__(self, channels: int, factor: int) -> None:
        super().__init__()
        odd = factor % 2
        self.raise_rate = nn.ConvTranspose1d(
            channels, channels // 2, 2 * factor, factor, padding=factor // 2 + odd, output_padding=odd
        )
        self.short, self.long = _Residual(channels // 2, 3), _Residual(channels // 2, 7)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.raise_rate(functional.leaky_relu(x, SLOPE))
        out: torch.Tensor = (self.short(x) + self.long(x)) / 2
        return out


class UpsamplingGenerator(Generator):
    """Mel -> transposed convolutions with residual blocks -> magnitude and phase of few bins -> inverse transform."""

    def __init__(self, features: Features, channels: int, upsamplings: tuple[int, ...]) -> None:
        super().__init__()
        self.first = nn.Conv1d(features.n_mels, channels, 7, padding=3)
        widths = [channels >> index for index in range(len(upsamplings) + 1)]
        self.stages = nn.Sequential(*(_Upsampling(w, factor) for w, factor in zip(widths, upsamplings, strict=False)))
        self.head = nn.Conv1d(widths[-1], HEAD_N_FFT + 2, 7, padding=3)

    def forward(self, mel: torch.Tensor, length: int) -> torch.Tensor:
        """See `Generator`."""
        x = functional.leaky_relu(self.stages(self.first((mel - MEL_MEAN) / MEL_SPREAD)), SLOPE)
        x = functional.pad(x, (1, 0), mode="replicate")  # n frames between centres span n - 1 hops
        return polar_istft(self.head(x), HEAD_N_FFT, HEAD_HOP, length)
