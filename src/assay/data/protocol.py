"""The protocol: one CSV row per trial.

Columns ``path`` and ``key`` (``bona_fide`` or ``spoof``) are required; ``partition``, ``generator``, ``speaker``,
``language``, ``source``, ``licence`` and ``parent`` are used where present; others are ignored. Paths are relative to
the folder that holds the CSV. A bona fide trial has an empty ``generator``.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Literal

from assay.errors import ProtocolError

Key = Literal["bona_fide", "spoof"]
KEYS: tuple[Key, Key] = ("bona_fide", "spoof")


@dataclass(frozen=True)
class Trial:
    """One row: a file, its ground truth, and where it comes from.

    Attributes:
        path: File, relative to `root`.
        key: ``bona_fide`` or ``spoof``.
        partition: ``train``, ``eval`` or what the protocol says; empty if it says nothing.
        generator: System that made a spoof; empty for bona fide.
        source: Repository, package or person the file comes from; partitions are disjoint by it.
        parent: Path of the bona fide file that a spoof was made from, if known.
    """

    path: str
    key: Key
    partition: str = ""
    generator: str = ""
    speaker: str = ""
    language: str = ""
    source: str = ""
    licence: str = ""
    parent: str = ""
    root: Path = Path()

    @property
    def file(self) -> Path:
        """Where the file lies."""
        return self.root / self.path


COLUMNS = tuple(field.name for field in fields(Trial) if field.name != "root")


def read_protocol(path: Path, *, partition: str | None = None) -> list[Trial]:
    """Read a protocol.

    Args:
        path: The CSV file, UTF-8.
        partition: Keep only trials of this partition; None keeps all.

    Returns:
        The trials in the order of the file.

    Raises:
        ProtocolError: If the file cannot be read, a required column is missing, a key is neither ``bona_fide`` nor
            ``spoof``, a path stands twice, or nothing is left.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            reader = csv.DictReader(stream)
            missing = {"path", "key"} - set(reader.fieldnames or ())
            if missing:
                raise ProtocolError(f"'{path}' has no column {sorted(missing)}; its columns are {reader.fieldnames}.")
            trials = [_trial(row, path, reader.line_num) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ProtocolError(f"The protocol '{path}' cannot be read: {error}. It must be a UTF-8 CSV file.") from error
    seen: set[str] = set()
    for trial in trials:
        if trial.path in seen:
            raise ProtocolError(f"'{path}' lists '{trial.path}' twice; remove one of the rows.")
        seen.add(trial.path)
    if not trials:
        raise ProtocolError(f"'{path}' lists no trials; it has a header and no rows.")
    kept = [trial for trial in trials if partition is None or trial.partition == partition]
    if not kept:
        partitions = sorted({trial.partition for trial in trials})
        raise ProtocolError(f"'{path}' has no trials of partition '{partition}'; it has {partitions}.")
    return kept


def write_protocol(path: Path, trials: Iterable[Trial]) -> None:
    """Write trials as a CSV in one step; their paths must be relative to its folder, `root` is not written."""
    write_csv(path, COLUMNS, ([getattr(trial, name) for name in COLUMNS] for trial in trials))


def write_csv(path: Path, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write a CSV in one step: a file of this name is a whole one."""
    part = path.with_name(f"{path.name}.part")
    with part.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(columns)
        writer.writerows(rows)
    part.replace(path)


def _trial(row: dict[str, str], path: Path, line: int) -> Trial:
    key = (row["key"] or "").strip()
    if key not in KEYS:
        raise ProtocolError(f"'{path}' line {line}: key '{key}' is neither 'bona_fide' nor 'spoof'.")
    given = {name: (row.get(name) or "").strip() for name in COLUMNS if name != "key"}
    if not given["path"]:
        raise ProtocolError(f"'{path}' line {line}: the path is empty.")
    return Trial(**given, key=key, root=path.parent)
