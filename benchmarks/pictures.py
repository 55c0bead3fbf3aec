"""Speed and memory of Assay on pictures, side by side with the usual way; part of `make bench`.

    python benchmarks/pictures.py                      # two minutes on 2 cores; writes README.md and pictures.json here
    python benchmarks/pictures.py --quick              # few turns; prints, writes nothing
    python benchmarks/pictures.py --from PICTURE       # another photograph of a face, or a folder of them

What is measured is in picture_subjects.py, how in measure.py and worker.py. Needs Linux, the extras ``[train,test]``
(PyTorch), and photographs of faces: portraits.py tells which, and without any nothing is measured, and that is said.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from machine import facts
from measure import HERE, Entry, Series, median_of, ratios, take_turns
from portraits import SHARED
from report import write_between

PORTRAIT_MS = 60.0
BEGIN, END = "<!-- pictures: written by pictures.py -->\n", "<!-- end of pictures -->\n"
NAMES = {
    "scan-pictures": "**Assay, whole scan**",
    "usual-pictures": "(a) Pillow + PyTorch, six crops",
    "decode-pictures": "(b) Pillow decodes, nothing else",
}
MISSING = "Pictures were not measured: there are no photographs of faces in {}; name some with --from."

Groups = dict[str, dict[str, Series]]


def measure(made: dict[str, list[str]], *, quick: bool) -> Groups:
    """One portrait on one thread; a folder of them on all cores; one of 24 megapixels, each in a process of its own."""
    portraits, large = made["portraits"], made["large"]
    turns, at_least_s, cores = 2 if quick else 7, 0.0 if quick else 1.0, len(os.sched_getaffinity(0))
    one = {name: Entry(name, portraits[:1], 1, turns) for name in NAMES}
    # PyTorch has threads of its own; the others take several files at a time.
    folder = {
        name: Entry(
            name, portraits, len(portraits), min(turns, 3), **{"threads" if name == "usual-pictures" else "jobs": cores}
        )
        for name in NAMES
    }
    huge = {name: Entry(name, large, 1, 1 if quick else 3, cold=True) for name in NAMES}
    return {
        "portrait": take_turns(one, at_least_s=at_least_s, with_facts=True),
        "folder": take_turns(folder, at_least_s=0.0),
        "large": take_turns(huge, at_least_s=0.0),
    }


def table(head: list[str], rows: list[list[str]]) -> str:
    """Markdown."""
    lines = [head, ["---"] + ["--:"] * (len(head) - 1), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def spread(values: list[float], form: Callable[[float], str]) -> str:
    """Median, smallest and largest."""
    return f"{form(median_of(values))} ({form(min(values))}–{form(max(values))})"


def milliseconds(values: list[float]) -> str:
    """Of seconds."""
    return spread(values, lambda value: f"{1e3 * value:.1f}")


def markdown(groups: Groups, found: dict[str, Any], files: int) -> str:
    """All tables."""
    portrait, folder, large = (groups[name] for name in ("portrait", "folder", "large"))
    scan = portrait["scan-pictures"]
    took_ms = 1e3 * median_of(scan.wall_s)
    met = "met" if took_ms <= PORTRAIT_MS else "**not met**"
    busy = "" if found["load_before"] <= 0.3 * found["cores"] else " **The machine was busy with something else.**"
    rows = []
    for name, words in NAMES.items():
        ratio = spread(ratios(scan, portrait[name]), lambda value: f"{value:.2f}×") if name != "scan-pictures" else ""
        rows.append(
            [
                words,
                milliseconds(portrait[name].wall_s),
                milliseconds(portrait[name].cpu_s),
                ratio,
                spread(folder[name].speeds, lambda value: f"{value:.1f}"),
                milliseconds(large[name].wall_s),
                f"{max(large[name].peak_bytes) / 1e6:.0f} MB",
            ]
        )
    stages = scan.facts["stages_ms"]
    stage_rows = [[stage, f"{spent:.2f}", f"{spent / stages['total']:.0%}"] for stage, spent in stages.items()]
    return "\n".join(
        [
            f"{found['date']}, commit {found['commit']}. {found['processor']} ({found['instructions']}),"
            f" {found['cores']} cores. Load average before: {found['load_before']}.{busy}\n",
            table(
                ["target", "measured", ""],
                [[f"1024 × 1024 portrait, one thread, all in: at most {PORTRAIT_MS:g} ms", f"{took_ms:.1f} ms", met]],
            ),
            table(
                [
                    "JPEG 90",
                    "portrait, ms",
                    "of the processor, ms",
                    "Assay's speed over it",
                    f"{files} portraits, all cores, pictures/s",
                    "24 megapixels, cold, ms",
                    "its peak memory",
                ],
                rows,
            ),
            table(["stage of the scan of the portrait", "ms", "share"], stage_rows),
            f"Faces found in the portrait: {scan.facts['faces']}.\n",
        ]
    )


def run(source: Path, *, quick: bool) -> None:
    """Measure, print, and keep it unless this is only a smoke test."""
    found = facts()
    with tempfile.TemporaryDirectory(prefix="assay-bench-") as folder:
        command = [sys.executable, str(HERE / "portraits.py"), folder, "--from", str(source)]
        command += ["--files", "2" if quick else "24"]
        made = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
        if not made["portraits"]:
            print(MISSING.format(source), file=sys.stderr)
            return
        groups = measure(made, quick=quick)
    text = markdown(groups, found, len(made["portraits"]))
    print(text)
    if not quick:
        write_between(HERE / "README.md", BEGIN, END, text)
        kept = {name: {key: one.as_dict() for key, one in group.items()} for name, group in groups.items()}
        kept_text = json.dumps({"facts": found, "groups": kept}, indent=1)
        (HERE / "pictures.json").write_text(kept_text + "\n", encoding="utf-8")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="few turns; nothing is written")
    parser.add_argument("--from", type=Path, default=SHARED, dest="source", help="a photograph of a face, or a folder")
    arguments = parser.parse_args()
    if sys.platform != "linux":
        raise SystemExit("the benchmarks read /proc and pin processes to cores; they run on Linux only")
    run(arguments.source, quick=arguments.quick)


if __name__ == "__main__":
    main()
