"""How much is done with each frame of a video: in all of them faces are found; scored are no more than the model knows.

grid      `fps` a second, or as many as were asked for: who is seen when
scored    of the grid, as often as the temporal model was trained on, whatever else is looked at
between   frames of the closer look (`closely`): faces are followed, and nobody new is searched for
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from assay.image.faces import IrisFinder
from assay.media.video_sampling import Between, Chosen, Grid
from assay.video.closely import CUES_FPS, LEAST_PX, LIPS_FPS, CloseLook, Closely, enough

if TYPE_CHECKING:
    from assay.image.faces import Face
    from assay.media.video_header import VideoInfo
    from assay.settings import Settings
    from assay.video.frames import Frame
    from assay.video.seeking import SeekingDetector

CLOSE_FPS = 15.5  # every second frame of 30 a second, and of 25 a few more: enough for lips and blinks
DEEP_FPS = 31.0  # every frame of 30 a second, every second one of 60
SLOWEST_FPS = 2.0  # who asks for fewer is in a hurry, and faces are hardly followed
SPARED = 1.2  # times the rate of the temporal model: from here on frames are left out for it


class Pace:
    """Tells of frames, as they come, what to do with them.

    Args:
        fps: Of the grid; None if each frame belongs to it.
        scored_fps: How often to score, at most; None for all of the grid.
        close: The closer look.
        seeking: Finds the faces; told when it need not search for somebody new.
        eyes: Finds irises and lids where faces are looked at closely, or everywhere without a closer look.

    Attributes:
        steady: Whether the frame at hand is one of the grid.
        scored: Whether its faces are scored.
    """

    def __init__(
        self,
        fps: float | None = None,
        scored_fps: float | None = None,
        close: CloseLook | None = None,
        seeking: SeekingDetector | None = None,
        eyes: IrisFinder | None = None,
    ) -> None:
        self._grid, self._scores = (
            Chosen(Grid(0.0, rate) if rate else None, 0.0, math.inf) for rate in (fps, scored_fps)
        )
        self._close, self._seeking, self._eyes = close, seeking, eyes
        self.steady = self.scored = True

    def comes(self, time_s: float) -> None:
        """A frame is at hand that is shown at this time."""
        self.steady = self._grid.takes(time_s)
        self.scored = self.steady and self._scores.takes(time_s)
        if self._seeking is not None:
            self._seeking.newcomers = self.steady

    def saw(self, frame: Frame, faces: tuple[Face, ...]) -> tuple[Face, ...]:
        """Take what was found in the frame at hand; the faces, with irises where these are of use."""
        if self._close is not None:
            self._close.saw(frame.time_s, faces)
        return self._eyes.locate(frame.pixels, faces) if self.near and self._eyes is not None else faces

    @property
    def near(self) -> bool:
        """Whether the frame at hand is looked at closely; without a closer look all are alike."""
        return self._close is None or self._close.near

    def closely(self) -> Closely | None:
        """What was looked at more closely than the rest; None without a closer look."""
        return self._close.told() if self._close is not None else None


@dataclass(frozen=True)
class Plan:
    """Which frames of a video to ask for, and what to do with them.

    Attributes:
        fps: Of the grid.
        eyes: Whether blinks can be told, as far as the header says: without irises lids are drawn too coarsely.
        scored_fps: How often to score, at most; None for all of the grid.
        between: To be told to `Video.frames`; None without a closer look.
        seconds: For the closer look.
        least_px: Width of a face that is worth it.
    """

    fps: float
    eyes: bool
    scored_fps: float | None
    between: Between | None = None
    seconds: float = 0.0
    least_px: float = LEAST_PX

    def pace(self, seeking: SeekingDetector, *, threads: int = 1) -> Pace:
        """For one pass over the frames.

        Args:
            seeking: Finds the faces.
            threads: Of the network for irises.
        """
        eyes = IrisFinder(threads=threads) if self.eyes else None
        if self.between is None:
            return Pace(None, self.scored_fps, None, seeking, eyes)
        close = CloseLook(self.between, self.seconds, least_px=self.least_px)
        return Pace(self.fps, self.scored_fps, close, seeking, eyes)


def plan(info: VideoInfo, settings: Settings, known_fps: float) -> Plan:
    """What settings ask for of a video.

    Args:
        info: Of the video.
        settings: How often and how closely to look.
        known_fps: What the temporal model was trained on.
    """
    there = info.fps or math.inf
    fps = max(settings.fps, known_fps) if settings.deep else settings.fps
    expected = min(fps, there)
    if settings.num_frames is not None:
        expected = min(settings.num_frames / max(info.duration_s or math.inf, 1e-3), there)
    scored_fps = known_fps if expected >= SPARED * known_fps else None
    closer = DEEP_FPS if settings.deep else CLOSE_FPS
    close = min(closer, there)
    if (
        settings.num_frames is not None
        or fps < SLOWEST_FPS
        or close <= expected
        or not enough(close, CUES_FPS)  # there are no more frames, or too few for anything
        or not (settings.deep or (settings.close_s and not enough(expected, LIPS_FPS)))
    ):
        return Plan(fps, enough(expected, CUES_FPS), scored_fps)
    between = Between(closer)
    if settings.deep:
        return Plan(fps, True, scored_fps, between, math.inf, 0.0)
    return Plan(fps, True, scored_fps, between, settings.close_s)
