"""Files with secrets in them: written whole or not at all, for their owner alone, and overwritten when they go."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path

MODE, FOLDER_MODE = 0o600, 0o700
POSIX = os.name == "posix"


def write_whole(path: Path, data: bytes, *, only_new: bool = False) -> bool:
    """Write a file so that whoever reads it sees all of it, or what was there before.

    Args:
        path: The file; its folder is made if it is missing, for the owner alone.
        data: All of it.
        only_new: Leave a file alone that is there already.

    Returns:
        Whether it was written; False only with `only_new`.

    Raises:
        OSError: If the system refuses.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=FOLDER_MODE)
    beside = path.with_name(f".{path.stem}.{secrets.token_hex(6)}.tmp")
    try:
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, MODE), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if only_new:
            try:
                os.link(beside, path)  # unlike a rename, it fails where there is something
            except FileExistsError:
                return False
            finally:
                beside.unlink()
        else:
            beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    _settle(path.parent)
    return True


def destroy(path: Path) -> None:
    """Overwrite a file with random bytes and remove it; nothing if there is none.

    On disks that write elsewhere (solid state, snapshots, journals of data) and in backups older bytes may survive.
    They are sealed, and useless once the key is changed and the old one gone.

    Raises:
        OSError: If the system refuses.
    """
    with suppress(FileNotFoundError):
        with path.open("r+b") as file:
            file.write(os.urandom(path.stat().st_size))
            file.flush()
            os.fsync(file.fileno())
        path.unlink()
        _settle(path.parent)


def readable_by_others(path: Path) -> bool:
    """Whether the system lets anybody but the owner read a file; never on Windows, where modes do not tell."""
    return POSIX and bool(path.stat().st_mode & 0o077)


def _settle(folder: Path) -> None:
    """Make names that were changed last through a power cut."""
    if POSIX:
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
