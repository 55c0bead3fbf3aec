"""How often bona fide videos show a trace, as measured by ``benchmarks/video_traces.py``; see ``video_rates.json``.

Sources count alike, however many files each has, for the files of one source were written by the same hands.
"""

from __future__ import annotations

import json
from functools import cache
from importlib import resources
from typing import TypedDict

from assay.forensics.sound_rates import keys
from assay.forensics.trace import Trace


class Rate(TypedDict):
    """Of one trace.

    Attributes:
        share: Mean over sources of the share of files that show it.
        high: Its upper limit with 95 % confidence, as if each source were one draw.
    """

    share: float
    high: float


class Container(TypedDict):
    """Of one container.

    Attributes:
        files: Bona fide videos in it.
        sources: Where they come from.
        unseen_high: Upper limit of what was never seen.
        seen: By the name of a trace, or name, ``=`` and what it names.
    """

    files: int
    sources: int
    unseen_high: float
    seen: dict[str, Rate]


@cache
def measured() -> dict[str, Container]:
    """Rates by container."""
    text = resources.files("assay.forensics").joinpath("video_rates.json").read_text(encoding="utf-8")
    table: dict[str, Container] = json.loads(text)["containers"]
    return table


def with_rate(trace: Trace, container: str) -> Trace:
    """The trace with one sentence on how often bona fide videos in such a container show it, or that nobody knows."""
    found = measured().get(container)
    if found is None:
        note = f"How often bona fide {container} videos show it was not measured."
        return trace.model_copy(update={"note": f"{trace.note} {note}"})
    rate = found["seen"].get(keys(trace)[-1], {"share": 0.0, "high": found["unseen_high"]})
    share = f"about {100 * rate['share']:.0f} %" if rate["share"] else "none"
    note = (
        f"Seen in {share} of the bona fide {container} videos that were measured: {found['files']} files from"
        f" {found['sources']} sources, which count alike (with 95 % confidence in at most {100 * rate['high']:.0f} %)."
    )
    return trace.model_copy(update={"note": f"{trace.note} {note}"})
