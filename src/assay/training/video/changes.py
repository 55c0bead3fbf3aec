"""Bona fide videos with one face changed from frame to frame: what those share with their originals is everything else.

The ways of the fake factory for pictures do the work; over time they are

    steady      drawn once: the same change in every frame, as careful tools make it
    flickering  drawn anew for every frame, as frame-by-frame tools leave it
    slow        drawn once, and faded in and out over seconds

A lip region can also be put in from the same face at another time, which is what lip-synchronisation leaves: a seam,
and a mouth that does not go with the rest.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from assay.image.faces import FaceFinder
from assay.media.videos import Frame
from assay.training.fakes.pictures.faces import face_width, outline
from assay.training.fakes.pictures.landmark_swap import landmark_swap
from assay.training.fakes.pictures.masks import feathered, filled
from assay.training.fakes.pictures.method import Helps, Other, Pixels, Points, Unfit, to_pixels
from assay.training.fakes.pictures.self_blended import self_blended
from assay.training.fakes.pictures.warp import affine, similarity

Way = Literal["blend", "swap", "lips"]
Course = Literal["steady", "flickering", "slow"]
WAYS: tuple[Way, ...] = ("blend", "swap", "lips")
COURSES: tuple[Course, ...] = ("steady", "flickering", "slow")
LEAST_WIDTH = 60  # pixels from ear to ear
PERIOD_S = 3.0  # of what is faded in and out
MOUTH = (0, 17, 61, 291, 37, 267, 84, 314, 40, 270, 91, 321, 185, 409, 146, 375)  # outline of the lips
LATER = 7  # chosen frames between a face and the lips that it gets


@dataclass(frozen=True)
class Change:
    """What is done to a video.

    Attributes:
        way: ``blend``: the face with a changed copy of itself; ``swap``: another person's face by landmarks; ``lips``:
            the lips of the same face some frames ago.
        course: How it goes over time; means nothing for lips.
        seed: Of everything drawn.
        donor: Another person's face, for ``swap``.
    """

    way: Way
    course: Course
    seed: int
    donor: Other | None = None

    @property
    def name(self) -> str:
        """For the protocol's column ``generator``."""
        return "lips-replaced(own)" if self.way == "lips" else f"{self.way}-{self.course}(own)"


def changed(frames: Iterable[Frame], change: Change, finder: FaceFinder) -> Iterator[Frame]:
    """The frames with the largest face of each changed; frames without one stay as they are.

    Args:
        frames: In order of time.
        change: What to do.
        finder: With landmarks.
    """
    past: deque[tuple[Pixels, Points]] = deque(maxlen=LATER)
    for frame in frames:
        face = _largest(frame.pixels, finder)
        pixels = frame.pixels if face is None else _made(frame, face, change, past)
        if face is not None:
            past.append((frame.pixels, face))
        yield replace(frame, pixels=pixels)


def _largest(pixels: Pixels, finder: FaceFinder) -> Points | None:
    faces = [face.landmarks for face in finder.find(pixels) if face.landmarks is not None]
    wide = [np.asarray(points, np.float64) for points in faces if face_width(points) >= LEAST_WIDTH]
    return max(wide, key=face_width, default=None)


def _made(frame: Frame, face: Points, change: Change, past: deque[tuple[Pixels, Points]]) -> Pixels:
    seed = [change.seed, frame.index] if change.course == "flickering" else [change.seed]
    rng = np.random.default_rng(seed)
    if change.way == "lips":
        return _with_lips(frame.pixels, face, *past[0]) if len(past) == LATER else frame.pixels
    method = self_blended if change.way == "blend" else landmark_swap
    try:
        new, _ = method(frame.pixels, rng, Helps(face=face, other=change.donor))
    except Unfit:
        return frame.pixels
    if change.course != "slow":
        return new
    share = 0.5 - 0.5 * np.cos(2 * np.pi * frame.time_s / PERIOD_S)
    return to_pixels(frame.pixels + share * (new.astype(np.float32) - frame.pixels))


def _with_lips(pixels: Pixels, face: Points, other: Pixels, other_face: Points) -> Pixels:
    """The lips and what is around them out of another frame of the same face."""
    rows = list(MOUTH)
    edge = face[rows, :2]
    centre = edge.mean(axis=0)
    from scipy.spatial import ConvexHull  # type: ignore[import-untyped]

    wide = centre + (edge[ConvexHull(edge).vertices] - centre) * (1.6, 1.9)
    margin = 0.1 * face_width(face)
    low, high = wide.min(axis=0) - margin, wide.max(axis=0) + margin
    height, width = pixels.shape[:2]
    box = (max(0, int(low[0])), max(0, int(low[1])), min(width, int(high[0]) + 1), min(height, int(high[1]) + 1))
    left, top, right, bottom = box
    if right - left < 8 or bottom - top < 8:
        return pixels
    # The whole face decides where the lips go, so that they keep the shape they had.
    steady = outline(other_face, 1.0), outline(face, 1.0)
    new = affine(other, similarity(*steady), box)
    mask = feathered(filled(wide - (left, top), bottom - top, right - left), 0.03 * face_width(face))
    out = pixels.copy()
    here = pixels[top:bottom, left:right].astype(np.float32)
    out[top:bottom, left:right] = to_pixels(here + (new - here) * mask[..., None])
    return out
