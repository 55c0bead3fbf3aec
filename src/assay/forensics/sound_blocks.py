"""What is cut out of the bytes of a recording before anybody interprets it, and how much is read at most.

Readers of containers (`sound_riff`, `sound_mpeg`, `sound_tags`, `sound_boxes`) walk a file with `Pieces` and fill in
`SoundBlocks`. The sound itself is stepped over, so an hour costs what a second costs, and a file that stays on disk is
read in flat memory.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import BinaryIO, NamedTuple

from assay.forensics.trace import Measured

MOST_READ_BYTES = 16 * 2**20
MOST_READS = 8_192
MOST_BLOCK_BYTES = 2 * 2**20  # of one block; covers are larger now and then, and are not looked at
MOST_TEXTS = 256
MOST_TEXT = 8_192  # characters kept of one
MOST_CHUNKS = 64  # names kept; a file with more is told apart by the first of them


class Text(NamedTuple):
    """A text in a file: the kind of block, its name there, its content."""

    where: str
    name: str
    text: str


@dataclass
class SoundBlocks:
    """Metadata of one recording.

    Attributes:
        container: Name of `assay.media.kinds`.
        texts: Tags, comments and names of programs, in order, without their padding.
        dates: When it was made, as claimed; by place.
        xmp: An XMP packet, or None.
        c2pa_bytes: Length of C2PA boxes, 0 without.
        chunks: Names of chunks, blocks, boxes or frames in order, each run of equal ones once.
        layout: Numbers and names of the container itself, for instance brands.
        coding: What the first frames of an MP3 stream tell; empty for others.
        unfinished: The header does not state the length that it should.
        behind: Bytes behind the end that the header states.
        faults: What is broken, one sentence each.
    """

    container: str
    texts: list[Text] = field(default_factory=list)
    dates: dict[str, str] = field(default_factory=dict)
    xmp: bytes | None = None
    c2pa_bytes: int = 0
    chunks: list[str] = field(default_factory=list)
    layout: dict[str, Measured] = field(default_factory=dict)
    coding: dict[str, Measured] = field(default_factory=dict)
    unfinished: bool = False
    behind: int = 0
    faults: list[str] = field(default_factory=list)

    def fault(self, text: str) -> None:
        """Note what is broken, once."""
        if text not in self.faults:
            self.faults.append(text)

    def chunk(self, name: bytes) -> None:
        """Note the name of a chunk."""
        shown = "".join(char for char in name.decode("latin-1") if char.isprintable()).strip() or "?"
        if len(self.chunks) < MOST_CHUNKS and (not self.chunks or self.chunks[-1] != shown):
            self.chunks.append(shown)

    def text(self, where: str, name: str, content: str) -> None:
        """Keep a text, unless it is empty or there are too many."""
        shown = "".join(char for char in name[:80] if char.isprintable())
        content = content[:MOST_TEXT].strip("\x00 \t\r\n")
        if content and len(self.texts) < MOST_TEXTS:
            self.texts.append(Text(where, shown, content))


class Pieces:
    """Parts of a file by offset; past its end, and past what may be read altogether, there is nothing.

    Args:
        reader: Seekable; its position is undefined afterwards.
        size: Its length in bytes.
    """

    def __init__(self, reader: BinaryIO, size: int) -> None:
        self.size = size
        self._reader = reader
        self._bytes, self._reads = MOST_READ_BYTES, MOST_READS

    def at(self, start: int, count: int) -> bytes:
        """At most `count` bytes from `start` on, never more than `MOST_BLOCK_BYTES`."""
        count = min(count, MOST_BLOCK_BYTES, self._bytes, self.size - start)
        if count <= 0 or start < 0 or self._reads <= 0:
            return b""
        self._reader.seek(start)
        data = self._reader.read(count)
        self._reads -= 1
        self._bytes -= len(data)
        return data


def utf8_or_latin(raw: bytes) -> str:
    """Text whose coding nobody states, up to its first zero."""
    raw = raw.split(b"\x00", 1)[0]
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1")
