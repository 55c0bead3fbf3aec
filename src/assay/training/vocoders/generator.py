"""Two networks from a mel spectrogram and an excitation to a wave.

- `FrameGenerator` stays at the frame rate: it draws filters for pulses and noise, and one inverse Fourier transform
  makes the wave (Siuzdak, "Vocos: closing the gap between time-domain and Fourier-based neural vocoders", 2023; blocks
  after Liu et al., "A ConvNet for the 2020s", CVPR 2022; excitation after Wang et al., 2020). Its traces are those of
  frames.
- `UpsamplingGenerator` raises the rate by transposed convolutions and ends in a small inverse transform (Kong et al.,
  "HiFi-GAN", NeurIPS 2020; Kaneko et al., "iSTFTNet", ICASSP 2022; excitation after Li et al., "HiFTNet", 2023). Its
  traces are those of upsampling.

Departures: no weight normalisation, one convolution per dilation in a residual block, few and narrow layers.
"""

from __future__ import annotations

from typing import TypeAlias

import torch
from torch import nn
from torch.nn import functional

from assay.training.fakes.spectra import MEL_FLOOR, istft, mel_basis, stft
from assay.training.sound import SAMPLE_RATE_HZ
from assay.training.vocoders.recipe import HEAD_HOP, HEAD_N_FFT, Features, VocoderRecipe

MEL_MEAN, MEL_SPREAD = -5.0, 3.0  # of log mels of speech, roughly: a network likes inputs near one
MAX_LOG_MAGNITUDE = 6.0  # a full-scale sine of 1024 Hann samples has 5.5
MAX_LOG_GAIN = 4.0
FIRST_LOG_GAIN = -3.0  # of the filters before training: the excitation has RMS 1, speech less
SLOPE = 0.1


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


class FrameGenerator(nn.Module):
    """Mel, of the wanted sound and of the pulses -> blocks at frame rate -> filters of both excitations -> wave."""

    def __init__(self, features: Features, channels: int, hidden: int, blocks: int) -> None:
        super().__init__()
        self.features = features
        self.first = nn.Conv1d(2 * features.n_mels, channels, 5, padding=2)
        self.blocks = nn.Sequential(*(_FrameBlock(channels, hidden, 1 / blocks) for _ in range(blocks)))
        self.norm = nn.LayerNorm(channels)
        self.head = nn.Linear(channels, 3 * (features.n_fft // 2 + 1))
        with torch.no_grad():
            gain, turn, breath = self.head.bias.chunk(3)
            gain.fill_(FIRST_LOG_GAIN), turn.zero_(), breath.fill_(FIRST_LOG_GAIN)

    def forward(self, mel: torch.Tensor, excited: torch.Tensor) -> torch.Tensor:
        """Make a wave.

        Args:
            mel: Natural logarithm of mel magnitudes, shape (batch, n_mels, 1 + n // hop).
            excited: Pulses and noise, shape (batch, 2, n); see `assay.training.vocoders.excitation`.

        Returns:
            Shape (batch, n), float32, about [-1, 1].
        """
        f = self.features
        pulses, noise = (stft(part, f.n_fft, f.hop) for part in excited.unbind(1))
        basis = mel_basis(f.n_fft, f.n_mels, SAMPLE_RATE_HZ, f.fmax_hz)
        seen = torch.log((basis @ pulses.abs()).clamp_min(MEL_FLOOR))  # whether and where harmonics are
        x = self.blocks(self.first((torch.cat([mel, seen], dim=1) - MEL_MEAN) / MEL_SPREAD))
        x = self.head(self.norm(x.transpose(1, 2))).transpose(1, 2)
        gain, turn, breath = x.float().chunk(3, dim=1)
        voice = torch.polar(gain.clamp_max(MAX_LOG_GAIN).exp(), turn) * pulses
        return istft(voice + breath.clamp_max(MAX_LOG_GAIN).exp() * noise, f.n_fft, f.hop, excited.shape[2])


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
    def __init__(self, channels: int, factor: int, step: int) -> None:
        """`step`: samples of the wave per step of what comes out, even."""
        super().__init__()
        odd = factor % 2
        self.raise_rate = nn.ConvTranspose1d(
            channels, channels // 2, 2 * factor, factor, padding=factor // 2 + odd, output_padding=odd
        )
        self.excite = nn.Conv1d(2, channels // 2, 4 * step, step, padding=step + step // 2)
        self.short, self.long = _Residual(channels // 2, 3), _Residual(channels // 2, 7)

    def forward(self, x: torch.Tensor, excited: torch.Tensor) -> torch.Tensor:
        x = self.raise_rate(functional.leaky_relu(x, SLOPE)) + self.excite(excited)
        out: torch.Tensor = (self.short(x) + self.long(x)) / 2
        return out


class UpsamplingGenerator(nn.Module):
    """Mel -> transposed convolutions with residual blocks -> magnitude and phase of few bins -> inverse transform."""

    def __init__(self, features: Features, channels: int, upsamplings: tuple[int, ...]) -> None:
        super().__init__()
        self.hop = features.hop
        self.first = nn.Conv1d(features.n_mels, channels, 7, padding=3)
        self.stages = nn.ModuleList()
        step = features.hop
        for factor in upsamplings:
            step //= factor
            self.stages.append(_Upsampling(channels, factor, step))
            channels //= 2
        self.head = nn.Conv1d(channels, HEAD_N_FFT + 2, 7, padding=3)

    def forward(self, mel: torch.Tensor, excited: torch.Tensor) -> torch.Tensor:
        """See `FrameGenerator.forward`."""
        length = excited.shape[2]
        x = self.first((mel - MEL_MEAN) / MEL_SPREAD)
        whole = functional.pad(excited, (0, mel.shape[2] * self.hop - length))
        for stage in self.stages:
            x = stage(x, whole)
        x = functional.pad(functional.leaky_relu(x, SLOPE), (1, 0), mode="replicate")  # n frames span n - 1 hops
        return polar_istft(self.head(x), HEAD_N_FFT, HEAD_HOP, length)


Generator: TypeAlias = FrameGenerator | UpsamplingGenerator
