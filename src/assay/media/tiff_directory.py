"""Just enough TIFF to read single numbers out of a directory, without following anything else.

EXIF is a TIFF file inside another one, so the orientation of every picture and the size of a TIFF picture are read
here: before a decoder sees the file, without warnings, and with `ValueError` as the only failure.

References:
    TIFF 6.0 (directories); BigTIFF (8-byte offsets); CIPA DC-008 (EXIF): orientation, 1 to 8.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Literal, NamedTuple

ORIENTATION = 274

_SIZES = {1: "B", 3: "H", 4: "I", 13: "I", 16: "Q", 18: "Q"}  # types of whole numbers: byte, short, long, IFD, …
_MOST_ENTRIES = 4_096  # more in one directory is damage; cameras write some dozens


class Directory(NamedTuple):
    """One directory of a TIFF file.

    Attributes:
        numbers: Tag to its first value, for whole numbers that stand in the directory itself or can be reached.
        following: Offset of the next directory, 0 behind the last one.
    """

    numbers: dict[int, int]
    following: int


class Directories:
    """The directories of a TIFF file or an EXIF block.

    Args:
        data: The file, from its byte-order mark on.

    Raises:
        ValueError: If it does not begin as TIFF does.
    """

    def __init__(self, data: bytes) -> None:
        orders: dict[bytes, Literal["<", ">"]] = {b"II": "<", b"MM": ">"}
        order = orders.get(data[:2])
        if order is None:
            raise ValueError("there is no byte-order mark")
        self._data, self._order = data, order
        version = self._number("H", 2)
        if version not in (42, 43):
            raise ValueError(f"version {version} is none of TIFF")
        self._big = version == 43
        self.first = self._number("Q", 8) if self._big else self._number("I", 4)

    def emptied(self, at: int, kept: Callable[[int], bool]) -> bytes:
        """The data with all other entries of one directory replaced by a number 1 that points nowhere.

        1 is an orientation, too; of a 0 libtiff would complain to standard error.

        Raises:
            ValueError: As `read` does.
        """
        data = bytearray(self._data)
        for start in self._entries(at):
            if not kept(self._number("H", start)):
                nothing = struct.pack(self._order + ("HQH6x" if self._big else "HIH2x"), 3, 1, 1)  # one short
                data[start + 2 : start + 2 + len(nothing)] = nothing
        return bytes(data)

    def read(self, at: int) -> Directory:
        """Read the directory at an offset.

        Raises:
            ValueError: If it is not inside the data, or cannot be one.
        """
        entries = self._entries(at)
        inline = 8 if self._big else 4
        numbers: dict[int, int] = {}
        for start in entries:
            tag, kind = self._number("H", start), self._number("H", start + 2)
            form = _SIZES.get(kind)
            held = self._number("Q" if self._big else "I", start + 4)
            if form is None or not held:
                continue
            place = start + entries.step - inline
            if struct.calcsize("<" + form) * held > inline:
                place = self._number("Q" if self._big else "I", place)
            if place + struct.calcsize("<" + form) <= len(self._data):
                numbers.setdefault(tag, self._number(form, place))
        return Directory(numbers, self._number("Q" if self._big else "I", entries.stop, absent=0))

    def _entries(self, at: int) -> range:
        """Where each entry of a directory begins."""
        head, entry = ("Q", 20) if self._big else ("H", 12)
        count = self._number(head, at)
        if not 0 < count <= _MOST_ENTRIES:
            raise ValueError(f"a directory of {count} entries")
        first = at + struct.calcsize("<" + head)
        return range(first, first + count * entry, entry)

    def _number(self, form: str, at: int, absent: int | None = None) -> int:
        size = struct.calcsize("<" + form)
        piece = self._data[at : at + size]
        if len(piece) == size:
            return int(struct.unpack(self._order + form, piece)[0])
        if absent is None:
            raise ValueError("it is cut off")
        return absent


def exif_orientation(exif: bytes) -> int:
    r"""Orientation that an EXIF block states.

    Args:
        exif: The block, with or without ``Exif\0\0`` in front.

    Returns:
        1 to 8; 1 (upright) if the block states none.

    Raises:
        ValueError: If the block is no EXIF, is damaged or states another number.
    """
    directories = Directories(exif.removeprefix(b"Exif\0\0"))
    return checked_orientation(directories.read(directories.first).numbers.get(ORIENTATION, 1))


def checked_orientation(value: int) -> int:
    """The orientation, if it is one.

    Raises:
        ValueError: If it is not 1 to 8.
    """
    if not 1 <= value <= 8:
        raise ValueError(f"orientation {value} is none of 1 to 8")
    return value
