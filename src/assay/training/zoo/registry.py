"""The register of architectures: what takes what, and what it was built after.

Every network takes raw media and answers with one logit each, positive for spoof, so that its front end travels with it
into the exported graph:

    audio   (n, samples) float32, 16 kHz, -1 to 1
    image   (n, side, side, 3) uint8 RGB
    video   (n, frames, side, side, 3) uint8 RGB, or (n, frames, features) float32

An autoencoder that learns from bona fide media alone answers with the llr-like score that its reconstruction error
gives, and says so by `Architecture.one_class`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

import torch
from torch import nn

from assay.errors import TrainingError

Media = Literal["audio", "image", "video"]
MEDIA: tuple[str, ...] = get_args(Media)


@dataclass(frozen=True)
class Architecture:
    """One kind of network.

    Attributes:
        name: As users write it, such as ``sinc-lcnn``.
        media: What it looks at.
        make: Builds it with random weights; options by keyword.
        shape: Of one input without the batch: ``(samples,)``, ``(side, side, 3)`` or ``(frames, ...)``.
        integer: Whether inputs are uint8.
        summary: One sentence: layers in order, and who described them.
        one_class: Learns from bona fide media alone.
        variants: Options that name variants worth a row of their own, by name.
        small: Options of the smaller one that tests train in seconds: the same kinds of layers.
        small_shape: Input of the smaller one; None for `shape`.
        extra: Part of the installation that it needs besides ``train``; empty for none.
    """

    name: str
    media: Media
    make: Callable[..., nn.Module]
    shape: tuple[int, ...]
    integer: bool
    summary: str
    one_class: bool = False
    variants: tuple[tuple[str, dict[str, object]], ...] = ()
    small: tuple[tuple[str, object], ...] = ()
    small_shape: tuple[int, ...] | None = None
    extra: str = ""

    def example(self, count: int = 2, seed: int = 0, *, small: bool = False) -> torch.Tensor:
        """Made-up input, shape ``(count, *shape)``, or for the smaller network ``(count, *small_shape)``."""
        shape = (count, *(self.small_shape or self.shape if small else self.shape))
        generator = torch.Generator().manual_seed(seed)
        if self.integer:
            return torch.randint(0, 256, shape, generator=generator, dtype=torch.uint8)
        return 0.1 * torch.randn(shape, generator=generator)

    def shaped(self, shape: Sequence[int]) -> Architecture:
        """The same with inputs of another shape; itself for an empty one.

        Raises:
            TrainingError: If the shape has another number of axes or other colours, or pixels are no squares.
        """
        if not shape:
            return self
        square = self.integer and shape[-2] != shape[-3]
        if len(shape) != len(self.shape) or (self.integer and shape[-1] != 3) or square or min(shape) < 1:
            raise TrainingError(f"'{self.name}' takes shapes like {self.shape}, not {tuple(shape)}.")
        return replace(self, shape=tuple(shape))


_KNOWN: dict[str, Architecture] = {}


def register(one: Architecture) -> None:
    """Make an architecture known; its module calls this once.

    Raises:
        ValueError: If there is one of that name.
    """
    if one.name in _KNOWN:
        raise ValueError(f"There are two architectures named {one.name!r}.")
    _KNOWN[one.name] = one


def names(media: Media | None = None) -> tuple[str, ...]:
    """Names in alphabetical order, of one kind of media or all."""
    return tuple(sorted(name for name, one in _KNOWN.items() if media in (None, one.media)))


def architecture(name: str) -> Architecture:
    """The architecture of a name.

    Raises:
        TrainingError: If there is none.
    """
    try:
        return _KNOWN[name]
    except KeyError:
        raise TrainingError(f"There is no architecture '{name}'; there are {', '.join(names())}.", name=name) from None


def build(name: str, **options: object) -> nn.Module:
    """A network with random weights.

    Raises:
        TrainingError: If the name is unknown.
    """
    return architecture(name).make(**options)
