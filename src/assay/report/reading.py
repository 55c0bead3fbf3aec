"""Results out of the files that `assay scan` writes: one object, an array, or one object a line."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from assay.errors import ReportError
from assay.result import Outcome

MOST_BYTES = 256 * 2**20
MOST = 200  # reports in one file; nobody reads more
_OUTCOME: TypeAdapter[Any] = TypeAdapter(Outcome)


def holds_results(path: Path) -> bool:
    """Whether a file begins as JSON does; media never do."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(64).lstrip()[:1] in (b"{", b"[")


def read_outcomes(path: Path) -> list[Outcome]:
    """Results and failures of a file, in order.

    Raises:
        ReportError: If it is not what `assay scan` writes in this version, or holds none or too many.
    """
    how = "Give what `assay scan --format json` or `jsonl` writes."
    if path.stat().st_size > MOST_BYTES:
        raise ReportError(f"'{path}' is larger than {MOST_BYTES >> 20} MiB. {how}", path=str(path))
    try:
        values = _values(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:  # not UTF-8, not JSON
        raise ReportError(f"'{path}' holds no results: {error}. {how}", path=str(path)) from error
    if not 1 <= len(values) <= MOST:
        raise ReportError(f"'{path}' holds {len(values)} results; 1 to {MOST} fit into a report. {how}", path=str(path))
    if not _finite(values):
        raise ReportError(f"'{path}' holds a number that is infinite or none. {how}", path=str(path))
    return [_outcome(value, path, number, how) for number, value in enumerate(values, 1)]


def _values(text: str) -> list[Any]:
    try:
        whole = json.loads(text)
    except ValueError:
        lines = [line for line in text.splitlines() if line.strip()]
        if len(lines) < 2:
            raise
        return [json.loads(line) for line in lines]
    return whole if isinstance(whole, list) else [whole]


def _finite(value: Any) -> bool:
    """Whether all numbers are: JSON has no others, Python reads some."""
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, (list, dict)):
        return all(map(_finite, value.values() if isinstance(value, dict) else value))
    return True


def _outcome(value: Any, path: Path, number: int, how: str) -> Outcome:
    try:
        outcome: Outcome = _OUTCOME.validate_python(value, strict=False)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"][1:])) or "the whole"
        raise ReportError(
            f"Result {number} of '{path}' is not one of this version: {place}: {first['msg']}. {how}", path=str(path)
        ) from error
    return outcome
