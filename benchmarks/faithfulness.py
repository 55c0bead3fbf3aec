"""Whether explanations are true to the network: hiding the marked tenth must move the llr more than a random tenth.

    python benchmarks/faithfulness.py [--partition eval] [--sounds 60] [--pictures 60] [--videos 10] [--write]

Spoofs of ``../shared/data`` in an order drawn from a fixed seed are scanned, and those that the model flags
(``spoof`` or ``mixed``) are explained, until there are enough of them. Each explanation holds its own deletion test
(`assay.explain.deletion`): the llr without the tenth of places with the highest values, and the mean without a tenth
drawn at random, five times, from the same grid. A second row is of spoofs that are not flagged though their llr is
above 0, of which there are more. Nothing is chosen by these figures on ``eval``; methods are compared on ``train``.

The intervals are exact, and take files as independent, which those of one source are not.
"""

from __future__ import annotations

import argparse
import random
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
from page import share, write_page

from assay.data import Trial, read_protocol
from assay.errors import AssayError
from assay.explain.door import Explained, Explainer
from assay.explain.explanation import Faithfulness
from assay.media import open_moving

DATA: Final = Path(__file__).parents[2] / "shared" / "data"
PAGE: Final = Path(__file__).parent.parent / "docs" / "explanation.md"
FLAGGED: Final = ("spoof", "mixed")
SEED: Final = 9
MEDIA: Final = {"sounds": "audio", "pictures": "image", "videos": "video"}


@dataclass
class Tally:
    """What was measured of one model, on spoofs of one kind."""

    kind: str
    model: str = ""
    among: int = 0
    tests: list[Faithfulness] = field(default_factory=list)
    coverage: list[float] = field(default_factory=list)
    spent_s: list[float] = field(default_factory=list)
    without: int = 0
    sources: set[str] = field(default_factory=set)

    def add(self, found: Explained, trial: Trial, spent_s: float) -> None:
        """One file."""
        self.model = found.explanation.model
        self.sources.add(trial.source)
        self.spent_s.append(spent_s)
        if found.explanation.faithfulness is None:
            self.without += 1
            return
        self.tests.append(found.explanation.faithfulness)
        self.coverage.append(found.explanation.coverage)

    def row(self) -> str:
        """Of the table."""
        lost = [one.llr - one.marked for one in self.tests]
        by_chance = [one.llr - one.random for one in self.tests]
        cells = (
            f"`{self.model}`",
            self.kind,
            f"{len(self.tests)} (of {self.among} scanned), {len(self.sources)} sources",
            share(sum(one.holds for one in self.tests), len(self.tests), 2),
            f"{np.median(lost):.2f}",
            f"{np.median(by_chance):.2f}",
            f"{100 * float(np.median(self.coverage)):.0f} %",
            f"{np.median(self.spent_s):.2f} ({max(self.spent_s):.2f})",
        )
        return f"| {' | '.join(cells)} |"


def measure(explainer: Explainer, folder: str, partition: str, wanted: int) -> tuple[Tally, Tally]:
    """Explain spoofs of one medium: so many that are flagged, and as many that are not though their llr is above 0."""
    trials = [one for one in read_protocol(DATA / folder / "protocol.csv", partition=partition) if one.key == "spoof"]
    random.Random(SEED).shuffle(trials)
    flagged, leaning = Tally("flagged"), Tally("llr above 0, not flagged")
    for trial in trials:
        open_ones = [one for one in (flagged, leaning) if len(one.tests) < wanted]
        if not open_ones:
            break
        path = trial.root / trial.path
        try:
            result = explainer.detector.examine(open_moving(path, settings=explainer.detector.settings))
            for one in open_ones:
                one.among += 1
            tally = flagged if result.verdict in FLAGGED else leaning
            if tally not in open_ones or result.llr is None or (tally is leaning and result.llr <= 0):
                continue
            started = time.perf_counter()
            found = explainer.explain(path, result=result)
            tally.add(found, trial, time.perf_counter() - started)
        except AssayError as error:
            print(f"{trial.path}: {error}")
    return flagged, leaning


def main() -> None:
    """Measure, print, and write if asked."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--partition", default="eval", help="eval for reporting, train for comparing methods")
    parser.add_argument("--write", action="store_true", help=f"into {PAGE.name}")
    for name, usual in (("sounds", 60), ("pictures", 60), ("videos", 10)):
        parser.add_argument(f"--{name}", type=int, default=usual, help="flagged spoofs to explain; 0 for none")
    given = parser.parse_args()
    explainer = Explainer(jobs=1)
    tallies = [
        tally
        for name, folder in MEDIA.items()
        if (wanted := getattr(given, name))
        for tally in measure(explainer, folder, given.partition, wanted)
    ]
    body = "\n".join(
        (
            "| model | spoofs | explained | marked tenth moves the llr more, share (95 %) | llr lost without it, median"
            " | without a random tenth, median | half of the evidence lies in, median | seconds, median (most) |",
            "|---|---|---|---|---|---|---|---|",
            *(one.row() for one in tallies if one.tests),
        )
    )
    print(body)
    if given.write:
        write_page({"faithfulness": body}, PAGE)


if __name__ == "__main__":
    main()
