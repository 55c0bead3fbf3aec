"""The shape of a decoded frame, as this room needs it."""

from __future__ import annotations

from typing import Protocol

from assay.image.faces.face import Picture


class Frame(Protocol):
    """One frame of a video; any object with these attributes will do."""

    @property
    def index(self) -> int:
        """Number of the frame in the file, from 0."""

    @property
    def time_s(self) -> float:
        """When it is shown, seconds from the first frame."""

    @property
    def pixels(self) -> Picture:
        """uint8 RGB, shape (height, width, 3)."""
