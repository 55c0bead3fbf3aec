"""What every way of making a spoof from a bona fide picture has in common.

Decision: a method takes and returns 8-bit sRGB of the same size, and draws all that is random from a generator that is
seeded by the run's seed, the method and the parent's path, so that any single file can be made again. What it may need
beside the pixels (a face, another picture, weights of others) is found for it and handed over as `Helps`.

Conventions: coordinates are pixels of the picture, x to the right and y down, the centre of a pixel ends in .5 (as in
`assay.image.faces`). A mask has the picture's height and width and says for every pixel how much of it is new: 0 is the
parent's, 1 is wholly made.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

Pixels: TypeAlias = NDArray[np.uint8]
Planes: TypeAlias = NDArray[np.float32]
Mask: TypeAlias = NDArray[np.float32]
Points: TypeAlias = NDArray[np.float64]
Made: TypeAlias = tuple[Pixels, Mask | None]
Need = Literal["nothing", "face", "other", "other face"]


@dataclass(frozen=True, eq=False)
class Other:
    """Another bona fide picture.

    Attributes:
        pixels: uint8, shape (h, w, 3).
        face: Landmarks of its largest face, shape (468, 3), pixels; None where none was asked for.
    """

    pixels: Pixels
    face: Points | None = None


@dataclass(frozen=True, eq=False)
class Helps:
    """What a method may use beside the pixels; what it needs (`Method.needs`) is there.

    Attributes:
        face: Landmarks of the parent's largest face, shape (468, 3), pixels.
        other: Another picture; with a face in a similar pose for who needs one.
        engines: Folders with weights of networks.
    """

    face: Points | None = None
    other: Other | None = None
    engines: tuple[Path, ...] = ()


class Unfit(Exception):
    """The parent is nothing for this method, as it is too small or has no fitting face; another one is taken."""


Make = Callable[[Pixels, np.random.Generator, Helps], Made]


def _always(engines: Sequence[Path]) -> None:
    """Needs nothing that could be missing."""


@dataclass(frozen=True)
class Method:
    """One way to make a spoof.

    Attributes:
        name: What ``--methods`` says.
        generator: What the protocol's ``generator`` column says.
        make: ``(pixels (h, w, 3), rng, helps) -> pixels (h, w, 3), mask (h, w) | None``, uint8 and float32 in [0, 1];
            None where the whole picture is new. May raise `Unfit`.
        needs: What `Helps` must hold.
        check: ``(folders of weights) -> None``; raises MissingExtra, saying what to install, if that is missing.
    """

    name: str
    generator: str
    make: Make
    needs: Need = "nothing"
    check: Callable[[Sequence[Path]], None] = _always


def to_pixels(planes: NDArray[np.floating]) -> Pixels:
    """Rounded and held within [0, 255], uint8."""
    return np.asarray(np.clip(np.rint(planes), 0, 255), np.uint8)


def mixed(pixels: Pixels, new: NDArray[np.floating], mask: Mask) -> Pixels:
    """`new` where the mask is 1, `pixels` where it is 0, shapes (h, w, 3), (h, w, 3), (h, w)."""
    old = pixels.astype(np.float32)
    return to_pixels(old + (new - old) * mask[..., None])
