"""What a policy says of the files of a protocol, counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from assay.result import Verdict

VERDICTS: tuple[Verdict, ...] = ("bona_fide", "inconclusive", "mixed", "spoof")
OUTCOMES = (*VERDICTS, "error")
DECIDED = ("bona_fide", "mixed", "spoof")


def count_verdicts(rows: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, int]]:
    """For each key, how many rows (``key``, ``verdict``) got each verdict, and how many an error instead."""
    counts = Counter((row["key"], row["verdict"]) for row in rows)
    return {key: {verdict: counts[key, verdict] for verdict in OUTCOMES} for key in ("bona_fide", "spoof")}
