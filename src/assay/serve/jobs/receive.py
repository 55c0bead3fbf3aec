"""From a request to a stored file: the one place where bodies of submissions are read.

The file goes to disk as it comes, its size held against the limit and its SHA-256 taken on the way.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from fastapi import Request
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException

from assay.errors import EmptyMedia, LimitExceeded
from assay.serve.jobs.errors import BadSubmission

PIECE = 1 << 20
FORM_BYTES = 1 << 20  # what a form may hold beside the file


@dataclass(frozen=True)
class Stored:
    """A file on disk."""

    sha256: str
    size_bytes: int


@dataclass(frozen=True)
class Received:
    """What a request sent: a file that is stored, the name its sender gives it, and the other fields."""

    file: Stored
    label: str
    fields: dict[str, str]


async def receive(request: Request, path: Path, *, limit: int) -> Received:
    """Read a multipart form and store its file.

    Args:
        request: Whose body nobody has read.
        path: Where the file goes; it is there only when it is complete.
        limit: Bytes that it may have.

    Raises:
        LimitExceeded: If it has more, or the request says so beforehand.
        EmptyMedia: If it has none.
        BadSubmission: If it is no multipart form with one file named ``file``, or a field comes twice.
    """
    stated = request.headers.get("content-length", "")
    if stated.isdecimal() and int(stated) > limit + FORM_BYTES:
        raise too_large(limit)
    if not request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
        raise BadSubmission("Send multipart/form-data with the file in the field 'file'.")
    try:
        form = await request.form(max_files=1, max_fields=20)
    except HTTPException as error:
        raise BadSubmission(f"The form cannot be read: {error.detail}") from error
    try:
        upload = form.get("file")
        if not isinstance(upload, UploadFile):
            raise BadSubmission("The field 'file' holds no file. With curl: -F file=@recording.wav")
        fields = {name: value for name, value in form.multi_items() if isinstance(value, str)}
        if len(fields) + 1 != len(form.multi_items()):
            raise BadSubmission("A field of the form comes twice; give each once.")
        return Received(await save(_pieces(upload), path, limit=limit), label_of(upload.filename), fields)
    finally:
        await form.close()


async def _pieces(upload: UploadFile) -> AsyncIterator[bytes]:
    while piece := await upload.read(PIECE):
        yield piece


async def save(pieces: AsyncIterator[bytes], path: Path, *, limit: int) -> Stored:
    """Write a stream to a file that is there only when it is complete, and on the disk.

    Args:
        pieces: The bytes, in order.
        path: Where to; written under another name until it is complete.
        limit: Bytes that it may have.

    Raises:
        LimitExceeded: As soon as there are more.
        EmptyMedia: If there are none.
    """
    part = path.with_suffix(".part")
    digest, size = hashlib.sha256(), 0
    try:
        with part.open("xb") as file:
            async for piece in pieces:
                size += len(piece)
                if size > limit:
                    raise too_large(limit)
                digest.update(piece)
                await run_in_threadpool(file.write, piece)
            if not size:
                raise EmptyMedia("The file holds no bytes. Send a recording, a picture or a video.")
            file.flush()
            await run_in_threadpool(os.fsync, file.fileno())
        part.rename(path)
    except BaseException:  # also when the sender goes away
        with suppress(OSError):
            part.unlink(missing_ok=True)
        raise
    return Stored(digest.hexdigest(), size)


def too_large(limit: int) -> LimitExceeded:
    """The error for a file over the limit."""
    return LimitExceeded(
        f"The file is larger than {limit} bytes (max_file_bytes). Send a part of it.",
        limit="file_bytes",
        setting="max_file_bytes",
        allowed=limit,
    )


def label_of(name: str | None) -> str:
    """A file name as its sender gave it: without folders and control characters, at most 255 characters."""
    last = (name or "").replace("\\", "/").rpartition("/")[2]
    return "".join(letter for letter in last if letter.isprintable())[:255] or "file"
