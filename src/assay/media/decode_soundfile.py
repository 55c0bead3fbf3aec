"""Decoding with libsndfile: what is not compressed (wav, rf64, w64, aiff, au, caf, SPHERE), and FLAC.

Decisions
- The file is handed over as a Python reader, so libsndfile never sees a name (it would guess headerless
  formats from extensions) and memory, disk and temporary files take one path. The callbacks cost about 3 µs
  per 8 kB.
- libsndfile decodes MP3, Vorbis and Opus, too, but PyAV does so first: of an MP3 without a frame count
  libsndfile 1.2 returned half the sound without an error, of a chained Ogg or a joined MP3 only the first
  part, and Opus took twice the time.
- `_Stream` hides that the file is seekable. soundfile otherwise seeks after every read, which changes the
  samples of an MP3 read in pieces (libmpg123 loses its bit reservoir).
- soundfile makes the functions that libsndfile reads through anew for every file, which takes longer than reading a
  header. A `_Reader` keeps its own and is used again for the next file.
"""

from __future__ import annotations

import io
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

import soundfile

from assay.media.header import FloatArray, Header, piece_frames
from assay.media.headers import claimed_frames
from assay.media.kinds import Kind

_NO_LENGTH = 2**48  # libsndfile's answer for "unknown" is 2**63 - 1
_GUESSED_LENGTHS = ("mp3", "ogg")


class _Stream(soundfile.SoundFile):  # type: ignore[misc]  # soundfile < 0.14 has no types
    """A sound file read from front to back."""

    def seekable(self) -> bool:
        return False

    def _init_virtual_io(self, file: _Reader) -> Any:
        if file.functions is None:
            file.functions = super()._init_virtual_io(file), self._virtual_io
        return file.functions[0]


class _Reader:
    """What libsndfile's callbacks read from, one file after the other.

    An exception inside a callback would be printed instead of raised. So a jump to before the beginning,
    which a lying header may ask for, leaves the position as it is, and an error of the system is kept for
    `check`.
    """

    def __init__(self) -> None:
        self.functions: tuple[Any, Any] | None = None  # libsndfile's table, and what it points to
        self.begin(io.BytesIO())

    def begin(self, file: BinaryIO) -> None:
        """Read from this file from now on."""
        self._file = file
        self._error: OSError | None = None

    def tell(self) -> int:
        return self._file.tell()

    def seek(self, offset: int, whence: int = 0) -> None:
        try:
            self._file.seek(offset, whence)
        except (OSError, ValueError):
            return

    def readinto(self, buffer: Any) -> int:
        view, filled = memoryview(buffer), 0
        try:
            # libsndfile takes a short answer for the end of the file.
            while filled < len(view) and (got := self._file.readinto(view[filled:])):  # type: ignore[attr-defined]
                filled += got
        except OSError as error:
            self._error = error
        return filled

    def check(self) -> None:
        """Raise what was kept."""
        if self._error is not None:
            raise self._error


_IDLE: deque[_Reader] = deque()


@contextmanager
def _opened(file: BinaryIO) -> Iterator[_Stream]:
    """The file for libsndfile, closed at the end; raises what reading it raised."""
    try:
        source = _IDLE.pop()
    except IndexError:
        source = _Reader()
    source.begin(file)
    try:
        with _Stream(source) as stream:
            yield stream
        source.check()
    finally:
        source.begin(io.BytesIO())
        _IDLE.append(source)


def probe(reader: BinaryIO, size: int, kind: Kind, name: str) -> Header:
    """Read the header, and one sample to see that decoding works.

    Args:
        reader: Seekable, at any position.
        size: Its length in bytes.
        kind: What `assay.media.sniff` found.
        name: Not needed here.

    Returns:
        The header; its `declared_s` is 0 for a file without samples.

    Raises:
        Exception: Whatever soundfile raises; see `assay.media.foreign`.
    """
    del name
    claim = claimed_frames(kind.container, reader)
    reader.seek(0)
    with _opened(reader) as file:
        there: int | None = file.frames if file.frames < _NO_LENGTH else None
        rate, channels, codec = file.samplerate, file.channels, str(file.subtype).lower()
        if there != 0 and not len(file.read(1, dtype="float32")):
            there = 0
    if there and kind.container in _GUESSED_LENGTHS:
        there = None
    declared = there if claim is None else claim
    return Header(codec, rate, channels, _seconds(declared, rate), _seconds(there, rate))


def _seconds(frames: int | None, rate: int) -> float | None:
    return None if frames is None else frames / rate


def pieces(
    reader: BinaryIO, kind: Kind, header: Header, name: str, note: Callable[[str], None]
) -> Iterator[FloatArray]:
    """Decode from front to back.

    Args:
        reader: Seekable, at any position.
        kind: Not needed here.
        header: From `probe`.
        name: Not needed here.
        note: Not needed here.

    Yields:
        Arrays (frames, channels), float32, full scale 1.

    Raises:
        Exception: Whatever soundfile raises at the first damage; the piece it stands in is lost.
    """
    del kind, name, note
    reader.seek(0)
    frames = piece_frames(header.channels)
    if header.expected_s is not None:  # no need for a whole buffer where the file is short
        frames = min(frames, round(header.expected_s * header.sample_rate_hz) + 1)
    with _opened(reader) as file:
        piece = None
        # A piece that is not full is the last: asking once more would make libsndfile clear a whole buffer.
        while piece is None or len(piece) == frames:
            piece = file.read(frames, dtype="float32", always_2d=True)
            if len(piece):
                yield piece
