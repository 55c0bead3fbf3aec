"""Moving pictures with PyAV (FFmpeg): the container, its pictures and its header.

Safety is that of `assay.media.decode_av`: FFmpeg gets an open reader, never a name; one demuxer, told by content; no
protocol, so references inside a file lead nowhere; and only the codecs below. A frame far over the limit is refused by
FFmpeg itself, before it takes memory for it; what is less over it comes out, so that the error can name the limit.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, closing
from typing import TYPE_CHECKING, Any, BinaryIO

from assay.errors import UnsupportedMedia
from assay.media.decode_av import is_still
from assay.media.foreign import decoder_errors, reason_of
from assay.media.kinds import Kind

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.packet import Packet
    from av.video.stream import VideoStream

    from assay.settings import Settings

# Names of codings. What cameras, phones, editors, browsers and platforms write; each decoder more is one more to trust.
_CODECS = frozenset(
    [
        *("h264", "hevc", "av1", "vp8", "vp9"),
        *("mpeg1video", "mpeg2video", "mpeg4", "msmpeg4v2", "msmpeg4v3", "h263"),
        *("mjpeg", "prores", "dnxhd", "dvvideo"),
        *("ffv1", "huffyuv", "ffvhuff", "utvideo", "qtrle", "png", "rawvideo"),
    ]
)
# The same, as FFmpeg calls the implementations it may choose.
_IMPLEMENTATIONS = [*sorted(_CODECS), "msmpeg4", "libdav1d", "libaom-av1", "libvpx", "libvpx-vp9"]
_SLACK = 4


def opened(reader: BinaryIO, kind: Kind, settings: Settings) -> AbstractContextManager[InputContainer]:
    """The container, to be closed by the caller's ``with``.

    Args:
        reader: Seekable, at any position.
        kind: What `assay.media.sniff` found, a video.
        settings: Holds ``max_video_pixels``.

    Raises:
        Exception: Whatever PyAV raises; see `assay.media.foreign.decoding_video`.
    """
    import av

    reader.seek(0)
    options = {
        "protocol_whitelist": "none",
        "format_whitelist": str(kind.demuxer),
        "codec_whitelist": ",".join(_IMPLEMENTATIONS),
        "max_pixels": _most_pixels(settings),
    }
    return closing(av.open(reader, "r", format=kind.demuxer, options=options, metadata_errors="ignore"))


def _most_pixels(settings: Settings) -> str:
    return str(_SLACK * settings.max_video_pixels)


def pictures_of(container: InputContainer) -> VideoStream | None:
    """The first track of moving pictures; a cover picture is none."""
    return next((stream for stream in container.streams.video if not is_still(stream)), None)


def prepared(container: InputContainer, name: str, kind: Kind, settings: Settings) -> VideoStream:
    """The track to decode, set up for decoding.

    Raises:
        UnsupportedMedia: If there is none, or its codec is not one that Assay opens.
    """
    stream = pictures_of(container)
    if stream is None:
        raise UnsupportedMedia(f"'{name}' is {kind.label} without moving pictures. Give a file that holds some.")
    codec = codec_of(stream)
    if codec not in _CODECS:
        raise UnsupportedMedia(
            f"'{name}' holds moving pictures in a codec that Assay does not open ({codec or 'unknown to FFmpeg'}). "
            "Convert it to H.264 in MP4 first.",
            codec=codec,
        )
    for other in container.streams:
        if other.index != stream.index:
            other.discard = type(other.discard).all  # the demuxer need not even read it
    context = stream.codec_context
    context.options = {"max_pixels": _most_pixels(settings), "codec_whitelist": ",".join(_IMPLEMENTATIONS)}
    context.thread_count = settings.threads
    context.thread_type = "AUTO" if settings.threads > 1 else "SLICE"
    return stream


def codec_of(stream: Any) -> str:
    """Name of the coding, ``"h264"``; empty if FFmpeg has no decoder for it."""
    context = stream.codec_context
    return str(context.codec.canonical_name) if context is not None else ""


class Damage:
    """What did not decode, and why the first did not."""

    def __init__(self) -> None:
        self.packets, self.frames, self.reason = 0, 0, ""

    def add(self, error: Exception) -> None:
        """Count a packet."""
        self.packets += 1
        self.reason = self.reason or reason_of(error)


def packets_of(container: InputContainer, stream: VideoStream, damage: Damage) -> Iterator[Packet[VideoStream]]:
    """Packets of the track up to the end, or to where the container itself is broken; the last one is empty."""
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets, None)
        except decoder_errors() as error:
            damage.add(error)
            return
        if packet is None:
            return
        yield packet


def declared_s(container: InputContainer, stream: VideoStream, kind: Kind) -> float | None:
    """Seconds that the header claims for the pictures, or else for the whole file; None if it claims nothing.

    Transport and program streams have no header; FFmpeg only estimates there.
    """
    if kind.container not in ("mp4", "matroska", "avi"):
        return None
    tick = float(stream.time_base or 0)
    if stream.duration is not None:
        seconds = stream.duration * tick
    else:  # Matroska counts from 0, not from the first frame
        end = _clock(stream.metadata.get("DURATION", "")) or (container.duration or 0) / 1e6
        seconds = end - max(0, stream.start_time or 0) * tick
    return round(seconds, 6) if seconds > 0 else None  # a fragmented MP4 writes 0


def _clock(text: str) -> float:
    """Seconds of ``hours:minutes:seconds``, which Matroska keeps per track; 0 if it is not that."""
    try:
        hours, minutes, seconds = text.split(":")
        return int(hours) * 3600 + int(minutes) * 60 + float(seconds)
    except ValueError:
        return 0.0
