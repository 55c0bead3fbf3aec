"""Streams of MPEG sound: tags at both ends, the header that an MP3 encoder leaves in the first frame.

References:
    ISO/IEC 11172-3 (frames); gabriel.mp3-tech.org/mp3infotag.html (Xing/Info header and LAME's extension: version 9
    bytes, method, low-pass in 100 Hz, peak 4, gains 4, flags, bit rate, delay and padding of 12 bits each, misc, gain,
    preset 2); Fraunhofer's VBRI header.
"""

from __future__ import annotations

import re

from assay.forensics.sound_blocks import Pieces, SoundBlocks
from assay.forensics.sound_tags import read_id3, read_tail_tags
from assay.media.mpeg import id3_length, layer_frame

_SEARCHED_BYTES = 65_536
_MOST_FRAMES = 64
_MOST_TAGS = 4
_METHODS = {1: "constant", 2: "average", 3: "variable", 4: "variable", 5: "variable", 8: "constant", 9: "average"}
_MARK = re.compile(rb"LAME3\.\d{2,3}(?:\.\d)?|Lavc[\d.]*|GOGO")  # names that encoders pad frames with


def read_mpeg(pieces: Pieces, blocks: SoundBlocks) -> None:
    """Tags of an MP3 or AAC stream, and of MP3 what its first frames tell."""
    at = 0
    for _ in range(_MOST_TAGS):
        length = id3_length(pieces.at(at, 10))
        if not length:
            break
        read_id3(pieces.at(at, length), blocks)
        at += length
    read_tail_tags(pieces, blocks)
    if blocks.container == "mp3":
        _first_frames(pieces.at(at, _SEARCHED_BYTES), blocks)


def _first_frames(data: bytes, blocks: SoundBlocks) -> None:
    starts = _starts(data)
    if len(starts) < 2:
        blocks.fault("no two frames follow each other where the stream should begin")
        return
    first = data[starts[0] : starts[1]]
    header = next((name for name in (b"Xing", b"Info", b"VBRI") if name in first[:64]), None)
    rates = {data[at + 2] >> 4 for at in starts[1:]}  # the header's own frame may be of another rate
    blocks.coding = {
        "header": header.decode() if header else None,
        "bit_rate": "variable" if header in (b"Xing", b"VBRI") or len(rates) > 1 else "constant",
        "bytes_before_first_frame": starts[0],
    }
    if header in (b"Xing", b"Info"):
        _xing(first, first.index(header), blocks)
    if "encoder" not in blocks.coding and (mark := _padding(data)):
        blocks.coding["encoder"] = mark
    if isinstance(encoder := blocks.coding.get("encoder"), str):
        blocks.text("mp3", "encoder", encoder)


def _starts(data: bytes) -> list[int]:
    """Where the first frames begin: those from which three follow each other."""
    at = data.find(b"\xff")
    while at >= 0:
        starts = [at]
        while len(starts) < _MOST_FRAMES and (length := layer_frame(data, starts[-1])):
            starts.append(starts[-1] + length)
        if len(starts) > 3 or (len(starts) > 1 and starts[-1] >= len(data) - 4):
            return [start for start in starts if start + 4 <= len(data)]
        at = data.find(b"\xff", at + 1)
    return []


def _xing(first: bytes, tag: int, blocks: SoundBlocks) -> None:
    flags = first[tag + 7] if len(first) > tag + 7 else 0
    at = tag + 8 + sum(size for bit, size in ((1, 4), (2, 4), (4, 100), (8, 4)) if flags & bit)
    name = first[at : at + 9]
    if len(first) < at + 24 or not name[:4].isalnum():
        return
    blocks.coding["encoder"] = name.split(b"\x00")[0].decode("latin-1").strip()
    blocks.coding["bit_rate"] = _METHODS.get(first[at + 9] & 0x0F, blocks.coding["bit_rate"])
    if first[at + 10]:
        blocks.coding["lowpass_hz"] = 100 * first[at + 10]
    edges = int.from_bytes(first[at + 21 : at + 24], "big")
    blocks.coding["delay_samples"], blocks.coding["padding_samples"] = edges >> 12, edges & 0xFFF


def _padding(data: bytes) -> str | None:
    """Name of an encoder in what it fills frames up with, as streams without a header have it."""
    mark = _MARK.search(data)
    return mark[0].decode("latin-1") if mark else None
