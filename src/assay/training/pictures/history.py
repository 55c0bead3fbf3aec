"""What happens to a picture between its making and us, done to both sides of a couple alike.

Decision: a couple (a spoof and a bona fide crop) shares every parameter that is drawn here, so that scale, sharpness,
noise, light and compression can never tell the key. Whole batches are changed at once; where an operation needs one
size for all, the batch goes through in `GROUPS` groups that each draw their own.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch.nn import functional

from assay.training.pictures.jpeg import save_and_open

GROUPS = 8
EDGE = 32  # pixels between the crop that is compressed and the one that is kept, so that grids fall anywhere
QUALITY = (50.0, 99.0)


@dataclass(frozen=True)
class Chances:
    """How often each thing happens to a couple, 0 to 1."""

    scale: float = 0.5
    blur: float = 0.1
    sharpen: float = 0.1
    noise: float = 0.15
    light: float = 0.5
    grey: float = 0.05
    jpeg: float = 0.8
    again: float = 0.3
    erase: float = 0.15


class History:
    """Changes batches of couples.

    Args:
        chances: Of each change.
        side: Side of what comes out, in pixels, a multiple of 16.
        generator: Of everything drawn; its device is that of the batches.
    """

    def __init__(self, chances: Chances, side: int, generator: torch.Generator) -> None:
        self._chances, self._side, self._generator = chances, side, generator

    def __call__(self, pixels: torch.Tensor) -> torch.Tensor:
        """Change couples.

        Args:
            pixels: Shape (couples, 2, 3, s, s), float, 0 to 255, s at least `side` + `EDGE`.

        Returns:
            Shape (couples, 2, 3, side, side), whole numbers 0 to 255.
        """
        groups = [self._group(part) for part in pixels.tensor_split(min(GROUPS, len(pixels)))]
        return self._own(torch.cat(groups))

    def _draw(self, *shape: int) -> torch.Tensor:
        return torch.rand(shape, generator=self._generator, device=self._generator.device)

    def _chosen(self, chance: float, n: int) -> torch.Tensor:
        return self._draw(n) < chance

    def _happens(self, chance: float, n: int) -> torch.Tensor:
        return self._chosen(chance, n).view(-1, 1, 1, 1, 1)

    def _group(self, x: torch.Tensor) -> torch.Tensor:
        """Scale, cut, flip, compress: one scale and one subsampling for all, the rest drawn for each couple."""
        stored, cut = x.shape[-1], self._side + EDGE
        drawn = self._draw(4).tolist()
        target = stored
        if drawn[0] < self._chances.scale:
            least, most = math.log(max(cut / stored, 0.5)), math.log(1.3)
            target = max(cut, round(stored * math.exp(least + drawn[1] * (most - least))))
        if target != stored:
            mode = "bilinear" if drawn[2] < 0.5 else "bicubic"
            flat = functional.interpolate(x.flatten(0, 1), size=(target, target), mode=mode, antialias=True)
            x = flat.clamp(0, 255).view(*x.shape[:3], target, target)
        x = self._cut(x, cut)
        x = torch.where(self._happens(0.5, len(x)), x.flip(-1), x)
        x = self._optics(x)
        for chance, side in ((self._chances.jpeg, self._side + EDGE // 2), (self._chances.again, self._side)):
            happens = self._chosen(chance, len(x))
            low, high = QUALITY
            quality = (low + (high - low) * self._draw(len(x)).sqrt()).round()
            halved = bool(self._draw(1).item() < 0.6)
            x = x.round()
            if happens.any():
                chosen, qualities = x[happens], quality[happens].repeat_interleave(2)
                x[happens] = save_and_open(chosen.flatten(0, 1), qualities, halved=halved).view_as(chosen)
            x = self._cut(x, side)
        return x

    def _cut(self, x: torch.Tensor, side: int) -> torch.Tensor:
        """A square of `side` at a random place of each couple."""
        spare = x.shape[-1] - side
        if spare == 0:
            return x
        at = (self._draw(len(x), 2) * (spare + 1)).long().clamp(max=spare).tolist()
        # Slices are copied row by row; one index over all couples would gather pixel by pixel.
        return torch.stack(
            [one[..., top : top + side, left : left + side] for one, (top, left) in zip(x, at, strict=True)]
        )

    def _optics(self, x: torch.Tensor) -> torch.Tensor:
        """Blur or sharpen, light, colour, noise; each computed for the couples that it happens to."""
        n, chances = len(x), self._chances
        x = self._focused(x)
        gain = 1 + 0.5 * (self._draw(n, 1, 1, 1, 1) - 0.5)
        cast = 1 + 0.12 * (self._draw(n, 1, 3, 1, 1) - 0.5)
        gamma = torch.exp((self._draw(n, 1, 1, 1, 1) - 0.5) * 0.7)
        contrast = 1 + 0.5 * (self._draw(n, 1, 1, 1, 1) - 0.5)
        if (lit := self._chosen(chances.light, n)).any():
            chosen = x[lit]
            middle = chosen.mean((-1, -2), keepdim=True)
            chosen = ((chosen - middle) * contrast[lit] + middle * gain[lit]) * cast[lit]
            x[lit] = (chosen.clamp(0, 255) / 255).pow(gamma[lit]) * 255
        if (grey := self._chosen(chances.grey, n)).any():
            x[grey] = x[grey].mean(2, keepdim=True).expand_as(x[grey])
        noise = torch.randn(x.shape, generator=self._generator, device=x.device)
        strength = 10 * self._draw(n, 1, 1, 1, 1).square()
        if (noisy := self._chosen(chances.noise, n)).any():
            x[noisy] += noise[noisy] * strength[noisy]
        return x.clamp(0, 255)

    def _focused(self, x: torch.Tensor) -> torch.Tensor:
        """Some blurred by a Gaussian of 0.4 to 1.6 pixels, one width for the group, some sharpened; a new tensor."""
        sigma = 0.4 + 1.2 * self._draw(1)
        blurred, sharpened = self._chosen(self._chances.blur, len(x)), self._chosen(self._chances.sharpen, len(x))
        strength = self._draw(len(x), 1, 1, 1, 1)
        x = x.clone()
        if (touched := blurred | sharpened).any():
            chosen = x[touched]
            soft = _blurred(chosen, sigma)
            chosen = torch.where(blurred[touched].view(-1, 1, 1, 1, 1), soft, chosen)
            sharp = chosen + (chosen - soft) * strength[touched]
            x[touched] = torch.where(sharpened[touched].view(-1, 1, 1, 1, 1), sharp, chosen)
        return x

    def _own(self, x: torch.Tensor) -> torch.Tensor:
        """A grey rectangle over a part of both, at times: nothing may hang on one place."""
        n, side = len(x), x.shape[-1]
        size = side * (0.15 + 0.3 * self._draw(n, 2))
        start = self._draw(n, 2) * (side - size)
        at = torch.arange(side, device=x.device)
        inside = (at >= start[..., None]) & (at < (start + size)[..., None])
        hidden = (inside[:, 0, :, None] & inside[:, 1, None])[:, None, None] & self._happens(self._chances.erase, n)
        return torch.where(hidden, 127.0, x)


def _blurred(x: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
    """A Gaussian of `sigma` pixels, shape (1,), seven pixels wide; x of shape (couples, 2, 3, s, s)."""
    reach = torch.arange(-3, 4, device=x.device)
    kernel = torch.exp(-(reach**2) / (2 * sigma**2))
    kernel = (kernel / kernel.sum()).view(1, 1, 1, 7)
    flat = functional.pad(x.flatten(0, 2)[:, None], (3, 3, 3, 3), mode="reflect")
    return functional.conv2d(functional.conv2d(flat, kernel), kernel.transpose(2, 3)).view_as(x)
