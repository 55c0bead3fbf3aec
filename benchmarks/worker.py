"""One measured subject in a process of its own; `run.py` starts these, and so may you.

    python benchmarks/worker.py scan --threads 1 recording.wav <<< go

It loads what it needs, does one pass that is not counted, prints a JSON line, and then for each line on standard input
measures and prints another. Between lines it sleeps, so that several subjects can take turns on a quiet machine.

Decisions
- The process is pinned to as many cores as it may use threads. Whoever starts more threads than agreed gains nothing.
- Passes are repeated until `--at-least-s` have gone by, so that short ones can be timed.
- Peak memory is the kernel's high-water mark of this process (VmHWM), interpreter and libraries included. It is not
  getrusage's, which a process inherits from the one that started it.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path
from typing import Any


def pin(cores: int) -> None:
    """Keep this process on the last `cores` of the cores it may use; the first ones serve most interrupts."""
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-cores:])


def peak_bytes() -> int:
    """Most memory this process ever had resident."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return 1024 * int(status.split("VmHWM:")[1].split()[0])


def measure(subject: Any, at_least_s: float) -> dict[str, float]:
    """Wall and processor time of one pass, averaged over as many as fit into `at_least_s`."""
    passes = 0
    started, processor = time.perf_counter(), time.process_time()
    while not passes or time.perf_counter() - started < at_least_s:
        subject()
        passes += 1
    wall = (time.perf_counter() - started) / passes
    return {"wall_s": wall, "cpu_s": (time.process_time() - processor) / passes, "peak_bytes": peak_bytes()}


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("subject", help="a name in subjects.py")
    parser.add_argument("files", nargs="+")
    parser.add_argument("--threads", type=int, default=1, help="threads inside an operator")
    parser.add_argument("--jobs", type=int, default=1, help="files at a time")
    parser.add_argument("--at-least-s", type=float, default=0.0)
    parser.add_argument("--cold", action="store_true", help="no pass before the measured ones")
    return parser.parse_args()


def main() -> None:
    """Serve measurements until standard input ends."""
    arguments = parse()
    pin(max(arguments.threads, arguments.jobs))
    from load import Load
    from subjects import SUBJECTS  # numerical libraries look at the cores when they are loaded

    subject = SUBJECTS[arguments.subject](Load(arguments.files, arguments.threads, arguments.jobs))
    if not arguments.cold:
        subject()
    print(json.dumps({"ready": arguments.subject}), flush=True)
    for line in sys.stdin:
        if line.strip() == "facts":
            print(json.dumps(subject.facts()), flush=True)
        else:
            print(json.dumps(measure(subject, arguments.at_least_s)), flush=True)


if __name__ == "__main__":
    main()
