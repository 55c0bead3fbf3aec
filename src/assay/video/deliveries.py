"""Ways in which the pictures of a video may reach somebody: a messenger's H.264, a smaller size, fewer frames a second.

An encoder and its decoder back to back, without a container, as `assay.audio.deliveries` has them for sound. Frames
pass one by one, so that memory does not grow with length. Decisions:

- What is encoded is every frame of the video, up to `Way.fps` a second, for a codec predicts one from the one before;
  only those that somebody looks at come out as pixels.
- x264 at a constant rate factor of 30, as messengers leave it, without looking ahead and without B-frames, as the
  encoders in telephones work; so one frame is held, and no more. One thread, so that the answer hangs on none.
- Both ways go by BT.709 in limited range, so that colours are lost to the codec and to nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np

from assay.errors import MissingExtra
from assay.media.video_sampling import Chosen
from assay.media.videos import Frame

if TYPE_CHECKING:
    from av.video.codeccontext import VideoCodecContext
    from av.video.frame import VideoFrame
    from av.video.reformatter import VideoReformatter

    from assay.media.video_pixels import Pixels

_CRF = 30
BT709 = 1  # as FFmpeg numbers matrices
_LEAST_PX = 16  # of a side; the macroblock of H.264
TICKS = 90_000  # a second


@dataclass(frozen=True)
class Way:
    """How a video is sent.

    Attributes:
        sound: Name of the delivery of its sound in `assay.audio.deliveries`.
        scale: Of both sides.
        fps: At most so many frames a second.
    """

    sound: str
    scale: float = 1.0
    fps: float = 30.0


WAYS: MappingProxyType[str, Way] = MappingProxyType(
    {
        "H.264 CRF 30, Opus 24 kbit/s": Way("Opus 24 kbit/s"),
        "half the size, H.264 CRF 30, MP3 64 kbit/s": Way("MP3 64 kbit/s", scale=0.5),
        "12 frames a second, H.264 CRF 30, Opus 24 kbit/s": Way("Opus 24 kbit/s", fps=12.0),
    }
)


class Sent:
    """Frames as they arrive; iterate once.

    Args:
        frames: In order of time, no more than the way allows.
        way: How they are sent.
        looks: Tells which of them come out.

    Raises:
        MissingExtra: While iterating: this FFmpeg lacks the encoder or the decoder.
    """

    def __init__(self, frames: Iterable[Frame], way: Way, looks: Chosen) -> None:
        self._frames, self._way, self._looks = frames, way, looks
        self._bytes = self._pixels = 0

    @property
    def bits_per_pixel(self) -> float | None:
        """Bits that the pictures got, over all their pixels; None before the first one."""
        return 8 * self._bytes / self._pixels if self._pixels else None

    def __iter__(self) -> Iterator[Frame]:
        codec: _Codec | None = None
        came: tuple[int, ...] = ()
        for frame in self._frames:
            if codec is None or frame.pixels.shape != came:  # sizes may change within a file
                yield from self._counted(codec, codec.finish() if codec else ())
                came = frame.pixels.shape
                height, width = (even(self._way.scale * side) for side in came[:2])
                codec = _Codec(width, height, self._way.fps)
            self._pixels += codec.pixels
            yield from self._counted(codec, codec.push(frame, looked=self._looks.takes(frame.time_s)))
        yield from self._counted(codec, codec.finish() if codec else ())

    def _counted(self, codec: _Codec | None, frames: Iterable[Frame]) -> Iterator[Frame]:
        yield from frames
        if codec is not None:
            self._bytes, codec.bytes = self._bytes + codec.bytes, 0


def even(side: float) -> int:
    """The next even number below, at least a macroblock, since 4:2:0 halves the sides of colours."""
    return max(_LEAST_PX, int(side) // 2 * 2)


def x264(crf: int) -> dict[str, str]:
    """Options of x264 at a constant rate factor, as the encoders in telephones work; see the decisions above."""
    return {
        "crf": str(crf),
        "preset": "veryfast",
        "tune": "zerolatency",
        "x264-params": "log-level=none:threads=1",
    }


def in_yuv(pixels: Pixels, width: int, height: int, scaler: VideoReformatter) -> VideoFrame:
    """Pixels as an encoder takes them: 4:2:0 by BT.709 in limited range, of another size if need be.

    Args:
        pixels: uint8 RGB, shape (height, width, 3).
        width: Of the result, even.
        height: Likewise.
        scaler: Kept from frame to frame, since it is slow to set up.
    """
    from av import VideoFrame

    given = VideoFrame.from_ndarray(pixels, format="rgb24")
    return scaler.reformat(given, width, height, "yuv420p", dst_colorspace=BT709, interpolation="AREA", threads=1)


def lacking(name: str, mode: Literal["r", "w"]) -> MissingExtra:
    """The error for an FFmpeg without an encoder or decoder."""
    return MissingExtra(
        f"FFmpeg lacks its {'encoder' if mode == 'w' else 'decoder'} '{name}' here, which --stability and --robustness"
        " of videos need. The wheels of PyAV hold it: pip install --force-reinstall --only-binary av av",
        codec=name,
    )


class _Codec:
    """Encoder and decoder of frames of one size.

    Args:
        width, height: Of what is encoded.
        fps: About how many come a second.
    """

    def __init__(self, width: int, height: int, fps: float) -> None:
        from av.video.reformatter import VideoReformatter

        self._width, self._height = width, height
        self.pixels, self.bytes = width * height, 0
        self._encoder, self._decoder = _context("libx264", "w"), _context("h264", "r")
        self._encoder.width, self._encoder.height, self._encoder.pix_fmt = width, height, "yuv420p"
        self._encoder.time_base, self._encoder.framerate = Fraction(1, TICKS), Fraction(round(fps), 1)
        self._encoder.thread_count = self._decoder.thread_count = 1
        self._encoder.options = x264(_CRF)
        self._encoder.open()
        self._to, self._back = VideoReformatter(), VideoReformatter()
        self._under_way: dict[int, Frame | None] = {}  # by stamp; those that nobody looks at are None

    def push(self, frame: Frame, *, looked: bool) -> Iterator[Frame]:
        """Encode a frame; what comes out so far."""
        made = in_yuv(frame.pixels, self._width, self._height, self._to)
        made.pts, made.time_base = round(frame.time_s * TICKS), Fraction(1, TICKS)
        self._under_way[made.pts] = Frame(frame.index, frame.time_s, _NOTHING) if looked else None
        return self._decoded(self._encoder.encode(made))

    def finish(self) -> Iterator[Frame]:
        """What the two still hold."""
        return self._decoded([*self._encoder.encode(None), None])

    def _decoded(self, packets: Iterable[Any]) -> Iterator[Frame]:
        for packet in packets:
            self.bytes += packet.size if packet is not None else 0
            for frame in self._decoder.decode(packet):
                given = self._under_way.pop(frame.pts, None) if frame.pts is not None else None
                if given is not None:
                    yield Frame(given.index, given.time_s, self._pixels(frame))

    def _pixels(self, frame: VideoFrame) -> Pixels:
        made = self._back.reformat(frame, format="rgb24", src_colorspace=BT709, threads=1)
        pixels = np.ascontiguousarray(made.to_ndarray(), np.uint8)
        pixels.flags.writeable = False
        return pixels


_NOTHING: Pixels = np.empty((0, 0, 3), np.uint8)


def _context(name: str, mode: Literal["r", "w"]) -> VideoCodecContext:
    import av

    try:
        return cast("VideoCodecContext", av.CodecContext.create(name, mode))
    except (av.FFmpegError, av.codec.codec.UnknownCodecError) as error:
        raise lacking(name, mode) from error
