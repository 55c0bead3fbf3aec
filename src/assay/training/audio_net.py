"""The network of `audio-resnet`: views of the sound, convolutions behind each, attentive statistics of a stretch.

A view is a short-time spectrum. Frames of 32 ms resolve harmonics, frames of 16 ms every 4 ms single glottal pulses;
some views see how phases turn, which vocoders make less well than magnitudes, one sees mel bands. Each branch has a
loss of its own, and the logit is their mean: an ensemble that shares nothing but its input, because what one of them
mistakes for a trace of synthesis another seldom does.

Decision: nothing in it pads in time. A window's logit depends on that window's samples and on nothing else, and the
trunk's stride divides the hop, so one pass over a long stretch gives exactly what scoring each window alone would
give, at a fraction of the cost. The input is `(n, samples)` with ``samples = WINDOW_SAMPLES + k * HOP_SAMPLES``; the
logit is `(n, k + 1)`, positive for spoof.

Decision: two lengths. Whether a part of a recording stands out is asked of the logits of parts, which a short splice
fills. The recording as a whole is judged on windows twice as long, by the mean of what is pooled over the window and of
what its parts say. All are pooled from the same frames, so the second length costs nothing. Training takes pieces of a
part's length.

Decision: a spectrum is divided by its own mean over some 270 ms, so that gain cannot matter, and has a floor 60 dB
below that mean; an offset of the recorder is left out. In pauses longer than that the noise is seen at full height;
augmentation therefore always adds some noise, so that digital silence tells nothing.

Sources: residual blocks (He et al., CVPR 2016); attentive statistics pooling (Okabe et al., Interspeech 2018).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import nn
from torch.nn import functional

from assay.audio.features import mel_filter_bank

SAMPLE_RATE_HZ = 16_000
WINDOW_SAMPLES = 65_536  # 4.096 s
PART_SAMPLES = 32_768  # 2.048 s, which training takes, too
HOP_SAMPLES = 4_096  # 0.256 s: the stride of every trunk
FLOOR_GAIN = math.exp(6)  # brings logarithms of power, from the floor up, around zero
PART_HOPS = (WINDOW_SAMPLES - PART_SAMPLES) // HOP_SAMPLES  # by which a stretch holds more parts than windows
MASK_BANDS = 256  # bands that training may hide, 31.25 Hz each


@dataclass(frozen=True)
class View:
    """How a branch looks at the sound.

    Attributes:
        frame: Samples of a frame; its spectrum has half as many bins.
        step: Samples between frames; a quarter of a frame.
        level_frames: Frames over which the level is taken, odd.
        channels: Of the trunk's stages.
        trunk: ``residual``, or ``maxout``: the larger of each two maps instead of what is positive (light CNN).
        part_frames: What the trunk leaves of a part; it loses some at both ends.
        phase: Whether it sees how phases turn, too.
        mels: Bands that the power is gathered in, up to 7.8 kHz; 0 for none.
    """

    frame: int
    step: int
    level_frames: int
    channels: tuple[int, ...]
    trunk: Literal["residual", "maxout"]
    part_frames: int
    phase: bool = False
    mels: int = 0


PULSES = View(frame=256, step=64, level_frames=65, channels=(24, 32, 64, 128), trunk="residual", part_frames=5)
HARMONICS = View(frame=512, step=128, level_frames=33, channels=(24, 32, 64, 128), trunk="residual", part_frames=4)
MELS = View(
    frame=512, step=128, level_frames=33, channels=(16, 24, 32, 48, 64), trunk="maxout", part_frames=11, mels=80
)
VIEWS = {
    "pulses": PULSES,
    "harmonics": HARMONICS,
    "mels": MELS,
    "pulses-phase": replace(PULSES, phase=True),
    "harmonics-phase": replace(HARMONICS, phase=True),
}
BINS = {"residual": 8, "maxout": 5}  # that a trunk leaves


class Spectrum(nn.Module):
    """Raw samples to a gain-free log power spectrum, and to how phases turn, if the view asks for it.

    All of it is matrix products and plain arithmetic, so that every runtime computes it alike. The transform of a frame
    is split once by decimation in frequency: even bins come from the sum of its halves, odd bins from their difference,
    which halves the work of the plain product.

    Phases come as cosine and sine of two turns, each against what a steady tone in the middle of its bin, or a click in
    the middle of its frame, would show: from one frame to the next (instantaneous frequency) and from one bin to the
    next (group delay). Vocoders make magnitudes better than they make these. Where a bin is fainter than 60 dB below
    the level both shrink to zero: its phase is noise.

    Attributes:
        unit: What one neper of power is on the first map.
    """

    even: torch.Tensor
    odd: torch.Tensor
    window: torch.Tensor
    mel: torch.Tensor
    sign: torch.Tensor

    def __init__(self, view: View) -> None:
        super().__init__()
        self.view, self.middle, self.unit = view, view.frame // 2, 0.25
        j = torch.arange(self.middle, dtype=torch.float64)[:, None]
        k = torch.arange(self.middle // 2, dtype=torch.float64)[None]
        # A constant offset falls into the first two bins of a Hann window and nowhere else: they stay empty.
        audible = (k > 0).double()
        even = 2 * math.pi * j * k / self.middle
        odd = 2 * math.pi * j * (2 * k + 1) / view.frame
        # Phases count from the middle of a frame, where a click turns none of them: every other bin turns round.
        self._keep("even", torch.cat([even.cos() * audible, even.sin() * audible], 1))
        self._keep("odd", torch.cat([-odd.cos() * audible, -odd.sin() * audible], 1))
        self._keep("window", torch.hann_window(view.frame, dtype=torch.float64))
        self._keep("sign", 1.0 - 2.0 * (k[0] % 2))
        if view.mels:
            bank = mel_filter_bank(SAMPLE_RATE_HZ, n_fft=view.frame, n_mels=view.mels, fmin_hz=20.0, fmax_hz=7800.0)
            gathered = torch.from_numpy(bank[:, :-1].T / bank.sum(1))
            self._keep("mel", torch.cat([gathered[::2], gathered[1::2]]))

    def _keep(self, name: str, values: torch.Tensor) -> None:
        """A constant of the view: it follows the module, and is not part of its weights."""
        self.register_buffer(name, values.float(), persistent=False)

    @property
    def maps(self) -> int:
        """Maps of each row of bins: logarithms of power, and how phases turn if the view asks for it."""
        return 5 if self.view.phase else 1

    @property
    def channels(self) -> int:
        """Maps that come out."""
        return self.maps if self.view.mels else 2 * self.maps

    def forward(self, samples: torch.Tensor) -> torch.Tensor:
        """`(n, samples)` to `(n, channels, frames, bins)`, always in single precision.

        Of mel bands there is one map. Otherwise the maps of even bins come first and those of odd bins behind them,
        with ``frame / 4`` bins each: to weave them would cost more than the first convolution gains by it.
        """
        with torch.autocast(samples.device.type, enabled=False):
            return self._maps(samples.float())

    def _halves(self, samples: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """First and second half of every frame, windowed, each `(n, frames, frame / 2)`."""
        blocks = samples.reshape(samples.shape[0], -1, self.view.step)
        each = self.middle // self.view.step
        halves = blocks
        if each > 1:
            last = 1 - each
            halves = torch.cat([blocks[:, start : last + start or None] for start in range(each)], dim=-1)
        return halves[:, :-each] * self.window[: self.middle], halves[:, each:] * self.window[self.middle :]

    def _maps(self, samples: torch.Tensor) -> torch.Tensor:
        first, second = self._halves(samples)
        parts = []
        for frames, basis in ((first + second, self.even), (first - second, self.odd)):
            both = frames @ basis
            parts.append((both[..., : self.middle // 2], both[..., self.middle // 2 :]))
        powers = [cosine * cosine + sine * sine for cosine, sine in parts]
        edge = self.view.level_frames // 2
        mean = (powers[0] + powers[1]).mean(-1, keepdim=True) / 2
        level = functional.avg_pool1d(mean.transpose(1, 2), 2 * edge + 1, 1).transpose(1, 2)
        gain = FLOOR_GAIN / (level + 1e-9)
        if self.view.mels:
            return self._logarithm((torch.cat(powers, -1) @ self.mel)[:, edge:-edge] * gain).unsqueeze(1)
        maps = [[self._logarithm(power[:, edge:-edge] * gain)] for power in powers]
        if self.view.phase:
            faint = functional.pad(1e-6 * level + 1e-12, (0, 0, 1, 0), mode="replicate")
            units = []
            for (cosine, sine), squares in zip(parts, powers, strict=True):
                shrunk = (squares[:, edge - 1 : -edge] + faint).rsqrt()
                units.append((cosine[:, edge - 1 : -edge] * shrunk, sine[:, edge - 1 : -edge] * shrunk))
            for own, turns in zip(maps, self._turns(*units), strict=True):
                own += turns
        return torch.stack(maps[0] + maps[1], 1)

    def _logarithm(self, raised: torch.Tensor) -> torch.Tensor:
        """Of power over the level times `FLOOR_GAIN`; a floor lies 60 dB below the level."""
        logarithm = (raised + 1e-6 * FLOOR_GAIN).log()
        return logarithm if self.unit == 1 else logarithm * self.unit

    def _turns(
        self, even: tuple[torch.Tensor, torch.Tensor], odd: tuple[torch.Tensor, torch.Tensor]
    ) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
        """Instantaneous frequency and group delay, cosine and sine of each, of even bins and of odd ones.

        Args:
            even: Cosine and sine parts of the even bins' phases, `(n, frames + 1, bins / 2)`; the transform's
                imaginary part is minus the sine part.
            odd: The same of the odd bins.

        Returns:
            Four maps of even bins, four of odd ones, each `(n, frames, bins / 2)`.
        """
        # A step is a quarter of a frame: a tone in the middle of bin k turns by k quarters, which the signs take off.
        (even_cos, even_sin), (odd_cos, odd_sin) = [
            _turn((c[:, 1:], s[:, 1:]), (c[:, :-1], s[:, :-1])) for c, s in (even, odd)
        ]
        now_even, now_odd = [(c[:, 1:], s[:, 1:]) for c, s in (even, odd)]
        below_cos, below_sin = [functional.pad(part[..., :-1], (1, 0)) for part in now_odd]
        up = _turn(now_odd, now_even)  # from bin 2m to 2m + 1
        on = _turn(now_even, (below_cos, below_sin))  # from bin 2m - 1 to 2m
        return [even_cos * self.sign, even_sin * self.sign, *on], [odd_sin * self.sign, odd_cos * -self.sign, *up]


def _turn(
    after: tuple[torch.Tensor, torch.Tensor], before: tuple[torch.Tensor, torch.Tensor]
) -> tuple[torch.Tensor, torch.Tensor]:
    """Cosine and sine of the angle between two phasors, given by their cosine and (negated) sine parts."""
    (c1, s1), (c0, s0) = after, before
    return c1 * c0 + s1 * s0, c1 * s0 - s1 * c0


def _conv(
    inputs: int, outputs: int, stride: int | tuple[int, int] = 1, kernel: tuple[int, int] = (3, 3)
) -> nn.Sequential:
    """Convolution that pads frequency only, batch norm, ReLU."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, padding=(0, kernel[1] // 2), bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(),
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


