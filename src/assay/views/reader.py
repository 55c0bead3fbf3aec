"""Reads files, opened media, samples and pixels into what is stored of them; see `assay.views.form`.

Same file, same array: nothing is drawn at random. What a network saw in training, when it was measured and in a scan
is made here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from assay.errors import DecodeError
from assay.image.looks import LEAST_SIDE, Pixels, Square, cut, face_square, whole_square
from assay.media import open_media
from assay.models.registry import model_names, picture_card
from assay.settings import Settings
from assay.views.form import Array, Form, spread

if TYPE_CHECKING:
    from assay.image.detector import PictureDetector
    from assay.image.faces import FaceFinder
    from assay.media.videos import Frame, Video

WATCHED_FPS = 5.0  # at which persons are watched for their features, as `assay.training.video.sequences` does
Change = Callable[[Array], Array]


class NothingSeen(DecodeError):
    """A picture or video that can be read and shows nothing of what the network looks at.

    Attributes:
        why: ``too_small`` or ``no_face``.
    """

    def __init__(self, message: str, why: str, path: str) -> None:
        super().__init__(message, path=path)
        self.why = why

    def __reduce__(self) -> tuple[object, ...]:
        return (NothingSeen, (self.message, self.why, self.context["path"]))


def shipped_picture_model(settings: Settings) -> str:
    """Name of the shipped picture detector in force: the one that the settings name, unless they name another model."""
    named = settings.image_model
    return named if named in model_names() else str(Settings.model_fields["image_model"].default)


class MediaReader:
    """Reads what one form asks for; may be shared between threads.

    Args:
        form: What media become.
        settings: Limits on media; threads and device of the networks that find faces and tell features.
        watcher: Name of the picture detector whose features are wanted; None for `shipped_picture_model`.
    """

    def __init__(self, form: Form, settings: Settings, *, watcher: str | None = None) -> None:
        self.form, self.settings, self._watcher = form, settings, watcher

    def read(self, file: Path, change: Change | None = None) -> Array:
        """The stored array of a file.

        Args:
            file: Its path.
            change: Happens to what was decoded before it is cut to size: samples (n,) to samples (m,), or each picture
                or frame (height, width, 3) to another such.

        Raises:
            MediaError: If it cannot be read, or does not hold what the form asks for.
        """
        name = str(file)
        if self.form.media == "audio":
            media = open_media(file, settings=self.settings)
            samples = next(media.blocks(block_s=self.form.longest_s))[0]
            return self.sound(samples if change is None else change(samples), name)
        if self.form.media == "image":
            from assay.media.pictures import open_picture

            pixels = open_picture(file, settings=self.settings).pixels
            return self.picture(pixels if change is None else change(pixels), name)
        from assay.media.videos import open_video

        return self.video(open_video(file, settings=self.settings), change)

    def sound(self, samples: NDArray[np.float32], name: str) -> Array:
        """Samples at 16 kHz, full scale 1, shape (n,), the first `Form.longest_s`; to int16 of the same shape.

        Raises:
            DecodeError: If a sample is no number.
        """
        _check_numbers(samples, name)
        return np.clip(np.round(samples * 32767), -32768, 32767).astype(np.int16)

    def picture(self, pixels: Pixels, name: str) -> Array:
        """A picture, uint8 (height, width, 3), to the square that is looked at.

        Raises:
            NothingSeen: If it is too small.
        """
        face = self._face(pixels) if self.form.look == "face" else None
        return cut(pixels, face or _middle(pixels, name), self.form.stored_pixels)

    def video(self, video: Video, change: Change | None = None) -> Array:
        """A video to frames, or to features of the person who is seen in most of them.

        Args:
            video: Opened.
            change: As for `read`.

        Raises:
            NothingSeen: If it is too small, or the form asks for a person and nobody's face is large enough.
            DecodeError: If it holds no frames.
        """
        form = self.form
        if form.features:
            frames = video.frames(fps=WATCHED_FPS, end_s=form.longest_s)
            return self._features(_changed(frames, change), video.path)
        frames = video.frames(num_frames=form.shape[0], end_s=form.longest_s)
        return self._frames(_changed(frames, change), video.path)

    def _frames(self, frames: Iterable[Frame], name: str) -> Array:
        form = self.form
        followed: Square | None = None
        found: list[Pixels] = []
        for frame in frames:
            # A face is followed; where it is lost for a frame its last place is looked at.
            seen = self._face(frame.pixels) if form.look == "face" else None
            followed = seen or followed
            outside = followed is None or not _holds(frame.pixels, followed)
            square = _middle(frame.pixels, name) if outside or followed is None else followed
            found.append(cut(frame.pixels, square, form.stored_pixels))
        if not found:
            raise DecodeError(f"'{name}' holds no frames.", path=name)
        return np.stack(found)[spread(len(found), form.shape[0])]

    def _features(self, frames: Iterable[Frame], name: str) -> Array:
        from assay.video.watch import watch

        faces = watch(frames, self._finder, self.watcher).faces
        series = max(faces, key=lambda one: int(one.scored.sum()), default=None)
        if series is None or not series.scored.any():
            raise NothingSeen(f"'{name}' shows no face that is large enough. Leave it out.", "no_face", name)
        features = np.asarray(series.features[series.scored], np.float32)
        frames_wanted, wanted = self.form.shape
        if features.shape[1] != wanted:
            raise DecodeError(f"The picture detector tells {features.shape[1]} features, the network takes {wanted}.")
        _check_numbers(features, name)
        return features[spread(len(features), frames_wanted)]

    def _face(self, pixels: Pixels) -> Square | None:
        """Around the largest face that is large enough."""
        squares = [face_square(face, *pixels.shape[:2]) for face in self._finder.find(pixels)]
        return max((square for square in squares if square), key=lambda square: square.side, default=None)

    @cached_property
    def _finder(self) -> FaceFinder:
        from assay.image.faces import FaceFinder

        return FaceFinder(irises=False, threads=self.settings.threads)

    @cached_property
    def watcher(self) -> PictureDetector:
        """What tells features of faces; loaded when it is first asked.

        Raises:
            ModelError: If its weight was altered.
        """
        from assay.image.detector import PictureDetector

        name = self._watcher or shipped_picture_model(self.settings)
        return PictureDetector(name, threads=self.settings.threads, device=self.settings.device)

    def watched_by(self) -> str:
        """Hash of the picture detector whose features are the input; empty for forms of samples and pixels."""
        if not self.form.features:
            return ""
        return picture_card(self._watcher or shipped_picture_model(self.settings)).sha256


def _changed(frames: Iterator[Frame], change: Change | None) -> Iterator[Frame]:
    if change is None:
        return frames
    return (replace(frame, pixels=change(frame.pixels)) for frame in frames)


def _middle(pixels: Pixels, name: str) -> Square:
    square = whole_square(*pixels.shape[:2])
    if square is None:
        height, width = pixels.shape[:2]
        told = f"'{name}' is {width} by {height} pixels; it takes {LEAST_SIDE} a side. Leave it out."
        raise NothingSeen(told, "too_small", name)
    return square


def _holds(pixels: Pixels, square: Square) -> bool:
    """Whether a square lies within a picture: sizes may change within a video."""
    height, width = pixels.shape[:2]
    return bool(square.left + square.side <= width and square.top + square.side <= height)


def _check_numbers(values: Array, name: str) -> None:
    if not np.isfinite(values).all():
        raise DecodeError(f"'{name}' holds values that are no numbers. Remove it from the data.", path=name)
