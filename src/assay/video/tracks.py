"""Faces of single frames, joined into tracks of persons.

1. While a shot lasts, a face is followed by where it should be: its box and its landmarks, moved on at constant
   velocity, are compared with what is found, and the cheapest pairing of all faces at once stands
   (`assignment.assign`; cf. Bewley et al., "Simple online and realtime tracking", 2016). A face that is lost may come
   back within a second. What comes out is a piece.
2. A cut, or more than a second without the face, ends a piece. Pieces are joined into tracks by their looks
   (`appearance`), in order of time, where the looks agree and nobody who was seen beside that person agrees nearly as
   well. When that is not sure, the piece is somebody new: two tracks of one person do less harm than one track of two.

Kept of each observation are box, score, irises and time, and landmarks (6 kB) if asked for. Frames are not kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from assay.image.faces.face import Face, Float64
from assay.video.appearance import distance, look, may_be_same
from assay.video.assignment import assign
from assay.video.cuts import CutFinder
from assay.video.frames import Frame
from assay.video.track import NO_SHAPE, Track

Float32 = NDArray[np.float32]
BRIDGED_S = 1.0  # a face may be lost for so long
FARTHEST = 0.85  # cost of a pairing: 0 for a face where it should be, 1 for one that is half its width away or more
LOOK_EVERY_S = 0.25  # looks between change little
MARGIN = 0.15  # of the distance of looks: a known face that is no farther than this behind the nearest is a rival
OTHER = 0.8  # of the distance of looks: above, a face that was lost and is found in its place is somebody else
NO_IRISES = np.full((2, 5, 3), np.nan, np.float32)


class TrackBuilder:
    """Takes frames one after the other and gives the tracks at the end.

    Args:
        bridged_s: For how long a face may be lost and still be followed by where it is; from 0 on.
    """

    def __init__(self, *, bridged_s: float = BRIDGED_S) -> None:
        self._bridged_s = bridged_s
        self._cuts = CutFinder()
        self._live: list[_Piece] = []
        self._ended: list[_Piece] = []
        self._before_s = -np.inf

    def add(self, frame: Frame, faces: Sequence[Face], *, shaped: bool = True) -> None:
        """Take the next frame and the faces found in it.

        Args:
            frame: Later than the one before; 2 to 30 a second are meant.
            faces: With coordinates in pixels of the frame. Those without landmarks are left out.
            shaped: Whether the landmarks are kept, which are nearly all that a track holds; nan otherwise.

        Raises:
            ValueError: If the frame is not later than the one before.
        """
        if not frame.time_s > self._before_s:
            raise ValueError(f"Frames come in order of time: {frame.time_s:g} s is not after {self._before_s:g} s.")
        before_s, self._before_s = self._before_s, frame.time_s
        if self._cuts.is_cut(frame.pixels):
            self._end(self._live)
        self._end([piece for piece in self._live if frame.time_s - piece.time_s > self._bridged_s])
        some = [_Sight(frame, face, shaped) for face in faces if face.landmarks is not None]
        paired = self._paired(some, before_s)
        for row, column in paired:
            self._live[column].follow(some[row])
        known = {row for row, _ in paired}
        self._live += [_Piece(sight) for row, sight in enumerate(some) if row not in known]

    def finish(self) -> tuple[Track, ...]:
        """All tracks, numbered in the order in which they begin (of two at once the one to the left first)."""
        return tuple(self.tracks())

    def tracks(self) -> Iterator[Track]:
        """As `finish`, one after the other, for somebody who keeps less of each."""
        self._end(self._live)
        people = _joined(sorted(self._ended, key=lambda piece: piece.begin))
        for number, person in enumerate(people):
            yield person.track(number)

    def _end(self, pieces: Sequence[_Piece]) -> None:
        self._ended += pieces
        self._live = [piece for piece in self._live if piece not in pieces]

    def _paired(self, some: Sequence[_Sight], before_s: float) -> list[tuple[int, int]]:
        """Numbers of faces and of the pieces that they go on with."""
        costs = np.array([[piece.cost(sight) for piece in self._live] for sight in some])
        pairs = assign(costs.reshape(len(some), len(self._live)), FARTHEST)
        # Who was there in the frame before is the same; who was lost may have been replaced meanwhile.
        return [
            (row, column)
            for row, column in pairs
            if self._live[column].time_s >= before_s or self._live[column].may_be(some[row])
        ]


class _Sight:
    """A face in a frame."""

    def __init__(self, frame: Frame, face: Face, shaped: bool) -> None:
        assert face.landmarks is not None  # the builder takes no others
        self.frame, self.face, self.landmarks, self.shaped = frame, face, face.landmarks, shaped
        self._look: Float32 | None = None

    def look(self) -> Float32:
        """Made only where it is asked for: most frames need none."""
        if self._look is None:
            self._look = look(self.frame.pixels, self.landmarks)
        return self._look


class _Piece:
    """A face followed within a shot."""

    def __init__(self, sight: _Sight) -> None:
        self.frames: list[int] = []
        self.times_s: list[float] = []
        self.boxes: list[tuple[float, float, float, float]] = []
        self.scores: list[float] = []
        self.landmarks: list[Float32] = []
        self.irises: list[Float32] = []
        self._looks, self._seen, self._looked_s = np.zeros_like(sight.look()), 0, -np.inf
        self._velocity = np.zeros(3)  # of the centre in pixels, and of the logarithm of the size, per second
        self._keep(sight)

    @property
    def time_s(self) -> float:
        """When it was seen last."""
        return self.times_s[-1]

    @property
    def begin(self) -> tuple[float, float]:
        """When and how far to the left it was seen first."""
        return self.times_s[0], self.boxes[0][0]

    @property
    def mean_look(self) -> Float32:
        """Of the frames that were looked at."""
        return self._looks / np.float32(self._seen)

    def follow(self, sight: _Sight) -> None:
        """Go on with a face of a later frame."""
        step_s = sight.frame.time_s - self.time_s
        moved = (_place(sight.face.box) - _place(self.boxes[-1])) / step_s
        # Half of the new: a box shakes by a few pixels from frame to frame, and that is no motion.
        self._velocity = moved if len(self.times_s) == 1 else (self._velocity + moved) / 2
        self._keep(sight)

    def cost(self, sight: _Sight) -> float:
        """How far a face is from where this one should be by now, in [0, 1]."""
        moved = self._velocity * (sight.frame.time_s - self.time_s)
        centre = _place(self.boxes[-1])[:2]
        grown = float(np.exp(np.clip(moved[2], -0.5, 0.5)))
        corners = (np.reshape(self.boxes[-1], (2, 2)) - centre) * grown + centre + moved[:2]
        points = (self._newest[:, :2] - centre) * grown + centre + moved[:2]
        size = max(float(np.sqrt(np.prod(corners[1] - corners[0]))), 1.0)
        away = float(np.hypot(*(points - sight.landmarks[:, :2]).T).mean()) / size
        return 0.5 * (1 - _overlap(corners.ravel(), np.array(sight.face.box))) + 0.5 * min(1.0, 2 * away)

    def may_be(self, sight: _Sight) -> bool:
        """Whether a face looks at all like this one."""
        return bool(distance(self.mean_look, sight.look()) <= OTHER)

    def _keep(self, sight: _Sight) -> None:
        face = sight.face
        self.frames.append(sight.frame.index)
        self.times_s.append(sight.frame.time_s)
        self.boxes.append(face.box)
        self.scores.append(face.score)
        self._newest = sight.landmarks
        self.landmarks.append(sight.landmarks.astype(np.float32) if sight.shaped else NO_SHAPE)
        self.irises.append(NO_IRISES if face.irises is None else face.irises.astype(np.float32))
        if sight.frame.time_s >= self._looked_s + LOOK_EVERY_S:
            self._looks, self._seen, self._looked_s = self._looks + sight.look(), self._seen + 1, sight.frame.time_s


class _Person:
    """Pieces that show one face."""

    def __init__(self) -> None:
        self.pieces: list[_Piece] = []

    def is_there(self, piece: _Piece) -> bool:
        """Whether this person is seen while a piece lasts: nobody is in two places at once."""
        return any(piece.times_s[0] <= own.time_s and own.times_s[0] <= piece.time_s for own in self.pieces)

    def met(self, other: _Person) -> bool:
        """Whether both were ever seen at the same time."""
        return any(self.is_there(piece) for piece in other.pieces)

    def track(self, number: int) -> Track:
        """Everything that was seen of this person."""
        pieces = self.pieces
        return Track(
            id=number,
            frames=np.array([n for piece in pieces for n in piece.frames], np.int64),
            times_s=np.array([t for piece in pieces for t in piece.times_s]),
            boxes=np.array([box for piece in pieces for box in piece.boxes], np.float32),
            confidences=np.array([score for piece in pieces for score in piece.scores], np.float32),
            landmarks=np.stack([points for piece in pieces for points in piece.landmarks]),
            irises=np.stack([points for piece in pieces for points in piece.irises]),
            pieces=np.repeat(np.arange(len(pieces)), [len(piece.times_s) for piece in pieces]).astype(np.int64),
        )


def _joined(pieces: Sequence[_Piece]) -> list[_Person]:
    """Persons, in the order in which they appear; pieces in order of their beginning."""
    people: list[_Person] = []
    owners: list[int] = []
    looks = np.stack([piece.mean_look for piece in pieces]) if pieces else np.empty((0, 0), np.float32)
    for number, piece in enumerate(pieces):
        owner = _owner(looks[: number + 1], owners, people, piece)
        if owner is None:
            owner = len(people)
            people.append(_Person())
        people[owner].pieces.append(piece)
        owners.append(owner)
    return people


def _owner(looks: Float32, owners: Sequence[int], people: Sequence[_Person], piece: _Piece) -> int | None:
    """Number of the person whom a piece shows; None if that is nobody known, or not sure.

    Args:
        looks: Of the pieces before and of this one, shape (n + 1, 900).
        owners: Numbers of the persons of the first n.
        people: Known so far.
        piece: Not earlier than what is known.
    """
    known, new = looks[:-1], looks[-1]
    nearest = np.full(len(people), np.inf)
    np.minimum.at(nearest, list(owners), np.where(may_be_same(known, new), distance(known, new), np.inf))
    nearest[[number for number, person in enumerate(people) if person.is_there(piece)]] = np.inf
    if not np.isfinite(nearest).any():
        return None
    best = int(nearest.argmin())
    rivals = np.flatnonzero(nearest < nearest[best] + MARGIN).tolist()
    # Of two who were seen together one is somebody else. Two who never were may be one who was not found again before:
    # a third number would make it worse.
    if any(people[rival].met(people[best]) for rival in rivals if rival != best):
        return None
    return best


def _place(box: tuple[float, float, float, float]) -> Float64:
    """Centre in pixels, and logarithm of the size."""
    left, top, right, bottom = box
    return np.array([(left + right) / 2, (top + bottom) / 2, 0.5 * np.log(max((right - left) * (bottom - top), 1.0))])


def _overlap(first: Float64, second: Float64) -> float:
    """Intersection over union of two boxes."""
    low, high = np.maximum(first[:2], second[:2]), np.minimum(first[2:], second[2:])
    shared = float(np.prod(np.maximum(high - low, 0)))
    areas = [float(np.prod(box[2:] - box[:2])) for box in (first, second)]
    return shared / (sum(areas) - shared) if shared else 0.0