class Flat(nn.Module):
    """Two convolutions over frequency around a shortcut."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = _conv(channels, channels, kernel=(1, 3))
        self.second = nn.Sequential(
            nn.Conv2d(channels, channels, (1, 3), padding=(0, 1), bias=False), nn.BatchNorm2d(channels)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """`(n, channels, frames, bins)` to the same."""
        return torch.relu(x + self.second(self.first(x)))


class Larger(nn.Module):
    """Convolution with twice the maps, batch norm, and of each two maps the larger value (max feature map).

    Source: Wu et al., "A light CNN for deep face representation with noisy labels", 2018.
    """

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1) -> None:
        super().__init__()
        # Time is never padded.
        self.both = nn.Conv2d(inputs, 2 * outputs, kernel, stride, padding=(0, kernel // 2), bias=False)
        self.norm = nn.BatchNorm2d(2 * outputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """`(n, inputs, frames, bins)` to `(n, outputs, ...)`."""
        return torch.maximum(*self.norm(self.both(x)).chunk(2, 1))


def _trunk(view: View, inputs: int) -> list[nn.Module]:
    """Layers that leave a frame per hop, or two (``maxout``), and some bins."""
    if view.trunk == "maxout":
        one, two, three, four, five = view.channels
        return [
            *(Larger(inputs, one, 5, 2), Larger(one, one, 1), Larger(one, two, 3, 2)),
            *(Larger(two, two, 1), Larger(two, three, 3, 2), Larger(three, three, 1)),
            *(Larger(three, four, 3), Larger(four, four, 1), Larger(four, five, 3, 2)),
        ]
    stem, low, middle, high = view.channels
    # Whatever the frames, the first layer leaves one each 16 ms, and 63 or 64 bins; it sees four bins, two of each row.
    first = nn.Conv2d(inputs, stem, (4, 2), (256 // view.step, view.frame // 256), bias=False)
    return [
        *(nn.Sequential(first, nn.BatchNorm2d(stem), nn.ReLU()), _conv(stem, low, 2), _conv(low, middle, 2)),
        *(Residual(middle), _conv(middle, middle, (2, 1)), _conv(middle, high, 2), Flat(high)),
    ]


class SlidingStatistics(nn.Module):
    """Attention-weighted mean and deviation over consecutive frames, for every `step` of them."""

    def __init__(self, channels: int, step: int) -> None:
        super().__init__()
        self.step = step
        self.attention = nn.Sequential(nn.Conv1d(channels, 32, 1), nn.Tanh(), nn.Conv1d(32, channels, 1), nn.Tanh())

    def forward(self, x: torch.Tensor, lengths: Sequence[int]) -> list[torch.Tensor]:
        """`(n, channels, frames)` to `(n, stretches, 2 * channels)` for stretches of each length in frames."""
        # Weights lie between e^-3 and e^3, so that sums over any stretch stay well-conditioned.
        weight = (3 * self.attention(x)).exp()
        moments = torch.cat([weight, weight * x, weight * x * x], 1)
        return [self._statistics(moments, length) for length in lengths]

    def _statistics(self, moments: torch.Tensor, length: int) -> torch.Tensor:
        total, first, second = functional.avg_pool1d(moments, length, self.step).chunk(3, 1)
        mean = first / total
        variance = second / total - mean * mean
        return torch.cat([mean, (variance.clamp_min(0) + 1e-4).sqrt()], 1).transpose(1, 2)


class Branch(nn.Module):
    """One view of the sound, and logits of windows and of parts from it."""

    def __init__(self, view: View, embedding: int = 128) -> None:
        super().__init__()
        self.spectrum = Spectrum(view)
        self.trunk = nn.Sequential(
            *_trunk(view, self.spectrum.channels),
            nn.Conv2d(view.channels[-1], embedding, (1, BINS[view.trunk]), bias=False),
            nn.BatchNorm2d(embedding),
            nn.ReLU(),
        )
        hop_frames = 2 if view.trunk == "maxout" else 1
        self.lengths = (view.part_frames + PART_HOPS * hop_frames, view.part_frames)
        self.pool = SlidingStatistics(embedding, hop_frames)
        self.dropout = nn.Dropout(0.2)
        self.head = nn.Linear(2 * embedding, 1)

    def forward(self, samples: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Logits of windows and of parts; see `AudioResnet.forward`."""
        windows, parts = (self._logits(each) for each in self.pool(self.frames(samples), self.lengths))
        within = functional.avg_pool1d(parts.unsqueeze(1), PART_HOPS + 1, 1).squeeze(1)
        return (windows + within) / 2, parts

    def part_logits(self, samples: torch.Tensor, band_mask: torch.Tensor | None = None) -> torch.Tensor:
        """Logits of parts alone, of samples that need not fill a window; see `AudioResnet.part_logits`."""
        (parts,) = self.pool(self.frames(samples, band_mask), self.lengths[1:])
        return self._logits(parts)

    def _logits(self, statistics: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.head(self.dropout(statistics))
        return logits.squeeze(-1)

    def frames(self, samples: torch.Tensor, band_mask: torch.Tensor | None = None) -> torch.Tensor:
        """What the trunk makes of samples, `(n, embedding, frames)`."""
        spectrum = self.spectrum(samples)
        if band_mask is not None and not self.spectrum.view.mels:
            bands = band_mask[:, :: MASK_BANDS // (2 * spectrum.shape[-1])]
            rows = torch.stack([bands[:, ::2], bands[:, 1::2]], 1)
            spectrum = spectrum * rows.repeat_interleave(self.spectrum.maps, 1).unsqueeze(2)
        spectrum = spectrum.contiguous(memory_format=torch.channels_last)
        frames: torch.Tensor = self.trunk(spectrum).flatten(2)
        return frames


class AudioResnet(nn.Module):
    """Raw 16 kHz samples to one logit per window and one per part, positive for spoof.

    Args:
        views: Names in `VIEWS`, one per branch; a name may come again.
    """

    def __init__(self, views: Sequence[str] = ("mels", "pulses-phase")) -> None:
        super().__init__()
        self.views = tuple(views)
        self.branches = nn.ModuleList(Branch(VIEWS[name]) for name in views)

    @property
    def each(self) -> list[Branch]:
        """The branches."""
        return [branch for branch in self.branches if isinstance(branch, Branch)]

    def part_logits(self, samples: torch.Tensor, band_mask: torch.Tensor | None = None) -> torch.Tensor:
        """What each branch says of each part.

        Args:
            samples: Shape (n, PART_SAMPLES + k * HOP_SAMPLES), float32.
            band_mask: Shape (n, MASK_BANDS), 0 where a frequency is hidden (training only).

        Returns:
            Logits, shape (branches, n, k + 1).
        """
        return torch.stack([branch.part_logits(samples, band_mask) for branch in self.each])

    def forward(self, samples: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Score windows and parts.

        Args:
            samples: Shape (n, WINDOW_SAMPLES + k * HOP_SAMPLES), float32.

        Returns:
            Logits, means over branches: of the windows, shape (n, k + 1), and of the parts, (n, k + 1 + PART_HOPS).
        """
        windows, parts = zip(*(branch(samples) for branch in self.branches), strict=True)
        return torch.stack(windows).mean(0), torch.stack(parts).mean(0)
