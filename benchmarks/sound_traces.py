"""How often recordings show the traces of `assay.forensics.sound`; writes ``sound_rates.json`` and docs/forensics.md.

    python benchmarks/sound_traces.py --catalogue ../shared/data/catalog/audio.csv.gz --repositories FOLDER \
        --debian FOLDER --write

The files are originals: train rows of the catalogue, read out of bare clones (``owner+name/repo`` in the first folder)
and out of unpacked Debian packages (``package/usr/share/…`` in the second). What `assay data fetch` prepares is no use
here, for it was encoded again by ourselves. Of each source and key at most `MOST_OF_A_SOURCE` are taken, evenly over
its list, so that no corpus of thousands decides. No threshold is chosen on anything. A minute.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import io
import json
import subprocess
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from page import share, write_page

from assay.evidence import DECLARING
from assay.forensics.sound import READ, read_sound_blocks, sound_traces
from assay.forensics.sound_rates import keys
from assay.forensics.trace import Trace
from assay.media.sniff import sniff
from assay.metrics import rate_interval

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "forensics.md"
RATES = ROOT / "src" / "assay" / "forensics" / "sound_rates.json"
MOST_OF_A_SOURCE = 40
SHOWN = 0.02  # a row of the page shows in at least so many of one key
PLAIN = ("container_layout", "mp3_coding")  # every file has them; their kinds have rows
Row = tuple[str, str, str]  # source, key, container


@dataclass
class Count:
    """Of one container and key."""

    files: int = 0
    sources: set[str] = field(default_factory=set)
    seen: Counter[str] = field(default_factory=Counter)


def wanted(catalogue: Path) -> dict[tuple[str, str], list[str]]:
    """Paths by source and key."""
    paths = defaultdict(list)
    with gzip.open(catalogue, "rt", encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            if row["partition"] == "train":
                paths[row["repo"], row["key"]].append(row["path"])
    return dict(paths)


def contents(source: str, paths: list[str], repositories: Path, debian: Path) -> Iterator[bytes]:
    """Files that are here, evenly over the list."""
    if source.startswith("debian:"):
        folder = debian / source.removeprefix("debian:") / "usr" / "share"
        here = [path for path in paths if (folder / path).is_file()]
        for path in evenly(here):
            yield (folder / path).read_bytes()
        return
    folder = repositories / source.replace("/", "+") / "repo"
    if not folder.is_dir():
        return
    git = ["git", "-C", str(folder), "-c", "core.quotepath=off"]
    environment = {"GIT_NO_LAZY_FETCH": "1", "PATH": "/usr/bin:/bin"}
    listed = subprocess.run([*git, "ls-tree", "-r", "HEAD"], capture_output=True, text=True, env=environment)
    blobs = {path: about.split()[2] for about, path in (line.split("\t", 1) for line in listed.stdout.splitlines())}
    for path in evenly([path for path in paths if path in blobs]):
        read = subprocess.run([*git, "cat-file", "blob", blobs[path]], capture_output=True, env=environment)
        if not read.returncode:
            yield read.stdout


def evenly(paths: list[str]) -> list[str]:
    """At most so many, the same ones each time."""
    return sorted(paths)[:: max(1, -(-len(paths) // MOST_OF_A_SOURCE))]


def traces_in(data: bytes, about: str) -> tuple[str, tuple[Trace, ...]]:
    """Container of a file and its traces; no container where none is read."""
    container = sniff(io.BytesIO(data), len(data)).container if data else ""
    if container not in READ:
        return "", ()
    blocks, fault = read_sound_blocks(io.BytesIO(data), len(data), container)
    assert fault is None, f"{about}: {fault}"
    traces = sound_traces(blocks)
    for trace in traces:
        if trace.name in DECLARING:
            print(f"{about} {container}: {trace.name} {trace.measured}", flush=True)
    return container, traces


def names_of(traces: tuple[Trace, ...]) -> list[str]:
    """What a file is counted under, each once."""
    return sorted({name for trace in traces for name in keys(trace)})


def counted(options: argparse.Namespace) -> dict[tuple[str, str], Count]:
    """What was seen, by container and key."""
    counts: dict[tuple[str, str], Count] = defaultdict(Count)
    for (source, key), paths in sorted(wanted(options.catalogue).items()):
        for data in contents(source, paths, options.repositories, options.debian):
            container, traces = traces_in(data, f"{key} {source}")
            if container:
                count = counts[container, key]
                count.files += 1
                count.sources.add(source)
                count.seen.update(names_of(traces))
    return dict(counts)


def rates(counts: dict[tuple[str, str], Count]) -> dict[str, object]:
    """The table that notes of traces quote."""
    containers = {}
    for (container, key), count in sorted(counts.items()):
        if key == "bona_fide":
            numbers = sorted({0, *count.seen.values()})
            containers[container] = {
                "files": count.files,
                "sources": len(count.sources),
                "seen": dict(sorted(count.seen.items())),
                "high": {str(number): round(rate_interval(number, count.files).high, 4) for number in numbers},
            }
    about = "Bona fide recordings that show each trace, by container; written by benchmarks/sound_traces.py."
    return {"about": about, "containers": containers}


def table(counts: dict[tuple[str, str], Count]) -> str:
    """The table of the page."""
    rows = ["| container | trace | bona fide | spoof |", "|---|---|---|---|"]
    for container in sorted({container for container, _ in counts}):
        real, fake = (counts.get((container, key), Count()) for key in ("bona_fide", "spoof"))
        sizes = [f"{c.files} files, {len(c.sources)} sources" for c in (real, fake)]
        rows.append(f"| **{container}** | | {sizes[0]} | {sizes[1]} |")
        for name in sorted({*real.seen, *fake.seen}):
            often = max(c.seen[name] / c.files for c in (real, fake) if c.files)
            if often >= SHOWN and name not in PLAIN:
                cells = [share(c.seen[name], c.files, 2) for c in (real, fake)]
                rows.append(f"| {container} | `{name}` | {cells[0]} | {cells[1]} |")
    return "\n".join(rows)


def main() -> None:
    """Print the table; with --write keep it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--catalogue", type=Path, required=True, help="the catalogue of sound, audio.csv.gz")
    parser.add_argument("--repositories", type=Path, required=True, help="folder of bare clones, owner+name/repo")
    parser.add_argument("--debian", type=Path, required=True, help="folder of unpacked Debian packages")
    parser.add_argument("--write", action="store_true", help="keep the rates, and put the table into docs/forensics.md")
    options = parser.parse_args()
    counts = counted(options)
    print(table(counts))
    if options.write:
        RATES.write_text(json.dumps(rates(counts), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        write_page({"sound-traces": table(counts)}, PAGE)


if __name__ == "__main__":
    main()
