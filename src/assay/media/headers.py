"""How long a file claims to be, where its decoder does not tell.

libsndfile shortens the length of a cut-off WAV, AIFF or AU file to what is there and keeps silent about it.
Users should know, so the claim is read here and compared with what was decoded.

References:
    Microsoft/IBM, Multimedia Programming Interface 1.0 (RIFF/WAVE); EBU Tech 3306 (RF64, ``ds64``);
    Apple, Audio Interchange File Format 1.3 (``COMM``); Sun .au: 24-byte header; RFC 3533 (Ogg: last page has
    flag 4).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import BinaryIO, Literal

from assay.media.mpeg import id3_length, stated_samples

_UNKNOWN_LENGTH = 0xFFFF_FFFF  # written by programs that stream
_FRAMED_TAGS = {
    1,
    3,
    6,
    7,
    0xFFFE,
}  # PCM, float, A-law, µ-law, extensible: a block is one sample of every channel
_AU_BYTES = {1: 1, 2: 1, 3: 2, 4: 3, 5: 4, 6: 4, 7: 8, 27: 1}  # encoding -> bytes per sample
_MOST_CHUNKS = 4_096
_OGG_TAIL_BYTES = 65_536 + 27 + 255  # the longest page


def claimed_frames(container: str, reader: BinaryIO) -> int | None:
    """Samples per channel that the header claims, or None if it makes no claim (or this container has none).

    Args:
        container: Name from `assay.media.kinds`.
        reader: Seekable; the position afterwards is undefined.
    """
    try:
        if container in ("wav", "rf64"):
            return _wav_frames(reader)
        if container == "aiff":
            return _aiff_frames(reader)
        if container == "au":
            return _au_frames(reader)
        if container == "mp3":
            return _mp3_frames(reader)
    except struct.error:  # the header itself is cut off
        return None
    return None


def _wav_frames(reader: BinaryIO) -> int | None:
    reader.seek(0)
    order: Literal["<", ">"] = ">" if reader.read(4) == b"RIFX" else "<"
    long_size, block = None, 0
    for name, size, at in _chunks(reader, order):
        reader.seek(at)
        if name == b"ds64":
            long_size = struct.unpack(order + "Q", reader.read(16)[8:16])[0]
        elif name == b"fmt ":
            tag, _, _, _, block = struct.unpack(order + "HHIIH", reader.read(14))
            block = block if tag in _FRAMED_TAGS else 0
        elif name == b"data":
            if size == _UNKNOWN_LENGTH and long_size is not None:
                size = long_size
            known = block and size not in (0, _UNKNOWN_LENGTH)
            return size // block if known else None
    return None


def _aiff_frames(reader: BinaryIO) -> int | None:
    for name, _, at in _chunks(reader, ">"):
        if name == b"COMM":
            reader.seek(at)
            frames: int = struct.unpack(">HI", reader.read(6))[1]
            return frames if frames not in (0, _UNKNOWN_LENGTH) else None
    return None


def _au_frames(reader: BinaryIO) -> int | None:
    reader.seek(0)
    head = reader.read(24)
    order = ">" if head[:4] == b".snd" else "<"
    _, size, encoding, _, channels = struct.unpack(order + "IIIII", head[4:])
    width = _AU_BYTES.get(encoding, 0) * channels
    return size // width if width and size != _UNKNOWN_LENGTH else None


def _chunks(reader: BinaryIO, order: Literal["<", ">"]) -> Iterator[tuple[bytes, int, int]]:
    """Chunks (name, size, content start) of a RIFF or IFF file."""
    at = 12
    for _ in range(_MOST_CHUNKS):
        reader.seek(at)
        head = reader.read(8)
        if len(head) < 8:
            return
        size = struct.unpack(order + "I", head[4:])[0]
        yield head[:4], size, at + 8
        at += 8 + size + size % 2


def _mp3_frames(reader: BinaryIO) -> int | None:
    """Without a count in the first frame a length would only be a guess from size and bit rate."""
    reader.seek(0)
    at = id3_length(reader.read(10))
    reader.seek(at)
    return stated_samples(reader.read(8_192))


def ogg_has_end(reader: BinaryIO, size: int) -> bool:
    """Whether the last page of an Ogg file is marked as the end of its stream."""
    reader.seek(max(0, size - _OGG_TAIL_BYTES))
    tail = reader.read(_OGG_TAIL_BYTES)
    at = tail.rfind(b"OggS\x00")
    return at >= 0 and len(tail) > at + 5 and bool(tail[at + 5] & 4)
