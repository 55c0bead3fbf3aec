"""What may have happened to a video before it arrives, for measuring how a detector bears it.

A condition makes a file of a video, since the line of videos looks at files: sizes, times, sound and pictures are read
from it as from any other. Decisions:

- Frames and samples pass one by one; what grows is the file, in a folder of its own that goes when it was looked at.
- Pictures are encoded as telephones do it (`assay.video.deliveries.x264`), at most 30 frames a second. What a condition
  does besides is stored at CRF 12, where hardly anything is lost; "stored anew" is that alone, which the others are to
  be compared with. Where the size changes within a video, all of it gets that of the first frame.
- Sound is stored as it was decoded, float32 at 16 kHz, so that nothing happens to it but what the condition says.
- Nothing is random but the noise, which has a fixed seed, and is another one in each frame. Same video, same file.
"""

from __future__ import annotations

import heapq
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from itertools import chain
from operator import itemgetter
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from assay.audio.deliveries import AtRate, Codec, Filter, Gain, Through
from assay.errors import DataError, DecodeError, EmptyMedia, UnsupportedMedia
from assay.image.conditions import SEED, blur, brighten
from assay.image.deliveries import crop
from assay.media.blocks import SAMPLE_RATE_HZ
from assay.video.deliveries import BT709, TICKS, even, in_yuv, lacking, x264

if TYPE_CHECKING:
    from av.audio.stream import AudioStream
    from av.container import OutputContainer
    from av.video.stream import VideoStream

    from assay.audio.deliveries import Recording
    from assay.media.video_pixels import Pixels
    from assay.media.videos import Frame, Video

_LIGHT_CRF = 12
_BLOCK_S = 1.0
Change = Callable[["Pixels", int], "Pixels"]
Timed = tuple[float, Any, Any]  # second, stream, frame
_UNCHANGED = partial(Gain, 1.0)


@dataclass(frozen=True)
class Condition:
    """What happens to a video.

    Attributes:
        crf: Constant rate factor of x264, 0 to 51; higher loses more.
        scale: Of both sides.
        fps: At most so many frames a second.
        change: Of each frame before it is encoded: takes its pixels, uint8 RGB (height, width, 3), and its number.
        sound: Makes the filter that its sound goes through; None takes the sound away.
    """

    crf: int = _LIGHT_CRF
    scale: float = 1.0
    fps: float = 30.0
    change: Change | None = None
    sound: Callable[[], Filter] | None = _UNCHANGED

    @property
    def keeps_sound(self) -> bool:
        """Whether the sound stays as it is, so that this is about pictures alone."""
        return self.sound is _UNCHANGED

    def pixels(self, frame: Frame) -> Pixels:
        """Of a frame, as they are encoded but for their size."""
        changed = self.change(frame.pixels, frame.index) if self.change else frame.pixels
        return np.ascontiguousarray(changed)


def add_noise(deviation: float, pixels: Pixels, number: int) -> Pixels:
    """Gaussian noise of a standard deviation in levels, apart in each colour and each frame."""
    noise = np.random.default_rng([SEED, number]).standard_normal(pixels.shape, np.float32)
    noise *= np.float32(deviation)
    noise += pixels
    return np.clip(np.rint(noise, out=noise), 0, 255, out=noise).astype(np.uint8)


def _each(change: Callable[[Pixels], Pixels]) -> Change:
    return lambda pixels, number: change(pixels)


def _mp3() -> Filter:
    return AtRate(44_100, Codec("libmp3lame", "mp3float", rate_hz=44_100, form="fltp", bit_rate=32_000))


CONDITIONS: MappingProxyType[str, Condition] = MappingProxyType(
    {
        "stored anew, H.264 CRF 12": Condition(),
        "H.264 CRF 23": Condition(crf=23),
        "H.264 CRF 30": Condition(crf=30),
        "H.264 CRF 38": Condition(crf=38),
        "half the size": Condition(scale=0.5),
        "half the size, H.264 CRF 30": Condition(scale=0.5, crf=30),
        "12 frames a second": Condition(fps=12.0),
        "blur of 1.5 pixels": Condition(change=_each(partial(blur, 1.5))),
        # Noise at CRF 12 would take 20 MB a second at 1920 × 1080; at 18 it takes half, and nine tenths of it are left.
        "noise of 5 levels, H.264 CRF 18": Condition(crf=18, change=partial(add_noise, 5.0)),
        "a tenth cut off all around": Condition(change=_each(partial(crop, 0.1))),
        "levels times 1.2": Condition(change=_each(partial(brighten, 1.2))),
        "sound in MP3 32 kbit/s": Condition(sound=_mp3),
        "sound taken away": Condition(sound=None),
    }
)


