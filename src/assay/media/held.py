"""Bytes that can be read any number of times: in memory, in a file, or in a temporary copy of a stream.

Decisions
- The SHA-256 is computed once, while the bytes are read.
- A file that stays on disk is refused, before and after decoding, if it is not the one that was hashed.
- Only regular files are opened. A pipe, a socket or a device could block for ever or never end.
"""

from __future__ import annotations

import hashlib
import io
import os
import stat
import threading
import weakref
from pathlib import Path
from typing import IO, Any, BinaryIO, Protocol, cast

from assay.errors import MediaError, MediaUnreadable, UnsupportedMedia
from assay.media.foreign import unreadable

PIECE_BYTES = 2**20
Identity = tuple[int, int, int, int]


class ByteSource(Protocol):
    """Bytes that can be read any number of times.

    Attributes:
        sha256: Hexadecimal digest of all bytes.
        size: Their number, > 0.
    """

    sha256: str
    size: int

    def reader(self) -> BinaryIO:
        """A new seekable reader at position 0; the caller closes it.

        Raises:
            MediaError: If a file vanished or is not the one that was hashed.
        """

    def verify(self) -> None:
        """Check, after decoding, that the bytes are still those that were hashed.

        Raises:
            MediaError: If a file vanished or changed.
        """


class MemoryBytes:
    """Bytes held in memory."""

    def __init__(self, data: bytes) -> None:
        self.sha256 = hashlib.sha256(data).hexdigest()
        self.size = len(data)
        self._data = data

    def reader(self) -> BinaryIO:
        """A reader that shares the memory."""
        return io.BytesIO(self._data)

    def verify(self) -> None:
        """Nothing can have changed."""


class FileBytes:
    """A large file, left where it is."""

    def __init__(self, name: str, path: str, file: BinaryIO, size: int) -> None:
        self._name, self._path = name, path
        self._identity = identity(file)
        digest = hashlib.sha256()
        self.size = 0
        while piece := file.read(PIECE_BYTES):
            digest.update(piece)
            self.size += len(piece)
        self.sha256 = digest.hexdigest()
        if self.size != size or identity(file) != self._identity:
            raise changed(name)

    def reader(self) -> BinaryIO:
        """Open the file again, if it is still the same one."""
        try:
            file = open_regular(self._name, self._path)
        except OSError as error:
            raise unreadable(self._name, error) from error
        if identity(file) != self._identity:
            file.close()
            raise changed(self._name)
        return file

    def verify(self) -> None:
        """Look at the file once more."""
        self.reader().close()


class SpooledBytes:
    """A large stream, copied into a temporary file that goes when this object goes."""

    def __init__(self, file: IO[bytes], size: int, sha256: str) -> None:
        self.sha256, self.size = sha256, size
        self._file, self._lock = file, threading.Lock()
        self._finalizer = weakref.finalize(self, file.close)

    def reader(self) -> BinaryIO:
        """A reader with a position of its own."""
        return cast(BinaryIO, _SharedReader(self, self._file, self._lock, self.size))

    def verify(self) -> None:
        """The temporary file is ours alone."""


class _SharedReader(io.RawIOBase):
    """One of several readers of one open file."""

    def __init__(self, owner: object, file: IO[bytes], lock: threading.Lock, size: int) -> None:
        super().__init__()
        self._owner = owner  # keeps the temporary file alive
        self._file, self._lock, self._size, self._at = file, lock, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = max(0, base + offset)
        return self._at

    def readinto(self, buffer: Any) -> int:
        with self._lock:
            self._file.seek(self._at)
            data = self._file.read(len(buffer))
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)


def open_regular(name: str, path: str) -> BinaryIO:
    """Open a regular file for reading, never waiting for the other end of a pipe."""
    _require_regular(name, Path(path).stat().st_mode)
    descriptor = os.open(
        path,
        os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0),
    )
    file = cast(BinaryIO, os.fdopen(descriptor, "rb", buffering=0))
    try:
        _require_regular(name, os.fstat(descriptor).st_mode)  # it may have been exchanged since
    except MediaError:
        file.close()
        raise
    return file


def _require_regular(name: str, mode: int) -> None:
    if stat.S_ISREG(mode):
        return
    if stat.S_ISDIR(mode):
        raise UnsupportedMedia(
            f"'{name}' is a folder, and one file was expected. "
            "List its files with assay.media.expand, or give it to `assay scan`."
        )
    raise MediaUnreadable(
        f"'{name}' is a pipe, socket or device; only regular files are opened. To pipe sound in, use '-'."
    )


def identity(file: BinaryIO) -> Identity:
    """What changes when a file is written or exchanged: device, inode, size, time of the last change."""
    status = os.fstat(file.fileno())
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def changed(name: str) -> MediaUnreadable:
    """The error for a file that is not what it was."""
    return MediaUnreadable(f"'{name}' changed while it was read. Wait until it is written completely, then try again.")
