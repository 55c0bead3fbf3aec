"""Where files lie while they are scored: under random names that only this process knows, and only its user may read.

Each process has a folder of its own, with a lock that the system lets go of when the process ends, however it ends. So
what a crash left behind is told from what another process is scoring now, and swept when the next one starts.
"""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
import shutil
from pathlib import Path
from typing import IO

from assay.errors import SettingsError

LOCK = "lock"
log = logging.getLogger("assay.serve")


class UploadFolder:
    """A folder of this process below ``serve_folder/uploads``; what dead processes left beside it is removed.

    Args:
        root: The setting ``serve_folder``.

    Raises:
        SettingsError: If it cannot be made or written.
    """

    def __init__(self, root: Path) -> None:
        self._all = root.resolve() / "uploads"
        self.path = self._all / secrets.token_hex(8)
        try:
            self._all.mkdir(parents=True, exist_ok=True, mode=0o700)
            with self._all.with_suffix(".lock").open("wb") as door:  # one at a time: a new folder is not locked at once
                _hold(door, wait=True)
                self.swept = self._sweep()
                self.path.mkdir(mode=0o700)
                self._lock = (self.path / LOCK).open("wb")
                _hold(self._lock)
        except OSError as error:
            raise SettingsError(
                f"serve_folder: '{root}' cannot be written ({error.strerror}). Name a folder that can:"
                " ASSAY_SERVE_FOLDER.",
                serve_folder=str(root),
            ) from error
        if self.swept:
            log.warning("removed what %d process(es) that did not end properly left of uploads", self.swept)

    def create(self) -> tuple[Path, IO[bytes]]:
        """A new file that nobody else may read: its path, and itself, open for writing."""
        path = self.path / secrets.token_hex(16)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
        return path, os.fdopen(descriptor, "wb", buffering=0)

    def close(self) -> None:
        """Remove the folder and what is still in it."""
        self._lock.close()
        shutil.rmtree(self.path, ignore_errors=True)

    def _sweep(self) -> int:
        """Remove the folders of processes that are gone; how many there were."""
        gone = [folder for folder in self._all.iterdir() if folder.is_dir() and _is_free(folder / LOCK)]
        for folder in gone:
            shutil.rmtree(folder, ignore_errors=True)
        return len(gone)


def remove(path: Path) -> None:
    """Remove a file that may be gone; one that the system still holds (Windows) is left to the next sweep."""
    with contextlib.suppress(OSError):
        path.unlink(missing_ok=True)


def _hold(file: IO[bytes], *, wait: bool = False) -> None:
    """Lock until this process ends. Where there is no `fcntl`, an open file cannot be removed, which is lock enough."""
    try:
        import fcntl
    except ModuleNotFoundError:
        return
    fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))


def _is_free(path: Path) -> bool:
    """Whether no living process holds the lock."""
    try:
        import fcntl
    except ModuleNotFoundError:
        try:
            path.unlink(missing_ok=True)
        except OSError:
            return False
        return True
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True
