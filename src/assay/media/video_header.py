"""What the header of a video and its first frame tell."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import islice, pairwise
from statistics import median
from typing import TYPE_CHECKING, Any, BinaryIO

from assay.errors import EmptyMedia
from assay.media.decode_av import is_still
from assay.media.decode_video import Damage, codec_of, declared_s, opened, packets_of, pictures_of, prepared
from assay.media.foreign import broken_video
from assay.media.kinds import Kind
from assay.media.limits import check_duration, check_video_frames, check_video_pixels
from assay.media.video_clock import nominal_fps
from assay.media.video_frames import Decoded, Decoding
from assay.media.video_pixels import Turn, notes_on, pixel_shape, turn_of

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.stream import VideoStream

    from assay.settings import Settings

_MOST_PACKETS = 100  # that tell whether the rate varies
_MOST_ODD = 0.05  # a lost frame is no variable rate
_ROUNDING_S, _UNEVEN = 0.003, 0.25  # 23.976 frames a second in milliseconds are 41 and 42 ms apart


@dataclass(frozen=True)
class VideoInfo:
    """What a header and the first frame tell.

    Attributes:
        container: ``"mp4"`` (and mov), ``"matroska"`` (and webm), ``"avi"``, ``"mpeg"`` or ``"mpegts"``.
        codec: ``"h264"``, ``"vp9"``, …
        width: Of the first frame, upright, in pixels.
        height: As above.
        fps: Frames per second that the container names, None if none; the mean for a variable rate.
        duration_s: Seconds that the header claims, None if it claims none.
        frames: Number that the header claims, None if it claims none.
        rotation_degrees: Clockwise rotation that was undone: 0, 90, 180 or 270.
        has_sound: Whether there is a sound track.
        sound_codec: ``"aac"``, …; None without sound.
        sound_starts_s: Seconds from the first frame to the first sound, by their stamps; None if unknown.
        pixel_format: FFmpeg's name, ``"yuv420p"``.
        variable_rate: Whether the first frames are at uneven distances; None if that is unknown (AVI stores no times).
    """

    container: str
    codec: str
    width: int
    height: int
    fps: float | None
    duration_s: float | None
    frames: int | None
    rotation_degrees: int
    has_sound: bool
    sound_codec: str | None
    sound_starts_s: float | None
    pixel_format: str
    variable_rate: bool | None


@dataclass(frozen=True)
class Header:
    """What decoding needs to know from the first frame, and what to tell about it.

    Attributes:
        info: The facts.
        origin: Stamp of the first frame, None if it has none.
        turn: How frames are turned before they are shown.
        notes: What a user should know already.
    """

    info: VideoInfo
    origin: int | None
    turn: Turn
    notes: tuple[str, ...]


def read_header(reader: BinaryIO, name: str, kind: Kind, settings: Settings) -> Header | None:
    """Read the header and decode the first frame.

    Args:
        reader: Seekable, at any position.
        name: What the user gave.
        kind: What `assay.media.sniff` found, a video.
        settings: Holds the limits.

    Returns:
        The header; None for a container that holds sound, and no moving pictures.

    Raises:
        MediaError: As `assay.media.videos.open_video` does.
        Exception: Whatever PyAV raises; see `assay.media.foreign.decoding_video`.
    """
    with opened(reader, kind, settings) as container:
        if pictures_of(container) is None and container.streams.audio:
            return None
        stream = prepared(container, name, kind, settings)
        check_video_pixels(name, stream.codec_context.width, stream.codec_context.height, settings)
        told = _told(container, stream, kind)
        notes = tuple(_notes(container, stream))
    if told["duration_s"] is not None:
        check_duration(name, told["duration_s"], settings)
    check_video_frames(name, told["frames"] or 0, settings)
    decoding = Decoding(name, kind, settings)
    frame = _first(decoding, reader, name, kind).frame
    turn = turn_of(frame)
    width, height = (frame.height, frame.width) if turn.transposed else (frame.width, frame.height)
    info = VideoInfo(width=width, height=height, rotation_degrees=turn.degrees, pixel_format=frame.format.name, **told)
    origin = decoding.clock.origin if decoding.clock else None
    return Header(info, origin, turn, (*notes, *_turned(turn), *notes_on(frame)))


def _first(decoding: Decoding, reader: BinaryIO, name: str, kind: Kind) -> Decoded:
    with closing(decoding.frames(reader)) as frames:
        first = next(frames, None)
    if first is not None:
        return first
    if decoding.damage.packets:
        raise broken_video(name, kind.label, decoding.damage.reason)
    raise no_frames(name, kind)


def no_frames(name: str, kind: Kind) -> EmptyMedia:
    """The error for a video without a single frame."""
    return EmptyMedia(
        f"'{name}' is {kind.label} that holds no frames: the recording was stopped at once, or the file is cut off "
        "behind its header. Record or copy it again."
    )


def _told(container: InputContainer, stream: VideoStream, kind: Kind) -> dict[str, Any]:
    """Facts that the container tells."""
    sounds = container.streams.audio
    return {
        "container": kind.container,
        "codec": codec_of(stream),
        "fps": nominal_fps(stream),
        "duration_s": declared_s(container, stream, kind),
        "frames": stream.frames or None,
        "has_sound": bool(sounds),
        "sound_codec": (codec_of(sounds[0]) or None) if sounds else None,
        "sound_starts_s": _apart_s(sounds[0], stream) if sounds else None,
        "variable_rate": None if kind.container == "avi" else _varies(container, stream),
    }


def _varies(container: InputContainer, stream: VideoStream) -> bool | None:
    """Whether the first frames follow each other at different distances, beyond what rounding does."""
    packets = islice(packets_of(container, stream, Damage()), _MOST_PACKETS)
    stamps = sorted(packet.pts for packet in packets if packet.size and packet.pts is not None)
    steps = [(after - before) * float(stream.time_base or 0) for before, after in pairwise(stamps)]
    if len(steps) < 2:
        return None
    usual = median(steps)
    odd = sum(1 for step in steps if abs(step - usual) > max(_ROUNDING_S, _UNEVEN * usual))
    return odd > _MOST_ODD * len(steps)


def _apart_s(sound: Any, pictures: Any) -> float | None:
    """Seconds from the first picture to the first sound."""
    starts = [
        float(stream.start_time * stream.time_base)
        for stream in (sound, pictures)
        if stream.start_time is not None and stream.time_base is not None
    ]
    return round(starts[0] - starts[1], 6) if len(starts) == 2 else None


def _notes(container: InputContainer, stream: VideoStream) -> Iterator[str]:
    more = sum(1 for other in container.streams.video if not is_still(other)) - 1
    if more:
        yield f"{more} more track(s) of pictures in the file were not analysed"
    aspect = stream.sample_aspect_ratio
    if aspect and (note := pixel_shape(aspect.numerator, aspect.denominator)):
        yield note


def _turned(turn: Turn) -> Iterator[str]:
    if turn.mirrored:
        yield "the file asks for its pictures to be mirrored; they were"
    if not turn.exact:
        yield "the file asks for a rotation that is no multiple of 90 degrees; the nearest one was used"
