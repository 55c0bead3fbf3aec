"""A video watched once: who is in it when, and what the picture detector says of each face, frame by frame."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from assay.image.faces import FaceFinder
from assay.stopping import check_stop
from assay.video.closely import Closely
from assay.video.frames import Frame
from assay.video.pace import Pace
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
        track: The face over time; all arrays follow its observations. Without landmarks where there is a closer look.
        logits: Shape (n,), positive for spoof; nan where the face was too small or too near to the edge.
        features: Shape (n, f), float16; zeros where there is no logit.
        close: What was looked at most closely of this face, often more than one frame of it for each of the track;
            None if that is nothing.
    """

    track: Track
    logits: Floats
    features: NDArray[np.float16]
    close: Track | None = None

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
        scored: In how many of them faces were scored.
        closely: Which seconds were looked at more closely than the rest; None if none were meant to be.
    """

    faces: tuple[FaceSeries, ...]
    whole: Floats
    frames: int
    last_s: float
    scored: int = 0
    closely: Closely | None = None


def watch(frames: Iterable[Frame], finder: FaceFinder, detector: PictureDetector, pace: Pace | None = None) -> Watched:
    """Look at every frame given, and keep no pixels.

    Args:
        frames: In order of time, two to thirty a second.
        finder: With landmarks.
        detector: Scores the faces.
        pace: What to do with which frame; None for everything with each.
    """
    builder, pace = TrackBuilder(), pace or Pace()
    seen: dict[tuple[int, tuple[float, ...]], Described | None] = {}
    whole: list[float] = []
    beside: list[int] = []
    count, scored, last_s, next_s = 0, 0, 0.0, 0.0
    for frame in frames:
        check_stop()
        pace.comes(frame.time_s)
        faces = pace.saw(frame, finder.find(frame.pixels))
        builder.add(frame, faces, shaped=pace.near)
        count, scored, last_s = count + 1, scored + pace.scored, frame.time_s
        if not pace.steady:
            beside.append(frame.index)
        if pace.scored:
            for face, told in zip(faces, detector.describe(frame.pixels, faces), strict=True):
                seen[frame.index, _key(face.box)] = told
            if frame.time_s >= next_s:
                whole.append(detector.whole_logit(frame.pixels))
                next_s = frame.time_s + WHOLE_EVERY_S
    closely = pace.closely()
    tracks = _split(builder.tracks(), np.array(beside, np.int64), closely)
    return Watched(tuple(_series(*pair, seen) for pair in tracks), np.array(whole), count, last_s, scored, closely)


def _split(
    tracks: Iterable[Track], beside: NDArray[np.int64], closely: Closely | None
) -> Iterator[tuple[Track, Track | None]]:
    """Each track as it would be without frames beside the grid, and what was looked at closely of it.

    They are numbered as they would be then; whoever is seen in no frame of the grid is left out.
    """
    if closely is None:
        yield from ((track, track) for track in tracks)
        return
    there: list[tuple[Track, Track | None]] = []
    for track in tracks:
        steady, near = ~np.isin(track.frames, beside), closely.covers(track.times_s)
        if steady.any():
            there.append((track.part(steady, shaped=False), track.part(near) if near.any() else None))
    there.sort(key=lambda pair: (pair[0].times_s[0], pair[0].boxes[0, 0]))
    for number, (track, close) in enumerate(there):
        yield replace(track, id=number), close and replace(close, id=number)


def _key(box: Iterable[float]) -> tuple[float, ...]:
    """A box as tracks store it."""
    return tuple(float(value) for value in np.asarray(tuple(box), np.float32))


def _series(
    track: Track, close: Track | None, seen: dict[tuple[int, tuple[float, ...]], Described | None]
) -> FaceSeries:
    told = [seen.get((int(frame), _key(box))) for frame, box in zip(track.frames, track.boxes, strict=True)]
    width = next((one.features.size for one in told if one), 0)
    features = np.zeros((len(told), width), np.float16)
    for row, one in zip(features, told, strict=True):
        if one:
            row[:] = one.features
    return FaceSeries(track, np.array([np.nan if one is None else one.logit for one in told]), features, close)
