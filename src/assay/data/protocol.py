"""The protocol: one row per trial, in a CSV file or a Parquet file (``.parquet``) with the same columns of text.

Columns ``path`` and ``key`` (``bona_fide`` or ``spoof``) are required; ``partition``, ``generator``, ``speaker``,
``identity``, ``language``, ``source``, ``licence`` and ``parent`` are used where present; others are ignored. Paths are
relative to the folder that holds the file. A bona fide trial has an empty ``generator``. ``speaker`` and ``identity``
may name several persons, with ``;`` between them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Literal

from assay.data.table import Table, read_table, write_table
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
        speaker: Whose voice is heard; several with ``;`` between them.
        identity: Whose face is seen; several with ``;`` between them, as where one person's face is on another's body.
        source: Repository, package or person the file comes from; partitions are disjoint by it.
        parent: Path of the file that this one was made from, if known: of the bona fide one for a spoof, of the one
            before for an augmented copy.
    """

    path: str
    key: Key
    partition: str = ""
    generator: str = ""
    speaker: str = ""
    identity: str = ""
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
        path: The CSV file, UTF-8, or the Parquet file.
        partition: Keep only trials of this partition; None keeps all.

    Returns:
        The trials in the order of the file.

    Raises:
        ProtocolError: If the file cannot be read, a required column is missing, a key is neither ``bona_fide`` nor
            ``spoof``, a path stands twice, or nothing is left.
        MissingExtra: If it is Parquet and pyarrow is not installed.
    """
    return trials_of(read_table(path), partition=partition)


def trials_of(table: Table, *, partition: str | None = None) -> list[Trial]:
    """The trials of a table that was read; see `read_protocol`."""
    path = table.path
    missing = {"path", "key"} - set(table.columns)
    if missing:
        raise ProtocolError(f"'{path}' has no column {sorted(missing)}; its columns are {table.columns}.")
    cells = zip(*(table.cells(name) for name in COLUMNS), strict=True)
    trials = [
        _trial(dict(zip(COLUMNS, row, strict=True)), path, line) for row, line in zip(cells, table.lines, strict=True)
    ]
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
    """Write trials in one step; their paths must be relative to the file's folder, `root` is not written.

    Raises:
        MissingExtra: If it is to be Parquet and pyarrow is not installed.
    """
    write_table(path, COLUMNS, ([getattr(trial, name) for name in COLUMNS] for trial in trials))


def write_csv(path: Path, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write a table in one step: a file of this name is a whole one."""
    write_table(path, columns, rows)


def _trial(row: dict[str, str], path: Path, line: int) -> Trial:
    key = row["key"]
    if key not in KEYS:
        raise ProtocolError(f"'{path}' line {line}: key '{key}' is neither 'bona_fide' nor 'spoof'.")
    if not row["path"]:
        raise ProtocolError(f"'{path}' line {line}: the path is empty.")
    return Trial(**{name: row[name] for name in COLUMNS if name != "key"}, key=key, root=path.parent)
