"""What an earlier run left in its output: which files are done, and a last line that may be torn.

Decisions
- A file counts as done if the output holds a result under its path. Whether its bytes changed since is not
  looked at: hashing everything again would cost as much as reading it again.
- Inputs that failed are tried again and their old records dropped, so that a path stands once in the output.
- The last record counts only with its line end; a killed run may have written a part of it. A record that is
  broken elsewhere is an error: nothing is thrown away that we did not write.
- JSON lines are cut at line ends, CSV at line ends outside quotes (a file name may hold one).
"""

from __future__ import annotations

import csv
import json
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple

from assay.cli.rows import COLUMNS
from assay.errors import SettingsError

ResumableFormat = Literal["jsonl", "csv"]


@dataclass
class Earlier:
    """What an earlier run left.

    Attributes:
        done: Paths that have a result, with the SHA-256 of the file then.
        verdicts: Files per verdict.
        dropped: Records taken out of the output to be done again.
    """

    done: dict[str, str] = field(default_factory=dict)
    verdicts: Counter[str] = field(default_factory=Counter)
    dropped: int = 0


class _Piece(NamedTuple):
    """A record in the file: its bytes, and whether its line end was written."""

    data: bytes
    whole: bool


def recover(output: Path, form: ResumableFormat) -> Earlier:
    """Read an output that a run left, and take out of it what is to be done again.

    Args:
        output: The file; it need not exist.
        form: What it holds.

    Returns:
        What is done.

    Raises:
        SettingsError: If the file cannot be read or written, or holds something else than our output.
    """
    if not output.exists():
        return Earlier()
    try:
        earlier, kept = _read(output, form)
        if earlier.dropped:
            _rewrite(output, form, kept)
        return earlier
    except OSError as error:
        raise SettingsError(f"--resume: '{output}' cannot be used ({error.strerror}).", output=str(output)) from error


def _read(output: Path, form: ResumableFormat) -> tuple[Earlier, list[bool]]:
    """What is done, and for each record whether it stays."""
    earlier, kept = Earlier(), []
    for number, piece in enumerate(_pieces(output, form), start=1):
        if not piece.whole:
            _check_tail(piece.data, output)
        fields = _fields(piece.data, form, number, output) if piece.whole else None
        stays = fields is not None and (fields["path"] is None or bool(fields["verdict"]))
        kept.append(stays)
        if not stays:
            earlier.dropped += 1
        elif fields and fields["path"] is not None:
            earlier.done[fields["path"]] = fields["sha256"]
            earlier.verdicts[fields["verdict"]] += 1
    return earlier, kept


def _pieces(output: Path, form: ResumableFormat) -> Iterator[_Piece]:
    """The records of the file, one at a time."""
    data = b""
    with output.open("rb") as file:
        for line in file:
            data += line
            if line.endswith(b"\n") and (form == "jsonl" or data.count(b'"') % 2 == 0):
                yield _Piece(data, whole=True)
                data = b""
    if data:
        yield _Piece(data, whole=False)


def _check_tail(data: bytes, output: Path) -> None:
    """A torn record is the part of one; a lone quote further up would make a tail of many lines."""
    if data.count(b"\n") > 1:
        raise SettingsError(
            f"--resume: the last {len(data)} bytes of '{output}' are no whole records. Repair it first.",
            output=str(output),
        )


def _fields(data: bytes, form: ResumableFormat, number: int, output: Path) -> dict[str, Any]:
    """Path, SHA-256 and verdict of a record; the path is None for what is no outcome (header, blank line)."""
    text = data.decode("utf-8", "surrogateescape")
    try:
        if not text.strip():
            return {"path": None}
        if form == "csv":
            values = next(csv.reader([text]))
            if tuple(values) == COLUMNS and number == 1:
                return {"path": None}
            fields = dict(zip(COLUMNS, values, strict=True))
            if number == 1:
                raise ValueError("no header")
        else:
            fields = json.loads(text)
        return {"path": str(fields["path"]), "sha256": fields.get("sha256"), "verdict": fields.get("verdict")}
    except (ValueError, KeyError, TypeError, AttributeError, csv.Error) as error:
        raise SettingsError(
            f"--resume: record {number} of '{output}' is not one of `assay scan --format {form}`."
            " Give the format that it was written with, or another --output.",
            output=str(output),
            record=number,
        ) from error


def _rewrite(output: Path, form: ResumableFormat, kept: list[bool]) -> None:
    """Leave out some records; the file is replaced in one step, so a kill in between loses nothing."""
    part = output.with_name(f"{output.name}.part")
    with part.open("wb") as file:
        for piece, stays in zip(_pieces(output, form), kept, strict=True):
            if stays:
                file.write(piece.data)
        file.flush()
        os.fsync(file.fileno())
    part.replace(output)
