"""The stream of decoded frames: each with its number and its time, damaged ones told apart, within the limits."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO

from assay.media.decode_video import Damage, opened, packets_of, prepared
from assay.media.foreign import decoder_errors
from assay.media.kinds import Kind
from assay.media.limits import check_duration, check_video_frames, check_video_pixels
from assay.media.video_clock import Clock, Extent
from assay.media.video_packets import Fed, Feed

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

    from assay.settings import Settings


@dataclass(frozen=True)
class Decoded:
    """A frame as FFmpeg gave it.

    Attributes:
        index: Its number among all frames of the track, decoded or left out.
        time_s: Seconds from the first frame on.
        frame: FFmpeg's.
        intact: False if the decoder had to fill in what is missing.
    """

    index: int
    time_s: float
    frame: VideoFrame
    intact: bool


class Decoding:
    """One pass through the pictures of a file.

    Args:
        name: What the user gave.
        kind: What `assay.media.sniff` found.
        settings: Holds the limits.
        origin: Stamp of the first frame, if it is known.
        wanted: As for `Feed`; None decodes everything.
        end_s: No frame from here on is needed; it is not reached if packets can be left out.
    """

    def __init__(
        self,
        name: str,
        kind: Kind,
        settings: Settings,
        *,
        origin: int | None = None,
        wanted: Callable[[float], bool] | None = None,
        end_s: float = float("inf"),
    ) -> None:
        self._name, self._kind, self._settings = name, kind, settings
        self._origin, self._end_s = origin, end_s
        self._wanted = None if origin is None or kind.container == "avi" else wanted
        self.damage = Damage()
        self.clock: Clock | None = None
        self.sizes: list[tuple[float, int, int]] = []  # since when, width, height as stored
        self.ended_s = 0.0

    def frames(self, reader: BinaryIO) -> Generator[Decoded]:
        """Decode from front to back.

        Args:
            reader: Seekable, at any position.

        Raises:
            LimitExceeded: Too many or too large frames, or too long.
            UnsupportedMedia: As `assay.media.decode_video.prepared` does.
            Exception: Whatever PyAV raises.
        """
        with opened(reader, self._kind, self._settings) as container:
            stream = prepared(container, self._name, self._kind, self._settings)
            self.clock = Clock(stream, in_order=self._kind.container == "avi", origin=self._origin)
            feed = Feed(stream, self._wanted, self.clock.at, self._end_s)
            for came, frame in enumerate(self._decode(container, stream, feed)):
                feed.appeared(frame.pts)
                yield self._checked(frame, came + feed.left_out)
            if feed.latest is not None:  # what was left out at the end
                self.ended_s = max(self.ended_s, self.clock.at(feed.latest) + self.clock.step_s)

    def _checked(self, frame: VideoFrame, index: int) -> Decoded:
        assert self.clock is not None
        name, settings = self._name, self._settings
        time_s = self.clock.time_s(frame)
        if not self.sizes or self.sizes[-1][1:] != (frame.width, frame.height):
            check_video_pixels(name, frame.width, frame.height, settings)
            self.sizes.append((time_s, frame.width, frame.height))
        check_video_frames(name, index + 1, settings)
        check_duration(name, time_s, settings, verb="lasts at least")
        intact = not frame.is_corrupt
        self.damage.frames += not intact
        self.ended_s = time_s + self.clock.step_s
        return Decoded(index, time_s, frame, intact)

    def _decode(self, container: InputContainer, stream: VideoStream, feed: Feed) -> Iterator[VideoFrame]:
        context = stream.codec_context
        for fed in feed.passing(packets_of(container, stream, self.damage)):
            if fed.anew:
                yield from self._step(stream, None)
                context.flush_buffers()
            context.skip_frame = "NONREF" if fed.droppable else "DEFAULT"
            yield from self._step(stream, fed)
        yield from self._step(stream, None)

    def _step(self, stream: VideoStream, fed: Fed | None) -> Iterator[Any]:
        """Frames that come out upon one packet; None empties the decoder."""
        try:
            yield from stream.decode(fed.packet if fed else None)
        except decoder_errors() as error:
            if fed:
                self.damage.add(error)


def extent_of(reader: BinaryIO, name: str, kind: Kind, settings: Settings) -> Extent:
    """Length and number of frames by the packets, without decoding.

    Raises:
        LimitExceeded: Too many packets.
        Exception: Whatever PyAV raises.
    """
    with opened(reader, kind, settings) as container:
        stream = prepared(container, name, kind, settings)
        found = Extent(stream)
        for packet in packets_of(container, stream, Damage()):
            found.add(packet)
            check_video_frames(name, found.frames, settings)
    return found
