"""Bytes of a medium, wherever they come from: a path, standard input, bytes or a file object.

Decisions
- Up to `IN_MEMORY_BYTES` the bytes are held, so what is decoded is exactly what was hashed. A larger file stays
  on disk; a larger stream goes into a temporary file without a name, or one that is removed with its object.
- A string with "://" is refused instead of being looked for on disk: nothing here ever opens a network
  connection.
"""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
from typing import IO, TYPE_CHECKING, Any, cast

from assay.errors import EmptyMedia, MediaError, MediaUnreadable, UnsupportedMedia
from assay.media.foreign import unreadable
from assay.media.held import (
    PIECE_BYTES,
    ByteSource,
    FileBytes,
    MemoryBytes,
    SpooledBytes,
    changed,
    identity,
    open_regular,
)
from assay.media.limits import check_bytes

if TYPE_CHECKING:
    from assay.settings import Settings

# Measured with 57 MB of WAV: leaving it on disk and reading it twice took no longer than holding it (0.13 s
# against 0.14 s) and saved its size in memory.
IN_MEMORY_BYTES = 16 * 2**20


def open_bytes(source: object, settings: Settings, name: str | None = None) -> tuple[str, ByteSource]:
    """Take hold of the bytes of a source, and hash them.

    Args:
        source: A path, ``"-"`` for standard input, bytes, or a binary file object (read from its position
            on).
        settings: Holds ``max_file_bytes``.
        name: What to call it in messages; by default the path, ``"-"``, ``"<bytes>"`` or the file's own name.

    Returns:
        The name and the bytes.

    Raises:
        MediaError: Absent, unreadable, empty, too large, or not something bytes can be read from.
    """
    if isinstance(source, (bytes, bytearray, memoryview)):
        name = name or "<bytes>"
        check_bytes(name, memoryview(source).nbytes, settings)
        return name, _not_empty(name, MemoryBytes(bytes(source)))
    if isinstance(source, str) and source == "-":
        return name or "-", _not_empty(name or "-", _from_stream(name or "-", _standard_input(), settings))
    if isinstance(source, (str, os.PathLike)):
        path = os.fsdecode(source)
        return name or path, _not_empty(name or path, _from_path(name or path, path, settings))
    if hasattr(source, "read"):
        own = getattr(source, "name", None)
        name = name or (own if isinstance(own, str) and own else "<file>")
        return name, _not_empty(name, _from_stream(name, source, settings))
    raise UnsupportedMedia(
        f"A source of type {type(source).__name__} was given. Give a path, '-', bytes, a binary file object, "
        "or a tuple (array, sample_rate_hz)."
    )


def refuse_remote(source: str) -> None:
    """Refuse a URL.

    Raises:
        UnsupportedMedia: If the string holds "://".
    """
    if "://" in source:
        raise UnsupportedMedia(
            f"'{source}' is a remote source, and this version reads local files only. "
            "Download it first, then give its path."
        )


def _from_path(name: str, path: str, settings: Settings) -> ByteSource:
    refuse_remote(path)
    try:
        with open_regular(name, path) as file:
            before = identity(file)
            size = before[2]
            check_bytes(name, size, settings)
            if size > IN_MEMORY_BYTES:
                return FileBytes(name, path, file, size)
            data = file.read()
            if len(data) != size or identity(file) != before:
                raise changed(name)
            return MemoryBytes(data)
    except (OSError, ValueError) as error:  # ValueError: a zero byte inside the path
        raise unreadable(name, error) from error


def _from_stream(name: str, stream: Any, settings: Settings) -> ByteSource:
    """Read a stream to its end; a long one goes to disk instead of memory."""
    digest, size = hashlib.sha256(), 0
    spool = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY_BYTES)  # noqa: SIM115 - lives as long as the source
    try:
        while piece := _read(name, stream):
            size += len(piece)
            check_bytes(name, size, settings)
            digest.update(piece)
            spool.write(piece)
        if size > IN_MEMORY_BYTES:
            return SpooledBytes(cast(IO[bytes], spool), size, digest.hexdigest())
        spool.seek(0)
        data = spool.read()
    except OSError as error:
        spool.close()
        raise unreadable(name, error) from error
    except MediaError:
        spool.close()
        raise
    spool.close()
    return MemoryBytes(data)


def _read(name: str, stream: Any) -> bytes:
    try:
        piece = stream.read(PIECE_BYTES)
    except (OSError, ValueError) as error:  # ValueError: the file is closed
        raise MediaUnreadable(f"'{name}' cannot be read: {error}. Give an open file with data in it.") from error
    if isinstance(piece, (bytes, bytearray, memoryview)):
        return bytes(piece)
    if isinstance(piece, str):
        raise MediaUnreadable(f"'{name}' was opened as text. Open it in binary mode: open(path, 'rb').")
    raise MediaUnreadable(f"'{name}' gave {type(piece).__name__} instead of bytes. Give a blocking binary file.")


def _standard_input() -> Any:
    if sys.stdin is None:
        raise MediaUnreadable("'-' means standard input, and there is none. Pipe a file in: assay scan - < sound.wav")
    return getattr(sys.stdin, "buffer", sys.stdin)


def _not_empty(name: str, data: ByteSource) -> ByteSource:
    if data.size == 0:
        raise EmptyMedia(f"'{name}' is empty: it holds no bytes. Check that it was copied or recorded completely.")
    return data
