"""From a file to the arrays that an architecture takes: for measuring, calibrating and attacking trained networks.

audio   (k, samples) float32: k stretches evenly spread over the recording, a short one repeated
image   (1, side, side, 3) uint8: the square in the middle, resized
video   (1, frames, side, side, 3) uint8: frames evenly spread, the square in the middle of each
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from assay.audio.conditions import Condition as SoundCondition
from assay.audio.deliveries import filtered
from assay.data import Trial
from assay.errors import DecodeError, TrainingError
from assay.image.conditions import Condition as PictureCondition
from assay.image.looks import Square, cut
from assay.media import open_media
from assay.media.pictures import open_picture
from assay.media.videos import open_video
from assay.settings import Settings, load_settings
from assay.training.batches import repeat_pad
from assay.training.zoo import Architecture

Array = NDArray[Any]
Change = Callable[[Array], Array]


@dataclass(frozen=True)
class Inputs:
    """Reads files as an architecture takes them.

    Attributes:
        architecture: What takes them.
        stretches: Of a recording, at most.
        longest_s: Of a recording; the rest is not heard.
        settings: Limits on media.
    """

    architecture: Architecture
    stretches: int = 3
    longest_s: float = 30.0
    settings: Settings = field(default_factory=load_settings)

    def of(self, trial: Trial, change: Change | None = None) -> Array:
        """Inputs of a file, shape ``(k, *architecture.shape)``.

        Args:
            trial: Names the file.
            change: Samples (n,) to samples (m,), or pixels (h, w, 3) to such, before they are cut to size.

        Raises:
            MediaError: If it cannot be read.
            TrainingError: If the architecture takes features, which are not in a file.
        """
        media = self.architecture.media
        if media == "video":
            if change is not None or not self.architecture.integer:
                raise TrainingError(
                    f"'{self.architecture.name}' takes features or changed videos, which cannot be made from a file"
                    " here. Measure it through `assay evaluate MODEL`."
                )
            return self._frames(trial)
        return self._stretches(trial, change) if media == "audio" else self._picture(trial, change)

    def _stretches(self, trial: Trial, change: Change | None) -> Array:
        media = open_media(trial.file, settings=self.settings)
        samples = next(media.blocks(block_s=self.longest_s))[0]
        samples = samples if change is None else change(samples)
        length = self.architecture.shape[0]
        count = min(self.stretches, max(1, -(-len(samples) // length)))
        starts = np.round(np.linspace(0, max(0, len(samples) - length), count)).astype(int)
        return np.stack([repeat_pad(samples[start : start + length], length) for start in starts])

    def _picture(self, trial: Trial, change: Change | None) -> Array:
        pixels = open_picture(trial.file, settings=self.settings).pixels
        return self._square(pixels if change is None else change(pixels))[None]

    def _frames(self, trial: Trial) -> Array:
        wanted = self.architecture.shape[0]
        video = open_video(trial.file, settings=self.settings)
        found = [self._square(frame.pixels) for frame in video.frames(num_frames=wanted)]
        if not found:
            raise DecodeError(f"'{trial.file}' holds no frames.", path=str(trial.file))
        return np.stack([found[place] for place in np.linspace(0, len(found) - 1, wanted).round().astype(int)])[None]

    def _square(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        height, width = pixels.shape[:2]
        side = min(height, width)
        square = Square((width - side) // 2, (height - side) // 2, side)
        return cut(pixels, square, self.architecture.shape[-2])


def sound_change(condition: SoundCondition) -> Change:
    """A condition of recordings on samples."""

    def change(samples: Array) -> Array:
        level = float(np.sqrt(np.mean(np.square(samples, dtype=np.float64))))
        changed = filtered(samples, condition(level))
        return changed if changed.size else np.zeros(1, np.float32)

    return change


def picture_change(condition: PictureCondition) -> Change:
    """A condition of pictures on pixels."""

    def change(pixels: Array) -> Array:
        with Image.open(io.BytesIO(condition(pixels))) as image:
            return np.asarray(image.convert("RGB"))

    return change
