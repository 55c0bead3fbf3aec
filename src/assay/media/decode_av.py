"""Decoding with PyAV (FFmpeg): mp3, ogg, m4a, aac, amr, webm, and whatever libsndfile fails on.

Safety: FFmpeg gets an open reader, never a name; the demuxer is the one that `assay.media.sniff` found, and
the only one allowed; no protocol is allowed, so references inside a file lead nowhere; only codecs of sound
that we expect in these containers are opened.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from assay.errors import DecodeError, UnsupportedMedia
from assay.media.foreign import decoder_errors, reason_of, undecodable
from assay.media.header import FloatArray, Header, to_float
from assay.media.headers import claimed_frames, ogg_has_end
from assay.media.kinds import Kind, convert_first

if TYPE_CHECKING:
    from av.audio.frame import AudioFrame
    from av.audio.stream import AudioStream
    from av.container import InputContainer

_CODECS = frozenset(
    [
        "aac",
        "aac_latm",
        "alac",
        "mp3",
        "mp2",
        "mp1",
        "opus",
        "vorbis",
        "flac",
        "amrnb",
        "amrwb",
        "ac3",
        "eac3",
        "speex",
        "gsm",
        "gsm_ms",
        "pcm_s8",
        "pcm_u8",
        "pcm_s16le",
        "pcm_s16be",
        "pcm_s24le",
        "pcm_s24be",
        "pcm_s32le",
        "pcm_s32be",
        "pcm_f32le",
        "pcm_f32be",
        "pcm_f64le",
        "pcm_f64be",
        "pcm_alaw",
        "pcm_mulaw",
        "adpcm_ima_wav",
        "adpcm_ima_qt",
        "adpcm_ms",
    ]
)
# The same, as FFmpeg calls the implementations it may choose.
_IMPLEMENTATIONS = [
    *sorted(_CODECS),
    *("mp1float", "mp2float", "mp3float", "libopus", "libvorbis", "libspeex", "libgsm", "libgsm_ms"),
    *("libopencore_amrnb", "libopencore_amrwb"),
]
_TRUSTED_LENGTHS = {"mp4", "matroska", "caf", "flac"}  # elsewhere FFmpeg only estimates it from the bit rate
_PIECE_FRAMES = 2**16  # codec frames are short; they are joined to spare the resampler work
_STILL = ("attached_pic", "timed_thumbnails", "still_image")


def probe(reader: BinaryIO, size: int, kind: Kind, name: str) -> Header:
    """Read the header.

    Args:
        reader: Seekable, at any position.
        size: Its length in bytes.
        kind: What `assay.media.sniff` found.
        name: What to call the file in messages.

    Returns:
        The header.

    Raises:
        UnsupportedMedia: If there is a moving picture, no sound, or an unexpected codec.
        Exception: Whatever PyAV raises; see `assay.media.foreign`.
    """
    with _container(reader, kind) as container:
        stream = _sound(container, kind, name)
        context = stream.codec_context
        facts = _codec(stream), context.sample_rate, context.channels
        length = _declared_s(container, stream)
        notes = []
        if more := len(container.streams.audio) - 1:
            notes.append(f"{more} more sound track(s) in the file were not analysed")
    if kind.container == "ogg" and not ogg_has_end(reader, size):
        notes.append("the Ogg stream has no end mark; the file may be cut off")
    claim = claimed_frames(kind.container, reader)
    if claim and facts[1]:
        length = claim / facts[1]
    elif kind.container not in _TRUSTED_LENGTHS:
        length = None
    # A WAV that gets here is a broken one, whose claim is worth a note and no more.
    return Header(*facts, length, length if kind.soundfile != "first" else None, tuple(notes))


def _container(reader: BinaryIO, kind: Kind) -> AbstractContextManager[InputContainer]:
    import av

    reader.seek(0)
    options = {
        "protocol_whitelist": "none",
        "format_whitelist": str(kind.demuxer),
        "codec_whitelist": ",".join(_IMPLEMENTATIONS),
    }
    return closing(av.open(reader, "r", format=kind.demuxer, options=options, metadata_errors="ignore"))


def _sound(container: InputContainer, kind: Kind, name: str) -> AudioStream:
    """The sound track to decode."""
    if not kind.beside_pictures and not all(is_still(video) for video in container.streams.video):
        raise UnsupportedMedia(Kind(kind.container, f"{kind.label} with pictures", "video").refusal(name))
    if not container.streams.audio:
        raise UnsupportedMedia(f"'{name}' is {kind.label} without a sound track. Give a file that holds sound.")
    stream = container.streams.audio[0]
    if _codec(stream) not in _CODECS:
        raise UnsupportedMedia(
            f"'{name}' holds sound in a codec that Assay does not open "
            f"({_codec(stream) or 'unknown to FFmpeg'}). {convert_first(name)}"
        )
    return stream


def _codec(stream: AudioStream) -> str:
    """Name of the coding, without the name of its implementation; empty if FFmpeg has no decoder for it."""
    name = getattr(stream.codec_context, "name", None) or ""
    return name.removeprefix("lib").removeprefix("opencore_").removesuffix("float")


def is_still(stream: Any) -> bool:
    """Whether a video stream is a cover picture, or pictures of chapters."""
    from av.stream import Disposition

    return any(stream.disposition & Disposition[word] for word in _STILL)


def _declared_s(container: InputContainer, stream: AudioStream) -> float | None:
    if stream.frames and stream.codec_context.name.startswith("pcm_"):  # a frame of PCM is one sample
        return stream.frames / stream.codec_context.sample_rate
    if stream.duration is not None and stream.time_base is not None:
        seconds = float(stream.duration * stream.time_base)
    else:
        seconds = (container.duration or 0) / 1e6
    return seconds if seconds > 0 else None  # a fragmented MP4 writes 0


def pieces(
    reader: BinaryIO, kind: Kind, header: Header, name: str, note: Callable[[str], None]
) -> Iterator[FloatArray]:
    """Decode from front to back, stepping over damaged packets.

    Args:
        reader: Seekable, at any position.
        kind: What `assay.media.sniff` found.
        header: From `probe`.
        name: What to call the file in messages.
        note: Called with what a user should know.

    Yields:
        Arrays (frames, channels), float32, full scale 1.

    Raises:
        DecodeError: If sample rate or channels change on the way, or nothing decodes.
        Exception: Whatever PyAV raises; see `assay.media.foreign`.
    """
    damage = _Damage()
    with _container(reader, kind) as container:
        held: list[NDArray[Any]] = []
        count = total = 0
        for frame in _frames(container, _sound(container, kind, name), damage):
            held.append(_samples(frame, header, name))
            count += frame.samples
            if count >= _PIECE_FRAMES:
                total += count
                yield to_float(np.concatenate(held, axis=1).T)
                held, count = [], 0
        if held:
            yield to_float(np.concatenate(held, axis=1).T)
    if damage.packets:
        if not total + count:
            raise undecodable(name, kind.label, damage.reason)
        note(f"{damage.packets} damaged packet(s) of sound were left out")


class _Damage:
    """How many packets did not decode, and why the first did not."""

    def __init__(self) -> None:
        self.packets, self.reason = 0, ""

    def add(self, error: Exception) -> None:
        self.packets += 1
        self.reason = self.reason or reason_of(error)


def _frames(container: InputContainer, stream: AudioStream, damage: _Damage) -> Iterator[AudioFrame]:
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets, None)
        except decoder_errors() as error:  # the container itself is broken from here on
            damage.add(error)
            return
        if packet is None:
            return
        try:
            yield from stream.decode(packet)
        except decoder_errors() as error:
            damage.add(error)


def _samples(frame: AudioFrame, header: Header, name: str) -> NDArray[Any]:
    """One decoded frame as (channels, frames), in the type the codec gives."""
    channels = frame.layout.nb_channels
    if (frame.sample_rate, channels) != (header.sample_rate_hz, header.channels):
        raise DecodeError(
            f"'{name}' changes from {header.sample_rate_hz} Hz, {header.channels} channel(s) to "
            f"{frame.sample_rate} Hz, {channels} channel(s) on the way. {convert_first(name)}"
        )
    data = frame.to_ndarray()
    return data if frame.format.is_planar else data.reshape(-1, channels).T
