"""The structure of a JPEG file, read from its markers; no pixel is decoded.

The reader is tolerant: it goes on behind what is broken, and says so in `JpegStructure.faults`. Tables are kept in
natural order (row by row), not in the zigzag order of the file.

References:
    ITU-T T.81 (1992), Annex B (markers, segments) and K (typical tables); JFIF 1.02; CIPA DC-007 (several pictures
    in one file).
"""

from __future__ import annotations

import hashlib
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from assay.errors import DecodeError
from assay.forensics.exif import read_exif
from assay.forensics.ijg import Quality, Table, estimate_quality
from assay.forensics.trace import Trace

MOST_SEGMENTS = 20_000
_PROCESSES = {
    0: "baseline",
    1: "extended",
    2: "progressive",
    3: "lossless",
    9: "arithmetic",
    10: "arithmetic progressive",
}
_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")  # inside a scan; two bytes long, so the search is linear
# Digests of the typical Huffman tables K.3 to K.6: counts and values are 28 to 178 bytes each, and nobody reads them.
_TYPICAL_HUFFMAN = {"9fb04cb1a8076318", "59212967b269cec5", "56f4b3b1bf992ae5", "544b5fe2b77b3d61"}
_TRAILERS = (
    (b"\xff\xd8\xff", "jpeg"),
    (b"PK\x03\x04", "zip"),
    (b"%PDF", "pdf"),
    (b"Rar!", "rar"),
    (b"7z\xbc\xaf", "7z"),
    (b"<", "markup"),
)


def _zigzag() -> tuple[int, ...]:
    """Natural index of each zigzag position: along anti-diagonals, turning at every second one."""
    cells = [(row, column) for row in range(8) for column in range(8)]
    cells.sort(key=lambda c: (c[0] + c[1], c[0] if (c[0] + c[1]) % 2 else c[1]))
    return tuple(8 * row + column for row, column in cells)


ZIGZAG = _zigzag()


@dataclass(frozen=True)
class QuantisationTable:
    """Steps of one slot.

    Attributes:
        slot: 0 to 3.
        bits: 8 or 16.
        steps: 64 of them in natural order.
    """

    slot: int
    bits: int
    steps: tuple[int, ...]

    @property
    def array(self) -> Table:
        """Steps as (8, 8), row = vertical frequency."""
        return np.array(self.steps, np.int64).reshape(8, 8)


@dataclass(frozen=True)
class Component:
    """One plane: its number, sampling factors (1 to 4 in sound files) and quantisation slot."""

    number: int
    horizontal: int
    vertical: int
    slot: int


@dataclass(frozen=True)
class Segment:
    """A marker with its payload: ``data[start:end]`` is all of it, the marker included.

    Attributes:
        marker: Second byte of the marker, 0xC0 to 0xFE.
        start: Offset of the marker's 0xFF.
        end: Behind the payload.
        scan_end: Behind the entropy-coded data of a scan; `end` for other segments.
        label: Text up to the first zero byte of an APPn segment, printable, at most 40 characters.
    """

    marker: int
    start: int
    end: int
    scan_end: int
    label: str = ""


