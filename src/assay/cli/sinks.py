r"""Where outcomes are written: text, a JSON array, JSON lines or CSV, to standard output or a file; Parquet to a file.

Decisions
- Every outcome is flushed when it comes, so that a killed run keeps what it has scored. A JSON array lacks
  its end then; JSON lines and CSV stay whole but for the last line, which `assay.cli.resume` repairs.
  Parquet is another matter, see `assay.cli.parquet`.
- JSON and CSV are UTF-8 whatever the locale. A file name that is not UTF-8 becomes a lone surrogate escape in
  JSON (``\udcff``) and its own bytes in CSV, so that both name the file exactly.
- A recording, picture or video is never overwritten by a report.
"""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TextIO

from assay.cli.rows import COLUMNS, row
from assay.cli.terminal import paint, write
from assay.errors import SettingsError
from assay.report.text import describe_failure, words
from assay.result import Outcome, ScanResult

if TYPE_CHECKING:
    from assay.cli.formats import Format

_COLOURS = {"bona_fide": "green", "spoof": "red", "mixed": "magenta", "inconclusive": "yellow"}


class Sink(Protocol):
    """Takes outcomes one by one."""

    def write(self, outcome: Outcome) -> None:
        """Write one outcome and flush, where the form allows it."""

    def close(self) -> None:
        """Write what must stand at the end."""


class TextSink:
    """One paragraph a file; the verdict in colour where a person looks at it."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, outcome: Outcome) -> None:
        """Write one paragraph."""
        write(self._stream, f"{self._paragraph(outcome)}\n")

    def close(self) -> None:
        """Nothing stands at the end."""

    def _paragraph(self, outcome: Outcome) -> str:
        if not isinstance(outcome, ScanResult):
            return paint(describe_failure(outcome), self._stream, fg="red")
        subject, verdict, rest = words(outcome)
        coloured = paint(verdict, self._stream, fg=_COLOURS[outcome.verdict], bold=True)
        return f"{paint(subject, self._stream, bold=True)}: {coloured}. {rest}"


class LinesSink:
    """One JSON object a line."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, outcome: Outcome) -> None:
        """Write one line."""
        self._stream.write(f"{json_line(outcome)}\n")
        self._stream.flush()

    def close(self) -> None:
        """Nothing stands at the end."""


class ArraySink:
    """One JSON array, an element a line, never held in memory."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._before = "[\n"

    def write(self, outcome: Outcome) -> None:
        """Write one element."""
        self._stream.write(self._before + json_line(outcome))
        self._stream.flush()
        self._before = ",\n"

    def close(self) -> None:
        """Close the array, which is whole even if the run was interrupted."""
        self._stream.write("[]\n" if self._before == "[\n" else "\n]\n")
        self._stream.flush()


class CsvSink:
    """One row a file, with the columns `COLUMNS`."""

    def __init__(self, stream: TextIO, *, header: bool) -> None:
        self._stream = stream
        self._writer = csv.writer(stream, lineterminator="\n")
        if header:
            self._writer.writerow(COLUMNS)
            stream.flush()

    def write(self, outcome: Outcome) -> None:
        """Write one row."""
        self._writer.writerow(row(outcome))
        self._stream.flush()

    def close(self) -> None:
        """Nothing stands at the end."""


def json_line(outcome: Outcome) -> str:
    """The outcome as JSON on one line."""
    from pydantic_core import PydanticSerializationError

    try:
        return outcome.model_dump_json()
    except PydanticSerializationError:  # a file name that is not UTF-8
        return json.dumps(outcome.model_dump(), default=str)


@contextmanager
def open_sink(form: Format, output: Path | None, *, append: bool = False) -> Iterator[Sink]:
    """A sink on standard output or on a file.

    Args:
        form: What to write.
        output: File to write to; None is standard output, which Parquet does not go to.
        append: Go on behind what the file holds (JSON lines and CSV).

    Raises:
        SettingsError: If the file cannot be opened, or is a recording.
        MissingExtra: If Parquet is wanted and pyarrow is not installed.
    """
    if form == "parquet":
        assert output is not None, "the command line has seen to it"
        with closing(_parquet(output)) as table:
            yield table
        return
    stream = _standard_output(form) if output is None else _open(form, output, append=append)
    sink = _sink(form, stream, header=output is None or stream.tell() == 0)
    try:
        yield sink
    finally:
        sink.close()
        if output is not None:
            stream.close()


def _parquet(path: Path) -> Sink:
    from assay.cli.parquet import ParquetSink

    with opening(path):
        return ParquetSink(path)


def _sink(form: Format, stream: TextIO, *, header: bool) -> Sink:
    if form == "csv":
        return CsvSink(stream, header=header)
    kinds: dict[str, type[TextSink | LinesSink | ArraySink]] = {
        "text": TextSink,
        "jsonl": LinesSink,
        "json": ArraySink,
    }
    return kinds[form](stream)


def _standard_output(form: Format) -> TextIO:
    if form != "text" and isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8", errors="surrogateescape", newline="\n")
    return sys.stdout


def _open(form: Format, path: Path, *, append: bool) -> TextIO:
    with opening(path):
        # Closed by open_sink. CSV has its own idea of line ends.
        return path.open("a" if append else "w", encoding="utf-8", errors="surrogateescape", newline="\n")


@contextmanager
def opening(path: Path) -> Iterator[None]:
    """Around opening a file to write to, which is no recording, picture or video.

    Raises:
        SettingsError: If it is one, or cannot be opened.
    """
    try:
        _refuse_recording(path)
        yield
    except OSError as error:
        raise SettingsError(
            f"--output: '{path}' cannot be written ({error.strerror}). Name a file in an existing folder.",
            output=str(path),
        ) from error


def _refuse_recording(path: Path) -> None:
    from assay.media.sniff import sniff

    if not path.is_file() or not path.stat().st_size:
        return
    with path.open("rb") as file:
        if sniff(file, path.stat().st_size).is_analysed:
            raise SettingsError(
                f"--output: '{path}' is a recording, picture or video and stays as it is. Name another file.",
                output=str(path),
            )
