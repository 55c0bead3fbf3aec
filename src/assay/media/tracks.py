"""Which kinds of tracks a container holds, read from its index alone; nothing is decoded.

Needed before a decoder is chosen: MP4 and Matroska hold sound, moving pictures or both behind the same magic
bytes. A broken or unusual index gives the empty set; the decoder then has the last word.

References:
    ISO/IEC 14496-12 (boxes ``moov/trak/mdia/hdlr``); RFC 8794 (EBML) and RFC 9559 (Matroska: ``TrackType``);
    RFC 3533 (Ogg pages: a stream's first page has flag 2).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

_MOST_ELEMENTS = 4_096  # a header with more boxes than this is not searched further

_SEGMENT, _TRACKS, _ENTRY, _TYPE, _CLUSTER = 0x18538067, 0x1654AE6B, 0xAE, 0x83, 0x1F43B675
_MATROSKA_TYPES = {1: "video", 2: "audio"}
_HANDLERS = {b"vide": "video", b"soun": "audio"}


def mp4_tracks(reader: BinaryIO, size: int) -> set[str]:
    """Track kinds (``"audio"``, ``"video"``) of an MP4, MOV or 3GP file of `size` bytes."""
    kinds = set()
    for moov in _boxes(reader, 0, size, b"moov"):
        for trak in _boxes(reader, *moov, b"trak"):
            for mdia in _boxes(reader, *trak, b"mdia"):
                for start, _ in _boxes(reader, *mdia, b"hdlr"):
                    reader.seek(start + 8)  # version, flags, pre_defined
                    kinds.add(_HANDLERS.get(reader.read(4), "other"))
    return kinds


def _boxes(reader: BinaryIO, start: int, end: int, wanted: bytes) -> Iterator[tuple[int, int]]:
    """Contents (start, end) of the boxes of one type between two offsets."""
    for _ in range(_MOST_ELEMENTS):
        reader.seek(start)
        head = reader.read(16)
        if start >= end or len(head) < 8:
            return
        length, skip = int.from_bytes(head[:4], "big"), 8
        if length == 1:
            length, skip = int.from_bytes(head[8:16], "big"), 16
        elif length == 0:  # to the end of the file
            length = end - start
        if length < skip:
            return
        if head[4:8] == wanted:
            yield start + skip, min(start + length, end)
        start += length


def matroska_tracks(reader: BinaryIO, size: int) -> set[str]:
    """Track kinds (``"audio"``, ``"video"``) of a Matroska or WebM file of `size` bytes."""
    kinds: set[str] = set()
    for segment, start, end in _elements(reader, 0, size):
        if segment != _SEGMENT:
            continue
        for element, inner, inner_end in _elements(reader, start, end):
            if element == _CLUSTER:  # the tracks come before the media
                return kinds
            if element == _TRACKS:
                kinds |= _track_types(reader, inner, inner_end)
    return kinds


def _track_types(reader: BinaryIO, start: int, end: int) -> set[str]:
    kinds = set()
    for entry, inner, inner_end in _elements(reader, start, end):
        if entry != _ENTRY:
            continue
        for element, at, value_end in _elements(reader, inner, inner_end):
            if element == _TYPE:
                reader.seek(at)
                value = int.from_bytes(reader.read(min(8, value_end - at)), "big")
                kinds.add(_MATROSKA_TYPES.get(value, "other"))
    return kinds


def _elements(reader: BinaryIO, start: int, end: int) -> Iterator[tuple[int, int, int]]:
    """EBML elements (id, content start, content end) between two offsets."""
    for _ in range(_MOST_ELEMENTS):
        reader.seek(start)
        head = reader.read(12)
        if start >= end or len(head) < 2:
            return
        id_length = 9 - head[0].bit_length()
        if id_length > 4 or len(head) <= id_length:
            return
        size_length = 9 - head[id_length].bit_length()
        if size_length > 8 or len(head) < id_length + size_length:
            return
        mask = (1 << 7 * size_length) - 1
        size = int.from_bytes(head[id_length : id_length + size_length], "big") & mask
        content = start + id_length + size_length
        # All ones means "unknown", which live recordings write: the element reaches as far as its parent.
        stop = end if size == mask else min(content + size, end)
        yield int.from_bytes(head[:id_length], "big"), content, stop
        start = stop


def ogg_holds_video(head: bytes) -> bool:
    """Whether a stream that begins in the first pages of an Ogg file is Theora, Dirac or another video."""
    at = 0
    while head[at : at + 4] == b"OggS" and len(head) > at + 27 and head[at + 5] & 2:
        segments = head[at + 26]
        body = at + 27 + segments
        if head[body : body + 8].startswith((b"\x80theora", b"BBCD\x00", b"\x01video\x00")):
            return True
        at = body + sum(head[at + 27 : body])
    return False
