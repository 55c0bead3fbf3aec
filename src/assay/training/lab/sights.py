"""What happens to pictures, videos and sequences of features in training: batches at once, replayable from their seeds.

All frames of a video get the same; so do a spoof and a bona fide medium that stand side by side.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from assay.training.lab.config import Picture, Video
from assay.training.lab.decode import whole_blocks
from assay.training.pictures.history import QUALITY, Chances, History
from assay.training.pictures.jpeg import save_and_open


class PictureTreatment:
    """Treats batches of pictures by `assay.training.pictures.history`.

    Args:
        settings: Chances.
        side: Of what comes out, pixels.
    """

    def __init__(self, settings: Picture, side: int) -> None:
        self._chances, self._side = Chances(**settings.model_dump()), side

    def __call__(self, stored: NDArray[np.uint8], *, paired: bool, seed: Sequence[int]) -> torch.Tensor:
        """Treat a batch.

        Args:
            stored: Shape (n, s, s, 3), uint8, s as `assay.training.lab.decode.stored_side` says.
            paired: Whether neighbours (0 and 1, 2 and 3 ...) are treated alike.
            seed: Decides everything.

        Returns:
            Shape (n, side, side, 3), uint8.
        """
        generator = torch.Generator().manual_seed(_whole(seed))
        history = History(self._chances, whole_blocks(self._side), generator)
        n = len(stored)
        # A history takes couples; media that stand alone are coupled with themselves.
        couples = np.concatenate([stored, stored[-1:]]) if paired and n % 2 else stored
        given = torch.from_numpy(np.ascontiguousarray(couples)).permute(0, 3, 1, 2).float()
        given = given.view(-1, 2, *given.shape[1:]) if paired else given[:, None].expand(-1, 2, -1, -1, -1)
        made = history(given)
        made = made.flatten(0, 1)[:n] if paired else made[:, 0]
        return _cut(made.permute(0, 2, 3, 1), self._side).to(torch.uint8).contiguous()


class VideoTreatment:
    """Treats batches of frames.

    Args:
        settings: Chances.
        side: Of what comes out, pixels.
    """

    def __init__(self, settings: Video, side: int) -> None:
        self._settings, self._side = settings, side

    def __call__(self, stored: NDArray[np.uint8], *, paired: bool, seed: Sequence[int]) -> torch.Tensor:
        """As `PictureTreatment`, shape (n, frames, s, s, 3) to (n, frames, side, side, 3), uint8."""
        drawn = _Draws(len(stored), paired, seed)
        frames = _in_time(torch.from_numpy(np.ascontiguousarray(stored)), self._settings, drawn)
        made = self._seen(self._placed(frames, drawn), drawn)
        made = _cut(made.round_().clamp_(0, 255).to(torch.uint8).permute(0, 1, 3, 4, 2), self._side)
        return made.contiguous()

    def _placed(self, frames: torch.Tensor, drawn: _Draws) -> torch.Tensor:
        """Cut somewhere, mirrored by half; uint8 (n, frames, s, s, 3) to float32 (n, frames, 3, side, side)."""
        side, spare = whole_blocks(self._side), frames.shape[2] - whole_blocks(self._side)
        tops, lefts = ((drawn.uniform() * (spare + 1)).long().clamp(max=spare) for _ in range(2))
        mirrored = drawn.chance(0.5)
        made = torch.empty(*frames.shape[:2], 3, side, side)
        for place, (top, left, turned) in enumerate(zip(tops.tolist(), lefts.tolist(), mirrored.tolist(), strict=True)):
            cut = frames[place, :, top : top + side, left : left + side].permute(0, 3, 1, 2).contiguous()
            made[place] = cut.flip(3) if turned else cut
        return made

    def _seen(self, x: torch.Tensor, drawn: _Draws) -> torch.Tensor:
        """Light, blur, noise, JPEG, each computed for the videos that it happens to.

        x has shape (n, frames, 3, side, side), 0 to 255, and is changed in place.
        """
        settings = self._settings
        gain, contrast = 1 + 0.5 * (drawn.like(x) - 0.5), 1 + 0.5 * (drawn.like(x) - 0.5)
        cast = torch.stack([1 + 0.12 * (drawn.uniform() - 0.5) for _ in range(3)], 1).view(-1, 1, 3, 1, 1)
        if (lit := drawn.chance(settings.light)).any():
            chosen = x[lit]
            mean = chosen.mean((1, 3, 4), keepdim=True)
            x[lit] = ((chosen - mean) * contrast[lit] + mean * gain[lit]) * cast[lit]
        if (blurred := drawn.chance(settings.blur)).any():
            chosen = x[blurred]
            soft = functional.avg_pool2d(chosen.flatten(0, 2)[:, None], 3, 1, 1, count_include_pad=False)
            x[blurred] = soft.view_as(chosen)
        strength = drawn.like(x).square() * 10
        grain = torch.randn(x.shape, generator=drawn.generator)
        if (noisy := drawn.chance(settings.noise)).any():
            x[noisy] += grain[noisy] * strength[noisy]
        x.clamp_(0, 255)
        low, high = QUALITY
        quality = (low + (high - low) * drawn.uniform().sqrt()).round()
        if (saved := drawn.chance(settings.jpeg)).any():
            chosen = x[saved]
            each = quality[saved].repeat_interleave(x.shape[1])
            x[saved] = save_and_open(chosen.flatten(0, 1), each, halved=True).view_as(chosen)
        return x


class FeatureTreatment:
    """Treats batches of sequences of features.

    Args:
        settings: Chances.
    """

    def __init__(self, settings: Video) -> None:
        self._settings = settings

    def __call__(self, stored: NDArray[np.float32], *, paired: bool, seed: Sequence[int]) -> torch.Tensor:
        """As `PictureTreatment`, shape (n, frames, features) to the same, float32."""
        drawn = _Draws(len(stored), paired, seed)
        x = _in_time(torch.from_numpy(np.ascontiguousarray(stored)), self._settings, drawn)
        spread = x.std((0, 1), keepdim=True)
        noisy = x + 0.05 * spread * torch.randn(x.shape, generator=drawn.generator)
        return torch.where(drawn.chance(self._settings.noise).view(-1, 1, 1), noisy, x)


class _Draws:
    """Numbers for each medium of a batch, shape (n,); neighbours get the same if they are paired."""

    def __init__(self, n: int, paired: bool, seed: Sequence[int]) -> None:
        self.generator = torch.Generator().manual_seed(_whole(seed))
        self._n, self._each = n, 2 if paired else 1

    def uniform(self) -> torch.Tensor:
        drawn = torch.rand(math.ceil(self._n / self._each), generator=self.generator)
        return drawn.repeat_interleave(self._each)[: self._n]

    def chance(self, probability: float) -> torch.Tensor:
        return self.uniform() < probability

    def like(self, x: torch.Tensor) -> torch.Tensor:
        return self.uniform().view(-1, *(1,) * (x.ndim - 1))


def _in_time(x: torch.Tensor, settings: Video, drawn: _Draws) -> torch.Tensor:
    """Backwards, or with a stretch of frames held."""
    frames = torch.arange(x.shape[1])
    first = (drawn.uniform() * x.shape[1]).long()[:, None]
    length = (1 + drawn.uniform() * x.shape[1] / 4).long()[:, None]
    held = torch.where((frames >= first) & (frames < first + length), first, frames)
    order = torch.where(drawn.chance(settings.still)[:, None], held, frames)
    order = torch.where(drawn.chance(settings.reverse)[:, None], order.flip(1), order)
    return x[torch.arange(len(x))[:, None], order]


def _cut(x: torch.Tensor, side: int) -> torch.Tensor:
    first = (x.shape[-2] - side) // 2
    return x[..., first : first + side, first : first + side, :]


def _whole(seed: Sequence[int]) -> int:
    return int(np.random.default_rng([*seed, 3]).integers(2**62))
