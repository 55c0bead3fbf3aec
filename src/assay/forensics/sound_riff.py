"""Chunks of WAV, RF64, AVI, AIFF and CAF files.

References:
    Microsoft/IBM, Multimedia Programming Interface 1.0 (RIFF, ``LIST INFO``); EBU Tech 3285 (``bext``: description 256
    bytes, originator 32, reference 32, date 10, time 8, time reference 8, version 2, UMID and reserved 254, coding
    history) and Tech 3306 (RF64, ``ds64``); iXML 3.0; Adobe XMP part 3, 1.2 (``_PMX``; in AIFF ``APPL`` with the
    signature ``XMP``); Apple, Audio Interchange File Format 1.3 and Core Audio Format (``info``); C2PA 2.2, A.3.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from assay.forensics.sound_blocks import MOST_READS, Pieces, SoundBlocks, utf8_or_latin
from assay.forensics.sound_tags import read_id3

_STREAMED = (0, 0xFFFF_FFFF)  # sizes of writers that could not go back to the header
_BEXT = (
    ("Description", 0, 256),
    ("Originator", 256, 32),
    ("OriginatorReference", 288, 32),
    ("CodingHistory", 602, None),
)
_TEXTS_OF_AIFF = {b"NAME": "NAME", b"AUTH": "AUTH", b"(c) ": "(c)", b"ANNO": "ANNO"}
Order = Literal["little", "big"]


def read_riff(pieces: Pieces, blocks: SoundBlocks) -> None:
    """Chunks of a WAV or RF64 file."""
    head = pieces.at(0, 12)
    order: Order = "big" if head[:4] == b"RIFX" else "little"
    long = head[:4] in (b"RF64", b"BW64")
    stated = int.from_bytes(head[4:8], order)
    blocks.unfinished = stated in _STREAMED and not long
    sound = None
    for name, start, size in _chunks(pieces, blocks, 12, order, long):
        if name == b"data":
            sound = size
            blocks.unfinished |= size in _STREAMED and pieces.size - start > 1 and not long
        elif name == b"ds64":
            stated = int.from_bytes(pieces.at(start, 8), "little")
        else:
            _riff_chunk(pieces, blocks, name, start, size, order)
    if sound is None:
        blocks.fault("there is no data chunk")
    if not blocks.unfinished and sound is not None:
        _end(pieces, blocks, 8 + stated + stated % 2)


def read_avi(pieces: Pieces, blocks: SoundBlocks) -> None:
    """Chunks of an AVI file; long ones go on in further RIFF chunks, so what stands behind the first is no surprise."""
    for name, start, size in _chunks(pieces, blocks, 12, "little"):
        _riff_chunk(pieces, blocks, name, start, size, "little")


def _end(pieces: Pieces, blocks: SoundBlocks, end: int) -> None:
    """What stands behind the stated end; a lost byte of padding is nothing."""
    blocks.behind = max(0, pieces.size - end)
    if end - pieces.size > 1:
        blocks.fault("the file ends before its stated length")


def _chunks(
    pieces: Pieces, blocks: SoundBlocks, at: int, order: Order, long: bool = False
) -> Iterator[tuple[bytes, int, int]]:
    """Name, start and size of each chunk; of the sound of an RF64 file what ``ds64`` says."""
    long_sound = 0
    for _ in range(MOST_READS):
        head = pieces.at(at, 8)
        # Behind the last chunk anything may stand, or nothing.
        if len(head) < 8 or not all(32 <= byte < 127 for byte in head[:4]):
            return
        name, size = head[:4], int.from_bytes(head[4:], order)
        blocks.chunk(name)
        if name == b"ds64":
            long_sound = int.from_bytes(pieces.at(at + 16, 8), "little")
        yield name, at + 8, size
        if name in (b"data", b"SSND") and size in _STREAMED:
            size = long_sound if long and long_sound else pieces.size - at - 8
        at += 8 + size + size % 2


def _riff_chunk(pieces: Pieces, blocks: SoundBlocks, name: bytes, start: int, size: int, order: Order) -> None:
    if start + size > pieces.size + 1:
        blocks.fault("a chunk is cut off")
    if name == b"LIST" and pieces.at(start, 4) == b"INFO":
        _info(pieces.at(start, size)[4:], blocks, order)
    elif name == b"bext":
        _bext(pieces.at(start, size), blocks)
    elif name == b"iXML":
        blocks.text("ixml", "iXML", utf8_or_latin(pieces.at(start, size)))
    elif name == b"_PMX":
        blocks.xmp = pieces.at(start, size)
    elif name in (b"id3 ", b"ID3 "):
        read_id3(pieces.at(start, size), blocks)
    elif name == b"C2PA":
        blocks.c2pa_bytes += size


def _info(data: bytes, blocks: SoundBlocks, order: Order) -> None:
    at = 0
    while at + 8 <= len(data):
        name, size = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], order)
        if not name.isalnum():  # a writer that forgot padding
            return
        text = utf8_or_latin(data[at + 8 : at + 8 + size])
        blocks.text("info", name.decode("latin-1"), text)
        if name == b"ICRD" and text.strip():
            blocks.dates["info ICRD"] = text[:40]
        at += 8 + size + size % 2


def _bext(data: bytes, blocks: SoundBlocks) -> None:
    if len(data) < 602:
        blocks.fault("the broadcast extension is cut off")
    for name, start, size in _BEXT:
        blocks.text("bext", name, utf8_or_latin(data[start : start + size] if size else data[start:]))
    date = utf8_or_latin(data[320:330]) + " " + utf8_or_latin(data[330:338])
    if any(char in "123456789" for char in date):
        blocks.dates["bext"] = date.strip()
    blocks.layout["bext_version"] = int.from_bytes(data[346:348], "little")


def read_aiff(pieces: Pieces, blocks: SoundBlocks) -> None:
    """Chunks of an AIFF or AIFF-C file."""
    stated = int.from_bytes(pieces.at(4, 4), "big")
    blocks.unfinished = stated in _STREAMED
    for name, start, size in _chunks(pieces, blocks, 12, "big"):
        if name in _TEXTS_OF_AIFF:
            blocks.text("aiff", _TEXTS_OF_AIFF[name], utf8_or_latin(pieces.at(start, size)))
        elif name == b"APPL" and pieces.at(start, 4) == b"XMP ":
            blocks.xmp = pieces.at(start + 4, size - 4)
        elif name in (b"ID3 ", b"id3 "):
            read_id3(pieces.at(start, size), blocks)
    if not blocks.unfinished:
        _end(pieces, blocks, 8 + stated + stated % 2)


def read_caf(pieces: Pieces, blocks: SoundBlocks) -> None:
    """Chunks of a Core Audio file; ``info`` holds pairs of texts."""
    at = 8
    for _ in range(MOST_READS):
        head = pieces.at(at, 12)
        if len(head) < 12:
            return
        name, size = head[:4], int.from_bytes(head[4:12], "big", signed=True)
        blocks.chunk(name)
        if size < 0:  # the sound of a recorder that was stopped, up to the end
            blocks.unfinished = True
            return
        if name == b"info":
            parts = pieces.at(at + 16, size - 4).split(b"\x00")
            for key, value in zip(parts[::2], parts[1::2], strict=False):
                blocks.text("caf", utf8_or_latin(key), utf8_or_latin(value))
        at += 12 + size
