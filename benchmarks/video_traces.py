"""How often videos show the traces of `assay.forensics.sound`; writes ``video_rates.json`` and docs/forensics.md.

    python benchmarks/video_traces.py ../shared/data/video/protocol.csv more/protocol.csv --write

The rates that notes quote are those of bona fide train rows; the page shows spoofs and, in a table of its own, eval
rows. Files that are in several protocols count once, and rows that a protocol calls a ``LEAK`` not at all. Files of one
source were written by the same hands, so sources count alike, however many files each has: a rate is the mean over
sources of the share of files. Its interval is the exact one of as many draws as sources, the number of hits rounded
outwards; shares within a source vary less than draws do, so it is on the wide side. No threshold is chosen on anything.
A minute.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import math
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from page import write_page
from sound_traces import PAGE, PLAIN, SHOWN, Count, names_of, traces_in

from assay.metrics import Interval, rate_interval

RATES = Path(__file__).parent.parent / "src" / "assay" / "forensics" / "video_rates.json"
Counts = dict[tuple[str, str], dict[str, Count]]  # by container and key; by source


def counted(protocols: Sequence[Path], partition: str) -> Counts:
    """What was seen in the files of a partition."""
    files: dict[bytes, tuple[dict[str, str], Path]] = {}
    leaks: set[bytes] = set()
    for protocol in protocols:
        with protocol.open(encoding="utf-8", newline="") as lines:
            for row in csv.DictReader(lines):
                path = protocol.parent / row["path"]
                digest = hashlib.sha256(path.read_bytes()).digest()
                if "LEAK" in row.get("doubt", ""):
                    leaks.add(digest)
                elif row["partition"] == partition:
                    files.setdefault(digest, (row, path))
    counts: Counts = defaultdict(lambda: defaultdict(Count))
    for digest, (row, path) in files.items():
        container, traces = traces_in(path.read_bytes(), f"{row['key']} {row['path']}")
        if container and digest not in leaks:
            count = counts[container, row["key"]][row["source"]]
            count.files += 1
            count.seen.update(names_of(traces))
    return {pair: dict(sources) for pair, sources in counts.items()}


def share_of(name: str, sources: dict[str, Count]) -> tuple[float, Interval]:
    """Mean of the shares of sources, with 95 %."""
    hits = sum(count.seen[name] / count.files for count in sources.values())
    number = len(sources)
    low, high = math.floor(round(hits, 9)), math.ceil(round(hits, 9))  # 1/3 three times is one
    return hits / number, Interval(rate_interval(low, number).low, rate_interval(high, number).high)


def every_name(sources: dict[str, Count]) -> list[str]:
    """All that was seen."""
    return sorted({name for count in sources.values() for name in count.seen})


def rates(counts: Counts) -> dict[str, object]:
    """The table that notes of traces quote."""
    containers = {}
    for (container, key), sources in sorted(counts.items()):
        if key == "bona_fide":
            seen = {}
            for name in every_name(sources):
                rate, interval = share_of(name, sources)
                seen[name] = {"share": round(rate, 4), "high": round(interval.high, 4)}
            containers[container] = {
                "files": sum(count.files for count in sources.values()),
                "sources": len(sources),
                "unseen_high": round(rate_interval(0, len(sources)).high, 4),
                "seen": seen,
            }
    about = "Bona fide videos that show each trace, sources counted alike; written by benchmarks/video_traces.py."
    return {"about": about, "containers": containers}


def table(counts: Counts) -> str:
    """A table of the page."""
    rows = ["| container | trace | bona fide | spoof |", "|---|---|---|---|"]
    for container in sorted({container for container, _ in counts}):
        both = [counts.get((container, key), {}) for key in ("bona_fide", "spoof")]
        sizes = [f"{sum(count.files for count in some.values())} files, {len(some)} sources" for some in both]
        rows.append(f"| **{container}** | | {sizes[0]} | {sizes[1]} |")
        for name in sorted({name for some in both for name in every_name(some)}):
            found = [share_of(name, some) if some else None for some in both]
            if name not in PLAIN and max(one[0] for one in found if one) >= SHOWN:
                cells = [f"{o[0]:.2f} ({o[1].low:.2f}–{o[1].high:.2f})" if o else "–" for o in found]
                rows.append(f"| {container} | `{name}` | {cells[0]} | {cells[1]} |")
    return "\n".join(rows)


def main() -> None:
    """Print the tables; with --write keep them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("protocols", type=Path, nargs="+", help="protocols of videos as they were published")
    parser.add_argument("--write", action="store_true", help="keep the rates, and put the tables into the page")
    options = parser.parse_args()
    train, evaluation = (counted(options.protocols, partition) for partition in ("train", "eval"))
    print(table(train), table(evaluation), sep="\n\n")
    if options.write:
        RATES.write_text(json.dumps(rates(train), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        write_page({"video-traces": table(train), "video-traces-eval": table(evaluation)}, PAGE)


if __name__ == "__main__":
    main()
