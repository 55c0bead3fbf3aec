"""What is looked for in repositories and packages, where, and what comes of it; and how their programs are run."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from assay.errors import DataError

GITHUB = "https://github.com"
MOST_BYTES = 256 * 2**20  # of one file; the pages of a paper hold nothing larger that one would want whole

NOT_MIRRORED = "repository not in mirror"
NOT_CLONED = "repository cannot be cloned"
NOT_THERE = "not in repository"
LFS_POINTER = "lfs pointer"
ABSENT = "too large/absent blob"
OTHER_CONTENT = "content is not the blob that the catalogue names"

_NOTHING: Mapping[str, str] = {}


@dataclass(frozen=True)
class Content:
    """The bytes of a file, and where they were found.

    Attributes:
        data: The whole file.
        commit: Of the repository, or version of the package.
        note: What a reader of the report should know; empty if it was found where it was expected.
    """

    data: bytes
    commit: str
    note: str = ""


@dataclass(frozen=True)
class Gone:
    """Why a file cannot be had."""

    reason: str


@dataclass(frozen=True)
class Places:
    """Where repositories and packages come from.

    Attributes:
        cache: Folder for clones and packages; created.
        mirror: Folder with ``OWNER+NAME/repo`` for each repository. If given, repositories come from there only.
        base: Address before ``/OWNER/NAME`` of what is cloned.
    """

    cache: Path
    mirror: Path | None = None
    base: str = GITHUB


def blob_ids(data: bytes) -> tuple[str, str]:
    """The ids git gives to a content, in repositories of either kind."""
    whole = b"blob %d\0" % len(data) + data
    return hashlib.sha1(whole, usedforsecurity=False).hexdigest(), hashlib.sha256(whole).hexdigest()


# A server that sends less than 1 kB/s for a minute is given up; who set these for git keeps them.
_PATIENCE = {"GIT_HTTP_LOW_SPEED_LIMIT": "1000", "GIT_HTTP_LOW_SPEED_TIME": "60"}


def run(
    command: Sequence[str], *, given: bytes = b"", place: Path | None = None, environment: Mapping[str, str] = _NOTHING
) -> bytes | None:
    """What a program prints; None if it fails or, git excepted, is not installed.

    Args:
        command: The program and its arguments.
        given: Its standard input.
        place: Its working folder; ours if None.
        environment: Variables to add to ours.
    """
    if command[0] != "git" and shutil.which(command[0]) is None:
        return None  # a run without packages is worth having
    with start(command, place=place, environment=environment) as process:
        printed, _ = process.communicate(given)
    return printed if process.returncode == 0 else None


def start(
    command: Sequence[str], *, place: Path | None = None, environment: Mapping[str, str] = _NOTHING
) -> subprocess.Popen[bytes]:
    """A running program, with pipes to its input and from its output.

    Raises:
        DataError: If it cannot be run.
    """
    pipe, quiet, variables = subprocess.PIPE, subprocess.DEVNULL, {**_PATIENCE, **os.environ, **environment}
    try:
        return subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=quiet, cwd=place, env=variables)
    except (FileNotFoundError, PermissionError) as error:
        raise DataError(
            f"The program '{command[0]}' is needed to fetch files and cannot be run. Install it and run again."
        ) from error


def remove(folder: Path) -> None:
    """Remove a folder that an interrupted run left half done, if it is there."""
    if folder.exists():
        shutil.rmtree(folder)
