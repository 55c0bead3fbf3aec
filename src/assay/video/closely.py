"""A closer look at a part of a video: more frames a second while a face is there, until the seconds for it are used up.

Blinks, lips and shaking need more frames than scores do. Frames between those of the grid are decoded anyway, so what
a closer look costs are faces and landmarks. It begins with the first frame that shows a face large enough, so a title
card wastes nothing, and waits while no face is there. It is decided while frames come by, once, without seeking.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from assay.video.cues.series import SMALL_PX

if TYPE_CHECKING:
    from assay.image.faces import Face
    from assay.media.video_sampling import Between
    from assay.video.track import Track

LIPS_FPS = 12.0  # syllables open the mouth two to seven times a second, and a motion needs two frames to be seen
CUES_FPS = 8.0  # the slowest of `assay.video.cues`
LEAST_PX = SMALL_PX  # width of a face that is worth it
MOST_TOLD = 5  # stretches
LOST_S = 0.5  # a face that turns away for a moment is waited for
_EDGE = 0.98  # 25 frames of 25 a second are a little less than that where times are rounded

Span = tuple[float, float]


def enough(fps: float, needed: float) -> bool:
    """Whether so many frames a second are as many as needed, but for rounding."""
    return fps >= _EDGE * needed


@dataclass(frozen=True)
class Closely:
    """What was looked at most closely.

    Attributes:
        fps: Frames a second in it.
        spans: Start and end of the stretches, in order of time; None if that is the whole video.
    """

    fps: float
    spans: tuple[Span, ...] | None = None

    @property
    def seconds(self) -> float:
        """Length of all stretches; 0 where there are none."""
        return sum(end - start for start, end in self.spans or ())

    @property
    def words(self) -> str:
        """Which seconds, for a reader; of many stretches the first ones."""
        told = [f"{start:.1f}–{end:.1f} s" for start, end in (self.spans or ())[:MOST_TOLD]]
        more = f" and {len(self.spans or ()) - MOST_TOLD} more" if len(self.spans or ()) > MOST_TOLD else ""
        return f"looked at closely, for blinks, lips and voices: {', '.join(told) or 'none'}{more}"

    def covers(self, times_s: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Which times lie in it, shape as given."""
        covered = np.full(times_s.shape, self.spans is None)
        for start, end in self.spans or ():
            covered |= (times_s >= start) & (times_s <= end)
        return covered

    def of(self, track: Track) -> tuple[Span, ...]:
        """First and last observation of a track within each stretch that holds more than one."""
        spans = [(track.start_s, track.end_s)] if self.spans is None else self.spans
        parts = (track.times_s[(track.times_s >= start) & (track.times_s <= end)] for start, end in spans)
        return tuple((float(part[0]), float(part[-1])) for part in parts if len(part) > 1)


class CloseLook:
    """Says when frames between are wanted.

    Args:
        between: Told so.
        seconds: Left for it, > 0; infinite for all that shows a face.
        least_px: Width of a face that is looked at.

    Attributes:
        near: Whether the frame at hand is one of those that are looked at closely.
    """

    def __init__(self, between: Between, seconds: float, *, least_px: float = LEAST_PX) -> None:
        self._between, self._left_s, self._least_px = between, seconds, least_px
        self._seen_s = -float("inf")
        self._spans: list[list[float]] = []
        self._steps = 0
        self.near = False

    def saw(self, time_s: float, faces: Sequence[Face]) -> None:
        """Take what was found in the next frame, before the one after it is chosen.

        Args:
            time_s: When it is shown.
            faces: Found in it.
        """
        between = self._between
        if between.wanted:
            self._left_s -= time_s - self._spans[-1][1]
            self._spans[-1][1] = time_s
            self._steps += 1
        if any(face.width >= self._least_px for face in faces):
            self._seen_s = time_s
        between.over = self._left_s <= 0
        wanted = not between.over and time_s - self._seen_s <= LOST_S
        if wanted and not between.wanted:
            self._spans.append([time_s, time_s])
        self.near, between.wanted = between.wanted or wanted, wanted

    def told(self) -> Closely:
        """What was looked at."""
        spans = tuple((start, end) for start, end in self._spans if end > start)
        seconds = sum(end - start for start, end in spans)
        return Closely(self._steps / seconds if seconds else 0.0, spans)
