"""When a frame is shown: seconds from the first frame on, rising, whatever the stream's own time stamps do.

Decisions
- Time 0 is the first frame that decodes, so streams that start at an hour, or before zero, start at 0.
- Where a stamp is missing, one usual step is added. Stamps that go back by more than a second begin a new part (joined
  recordings), which goes on where the last one ended; smaller steps back are disorder, and one usual step is taken.
- AVI stores no presentation times. FFmpeg guesses them from the order of the packets, wrongly where frames are
  reordered; the order of what comes out of the decoder is right.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from av.packet import Packet
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

_USUAL_FPS = 25.0  # if nothing tells
_FASTEST_FPS = 1_000.0
_NEW_PART_S = 1.0
_LEAST_STEP_S = 1e-5  # nothing is shown for less; times are told in microseconds


class Clock:
    """Tells the time of frames in the order in which they come out of a decoder.

    Args:
        stream: The track.
        in_order: Whether to go by the order of frames instead of their own stamps (AVI).
        origin: Stamp of the first frame, if it is known.
    """

    def __init__(self, stream: VideoStream, *, in_order: bool, origin: int | None = None) -> None:
        self._tick_s = float(stream.time_base or 0)
        self.step_s = 1 / (nominal_fps(stream) or _USUAL_FPS)
        self._in_order = in_order
        self.origin = origin
        self._offset_s = 0.0
        self._last_s: float | None = None
        self.missing = self.disordered = 0
        self.new_parts_s: list[float] = []

    def time_s(self, frame: VideoFrame) -> float:
        """Seconds from the first frame on; always more than those of the frame before."""
        stamp = frame.dts if self._in_order else frame.pts
        if self._last_s is None and stamp is not None and self.origin is None:
            self.origin = stamp
        last = self._last_s
        if stamp is None or self.origin is None:
            self.missing += not self._in_order  # there the last ones never have any
            now = 0.0 if last is None else last + self.step_s
        else:
            now = self.at(stamp)
            if last is None:
                now = max(now, 0.0)
            elif now < last + _LEAST_STEP_S:
                now = self._mended(now, last)
        self._last_s = now
        return now

    def at(self, stamp: int) -> float:
        """Seconds of a stamp, in the part that the clock is in."""
        return (stamp - (self.origin or 0)) * self._tick_s + self._offset_s

    def _mended(self, now: float, last: float) -> float:
        mended = last + self.step_s
        if last - now > _NEW_PART_S:
            self._offset_s += mended - now
            self.new_parts_s.append(mended)
        else:
            self.disordered += 1
        return mended


def nominal_fps(stream: VideoStream) -> float | None:
    """Frames per second that the container names; None if it names none, or nonsense."""
    for rate in (stream.average_rate, stream.guessed_rate):
        if rate and 0 < float(rate) <= _FASTEST_FPS:
            return float(rate)
    return None


class Extent:
    """Length and number of frames by the packets alone, without decoding.

    Decoding times rise as frames do, so their steps are summed up; steps back, and missing ones, count as one frame.

    Args:
        stream: The track.
    """

    def __init__(self, stream: VideoStream) -> None:
        self._tick_s = float(stream.time_base or 0)
        self.step_s = 1 / (nominal_fps(stream) or _USUAL_FPS)
        self._last: int | None = None
        self.frames, self.seconds = 0, 0.0

    def add(self, packet: Packet[VideoStream]) -> None:
        """Count one packet, in the order of the file."""
        if not packet.size or packet.is_discard:
            return
        stamp = packet.dts
        if self.frames:
            step = (stamp - self._last) * self._tick_s if stamp is not None and self._last is not None else 0
            self.seconds += step if step > 0 else self.step_s
        self._last = stamp if stamp is not None else self._last
        self.frames += 1

    @property
    def duration_s(self) -> float:
        """From the first frame to the end of the last; 0 without frames."""
        return self.seconds + self.step_s if self.frames else 0.0
