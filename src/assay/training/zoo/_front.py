"""Front ends of sound inside a network: level, spectrum, bands, cepstra and their slopes, as plain arithmetic.

Numbers are those of `assay.audio.features`, whose conventions hold (centred frames, periodic Hann window, Slaney's mel
bands, decibels with a floor 80 dB below the loudest value of the window), from matrix products that every runtime has:
no complex numbers, no transform operator. A feature comes as (n, rows, frames).

Networks divide a window by its level first (`at_one_level`): how loud a recording is must not tell its key.
"""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from assay.audio.features import linear_filter_bank, mel_filter_bank

SAMPLE_RATE_HZ = 16_000
WINDOW_SAMPLES = 64_000  # 4 s
POWER_FLOOR = 1e-10  # -100 dB, as in assay.audio.features
TOP_DB = 80.0
LEVEL_FLOOR = 1e-5  # of full scale: what is fainter, such as digital silence, stays faint

Scale = Literal["mel", "linear"]


def at_one_level(samples: torch.Tensor) -> torch.Tensor:
    """Samples (n, samples) divided by their root mean square over the window."""
    level = samples.square().mean(1, keepdim=True).sqrt()
    return samples / (level + LEVEL_FLOOR)


class Power(nn.Module):
    """Power spectrum of centred frames.

    Frames are windowed and folded twice before the products, which leaves a quarter of the plain products' work: even
    bins come from the sum of a frame's halves and odd bins from their difference (decimation in frequency), and
    cosines only meet what is even about the middle of a half, sines what is odd, or the other way round.

    Args:
        n_fft: Samples of a frame, a multiple of 4.
        hop: Samples from one frame to the next.

    Attributes:
        bins: Which bin each column is: first the even ones, then the odd ones.
    """

    window: torch.Tensor
    even_cos: torch.Tensor
    even_sin: torch.Tensor
    odd_cos: torch.Tensor
    odd_sin: torch.Tensor

    def __init__(self, n_fft: int, hop: int) -> None:
        super().__init__()
        self.n_fft, self.hop = n_fft, hop
        quarter = n_fft // 4
        self.bins = np.concatenate([np.arange(0, n_fft // 2 + 1, 2), np.arange(1, n_fft // 2, 2)])
        row = torch.arange(quarter + 1, dtype=torch.float64)[:, None]
        even = 2 * math.pi / n_fft * row * torch.from_numpy(self.bins[: quarter + 1])
        odd = 2 * math.pi / n_fft * row * torch.from_numpy(self.bins[quarter + 1 :])
        _keep(self, "window", torch.hann_window(n_fft, dtype=torch.float64))
        _keep(self, "even_cos", even.cos())
        _keep(self, "even_sin", even.sin()[1:-1])
        _keep(self, "odd_cos", odd.cos()[:-1])
        _keep(self, "odd_sin", odd.sin()[1:])

    def forward(self, samples: torch.Tensor) -> torch.Tensor:
        """Shape (n, samples) to (n, frames, n_fft / 2 + 1), columns in the order of `bins`; single precision."""
        frames = self._frames(samples) * self.window
        half = self.n_fft // 2
        total, difference = frames[..., :half] + frames[..., half:], frames[..., :half] - frames[..., half:]
        quarter = half // 2
        back = total[..., quarter + 1 :].flip(-1)
        even_cos = (total[..., : quarter + 1] + functional.pad(back, (1, 1))) @ self.even_cos
        even_sin = (total[..., 1:quarter] - back) @ self.even_sin
        back = difference[..., quarter + 1 :].flip(-1)
        odd_cos = (difference[..., :quarter] - functional.pad(back, (1, 0))) @ self.odd_cos
        odd_sin = (difference[..., 1 : quarter + 1] + functional.pad(back, (0, 1))) @ self.odd_sin
        return torch.cat([even_cos.square() + even_sin.square(), odd_cos.square() + odd_sin.square()], -1)

    def _frames(self, samples: torch.Tensor) -> torch.Tensor:
        """Shape (n, frames, n_fft): blocks of a hop, as many side by side as a frame needs."""
        length = int(samples.shape[1])  # a constant of the exported graph
        count = 1 + length // self.hop
        each = -(-self.n_fft // self.hop)
        start = self.n_fft // 2
        # The last frame may end before the last sample: a negative padding cuts.
        end = (count - 1 + each) * self.hop - start - length
        blocks = functional.pad(samples, (start, end)).reshape(-1, count - 1 + each, self.hop)
        return torch.cat([blocks[:, first : first + count] for first in range(each)], -1)[..., : self.n_fft]


class LogBands(nn.Module):
    """Band power in decibels: `assay.audio.features.log_mel`, or the same over bands evenly spaced in hertz.

    Args:
        n_fft: Samples of a frame, a multiple of 4.
        hop: Samples from one frame to the next.
        bands: Their number, from 0 to 8 kHz.
        scale: How bands are spaced.
    """

    bank: torch.Tensor

    def __init__(self, n_fft: int, hop: int, bands: int, scale: Scale = "mel") -> None:
        super().__init__()
        self.power = Power(n_fft, hop)
        if scale == "mel":
            bank = mel_filter_bank(SAMPLE_RATE_HZ, n_fft=n_fft, n_mels=bands)
        else:
            bank = linear_filter_bank(SAMPLE_RATE_HZ, n_fft=n_fft, n_filters=bands)
        _keep(self, "bank", torch.from_numpy(bank[:, self.power.bins].T))

    def forward(self, samples: torch.Tensor) -> torch.Tensor:
        """Shape (n, samples) to (n, bands, frames), dB, always in single precision."""
        with torch.autocast(samples.device.type, enabled=False):
            gathered = self.power(samples.float()) @ self.bank
            level = gathered.clamp_min(POWER_FLOOR).log() * (10 / math.log(10))
            return torch.maximum(level, level.amax((1, 2), keepdim=True) - TOP_DB).transpose(1, 2)


class Cepstra(nn.Module):
    """First coefficients of the orthonormal DCT-II over bands, as in `assay.audio.features.mfcc` and `lfcc`.

    Args:
        bands: What comes in.
        coefficients: What goes out, the 0th included.
    """

    basis: torch.Tensor

    def __init__(self, bands: int, coefficients: int) -> None:
        super().__init__()
        row = torch.arange(coefficients, dtype=torch.float64)[:, None]
        column = torch.arange(bands, dtype=torch.float64)
        basis = (math.pi * row * (2 * column + 1) / (2 * bands)).cos() * math.sqrt(2 / bands)
        basis[0] /= math.sqrt(2)
        _keep(self, "basis", basis)

    def forward(self, bands: torch.Tensor) -> torch.Tensor:
        """Shape (n, bands, frames) to (n, coefficients, frames)."""
        return self.basis @ bands


class WithSlopes(nn.Module):
    """Features with their slopes (Δ) and curvatures (ΔΔ) below them, as `assay.audio.features.deltas` has them.

    Args:
        width: Frames of a window, odd.
    """

    kernels: torch.Tensor

    def __init__(self, width: int = 9) -> None:
        super().__init__()
        self.width = width
        offsets = torch.arange(width, dtype=torch.float64) - width // 2
        squares = offsets.square() - offsets.square().mean()
        kernels = [offsets / offsets.square().sum(), 2 * squares / squares.square().sum()]
        _keep(self, "kernels", torch.stack(kernels).unsqueeze(1))

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Shape (n, rows, frames) to (n, 3 * rows, frames), frames >= width."""
        rows, frames = (int(size) for size in features.shape[1:])
        slopes = functional.conv1d(features.reshape(-1, 1, frames), self.kernels)
        slopes = functional.pad(slopes, (self.width // 2, self.width // 2), mode="replicate")
        slopes = slopes.reshape(-1, rows, 2, frames)
        return torch.cat([features, slopes[:, :, 0], slopes[:, :, 1]], 1)


def _keep(module: nn.Module, name: str, values: torch.Tensor) -> None:
    """A constant: it follows its module, and is not part of the weights."""
    module.register_buffer(name, values.float().contiguous(), persistent=False)
