"""The head of a WAV stream, read from a pipe: what the samples behind it are.

`assay.media` opens WAV files, whose length is known. A recorder that writes into a pipe puts a length into the head
that means nothing (0, or all ones), so it is not looked at: sound lasts until the pipe ends.

References:
    Microsoft and IBM: Multimedia Programming Interface and Data Specifications 1.0, 1991, pages 56-60; format tags of
    RFC 2361, and WAVE_FORMAT_EXTENSIBLE, whose first two bytes of the sub-format are a tag.
"""

from __future__ import annotations

import struct
from typing import BinaryIO

from assay.errors import DecodeError, UnsupportedMedia
from assay.media.pcm import Encoding, PcmFormat, Pick

MAX_CHUNK = 2**20  # bytes of a chunk before the samples; tags are smaller
EXTENSIBLE = 0xFFFE
ENCODINGS: dict[tuple[int, int], Encoding] = {(1, 16): "pcm16", (6, 8): "alaw", (7, 8): "mulaw"}
NAMES = {1: "PCM", 2: "ADPCM", 3: "float", 6: "A-law", 7: "mu-law", 17: "IMA ADPCM", 85: "MP3"}


def is_wav(head: bytes) -> bool:
    """Whether the first twelve bytes of a stream begin a WAV file."""
    return len(head) >= 12 and head[:4] in (b"RIFF", b"RF64") and head[8:12] == b"WAVE"


def read_head(pipe: BinaryIO, *, channel: Pick = "mean") -> PcmFormat:
    """Read a WAV stream from behind its first twelve bytes up to its first sample.

    Raises:
        DecodeError: If the stream ends before its samples, or its chunks are none.
        UnsupportedMedia: If the samples are of a kind that is not heard live.
    """
    form: PcmFormat | None = None
    while True:
        name, size = struct.unpack("<4sI", _exactly(pipe, 8))
        if name == b"data":
            if form is None:
                raise DecodeError("The WAV stream has no format before its samples. Was it cut?")
            return form
        if size > MAX_CHUNK:
            raise DecodeError(f"The WAV stream has a chunk of {size:,} bytes before its samples; it is broken.")
        body = _exactly(pipe, size + size % 2)
        if name == b"fmt ":
            form = _format(body, channel)


def _format(body: bytes, channel: Pick) -> PcmFormat:
    if len(body) < 16:
        raise DecodeError("The format of the WAV stream is shorter than 16 bytes; it is broken.")
    tag, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", body)
    if tag == EXTENSIBLE and len(body) >= 26:
        (tag,) = struct.unpack_from("<H", body, 24)
    encoding = ENCODINGS.get((tag, bits))
    if encoding is None:
        raise UnsupportedMedia(
            f"The WAV stream holds {bits}-bit {NAMES.get(tag, f'format {tag}')}; heard live are 16-bit PCM, mu-law and"
            " A-law. Convert it on the way, with ffmpeg -c:a pcm_s16le for example.",
            format=tag,
            bits=bits,
        )
    return PcmFormat(encoding, rate, channels, channel)


def _exactly(pipe: BinaryIO, count: int) -> bytes:
    data = pipe.read(count)
    if len(data) < count:
        raise DecodeError("The WAV stream ends before its first sample.")
    return data
