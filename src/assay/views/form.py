"""What media become for a network, and the views that are taken of it.

    audio   stored int16 (samples,), 16 kHz, one channel, the first `longest_s`
            views  float32 (k, samples): stretches evenly spread from the beginning to the end, a short one repeated
    image   stored uint8 (stored, stored, 3): the largest square in the middle, or the largest face, resized
            views  uint8 (1, side, side, 3): its middle
    video   stored uint8 (frames, stored, stored, 3): evenly spread frames, the same part of each
            views  uint8 (1, frames, side, side, 3): the middle of each
            stored float32 (frames, features): what the shipped picture detector sees of the most visible person
            views  float32 (1, frames, features)

Decision: the text of this file and of `assay.views.reader` is part of the key of what training caches, so a change here
decodes everything anew.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from assay.models.card import ZooCard

FULL_SCALE = np.float32(32768)
Array = NDArray[Any]
Media = Literal["audio", "image", "video"]
Look = Literal["", "whole", "face"]


@dataclass(frozen=True)
class Form:
    """What a network is fed with.

    Attributes:
        media: What it judges.
        shape: Of one view: ``(samples,)``, ``(side, side, 3)``, ``(frames, side, side, 3)`` or ``(frames, features)``.
        dtype: Of a view: ``float32`` or, for pixels, ``uint8``.
        longest_s: Seconds of a recording or video that are looked at; 0 for pictures.
        look: Part of a picture or frame that is seen, ``whole`` or ``face``; empty for recordings.
        stored_pixels: Side that this part is resized to before its middle is taken; 0 where there are no pixels.
    """

    media: Media
    shape: tuple[int, ...]
    dtype: Literal["float32", "uint8"]
    longest_s: float
    look: Look
    stored_pixels: int = 0

    @classmethod
    def of(cls, card: ZooCard) -> Form:
        """What the network of a card is fed with."""
        dtype: Literal["float32", "uint8"] = "uint8" if card.integer else "float32"
        return cls(card.media, card.shape, dtype, card.longest_s, card.look, card.stored_pixels)

    @property
    def features(self) -> bool:
        """Whether views are features of a person and not pixels or samples."""
        return self.media == "video" and self.dtype == "float32"

    @property
    def stored_shape(self) -> tuple[int, ...] | None:
        """Shape of what is stored of a file; None for recordings, which have lengths of their own."""
        if self.media == "audio":
            return None
        if self.features:
            return self.shape
        return (*self.shape[:-3], self.stored_pixels, self.stored_pixels, 3)

    @property
    def stored_dtype(self) -> str:
        """Type of what is stored of a file."""
        return "int16" if self.media == "audio" else self.dtype

    def views(self, stored: Array, count: int) -> Array:
        """What a file is scored by.

        Args:
            stored: Of one file, see above.
            count: Views of a recording, at most.

        Returns:
            Shape (k, *shape), 1 <= k <= count.
        """
        if self.media != "audio":
            return self.plain(stored[None])
        length = self.shape[0]
        starts = self.starts(len(stored), count)
        stretches = [np.resize(stored[start : start + length], length) for start in starts]
        return np.stack(stretches).astype(np.float32) / FULL_SCALE

    def starts(self, samples: int, count: int) -> list[int]:
        """Where the views of a recording begin; a single one lies in the middle."""
        length = self.shape[0]
        spare = samples - length
        if spare <= 0:
            return [0]
        views = min(count, -(-samples // length))
        places = np.linspace(0, spare, views) if views > 1 else np.array([spare / 2])
        return [int(place) for place in np.round(places)]

    def plain(self, stored: Array) -> Array:
        """Media as they are, without treatment: the middle of pixels, (n, ...) to (n, *shape); all else unchanged."""
        return middle(stored, self.shape[-2]) if self.stored_pixels else stored


def middle(stored: Array, side: int) -> Array:
    """The middle of pictures or frames, shape (..., s, s, 3) to (..., side, side, 3)."""
    first = (stored.shape[-2] - side) // 2
    return stored[..., first : first + side, first : first + side, :]


def spread(there: int, wanted: int) -> NDArray[np.int64]:
    """Which of so many things are taken for so many places, evenly spread; some twice if there are too few."""
    return np.round(np.linspace(0, there - 1, wanted)).astype(np.int64)
