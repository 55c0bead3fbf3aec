"""How often bona fide recordings show a trace, as measured by ``benchmarks/sound_traces.py``; see ``sound_rates.json``.

Traces depend on the container, so files are counted by it. Files of one source were written by the same hands and are
alike; the number of sources says how little a hundred files may be.
"""

from __future__ import annotations

import json
from functools import cache
from importlib import resources
from typing import TypedDict

from assay.forensics.trace import Trace


class Container(TypedDict):
    """Of one container.

    Attributes:
        files: Bona fide recordings in it.
        sources: Where they come from.
        seen: How many show a trace, by its name, or name, ``=`` and what it names.
        high: Upper limit of that rate with 95 % confidence (Clopper-Pearson, two-sided), in [0, 1], by how many.
    """

    files: int
    sources: int
    seen: dict[str, int]
    high: dict[str, float]


@cache
def measured() -> dict[str, Container]:
    """Rates by container."""
    text = resources.files("assay.forensics").joinpath("sound_rates.json").read_text(encoding="utf-8")
    table: dict[str, Container] = json.loads(text)["containers"]
    return table


def keys(trace: Trace) -> tuple[str, ...]:
    """Under which names a trace is counted; the last is the closest."""
    told = {
        "encoder": trace.measured.get("program"),
        "editing_software": trace.measured.get("program"),
        "recorder": trace.measured.get("program"),
        "mp3_coding": f"{trace.measured.get('header') or 'no'} header",
        "container_layout": trace.measured.get("chunks"),
    }.get(trace.name)
    return (trace.name, f"{trace.name}={told}") if told else (trace.name,)


def with_rate(trace: Trace, container: str) -> Trace:
    """The trace with one sentence on how often bona fide recordings in such a container show it."""
    found = measured().get(container)
    if found is None:
        return trace
    files, sources, count = found["files"], found["sources"], found["seen"].get(keys(trace)[-1], 0)
    high = 100 * found["high"][str(count)]
    share = f"about {100 * count / files:.0f} %" if count else "none"
    note = (
        f"Seen in {share} of {files} bona fide {container} files from {sources} sources (with 95 % confidence in at"
        f" most {high:.0f} %, were each file drawn by itself)."
    )
    return trace.model_copy(update={"note": f"{trace.note} {note}"})