@dataclass(frozen=True)
class JpegStructure:
    """What the markers tell.

    Attributes:
        width: Pixels; None without a frame header.
        height: Pixels; 0 is completed from a DNL marker if there is one.
        precision_bits: Bits per sample, 8 as a rule.
        process: ``"baseline"``, ``"extended"``, ``"progressive"`` ...; None without a frame header.
        components: In the order of the frame header.
        tables: Quantisation tables in force at the end, by slot.
        huffman: ``"standard"`` (typical tables of Annex K), ``"optimised"``, ``"arithmetic"`` or None without tables.
        scans: Number of scans.
        restart_interval: In MCUs, 0 for none.
        segments: Markers in order, as far as the end of the picture.
        comments: Payloads of COM segments.
        end: Offset behind the end marker; None without one.
        trailing_bytes: How many follow the end marker.
        trailing_kind: What they begin as: ``"jpeg"`` (further pictures, as many phones write), ``"zip"`` ...; None.
        truncated: The picture has no end marker, or no scan.
        faults: What is broken, one sentence each.
        data: The bytes that were read.
    """

    width: int | None
    height: int | None
    precision_bits: int | None
    process: str | None
    components: tuple[Component, ...]
    tables: tuple[QuantisationTable, ...]
    huffman: str | None
    scans: int
    restart_interval: int
    segments: tuple[Segment, ...]
    comments: tuple[bytes, ...]
    end: int | None
    trailing_bytes: int
    trailing_kind: str | None
    truncated: bool
    faults: tuple[str, ...]
    data: bytes

    def payloads(self, marker: int, prefix: bytes = b"") -> Iterator[bytes]:
        """What follows `prefix` in the segments of a marker that begin with it."""
        for segment in self.segments:
            start = segment.start + 4
            if segment.marker == marker and self.data.startswith(prefix, start):
                yield self.data[start + len(prefix) : segment.end]

    @property
    def app_segments(self) -> tuple[tuple[int, str, int], ...]:
        """Number n, label and payload bytes of every APPn, in order; writers can be told apart by this list."""
        found = (segment for segment in self.segments if 0xE0 <= segment.marker <= 0xEF)
        return tuple((segment.marker - 0xE0, segment.label, segment.end - segment.start - 4) for segment in found)

    @property
    def subsampling(self) -> str | None:
        """``"4:4:4"``, ``"4:2:0"``, ..., ``"grey"``, or the factors where no name fits; None without a frame header."""
        if not self.components:
            return None
        if len(self.components) == 1:
            return "grey"
        first, others = self.components[0], {(c.horizontal, c.vertical) for c in self.components[1:3]}
        names = {(1, 1): "4:4:4", (2, 1): "4:2:2", (2, 2): "4:2:0", (1, 2): "4:4:0", (4, 1): "4:1:1"}
        name = names.get((first.horizontal, first.vertical))
        if others == {(1, 1)} and name:
            return name
        return ",".join(f"{c.horizontal}x{c.vertical}" for c in self.components)

    def table_of(self, component: int) -> Table | None:
        """Steps of a component by its place in the frame header, shape (8, 8); None if the file lacks them."""
        if component >= len(self.components):
            return None
        slot = self.components[component].slot
        return next((table.array for table in self.tables if table.slot == slot), None)

    @cached_property
    def quality(self) -> Quality | None:
        """The IJG quality that fits the tables best; None without a luminance table."""
        luminance = self.table_of(0)
        return None if luminance is None else estimate_quality(luminance, self.table_of(1))

    @cached_property
    def thumbnail(self) -> bytes | None:
        """The JPEG thumbnail in EXIF, or None."""
        for block in self.payloads(0xE1, b"Exif\x00\x00"):
            if thumbnail := read_exif(block).thumbnail:
                return thumbnail
        return None

    def bare(self) -> bytes:
        """The same picture without comments and APPn segments, but for Adobe's, which names the colour transform.

        A decoder that gets this cannot stumble over metadata, and finds nothing behind the end.
        """
        parts = [b"\xff\xd8"]
        for segment in self.segments:
            described = segment.marker == 0xFE or (0xE0 <= segment.marker <= 0xEF and segment.marker != 0xEE)
            if not described:
                parts.append(self.data[segment.start : segment.scan_end])
        return b"".join(parts) + (b"\xff\xd9" if self.end is not None else b"")


def read_jpeg(data: bytes) -> JpegStructure:
    """Read the markers of a JPEG file.

    Args:
        data: The whole file.

    Raises:
        DecodeError: If the bytes do not begin with the start marker of JPEG. Nothing else is an error.
    """
    if data[:2] != b"\xff\xd8":
        raise DecodeError("This is no JPEG file: it does not begin with the bytes FF D8.", first_bytes=data[:4].hex())
    return _Reader(data).read()


