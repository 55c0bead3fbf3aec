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

    def _happens(self, chance: float, n: int) -> torch.Tensor:
        return (self._draw(n) < chance).view(-1, 1, 1, 1, 1)

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
            happens = self._happens(chance, len(x))
            low, high = QUALITY
            quality = (low + (high - low) * self._draw(len(x)).sqrt()).round()
            halved = bool(self._draw(1).item() < 0.6)
            saved = save_and_open(x.flatten(0, 1), quality.repeat_interleave(2), halved=halved).view_as(x)
            x = self._cut(torch.where(happens, saved, x.round()), side)
        return x

    def _cut(self, x: torch.Tensor, side: int) -> torch.Tensor:
        """A square of `side` at a random place of each couple."""
        spare = x.shape[-1] - side
        if spare == 0:
            return x
        at = (self._draw(len(x), 2) * (spare + 1)).long().clamp(max=spare)
        reach = torch.arange(side, device=x.device)
        rows, columns = at[:, :1] + reach, at[:, 1:] + reach
        couple = torch.arange(len(x), device=x.device)
        # Advanced indices apart by slices come first: (couples, side, side, 2, 3).
        return x[couple[:, None, None], :, :, rows[:, :, None], columns[:, None]].permute(0, 3, 4, 1, 2).contiguous()

    def _optics(self, x: torch.Tensor) -> torch.Tensor:
        """Blur or sharpen, light, colour, noise."""
        n, chances = len(x), self._chances
        soft = self._blurred(x)
        x = torch.where(self._happens(chances.blur, n), soft, x)
        x = torch.where(self._happens(chances.sharpen, n), x + (x - soft) * self._draw(n, 1, 1, 1, 1), x)
        gain = 1 + 0.5 * (self._draw(n, 1, 1, 1, 1) - 0.5)
        cast = 1 + 0.12 * (self._draw(n, 1, 3, 1, 1) - 0.5)
        gamma = torch.exp((self._draw(n, 1, 1, 1, 1) - 0.5) * 0.7)
        middle = x.mean((-1, -2), keepdim=True)
        contrast = 1 + 0.5 * (self._draw(n, 1, 1, 1, 1) - 0.5)
        lit = ((x - middle) * contrast + middle * gain) * cast
        lit = (lit.clamp(0, 255) / 255).pow(gamma) * 255
        x = torch.where(self._happens(chances.light, n), lit, x)
        grey = x.mean(2, keepdim=True).expand_as(x)
        x = torch.where(self._happens(chances.grey, n), grey, x)
        noise = (
            torch.randn(x.shape, generator=self._generator, device=x.device) * 10 * self._draw(n, 1, 1, 1, 1).square()
        )
        return torch.where(self._happens(chances.noise, n), x + noise, x).clamp(0, 255)

    def _blurred(self, x: torch.Tensor) -> torch.Tensor:
        """Gaussian of 0.4 to 1.6 pixels, one width for the group."""
        sigma = 0.4 + 1.2 * self._draw(1)
        reach = torch.arange(-3, 4, device=x.device)
        kernel = torch.exp(-(reach**2) / (2 * sigma**2))
        kernel = (kernel / kernel.sum()).view(1, 1, 1, 7)
        flat = functional.pad(x.flatten(0, 2)[:, None], (3, 3, 3, 3), mode="reflect")
        return functional.conv2d(functional.conv2d(flat, kernel), kernel.transpose(2, 3)).view_as(x)

    def _own(self, x: torch.Tensor) -> torch.Tensor:
        """A grey rectangle over a part of both, at times: nothing may hang on one place."""
        n, side = len(x), x.shape[-1]
        size = side * (0.15 + 0.3 * self._draw(n, 2))
        start = self._draw(n, 2) * (side - size)
        at = torch.arange(side, device=x.device)
        inside = (at >= start[..., None]) & (at < (start + size)[..., None])
        hidden = (inside[:, 0, :, None] & inside[:, 1, None])[:, None, None] & self._happens(self._chances.erase, n)
        return torch.where(hidden, 127.0, x)
