"""A video watched once: who is in it when, and what the picture detector says of each face, frame by frame."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from assay.image.faces import FaceFinder
from assay.video.frames import Frame
from assay.video.track import Track
from assay.video.tracks import TrackBuilder

if TYPE_CHECKING:
    from assay.image.detector import Described, PictureDetector

WHOLE_EVERY_S = 0.95  # a little less than a second, so that times that are rounded do not double it
Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class FaceSeries:
    """What the picture detector says of one person, n observations in order of time.

    Attributes:
        track: The face over time; all arrays follow its observations.
        logits: Shape (n,), positive for spoof; nan where the face was too small or too near to the edge.
        features: Shape (n, f), float16; zeros where there is no logit.
    """

    track: Track
    logits: Floats
    features: NDArray[np.float16]

    @property
    def scored(self) -> NDArray[np.bool_]:
        """Which observations have a logit, shape (n,)."""
        return ~np.isnan(self.logits)


@dataclass(frozen=True, eq=False)
class Watched:
    """What was seen.

    Attributes:
        faces: Persons in order of first appearance.
        whole: Logits of whole frames, about one a second; nan for those too small.
        frames: How many frames were looked at.
        last_s: When the last one is shown.
    """

    faces: tuple[FaceSeries, ...]
    whole: Floats
    frames: int
    last_s: float


def watch(frames: Iterable[Frame], finder: FaceFinder, detector: PictureDetector) -> Watched:
    """Look at every frame given, and keep no pixels.

    Args:
        frames: In order of time, two to thirty a second.
        finder: With landmarks, with irises if gaze is to be measured.
        detector: Scores the faces.
    """
    builder = TrackBuilder()
    seen: dict[tuple[int, tuple[float, ...]], Described | None] = {}
    whole: list[float] = []
    count, last_s, next_s = 0, 0.0, 0.0
    for frame in frames:
        faces = finder.find(frame.pixels)
        builder.add(frame, faces)
        for face, told in zip(faces, detector.describe(frame.pixels, faces), strict=True):
            seen[frame.index, _key(face.box)] = told
        if frame.time_s >= next_s:
            whole.append(detector.whole_logit(frame.pixels))
            next_s = frame.time_s + WHOLE_EVERY_S
        count, last_s = count + 1, frame.time_s
    faces_of = tuple(_series(track, seen) for track in builder.finish())
    return Watched(faces_of, np.array(whole), count, last_s)


def _key(box: Iterable[float]) -> tuple[float, ...]:
    """A box as tracks store it."""
    return tuple(float(value) for value in np.asarray(tuple(box), np.float32))


def _series(track: Track, seen: dict[tuple[int, tuple[float, ...]], Described | None]) -> FaceSeries:
    told = [seen.get((int(frame), _key(box))) for frame, box in zip(track.frames, track.boxes, strict=True)]
    width = next((one.features.size for one in told if one), 0)
    features = np.zeros((len(told), width), np.float16)
    for row, one in zip(features, told, strict=True):
        if one:
            row[:] = one.features
    return FaceSeries(track, np.array([np.nan if one is None else one.logit for one in told]), features)
