"""Boxes of MP4/M4A and elements of Matroska/WebM: brands, tags, programs that wrote them.

References:
    ISO/IEC 14496-12 (``ftyp``, ``mvhd``, ``hdlr``, ``udta``, ``meta``, ``uuid``); Apple, QuickTime File Format
    (user data; ``keys`` and ``ilst`` of metadata); Adobe XMP part 3, 2.1 (uuid be7acfcb…); C2PA 2.2, A.5 (uuid
    d8fec3d6…); RFC 8794 (EBML), RFC 9559 (Matroska: ``Info``, ``Tags``).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from assay.forensics.sound_blocks import Pieces, SoundBlocks, utf8_or_latin

_MOST_BOXES = 1_024  # on one level
_XMP = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
_C2PA = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")
_EPOCH = datetime(1904, 1, 1)
_LONGEST_S = 2**32  # a creation time in 64 bits may be anything
_COPYRIGHT_SIGN = 0xA9
Box = tuple[bytes, int, int]

_SEGMENT, _INFO, _TAGS, _CLUSTER = 0x18538067, 0x1549A966, 0x1254C367, 0x1F43B675
_APPS = {0x4D80: "MuxingApp", 0x5741: "WritingApp"}
_TAG, _SIMPLE, _TAG_NAME, _TAG_TEXT = 0x7373, 0x67C8, 0x45A3, 0x4487


def read_mp4(pieces: Pieces, blocks: SoundBlocks) -> None:
    """Boxes of an MP4, M4A, MOV or 3GP file."""
    end = 0
    for name, start, end in _boxes(pieces, 0, pieces.size):
        blocks.chunk(name)
        if name == b"ftyp":
            brands = pieces.at(start, min(end - start, 256))
            blocks.layout["brand"] = _shown(brands[:4])
            compatible = [brands[at : at + 4] for at in range(8, len(brands) - 3, 4)]
            blocks.layout["compatible"] = " ".join(map(_shown, compatible))
        elif name == b"uuid":
            _uuid(pieces, blocks, start, end)
        elif name in (b"moov", b"meta"):
            _inside(pieces, blocks, start, end, name.decode())
    if 0 < end < pieces.size:
        blocks.behind = pieces.size - end


def _shown(brand: bytes) -> str:
    return "".join(char for char in brand.decode("latin-1") if char.isprintable()).strip()


def _boxes(pieces: Pieces, start: int, end: int) -> Iterator[Box]:
    """Name, start of content and end of each box between two offsets."""
    for _ in range(_MOST_BOXES):
        head = pieces.at(start, 16)
        if start + 8 > end or len(head) < 8 or not head[4:8].strip(b"\x00"):
            return
        length, skip = int.from_bytes(head[:4], "big"), 8
        if length == 1:
            length, skip = int.from_bytes(head[8:16], "big"), 16
        elif length == 0:
            length = end - start
        if length < skip:
            return
        yield head[4:8], start + skip, min(start + length, end)
        start += length


def _uuid(pieces: Pieces, blocks: SoundBlocks, start: int, end: int) -> None:
    kind = pieces.at(start, 16)
    if kind == _XMP:
        blocks.xmp = pieces.at(start + 16, end - start - 16)
    elif kind == _C2PA:
        blocks.c2pa_bytes += end - start


def _inside(pieces: Pieces, blocks: SoundBlocks, start: int, end: int, where: str, depth: int = 0) -> None:
    """Look through a box that holds boxes."""
    if depth > 6:
        return
    if where == "meta":
        _meta(pieces, blocks, start, end)
        return
    for name, inner, last in _boxes(pieces, start, end):
        if name in (b"trak", b"mdia", b"udta", b"meta"):
            _inside(pieces, blocks, inner, last, name.decode(), depth + 1)
        elif name == b"mvhd":
            _created(pieces.at(inner, 12), blocks)
        elif name == b"hdlr" and where == "mdia":
            _handler(pieces.at(inner, min(last - inner, 256))[24:], blocks)
        elif where == "udta" and name == b"XMP_":
            blocks.xmp = pieces.at(inner, last - inner)
        elif where == "udta" and name[0] == _COPYRIGHT_SIGN:  # QuickTime: length, language, text
            text = pieces.at(inner, last - inner)
            blocks.text("mp4", _shown(name), utf8_or_latin(text[4 : 4 + int.from_bytes(text[:2], "big")]))


def _created(head: bytes, blocks: SoundBlocks) -> None:
    wide = head[:1] == b"\x01"
    seconds = int.from_bytes(head[4:12] if wide else head[4:8], "big")
    if 0 < seconds < _LONGEST_S:
        blocks.dates["mp4 mvhd"] = (_EPOCH + timedelta(seconds=seconds)).isoformat(" ")


def _handler(name: bytes, blocks: SoundBlocks) -> None:
    """QuickTime puts the length before the name."""
    if name and name[0] == len(name) - 1:
        name = name[1:]
    blocks.text("mp4", "handler", utf8_or_latin(name))


def _meta(pieces: Pieces, blocks: SoundBlocks, start: int, end: int) -> None:
    """Keys and items; ISO's box begins with four bytes of version that QuickTime's lacks."""
    if pieces.at(start + 4, 4) != b"hdlr":
        start += 4
    keys: list[str] = []
    for name, inner, last in _boxes(pieces, start, end):
        if name == b"keys":
            keys = [utf8_or_latin(pieces.at(at, stop - at)) for _, at, stop in _boxes(pieces, inner + 8, last)]
        elif name == b"ilst":
            for item, at, stop in _boxes(pieces, inner, last):
                _item(pieces, blocks, item, at, stop, keys)


def _item(pieces: Pieces, blocks: SoundBlocks, item: bytes, start: int, end: int, keys: list[str]) -> None:
    number = int.from_bytes(item, "big")
    name = keys[number - 1] if 0 < number <= len(keys) else _shown(item)
    for part, at, stop in _boxes(pieces, start, end):
        if part == b"name":  # of a free-form item, "----"
            name = f"{name}:{utf8_or_latin(pieces.at(at + 4, stop - at - 4))}"
        elif part == b"data" and pieces.at(at + 3, 1) in (b"\x01", b"\x00"):  # text, or of no stated type
            text = utf8_or_latin(pieces.at(at + 8, min(stop - at - 8, 65_536)))
            blocks.text("mp4", name, text)
            if name in ("©day", "com.apple.quicktime.creationdate") and text:
                blocks.dates[f"mp4 {name}"] = text[:40]


def read_matroska(pieces: Pieces, blocks: SoundBlocks) -> None:
    """Programs and tags of a Matroska or WebM file, as far as they stand before the sound."""
    for segment, start, end in _elements(pieces, 0, pieces.size):
        if segment != _SEGMENT:
            continue
        for element, inner, last in _elements(pieces, start, end):
            if element == _CLUSTER:
                return
            if element == _INFO:
                for name, at, stop in _elements(pieces, inner, last):
                    if name in _APPS:
                        blocks.text("matroska", _APPS[name], utf8_or_latin(pieces.at(at, stop - at)))
            elif element == _TAGS:
                _tags(pieces, blocks, inner, last)


def _tags(pieces: Pieces, blocks: SoundBlocks, start: int, end: int) -> None:
    for tag, inner, last in _elements(pieces, start, end):
        for simple, at, stop in _elements(pieces, inner, last) if tag == _TAG else ():
            if simple == _SIMPLE:
                parts = {kind: pieces.at(a, z - a) for kind, a, z in _elements(pieces, at, stop)}
                name = utf8_or_latin(parts.get(_TAG_NAME, b"")).upper()
                blocks.text("matroska", name, utf8_or_latin(parts.get(_TAG_TEXT, b"")))


def _elements(pieces: Pieces, start: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Id, start of content and end of each element between two offsets."""
    for _ in range(_MOST_BOXES):
        head = pieces.at(start, 12)
        if start >= end or len(head) < 2 or not head[0]:
            return
        letters = 9 - head[0].bit_length()
        if letters > 4 or len(head) <= letters or not head[letters]:
            return
        digits = 9 - head[letters].bit_length()
        mask = (1 << 7 * digits) - 1
        size = int.from_bytes(head[letters : letters + digits], "big") & mask
        content = start + letters + digits
        # All ones means "unknown": as far as the parent reaches.
        stop = end if size == mask else min(content + size, end)
        yield int.from_bytes(head[:letters], "big"), content, stop
        start = stop