class _Reader:
    """One pass over the segments of a file."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._segments: list[Segment] = []
        self._tables: dict[int, QuantisationTable] = {}
        self._huffman: set[str] = set()
        self._comments: list[bytes] = []
        self._frame: tuple[int, int, int] | None = None
        self._process: str | None = None
        self._components: tuple[Component, ...] = ()
        self._scans = self._restart = 0
        self._faults: list[str] = []

    def read(self) -> JpegStructure:
        end = self._walk()
        trailing = self._data[end : end + 8] if end is not None else b""
        precision, height, width = self._frame or (None, None, None)
        if end is None:
            self._fault("there is no end marker")
        return JpegStructure(
            width=width,
            height=height,
            precision_bits=precision,
            process=self._process,
            components=self._components,
            tables=tuple(self._tables[slot] for slot in sorted(self._tables)),
            huffman=self._huffman_kind(),
            scans=self._scans,
            restart_interval=self._restart,
            segments=tuple(self._segments),
            comments=tuple(self._comments),
            end=end,
            trailing_bytes=len(self._data) - end if end is not None else 0,
            trailing_kind=next((kind for magic, kind in _TRAILERS if trailing.startswith(magic)), None),
            truncated=end is None or not self._scans,
            faults=tuple(self._faults),
            data=self._data,
        )

    def _fault(self, text: str) -> None:
        if text not in self._faults:
            self._faults.append(text)

    def _huffman_kind(self) -> str | None:
        if self._process and self._process.startswith("arithmetic"):
            return "arithmetic"
        if not self._huffman:
            return None
        return "standard" if self._huffman <= _TYPICAL_HUFFMAN else "optimised"

    def _walk(self) -> int | None:
        """Read segment by segment; the offset behind the end marker, or None if the file stops before."""
        data, at = self._data, 2
        for _ in range(MOST_SEGMENTS):
            found = data.find(b"\xff", at)
            if found != at and at < len(data):
                self._fault("there are bytes between segments")
            if found < 0 or found + 1 >= len(data):
                return None
            marker = data[found + 1]
            if marker == 0xD9:
                return found + 2
            if marker == 0xFF:  # a fill byte
                at = found + 1
            elif marker < 0xC0 or 0xD0 <= marker <= 0xD8:  # stands alone, or is none
                self._fault("a marker has no business between segments")
                at = found + 2
            elif (after := self._segment(marker, found)) is None:
                return None
            else:
                at = after
        self._fault(f"more than {MOST_SEGMENTS} markers")
        return None

    def _segment(self, marker: int, start: int) -> int | None:
        """Read one segment and what it says; the offset behind it, or None if it is cut off."""
        data = self._data
        length = int.from_bytes(data[start + 2 : start + 4], "big")
        end = start + 2 + length
        if length < 2 or end > len(data):
            self._fault("a segment is cut off" if length >= 2 else "a segment has an impossible length")
            if length >= 2 or start + 4 > len(data):
                return None
            return start + 4
        scan_end = end
        if marker == 0xDA:
            self._scans += 1
            match = _MARKER.search(data, end)
            scan_end = match.start() if match else len(data)
        payload = data[start + 4 : end]
        label = _label(payload) if 0xE0 <= marker <= 0xEF else ""
        self._segments.append(Segment(marker, start, end, scan_end, label))
        try:
            self._content(marker, payload)
        except (struct.error, IndexError):
            self._fault(f"the content of a segment FF {marker:02X} does not fit into it")
        return scan_end

    def _content(self, marker: int, payload: bytes) -> None:
        if marker == 0xDB:
            self._quantisation(payload)
        elif marker == 0xC4:
            self._huffman_tables(payload)
        elif marker in _FRAMES:
            self._frame_header(marker, payload)
        elif marker == 0xDD:
            (self._restart,) = struct.unpack(">H", payload[:2])
        elif marker == 0xDC and self._frame and self._frame[1] == 0:
            self._frame = (self._frame[0], struct.unpack(">H", payload[:2])[0], self._frame[2])
        elif marker == 0xFE:
            self._comments.append(payload)

    def _quantisation(self, payload: bytes) -> None:
        at = 0
        while at < len(payload):
            bits, slot = 16 if payload[at] >> 4 else 8, payload[at] & 15
            values = struct.unpack_from(">64H" if bits == 16 else ">64B", payload, at + 1)
            steps = [0] * 64
            for index, value in zip(ZIGZAG, values, strict=True):
                steps[index] = value
            self._tables[slot] = QuantisationTable(slot, bits, tuple(steps))
            at += 1 + 8 * bits

    def _huffman_tables(self, payload: bytes) -> None:
        at = 0
        while at < len(payload):
            end = at + 17 + sum(payload[at + 1 : at + 17])
            if end > len(payload):
                raise IndexError
            # The class (DC, AC) belongs to the table, the slot does not.
            table = bytes([payload[at] >> 4]) + payload[at + 1 : end]
            self._huffman.add(hashlib.sha256(table).hexdigest()[:16])
            at = end

    def _frame_header(self, marker: int, payload: bytes) -> None:
        if self._frame:
            self._fault("there is more than one frame header")
            return
        precision, height, width, count = struct.unpack_from(">BHHB", payload)
        self._frame = (precision, height, width)
        self._process = _PROCESSES.get(marker - 0xC0, "other")
        rows = (payload[6 + 3 * index : 9 + 3 * index] for index in range(count))
        self._components = tuple(Component(row[0], row[1] >> 4, row[1] & 15, row[2]) for row in rows)


def _label(payload: bytes) -> str:
    text = payload[:40].split(b"\x00", 1)[0].decode("latin-1")
    return "".join(char for char in text if char.isprintable())


def jpeg_traces(structure: JpegStructure) -> tuple[Trace, ...]:
    """What the structure tells about the writer of the file. All of it is plain fact, so no strength is given."""
    traces = [_coding(structure)]
    if structure.quality is not None:
        traces.append(_tables(structure, structure.quality))
    if structure.trailing_bytes:
        traces.append(
            Trace(
                name="jpeg_trailing_bytes",
                measured={"bytes": structure.trailing_bytes, "kind": structure.trailing_kind},
                note="Bytes follow the end of the picture: phones keep further pictures there, others hide files;"
                " a viewer shows nothing of them.",
            )
        )
    if structure.truncated or structure.faults:
        traces.append(
            Trace(
                name="jpeg_damage",
                measured={"truncated": structure.truncated, "faults": "; ".join(structure.faults)},
                note="The file is not as its writer left it, or the writer was unusual; transfers that broke off"
                " are the common cause.",
            )
        )
    return tuple(traces)


def _coding(structure: JpegStructure) -> Trace:
    apps = ", ".join(f"APP{number} {label}".strip() for number, label, _ in structure.app_segments[:32])
    return Trace(
        name="jpeg_coding",
        measured={
            "width": structure.width,
            "height": structure.height,
            "process": structure.process,
            "subsampling": structure.subsampling,
            "huffman": structure.huffman,
            "scans": structure.scans,
            "restart_interval": structure.restart_interval,
            "segments": apps,
        },
        note="Cameras as a rule write baseline files with standard Huffman tables; progressive or optimised files come"
        " from software, which says nothing about what the software did.",
    )


def _tables(structure: JpegStructure, quality: Quality) -> Trace:
    return Trace(
        name="jpeg_quantisation",
        measured={
            "quality": quality.quality,
            "ijg_exact": quality.exact,
            "mean_error_steps": quality.mean_error,
            "tables": len(structure.tables),
            "bits": max(table.bits for table in structure.tables),
        },
        note="The tables are libjpeg's, as most programs and many services write them; a camera may too."
        if quality.exact
        else "The tables are not libjpeg's at any quality: typical of cameras and of Photoshop, whose own tables these"
        " may be.",
    )
