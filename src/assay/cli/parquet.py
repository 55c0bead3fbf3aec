r"""Outcomes as a Parquet table: the columns of the CSV, with types.

Decisions
- Rows are written in groups of `GROUP_ROWS`, so that memory does not grow with their number.
- A Parquet file can be read only once its end is written. So it is written under the name ``….part`` and gets its own
  when the run ends, is interrupted or breaks off; a run that is killed leaves no table.
- What a row lacks is null. A file name that is not UTF-8, which Parquet cannot hold, has its odd bytes spelt out as in
  JSON (``\udcff``).
"""

from __future__ import annotations

from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from assay.cli.rows import COLUMNS, row
from assay.data.optional import optional

if TYPE_CHECKING:
    from assay.result import Outcome

GROUP_ROWS = 1_000
_PURPOSE = "A table in Parquet"
_NUMBERS: MappingProxyType[str, str] = MappingProxyType(
    {
        **dict.fromkeys(("duration_s", "speech_s", "spoof_probability", "llr"), "float64"),
        **dict.fromkeys(("interval_low", "interval_high"), "float64"),
        **dict.fromkeys(("width", "height"), "int32"),
    }
)


class ParquetSink:
    """One row a file, with the columns `COLUMNS`; numbers are numbers, everything else is text.

    Args:
        path: The table, replaced when it is whole.

    Raises:
        MissingExtra: If pyarrow is not installed.
        OSError: If the file cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self._arrow = optional("pyarrow", "parquet", _PURPOSE)
        parquet = optional("pyarrow.parquet", "parquet", _PURPOSE)
        self._path, self._part = path, path.with_name(f"{path.name}.part")
        self._rows: list[list[Any]] = []
        text = self._arrow.string()
        types = [getattr(self._arrow, _NUMBERS[name])() if name in _NUMBERS else text for name in COLUMNS]
        self._schema = self._arrow.schema(list(zip(COLUMNS, types, strict=True)))
        self._stream = self._part.open("wb")
        self._writer = parquet.ParquetWriter(self._stream, self._schema)

    def write(self, outcome: Outcome) -> None:
        """Take one outcome; a group of them is written at a time."""
        self._rows.append([_cell(value) for value in row(outcome)])
        if len(self._rows) >= GROUP_ROWS:
            self._write()

    def close(self) -> None:
        """Write the rest and the end, and give the table its name."""
        if self._rows:
            self._write()
        self._writer.close()
        self._stream.close()
        self._part.replace(self._path)

    def _write(self) -> None:
        columns = zip(*self._rows, strict=True)
        arrays = [self._arrow.array(cells, kind) for cells, kind in zip(columns, self._schema.types, strict=True)]
        self._writer.write_batch(self._arrow.record_batch(arrays, schema=self._schema))
        self._rows.clear()


def _cell(value: Any) -> Any:
    """A value of a row as Parquet holds it."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode() or None
    return value
