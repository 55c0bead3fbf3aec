"""One person's face over time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]

LONGEST_STEP = 1.75  # times the usual distance of two frames; more is a hole in the series
NO_SHAPE = np.full((468, 3), np.nan, np.float32)  # landmarks that were not kept
NO_HOLE_S = 0.085  # nor is less: phones, and thinned videos, leave out one frame of 25 a second or more


@dataclass(frozen=True, eq=False)
class Track:
    """A face from frame to frame, n observations in order of time; coordinates as in `assay.image.faces`.

    Attributes:
        id: From 0, in order of first appearance.
        frames: Numbers of the frames, shape (n,).
        times_s: Seconds from the first frame of the file, shape (n,), rising.
        boxes: Left, top, right, bottom in pixels, shape (n, 4).
        confidences: Score of the face detector in [0, 1], shape (n,).
        landmarks: Shape (n, 468, 3), x, y and depth in pixels; nan where they were not kept.
        irises: Shape (n, 2, 5, 3), right and left eye; nan where they were not looked for.
        pieces: Shape (n,): the number of the stretch of the video, from 0. It rises where the face was lost and
            found again by its looks: behind a cut, or after more than a second.
    """

    id: int
    frames: NDArray[np.int64]
    times_s: Float64
    boxes: Float32
    confidences: Float32
    landmarks: Float32
    irises: Float32
    pieces: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.times_s)

    @property
    def start_s(self) -> float:
        """When it is seen first."""
        return float(self.times_s[0])

    @property
    def end_s(self) -> float:
        """When it is seen last."""
        return float(self.times_s[-1])

    @property
    def step_s(self) -> float:
        """Usual time from one observation to the next; 0 if there is only one."""
        return float(np.median(np.diff(self.times_s))) if len(self) > 1 else 0.0

    @property
    def seen_s(self) -> float:
        """Seconds in which it is seen, holes left out."""
        return sum(float(self.times_s[run.stop - 1] - self.times_s[run.start]) + self.step_s for run in self.runs())

    @property
    def width_px(self) -> float:
        """Median width of the box in pixels."""
        return float(np.median(self.boxes[:, 2] - self.boxes[:, 0]))

    def runs(self, *, least: int = 1) -> Iterator[slice]:
        """Stretches without a hole: slices of the observations, each of at least so many."""
        gaps = np.diff(self.times_s) > max(LONGEST_STEP * self.step_s, NO_HOLE_S)
        edges = np.flatnonzero(gaps | (np.diff(self.pieces) != 0)) + 1
        for start, stop in zip([0, *edges.tolist()], [*edges.tolist(), len(self)], strict=True):
            if stop - start >= least:
                yield slice(start, stop)

    def part(self, kept: NDArray[np.bool_], *, shaped: bool = True) -> Track:
        """Some of the observations, shape (n,); unless `shaped`, without landmarks, which takes hardly any memory."""
        count = int(np.count_nonzero(kept))
        return Track(
            id=self.id,
            frames=self.frames[kept],
            times_s=self.times_s[kept],
            boxes=self.boxes[kept],
            confidences=self.confidences[kept],
            landmarks=self.landmarks[kept] if shaped else np.broadcast_to(NO_SHAPE, (count, *NO_SHAPE.shape)),
            irises=self.irises[kept],
            pieces=self.pieces[kept],
        )
