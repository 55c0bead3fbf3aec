"""A tolerant reader of EXIF, that is of TIFF directories.

Offsets in a TIFF may point anywhere, at each other and at themselves. Every directory is read once, the number of
entries is bounded, only the tags of `_NAMES` are kept, and what does not fit into the bytes is a fault, not an error.
Maker notes are not followed: their layouts are private, and their offsets break with every edit.

References:
    TIFF 6.0 (Adobe 1992), section 2; CIPA DC-008 (Exif 2.32), sections 4.5 and 4.6.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

Value = str | int | float | tuple[int | float, ...]

MOST_ENTRIES = 2_000
MOST_NUMBERS = 16
MOST_TEXT_BYTES = 65_536  # Stable Diffusion programs keep whole prompts in UserComment
MOST_PACKET_BYTES = 4 * 2**20
_FORMATS = {1: "B", 3: "H", 4: "I", 6: "b", 8: "h", 9: "i", 11: "f", 12: "d", 13: "I"}
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
_DIRECTORIES = {0x8769: "exif", 0x8825: "gps"}
_NAMES: dict[str, dict[int, str]] = {
    "image": {
        0x0100: "ImageWidth",
        0x0101: "ImageLength",
        0x010E: "ImageDescription",
        0x010F: "Make",
        0x0110: "Model",
        0x0112: "Orientation",
        0x0131: "Software",
        0x0132: "DateTime",
        0x013B: "Artist",
        0x013C: "HostComputer",
        0x8298: "Copyright",
        0x9C9C: "XPComment",
    },
    "exif": {
        0x829A: "ExposureTime",
        0x829D: "FNumber",
        0x8827: "ISOSpeedRatings",
        0x9003: "DateTimeOriginal",
        0x9004: "DateTimeDigitized",
        0x9010: "OffsetTime",
        0x9011: "OffsetTimeOriginal",
        0x920A: "FocalLength",
        0x9286: "UserComment",
        0xA002: "PixelXDimension",
        0xA003: "PixelYDimension",
        0xA433: "LensMake",
        0xA434: "LensModel",
    },
    "gps": {0x0007: "GPSTimeStamp", 0x001D: "GPSDateStamp"},
}
_PACKETS = {0x02BC: "xmp", 0x83BB: "iptc", 0x8649: "photoshop"}
_THUMBNAIL_AT, _THUMBNAIL_BYTES = 0x0201, 0x0202


@dataclass(frozen=True)
class Exif:
    """What the directories hold.

    Attributes:
        tags: Value by the tag's name in the specification. Text without its padding; rationals as floats, those with
            a zero denominator left out.
        thumbnail: Bytes of the JPEG thumbnail of the second directory, or None.
        packets: ``"xmp"``, ``"iptc"`` and ``"photoshop"`` blocks, as TIFF files hold them.
        maker_note_bytes: Length of the maker note, 0 without one.
        faults: What does not fit, one sentence each.
    """

    tags: dict[str, Value] = field(default_factory=dict)
    thumbnail: bytes | None = None
    packets: dict[str, bytes] = field(default_factory=dict)
    maker_note_bytes: int = 0
    faults: tuple[str, ...] = ()


def read_exif(data: bytes) -> Exif:
    """Read a TIFF structure; an EXIF block is one, behind its first six bytes.

    Never raises for content: what cannot be read is in `Exif.faults`.
    """
    order: Literal["<", ">"]
    if data[:4] == b"II*\x00":
        order = "<"
    elif data[:4] == b"MM\x00*":
        order = ">"
    else:
        return Exif(faults=("the EXIF block does not begin with a TIFF header",))
    return _Reader(data, order).read()


class _Reader:
    """Walks the directories once, collecting."""

    def __init__(self, data: bytes, order: Literal["<", ">"]) -> None:
        self._data, self._order = data, order
        self._seen: set[int] = set()
        self._left = MOST_ENTRIES
        self._tags: dict[str, Value] = {}
        self._packets: dict[str, bytes] = {}
        self._maker_note_bytes = 0
        self._faults: list[str] = []

    def read(self) -> Exif:
        first = self._unpack("I", 4)
        if first is None:
            self._fault("the TIFF header is cut off")
        following = self._directory(first, "image") if first else None
        thumbnail = self._thumbnail(following) if following else None
        return Exif(self._tags, thumbnail, self._packets, self._maker_note_bytes, tuple(self._faults))

    def _fault(self, text: str) -> None:
        if text not in self._faults:
            self._faults.append(text)

    def _unpack(self, code: str, at: int) -> int | None:
        try:
            value: int = struct.unpack_from(self._order + code, self._data, at)[0]
        except struct.error:
            return None
        return value

    def _entries(self, at: int) -> Iterator[tuple[int, int, int, int]]:
        """Entries (tag, type, count, offset of the value) of a directory."""
        if at in self._seen:
            self._fault("a directory is reached twice")
            return
        self._seen.add(at)
        count = self._unpack("H", at)
        if count is None:
            self._fault("a directory lies outside the block")
            return
        for index in range(count):
            entry = at + 2 + 12 * index
            if self._left <= 0 or entry + 12 > len(self._data):
                self._fault("a directory is cut off" if self._left > 0 else "too many entries")
                return
            self._left -= 1
            tag, kind, number = struct.unpack_from(self._order + "HHI", self._data, entry)
            if (size := _SIZES.get(kind)) is None:
                self._fault("an entry is of no known type")
                continue
            where = entry + 8 if size * number <= 4 else self._unpack("I", entry + 8) or 0
            if where + size * number > len(self._data):
                self._fault("a value lies outside the block")
                continue
            yield tag, kind, number, where

    def _directory(self, at: int, which: str) -> int | None:
        """Collect a directory and those below it; the offset of the next one."""
        below = []
        for tag, kind, count, where in self._entries(at):
            if which == "image" and tag in _DIRECTORIES and kind in (4, 13) and count:
                below.append((self._unpack("I", where) or 0, _DIRECTORIES[tag]))
            elif which == "image" and tag in _PACKETS:
                self._packets[_PACKETS[tag]] = self._data[where : where + min(_SIZES[kind] * count, MOST_PACKET_BYTES)]
            elif which == "exif" and tag == 0x927C:
                self._maker_note_bytes = _SIZES[kind] * count
            elif (name := _NAMES[which].get(tag)) and (value := self._value(name, kind, count, where)) is not None:
                self._tags[name] = value
        for where, name in below:
            self._directory(where, name)
        size = self._unpack("H", at)
        return self._unpack("I", at + 2 + 12 * size) if size is not None else None

    def _value(self, name: str, kind: int, count: int, where: int) -> Value | None:
        if kind in (2, 7) or (kind == 1 and name in ("UserComment", "XPComment")):
            raw = self._data[where : where + min(count * _SIZES[kind], MOST_TEXT_BYTES)]
            return _text(name, raw, self._order)
        numbers: list[int | float] = []
        for index in range(min(count, MOST_NUMBERS)):
            at = where + index * _SIZES[kind]
            if kind in (5, 10):
                top, bottom = struct.unpack_from(self._order + ("II" if kind == 5 else "ii"), self._data, at)
                if not bottom:
                    return None
                numbers.append(top / bottom)
            else:
                numbers.append(struct.unpack_from(self._order + _FORMATS[kind], self._data, at)[0])
        return (numbers[0] if len(numbers) == 1 else tuple(numbers)) if numbers else None

    def _thumbnail(self, at: int) -> bytes | None:
        """JPEG bytes that the second directory points at."""
        found = {}
        for tag, kind, count, where in self._entries(at):
            if tag in (_THUMBNAIL_AT, _THUMBNAIL_BYTES) and kind in (3, 4) and count == 1:
                found[tag] = self._unpack(_FORMATS[kind], where) or 0
        start, length = found.get(_THUMBNAIL_AT, 0), found.get(_THUMBNAIL_BYTES, 0)
        if not start or not length:
            return None
        if start + length > len(self._data):
            self._fault("the thumbnail is cut off")
        return self._data[start : start + length] or None


def _text(name: str, raw: bytes, order: Literal["<", ">"]) -> str | None:
    """Text of a tag; undecodable bytes become replacement characters."""
    coding = "utf-8"
    if name == "UserComment":  # its first eight bytes name the coding (Exif 4.6.5)
        mark, raw = raw[:8], raw[8:]
        if mark == b"UNICODE\x00":
            # The specification does not say which order; writers follow the file's or write big-endian.
            coding = "utf-16-be" if raw[:1] == b"\x00" or (order == ">" and raw[1:2] != b"\x00") else "utf-16-le"
    elif name == "XPComment":
        coding = "utf-16-le"
    text = raw.decode(coding, errors="replace").split("\x00", 1)[0].strip()
    return text or None