@contextmanager
def stored(
    video: Video, condition: Condition, *, channels: Literal["mix", "each"] = "mix", silent: bool = False
) -> Iterator[Path]:
    """A video as it is under a condition, in a temporary file that is gone afterwards, whatever happens.

    Args:
        video: As it came.
        condition: What happens to it.
        channels: Whether the sound is stored as the mean of its channels or with each apart.
        silent: Leave the sound out, where nobody will listen.

    Yields:
        A Matroska file.

    Raises:
        MediaError: If the video is broken, changed since it was opened, or over a limit.
        DataError: If the file cannot be written.
        MissingExtra: If this FFmpeg lacks an encoder.
    """
    sound = None if silent or condition.sound is None else video.audio()
    with tempfile.TemporaryDirectory(prefix="assay-condition-") as folder:
        path = Path(folder) / "video.mkv"
        try:
            _write(path, video, condition, sound, channels)
        except _Unheard:  # the line of videos does without such sound, too
            _write(path, video, condition, None, channels)
        yield path


class _Unheard(Exception):
    """The sound track turned out to be broken."""


def _write(
    path: Path, video: Video, condition: Condition, sound: Recording | None, channels: Literal["mix", "each"]
) -> None:
    import av

    starts_s = (video.info.sound_starts_s or 0.0) if sound else 0.0
    late_s = max(0.0, -starts_s)  # of the pictures: a file begins with whatever is first
    try:
        with av.open(str(path), "w", format="matroska", options={"fflags": "bitexact"}) as out:
            frames = video.frames(fps=condition.fps)
            first = next(frames, None)
            if first is None:
                raise EmptyMedia(f"'{video.path}' holds no frames that can be stored anew.")
            stream = _picture_stream(out, video, condition, first)
            tracks = [_pictures(chain([first], frames), stream, condition, late_s)]
            if sound is not None and condition.sound is not None:
                tracks.append(_samples(out, Through(sound, condition.sound), channels, starts_s + late_s))
            for _, where, frame in heapq.merge(*tracks, key=itemgetter(0)):
                out.mux(where.encode(frame))
            streams: tuple[Any, ...] = (*out.streams.video, *out.streams.audio)
            for where in streams:
                out.mux(where.encode(None))
    except av.codec.codec.UnknownCodecError as error:
        raise lacking("libx264", "w") from error
    except (av.FFmpegError, OSError) as error:
        raise DataError(
            f"'{video.path}' cannot be stored anew in '{path.parent}': {error}. Make room there, or name another folder"
            " for temporary files in the variable TMPDIR."
        ) from error


def _picture_stream(out: OutputContainer, video: Video, condition: Condition, first: Frame) -> VideoStream:
    height, width = (even(condition.scale * side) for side in condition.pixels(first).shape[:2])
    rate = Fraction(min(video.info.fps or condition.fps, condition.fps)).limit_denominator(TICKS)
    stream = out.add_stream("libx264", rate=rate, options=x264(condition.crf))
    context = stream.codec_context
    context.width, context.height, context.pix_fmt = width, height, "yuv420p"
    context.time_base, context.thread_count = Fraction(1, TICKS), 1
    context.colorspace = context.color_primaries = context.color_trc = BT709
    return stream


def _pictures(frames: Iterable[Frame], stream: VideoStream, condition: Condition, late_s: float) -> Iterator[Timed]:
    from av.video.reformatter import VideoReformatter

    scaler = VideoReformatter()
    for frame in frames:
        made = in_yuv(condition.pixels(frame), stream.width, stream.height, scaler)
        second = frame.time_s + late_s
        made.pts, made.time_base = round(second * TICKS), Fraction(1, TICKS)
        yield second, stream, made


def _samples(
    out: OutputContainer, sound: Recording, channels: Literal["mix", "each"], starts_s: float
) -> Iterator[Timed]:
    from av import AudioFrame

    stream: AudioStream | None = None
    at, layout = round(starts_s * SAMPLE_RATE_HZ), "mono"
    try:
        for block in sound.blocks(channels=channels, block_s=_BLOCK_S):
            if stream is None:
                layout = {1: "mono", 2: "stereo"}.get(len(block), f"{len(block)}C")  # C: without names for them
                stream = out.add_stream("pcm_f32le", rate=SAMPLE_RATE_HZ, layout=layout)
            frame = AudioFrame.from_ndarray(block.T.reshape(1, -1), format="flt", layout=layout)
            frame.sample_rate, frame.pts, frame.time_base = SAMPLE_RATE_HZ, at, Fraction(1, SAMPLE_RATE_HZ)
            yield at / SAMPLE_RATE_HZ, stream, frame
            at += block.shape[1]
    except (UnsupportedMedia, DecodeError, EmptyMedia) as error:
        raise _Unheard from error
