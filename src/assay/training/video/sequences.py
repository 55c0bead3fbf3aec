"""Videos as sequences of features: what the temporal model learns from, one file for each video.

Watching a video costs a hundred times what learning from it does, so it is done once, and again only if the video, the
picture detector or the way it is watched has changed.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.errors import AssayError
from assay.image.detector import PictureDetector
from assay.image.faces import FaceFinder
from assay.media.videos import open_video
from assay.settings import load_settings
from assay.training.video.changes import Change, changed
from assay.video.watch import watch

FPS = 5.0
PARTS = ("times", "logits", "features")  # of a person, as they are stored
LONGEST_S = 8.0  # watched of a video, from its start
log = logging.getLogger("assay.training.video")


@dataclass(frozen=True)
class Clip:
    """A video to watch.

    Attributes:
        file: Where it lies.
        key: ``bona_fide`` or ``spoof``.
        source, generator: As in its protocol.
        change: What is done to it first; the clip is then a spoof of the same source.
    """

    file: Path
    key: str
    source: str
    generator: str = ""
    change: Change | None = None

    @property
    def name(self) -> str:
        """Of the file that keeps its sequences."""
        told = [str(self.file), self.change.name if self.change else "", self.change.seed if self.change else 0]
        return hashlib.sha256(json.dumps(told).encode()).hexdigest()[:20]


@dataclass(frozen=True, eq=False)
class WatchedClip:
    """A clip after it was watched.

    Attributes:
        clip: Which.
        whole: Logits of whole frames, about one a second, shape (n,).
        faces: One sequence for each person.
    """

    clip: Clip
    whole: NDArray[np.float64]
    faces: tuple[FaceSequence, ...]


@dataclass(frozen=True, eq=False)
class FaceSequence:
    """One person in one clip, seen `FPS` times a second.

    Attributes:
        clip: Number of the clip.
        key, source, generator: Of the clip.
        times_s: Shape (n,).
        logits: Of the picture detector's face look, shape (n,).
        features: Shape (n, f), float16.
    """

    clip: int
    key: str
    source: str
    generator: str
    times_s: NDArray[np.float64]
    logits: NDArray[np.float64]
    features: NDArray[np.float16]


def watch_clip(clip: Clip, finder: FaceFinder, detector: PictureDetector, folder: Path) -> Path:
    """Watch a clip, unless that was done; the file that holds its sequences.

    Raises:
        MediaError: If it cannot be read.
    """
    path = folder / f"{detector.card.sha256[:12]}-{clip.name}.npz"
    if path.exists():
        return path
    video = open_video(clip.file, settings=load_settings())
    frames = video.frames(fps=FPS, end_s=LONGEST_S)
    if clip.change is not None:
        frames = changed(frames, clip.change, finder)
    watched = watch(frames, finder, detector)
    arrays: dict[str, NDArray[np.generic]] = {"whole": watched.whole}
    for series in watched.faces:
        kept = series.scored
        if kept.any():
            number = len(arrays) // 3
            found: list[NDArray[Any]] = [series.track.times_s[kept], series.logits[kept], series.features[kept]]
            arrays |= {f"{name}{number}": values for name, values in zip(PARTS, found, strict=True)}
    part = path.with_suffix(".part.npz")
    np.savez(part, **arrays)  # type: ignore[arg-type]  # arrays by name
    part.replace(path)
    return path


def read_clip(clip: Clip, number: int, path: Path) -> WatchedClip:
    """What `watch_clip` wrote; `number` is that of the clip."""
    with np.load(path) as stored:
        whole = stored["whole"]
        persons = (len(stored.files) - 1) // 3
        faces = [
            FaceSequence(number, clip.key, clip.source, clip.generator, *(stored[f"{n}{person}"] for n in PARTS))
            for person in range(persons)
        ]
    return WatchedClip(clip, whole[~np.isnan(whole)], tuple(faces))


def watch_all(clips: Sequence[Clip], folder: Path, detector: PictureDetector) -> list[WatchedClip]:
    """Watch every clip; those that cannot be read are left out with a warning."""
    folder.mkdir(parents=True, exist_ok=True)
    finder = FaceFinder(irises=False)
    found: list[WatchedClip] = []
    for number, clip in enumerate(clips):
        try:
            found.append(read_clip(clip, number, watch_clip(clip, finder, detector, folder)))
        except AssayError as error:
            log.warning("%s is left out: %s", clip.file, error.message)
        if number % 25 == 24:
            log.info("%d of %d clips watched", number + 1, len(clips))
    return found
