"""Speed, memory and start of Assay, side by side with the usual way and with the bare network; `make bench`.

    python benchmarks/run.py --long     # everything, 40 minutes on 2 cores; writes README.md and four JSON files here
    python benchmarks/run.py            # 33 minutes: without the video of half an hour
    python benchmarks/run.py --quick    # a smoke test of the harness: few turns, short files; prints, writes nothing

What is measured is in subjects.py, how in measure.py and worker.py, what is promised in targets.py. Pictures, videos
and training come last, see pictures.py, videos.py and training.py, each of which can be run alone. Needs Linux and the
extras ``[train,test,bench]`` (PyTorch, librosa, OpenCV).
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from machine import available_bytes, facts
from measure import HERE, Entry, Series, run_command, run_commands, take_turns
from pictures import run as run_pictures
from portraits import SHARED
from report import SHORT_S, Results, markdown, write_readme
from training import run as run_training
from videos import run as run_videos

USUAL_MEMORY = 40 * 2**30  # what librosa and its phases of 3 hours need, with room to spare; 25 GB were too little


@dataclass(frozen=True)
class Plan:
    """How much to measure.

    Attributes:
        files: How many files of 8 s.
        turns: Of everything quick.
        slow_turns: Of the usual way on the middle length, and of the two longest files.
        middle_s: Length on which all subjects are compared.
        lengths_s: Single files for cost against length, rising.
        at_least_s: Shortest time measured on the short files; passes are repeated until then.
        usual_longest: Whether to try the usual way on the longest file.
    """

    files: int = 24
    turns: int = 7
    slow_turns: int = 3
    middle_s: int = 600
    lengths_s: tuple[int, ...] = (60, 600, 3600, 10_800)
    at_least_s: float = 0.3
    usual_longest: bool = True


QUICK = Plan(4, turns=2, slow_turns=1, middle_s=60, lengths_s=(60, 600), at_least_s=0.0, usual_longest=False)


class Bench:
    """Walks through the plan, group by group."""

    def __init__(self, plan: Plan, folder: Path) -> None:
        self.plan, self.folder = plan, folder
        self.groups: dict[str, dict[str, Series]] = {}
        self.notes: list[str] = []
        self._started = time.monotonic()

    def run(self) -> Results:
        """Measure everything."""
        found = facts()
        self._say("making recordings")
        self._make()
        for threads in (1, 2):
            self._compare(threads)
        self._other_formats()
        self._lengths()
        self._usual_longest()
        self._cold_start()
        self._command_line()
        self._say("done")
        found |= {"elapsed_s": round(time.monotonic() - self._started), "plan": asdict(self.plan)}
        return Results(self.groups, self.plan.middle_s, found, self.notes)

    def _say(self, text: str) -> None:
        print(f"[{time.monotonic() - self._started:4.0f} s] {text}", file=sys.stderr, flush=True)

    def _measure(self, group: str, entries: dict[str, Entry], *, short: bool = False) -> None:
        self._say(group)
        at_least_s = self.plan.at_least_s if short else 0.0
        self.groups[group] = take_turns(entries, at_least_s=at_least_s, with_facts=short)

    def _make(self) -> None:
        lengths = sorted({self.plan.middle_s, *self.plan.lengths_s})
        command = [sys.executable, str(HERE / "sounds.py"), str(self.folder), "--files", str(self.plan.files)]
        made = subprocess.run([*command, "--lengths", *map(str, lengths)], check=True, capture_output=True).stdout
        sounds = json.loads(made)
        self.short: list[str] = sounds["short"]
        self.long = {int(seconds): [file] for seconds, file in sounds["long"].items()}
        self.other: dict[str, list[str]] = sounds["other"]

    def _compare(self, threads: int) -> None:
        """All subjects on short files (2 threads: two files at a time), then on one of middle length."""
        plan, audio_s = self.plan, SHORT_S * len(self.short)
        entries = {}
        for subject in ("scan", "network", "networks", "usual", "usual-half"):
            # PyTorch has threads of its own; the others take two files at a time.
            two = {"threads": threads} if subject.startswith("usual") else {"jobs": threads}
            entries[subject] = Entry(subject, self.short, audio_s, plan.turns, **two)
        self._measure(f"short, threads {threads}", entries, short=True)
        for subject in entries:
            turns = plan.slow_turns if subject.startswith("usual") else plan.turns
            entries[subject] = Entry(subject, self.long[plan.middle_s], plan.middle_s, turns, threads=threads)
        self._measure(f"middle, threads {threads}", entries)

    def _other_formats(self) -> None:
        audio_s = SHORT_S * len(self.other["wav"])
        entries = {form: Entry("scan", files, audio_s, self.plan.turns) for form, files in self.other.items()}
        self._measure("other formats", entries, short=True)

    def _lengths(self) -> None:
        """Cost against length: each file in a process of its own, which gives its peak memory."""
        plan = self.plan
        entries = {str(SHORT_S): Entry("scan", self.short[:1], SHORT_S, plan.turns)}
        for seconds in plan.lengths_s:
            turns = plan.turns if seconds <= 600 else plan.slow_turns
            entries[str(seconds)] = Entry("scan", self.long[seconds], seconds, turns, cold=seconds > 600)
        self._measure("lengths", entries)
        longest = plan.lengths_s[-1]
        two = Entry("scan", self.long[longest], longest, plan.slow_turns, threads=2, cold=True)
        self._measure("longest, threads 2", {"scan": two})

    def _usual_longest(self) -> None:
        """The usual way on the longest file, once, for its memory; in the variant that takes less time."""
        if not self.plan.usual_longest:
            return
        if available_bytes() < USUAL_MEMORY:
            self.notes.append("The usual way was not tried on the longest file: too little memory was free.")
            return
        longest = self.plan.lengths_s[-1]
        entry = Entry("usual-half", self.long[longest], longest, 1, cold=True)
        self._measure("longest, the usual way", {"usual-half": entry})

    def _cold_start(self) -> None:
        self._say("cold start")
        commands = {
            "python": ["-c", "pass"],
            "help": ["-m", "assay", "--help"],
            "scan": ["-m", "assay", "scan", self.short[0], "--format", "jsonl"],
            "usual": [str(HERE / "worker.py"), "usual", self.short[0]],
        }
        self.groups["cold start"] = run_commands(commands, self.folder, self.plan.turns)

    def _command_line(self) -> None:
        """`assay scan` on the longest file, as a user runs it."""
        self._say("command line, longest")
        longest = self.plan.lengths_s[-1]
        series = Series(longest)
        command = ["-m", "assay", "scan", self.long[longest][0], "--format", "jsonl"]
        series.add(run_command(command, self.folder))
        self.groups["longest, command line"] = {"scan": series}


def main() -> None:
    """Measure, print the table, and keep it unless this is only a smoke test."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="few turns and short files; nothing is written")
    parser.add_argument("--long", action="store_true", help="also a video of half an hour")
    arguments = parser.parse_args()
    if sys.platform != "linux":
        raise SystemExit("the benchmarks read /proc and pin processes to cores; they run on Linux only")
    with tempfile.TemporaryDirectory(prefix="assay-bench-") as folder:
        results = Bench(QUICK if arguments.quick else Plan(), Path(folder)).run()
    table = markdown(results)
    print(table)
    if not arguments.quick:
        write_readme(HERE / "README.md", table)
        (HERE / "last.json").write_text(json.dumps(results.as_dict(), indent=1) + "\n", encoding="utf-8")
    run_pictures(SHARED, quick=arguments.quick)
    run_videos(SHARED, quick=arguments.quick, long=arguments.long)
    run_training(quick=arguments.quick)


if __name__ == "__main__":
    main()
