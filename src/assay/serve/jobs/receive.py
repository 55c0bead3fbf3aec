"""From an upload to the stored file of a job: in the folder of jobs, complete, on the disk, with its SHA-256."""

from __future__ import annotations

import hashlib
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from assay.errors import EmptyMedia
from assay.serve.multipart import Upload

PIECE = 2**20


@dataclass(frozen=True)
class Stored:
    """A file on disk."""

    sha256: str
    size_bytes: int


def store(upload: Upload, path: Path) -> Stored:
    """Put an upload where its job finds it; blocks.

    Args:
        upload: On disk; it is moved, not copied, unless the folder of jobs is on another file system.
        path: Where to.

    Raises:
        EmptyMedia: If it holds no bytes.
    """
    if not upload.size:
        raise EmptyMedia("The file holds no bytes. Send a recording, a picture or a video.")
    assert isinstance(upload.source, Path), "rules of jobs hold nothing in memory"
    digest = hashlib.sha256()
    with upload.source.open("rb") as file:
        while piece := file.read(PIECE):
            digest.update(piece)
        os.fsync(file.fileno())  # the answer says that the job is taken
    shutil.move(upload.source, path)
    return Stored(digest.hexdigest(), upload.size)
