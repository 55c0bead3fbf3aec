"""From a file to the views that a trained network is measured, calibrated and attacked on, changed first if need be.

The reading is that of training and scans: `assay.views`. What is added here is the change: a condition of
``assay evaluate --robustness`` between decoding and cutting to size.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from assay.audio.conditions import Condition as SoundCondition
from assay.audio.deliveries import filtered
from assay.data import Trial
from assay.image.conditions import Condition as PictureCondition
from assay.settings import Settings, load_settings
from assay.views.form import Form
from assay.views.reader import Change, MediaReader

Array = NDArray[Any]


@dataclass(frozen=True)
class Inputs:
    """Reads files as a network takes them.

    Attributes:
        form: What it takes.
        count: Views of a recording, at most.
    """

    form: Form
    count: int = 3

    def of(self, trial: Trial, change: Change | None = None) -> Array:
        """Views of a file, shape ``(k, *form.shape)``.

        Args:
            trial: Names the file.
            change: Samples (n,) to samples (m,), or pixels (h, w, 3) to such, before they are cut to size.

        Raises:
            MediaError: If it cannot be read.
        """
        return self.form.views(self._reader.read(Path(trial.file), change), self.count)

    def told(self) -> dict[str, Any]:
        """How files are read, as the table ``data`` of a run's config says it."""
        said = {"windows": self.count, "longest_s": self.form.longest_s, "look": self.form.look}
        return {name: value for name, value in said.items() if value}  # pictures have no length, recordings no look

    @cached_property
    def settings(self) -> Settings:
        """Limits on media; networks that find faces or tell features run on the processor, as in training."""
        return load_settings(device="cpu")

    @cached_property
    def _reader(self) -> MediaReader:
        return MediaReader(self.form, self.settings)


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
