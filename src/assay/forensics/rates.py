"""How often camera files show a trace, as measured by ``benchmarks/forensics_rates.py`` and kept in ``rates.json``.

The table holds, by trace, how many files were measured and how many reached each strength. A strength of its own says
nothing; that one camera file in fifty shows it says how little weight it bears.
"""

from __future__ import annotations

import json
from functools import cache
from importlib import resources
from typing import TypedDict

from assay.forensics.trace import Trace

LEVELS = (0.01, 0.25, 0.5, 0.75, 1.0)  # strengths that are counted


class Rate(TypedDict):
    """Of one trace.

    Attributes:
        files: Camera files in which it was measured.
        reached: How many reached each of the `LEVELS`.
        high: Upper limits of these rates with 95 % confidence (Clopper-Pearson, two-sided), in [0, 1].
    """

    files: int
    reached: list[int]
    high: list[float]


@cache
def measured_rates() -> dict[str, Rate]:
    """Rate by the name of the trace."""
    text = resources.files("assay.forensics").joinpath("rates.json").read_text(encoding="utf-8")
    table: dict[str, Rate] = json.loads(text)["traces"]
    return table


def seen_in(name: str, strength: float | None) -> str:
    """One sentence on how often camera files show a trace so strongly; empty where nothing was measured."""
    rate = measured_rates().get(name)
    reached = [index for index, level in enumerate(LEVELS) if strength is not None and strength >= level]
    if rate is None or not reached:
        return ""
    index, files = reached[-1], rate["files"]
    count, high = rate["reached"][index], 100 * rate["high"][index]
    share = f"about {100 * count / files:.0f} % of {files}" if count else f"none of {files}"
    return f"Seen so strongly or more in {share} camera files (with 95 % confidence in at most {high:.0f} %)."


def with_rate(trace: Trace) -> Trace:
    """The trace with that sentence behind its note."""
    seen = seen_in(trace.name, trace.strength)
    return trace.model_copy(update={"note": f"{trace.note} {seen}"}) if seen else trace
