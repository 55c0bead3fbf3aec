"""From a file to the array that an architecture is fed from, as it lies in the cache.

    audio   int16 (samples,)                     16 kHz, one channel, the first `longest_s`
    image   uint8 (stored, stored, 3)            the middle or the largest face, resized
    video   uint8 (frames, stored, stored, 3)    evenly spread frames, the same part of each
            float32 (frames, features)           what the installed picture detector sees of the most visible person

Pictures and frames are stored larger than the network sees (`stored_side`), so that they can be cut at random; outside
training the middle is cut.

Decision: the text of this file is part of the key of what is cached, so a change here decodes everything anew.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.errors import DecodeError
from assay.image.looks import Square, cut, face_square, whole_square
from assay.media import open_media
from assay.media.pictures import open_picture
from assay.media.videos import open_video
from assay.settings import Settings, load_settings
from assay.training.pictures.history import EDGE
from assay.training.zoo import Architecture

SAMPLE_RATE_HZ = 16_000
WATCHED_FPS = 5.0  # at which `assay.training.video.sequences` watches
Array = NDArray[Any]


@dataclass(frozen=True)
class Form:
    """What media become.

    Attributes:
        media: ``audio``, ``image`` or ``video``.
        shape: Of what is stored, without the batch; ``(0,)`` for recordings, which have lengths of their own.
        dtype: Of what is stored.
        longest_s: Seconds of a recording or video that are looked at.
        look: ``whole`` or ``face``.
    """

    media: str
    shape: tuple[int, ...]
    dtype: str
    longest_s: float
    look: str

    @classmethod
    def of(cls, architecture: Architecture, *, longest_s: float, look: str) -> Form:
        """What an architecture is fed from."""
        if architecture.media == "audio":
            return cls("audio", (0,), "int16", longest_s, "")
        if not architecture.integer:
            return cls("video", architecture.shape, "float32", longest_s, "face")
        *frames, side, _, colours = architecture.shape
        shape = (*frames, stored_side(side), stored_side(side), colours)
        return cls(architecture.media, shape, "uint8", longest_s if frames else 0, look)

    @property
    def fixed(self) -> bool:
        """Whether every file gives an array of one shape."""
        return self.media != "audio"

    def key(self) -> str:
        """What everything of this form and this version of the code is cached under."""
        told = [asdict(self), _code(), watched_by() if self.dtype == "float32" else ""]
        return hashlib.sha256(json.dumps(told).encode()).hexdigest()[:16]


def whole_blocks(side: int) -> int:
    """The next multiple of 16, which JPEG and `assay.training.pictures.history` work on."""
    return -(-side // 16) * 16


def stored_side(side: int) -> int:
    """Side of what is kept for a network that sees `side` pixels."""
    return whole_blocks(side) + EDGE


def decode(file: Path, form: Form) -> Array:
    """Read a file.

    Raises:
        MediaError: If it cannot be read, or does not hold what the form asks for.
    """
    made = {"audio": _sound, "image": _picture, "video": _video}[form.media](file, form)
    if made.dtype.kind == "f" and not np.isfinite(made).all():
        raise DecodeError(f"'{file}' holds values that are no numbers. Remove it from the data.", path=str(file))
    return made


def _sound(file: Path, form: Form) -> Array:
    media = open_media(file, settings=_settings())
    pieces = []
    for block in media.blocks(block_s=form.longest_s):
        pieces.append(block[0])
        break
    samples = np.concatenate(pieces)
    if not np.isfinite(samples).all():
        raise DecodeError(f"'{file}' holds samples that are no numbers. Remove it from the data.", path=str(file))
    return np.clip(np.round(samples * 32767), -32768, 32767).astype(np.int16)


def _picture(file: Path, form: Form) -> Array:
    pixels = open_picture(file, settings=_settings()).pixels
    return cut(pixels, _square(pixels, form, file), form.shape[0])


def _video(file: Path, form: Form) -> Array:
    return _watched(file, form) if form.dtype == "float32" else _frames(file, form)


def _frames(file: Path, form: Form) -> Array:
    video = open_video(file, settings=_settings())
    square: Square | None = None
    found: list[Array] = []
    for frame in video.frames(num_frames=form.shape[0], end_s=form.longest_s):
        # A face is followed; where it is lost for a frame its last place is looked at.
        seen = _face(frame.pixels) if form.look == "face" else None
        square = seen or square
        if square is None or square.left + square.side > frame.pixels.shape[1]:
            found.append(cut(frame.pixels, _middle(frame.pixels, file), form.shape[1]))
        else:
            found.append(cut(frame.pixels, square, form.shape[1]))
    if not found:
        raise DecodeError(f"'{file}' holds no frames.", path=str(file))
    return np.stack(found)[_spread(len(found), form.shape[0])]


def _watched(file: Path, form: Form) -> Array:
    """Features of the picture detector, of the person who is seen in most frames."""
    from assay.image.detector import PictureDetector
    from assay.video.watch import watch

    detector: PictureDetector = _watcher()
    video = open_video(file, settings=_settings())
    faces = watch(video.frames(fps=WATCHED_FPS, end_s=form.longest_s), _finder(), detector).faces
    series = max(faces, key=lambda one: int(one.scored.sum()), default=None)
    if series is None or not series.scored.any():
        raise DecodeError(f"'{file}' shows no face that is large enough. Leave it out.", path=str(file))
    features = np.asarray(series.features[series.scored], np.float32)
    frames, wanted = form.shape
    if features.shape[1] != wanted:
        raise DecodeError(f"The picture detector tells {features.shape[1]} features, the network takes {wanted}.")
    return features[_spread(len(features), frames)]


def _spread(there: int, wanted: int) -> NDArray[np.int64]:
    """Which of so many things are taken for so many places, evenly spread; some twice if there are too few."""
    return np.round(np.linspace(0, there - 1, wanted)).astype(np.int64)


def _square(pixels: NDArray[np.uint8], form: Form, file: Path) -> Square:
    face = _face(pixels) if form.look == "face" else None
    return face or _middle(pixels, file)


def _middle(pixels: NDArray[np.uint8], file: Path) -> Square:
    square = whole_square(*pixels.shape[:2])
    if square is None:
        height, width = pixels.shape[:2]
        raise DecodeError(f"'{file}' is {width} by {height} pixels; it takes 96 a side. Leave it out.", path=str(file))
    return square


def _face(pixels: NDArray[np.uint8]) -> Square | None:
    """Around the largest face that is large enough."""
    squares = [face_square(face, *pixels.shape[:2]) for face in _finder().find(pixels)]
    return max((square for square in squares if square), key=lambda square: square.side, default=None)


@cache
def _settings() -> Settings:
    return load_settings()


@cache
def _finder() -> Any:
    from assay.image.faces import FaceFinder

    return FaceFinder(irises=False)


@cache
def _watcher() -> Any:
    from assay.image.detector import PictureDetector

    return PictureDetector(_settings().image_model)


@cache
def watched_by() -> str:
    """Hash of the picture detector whose features videos become."""
    from assay.models.registry import picture_card

    return picture_card(_settings().image_model).sha256


@cache
def _code() -> str:
    return hashlib.sha256(Path(__file__).read_bytes()).hexdigest()
