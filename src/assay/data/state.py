"""What a fetch has done so far: one JSON line per file, appended when the file lies where it belongs.

The first line says how sound was prepared; a folder holds files of one preparation. A line that was cut off when the
program was killed is not counted, so its file is made again.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from assay.data.catalogue import Row
from assay.errors import DataError

NAME = "state.jsonl"
VERSION = 1


@dataclass(frozen=True)
class Done:
    """What became of one row.

    Attributes:
        status: ``fetched``, ``gone`` or ``unfit``.
        reason: Why it is not kept, or what a reader should know about a file that is.
        commit: Where the content was found.
        digest: SHA-256 of the prepared samples, or of the bytes of other media.
        original_sample_rate: Hz; 0 for other media.
    """

    repo: str
    path: str
    asked: str
    status: str
    reason: str = ""
    commit: str = ""
    digest: str = ""
    original_sample_rate: int = 0
    original_codec: str = ""
    duration_s: float = 0.0


class State:
    """The state file of a folder, open for appending.

    Args:
        folder: Of the fetch; created.
        preparation: What files of this folder must have in common.

    Raises:
        DataError: If the folder was filled with another preparation or by other means, or its state is damaged.
    """

    def __init__(self, folder: Path, preparation: dict[str, Any]) -> None:
        self._folder = folder
        self._done: dict[tuple[str, str, str], Done] = {}
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / NAME
        head = {"version": VERSION, **preparation}
        lines = _lines(path)
        if not lines and (folder / "protocol.csv").exists() and not (folder / "report.csv").exists():
            raise DataError(f"'{folder}' holds a protocol that no fetch wrote. Give another folder.")
        if lines and lines[0] != head:
            raise DataError(
                f"'{folder}' holds files of another preparation, {lines[0]}; asked for is {head}. "
                "Give the same options, or another folder."
            )
        for done in _results(lines[1:], path):
            self._keep(done)
        self._file = path.open("a", encoding="utf-8")
        if not lines:
            self._write(head)

    def get(self, row: Row) -> Done | None:
        """What is known about a row; None if it is not done, or its file is no longer there."""
        done = self._done.get((row.repo, row.path, row.commit))
        if done is None or (done.status == "fetched" and not (self._folder / row.target).is_file()):
            return None
        return done

    def add(self, done: Done) -> None:
        """Remember, on disk."""
        self._keep(done)
        self._write(asdict(done))

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _keep(self, done: Done) -> None:
        self._done[done.repo, done.path, done.asked] = done

    def _write(self, line: dict[str, Any]) -> None:
        self._file.write(json.dumps(line, ensure_ascii=False) + "\n")
        self._file.flush()


def _lines(path: Path) -> list[dict[str, Any]]:
    """Whole lines of the file; what was cut off at its end is removed from it."""
    if not path.is_file():
        return []
    data = path.read_bytes()
    whole = data[: data.rfind(b"\n") + 1]
    if len(whole) < len(data):
        os.truncate(path, len(whole))
    try:
        return [json.loads(line) for line in whole.decode("utf-8").split("\n")[:-1]]
    except ValueError as error:
        raise _damaged(path, error) from error


def _results(lines: Iterable[dict[str, Any]], path: Path) -> list[Done]:
    try:
        return [Done(**line) for line in lines]
    except TypeError as error:
        raise _damaged(path, error) from error


def _damaged(path: Path, error: Exception) -> DataError:
    return DataError(f"'{path}' is damaged: {error}. Remove it, and every file is fetched again.")
