"""Tables of text as they stand in a file, CSV or Parquet, told by the name's ending.

Decision: every cell is text. So a protocol says the same in both forms, and columns that nothing here knows are kept as
they are. Parquet needs pyarrow (extra ``parquet``); reading and writing CSV needs nothing.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from assay.data.optional import optional
from assay.errors import ProtocolError

PARQUET = (".parquet", ".pq")


@dataclass
class Table:
    """What a file holds.

    Attributes:
        path: The file.
        columns: Names, in order.
        rows: Cells, at least as many as there are columns in each.
        lines: Where each row ends in a CSV, from 1; its number in a Parquet file.
    """

    path: Path
    columns: list[str]
    rows: list[list[str]]
    lines: list[int] = field(default_factory=list)

    def cells(self, name: str) -> list[str]:
        """A column, without blanks around its cells; all empty if there is none of this name."""
        if name not in self.columns:
            return [""] * len(self.rows)
        # Of columns of one name the last counts, as in csv.DictReader.
        index = len(self.columns) - 1 - self.columns[::-1].index(name)
        return [row[index].strip() for row in self.rows]

    def put(self, name: str, values: Sequence[str]) -> None:
        """Set a column; it is added behind the others if there is none of this name."""
        if name not in self.columns:
            width = len(self.columns)
            self.columns.append(name)
            self.rows = [[*row[:width], ""] for row in self.rows]
        index = len(self.columns) - 1 - self.columns[::-1].index(name)
        for row, value in zip(self.rows, values, strict=True):
            row[index] = value


def read_table(path: Path) -> Table:
    """Read a table.

    Raises:
        ProtocolError: If the file cannot be read, or is not what its name says.
        MissingExtra: If it is Parquet and pyarrow is not installed.
    """
    return _read_parquet(path) if path.suffix.lower() in PARQUET else _read_csv(path)


def write_table(path: Path, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write a table in one step: a file of this name is a whole one.

    Raises:
        MissingExtra: If it is to be Parquet and pyarrow is not installed.
    """
    part = path.with_name(f"{path.name}.part")
    if path.suffix.lower() in PARQUET:
        _write_parquet(part, columns, rows)
    else:
        with part.open("w", newline="", encoding="utf-8") as stream:
            writer = csv.writer(stream)
            writer.writerow(columns)
            writer.writerows(rows)
    part.replace(path)


def relative_to(file: Path, folder: Path) -> str:
    """A file's path as a table in `folder` names it, with forward slashes; absolute if no relative one exists."""
    try:
        return Path(os.path.relpath(file.absolute(), folder.absolute())).as_posix()
    except ValueError:  # another drive
        return file.absolute().as_posix()


def _read_csv(path: Path) -> Table:
    rows, lines = [], []
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            reader = csv.reader(stream)
            columns = next(reader, [])
            for row in reader:
                if row:
                    rows.append([*row, *[""] * (len(columns) - len(row))])
                    lines.append(reader.line_num)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise _unreadable(path, error) from error
    return Table(path, columns, rows, lines)


def _read_parquet(path: Path) -> Table:
    parquet = optional("pyarrow.parquet", "parquet", "A table in Parquet")
    arrow = optional("pyarrow", "parquet", "A table in Parquet")
    try:
        with path.open("rb") as stream, parquet.ParquetFile(stream) as file:
            columns = [str(name) for name in file.schema_arrow.names]
            rows = [
                ["" if cell is None else str(cell) for cell in cells]
                for batch in file.iter_batches()
                for cells in zip(*(column.to_pylist() for column in batch.columns), strict=True)
            ]
    except (OSError, arrow.ArrowException, UnicodeDecodeError) as error:
        raise _unreadable(path, error) from error
    return Table(path, columns, rows, list(range(1, len(rows) + 1)))


def _write_parquet(path: Path, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    parquet = optional("pyarrow.parquet", "parquet", "A table in Parquet")
    arrow = optional("pyarrow", "parquet", "A table in Parquet")
    kept = [[str(cell) for cell in row] for row in rows]
    arrays = [arrow.array([row[index] for row in kept], arrow.string()) for index in range(len(columns))]
    parquet.write_table(arrow.Table.from_arrays(arrays, names=list(columns)), path)


def _unreadable(path: Path, error: Exception) -> ProtocolError:
    return ProtocolError(
        f"The protocol '{path}' cannot be read: {error}. It must be a UTF-8 CSV file or a '.parquet' file."
    )
