"""Starts workers and commands, lets them take turns, keeps every number.

Subjects of a group are measured in turns (A B C A B C …), so that a machine that slows down slows all of them down; a
ratio is taken within a turn, then the median over turns. Only the standard library is used here: this process must
stay small and idle while others are measured.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

HERE = Path(__file__).parent
THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


@dataclass
class Series:
    """All measurements of one subject or command.

    Attributes:
        audio_s: Seconds of sound in one pass; 0 where none is meant.
        wall_s: Seconds of a pass, one per turn.
        cpu_s: Seconds of all threads together, likewise.
        peak_bytes: Most resident memory of the process so far, likewise.
        facts: What else the subject has to say.
    """

    audio_s: float = 0.0
    wall_s: list[float] = field(default_factory=list)
    cpu_s: list[float] = field(default_factory=list)
    peak_bytes: list[int] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)

    def add(self, measured: dict[str, Any]) -> None:
        """Take one measurement."""
        self.wall_s.append(measured["wall_s"])
        self.cpu_s.append(measured["cpu_s"])
        self.peak_bytes.append(measured["peak_bytes"])

    @property
    def speeds(self) -> list[float]:
        """Seconds of sound per second, one per turn."""
        return [self.audio_s / wall for wall in self.wall_s]

    @property
    def core_speeds(self) -> list[float]:
        """Seconds of sound per second that one core was busy, one per turn."""
        return [self.audio_s / cpu for cpu in self.cpu_s]

    def as_dict(self) -> dict[str, Any]:
        """For the JSON file."""
        return asdict(self)


@dataclass(frozen=True)
class Entry:
    """One subject of a group: its name in `subjects.py`, what it reads, and how often it has its turn."""

    subject: str
    files: Sequence[str]
    audio_s: float
    turns: int
    threads: int = 1
    jobs: int = 1
    cold: bool = False


class Worker:
    """A running `worker.py`; leaving the context ends it."""

    def __init__(self, entry: Entry, at_least_s: float) -> None:
        command = [sys.executable, str(HERE / "worker.py"), entry.subject, *entry.files]
        command += ["--threads", str(entry.threads), "--jobs", str(entry.jobs), "--at-least-s", str(at_least_s)]
        self._process = subprocess.Popen(
            [*command, *(["--cold"] if entry.cold else [])],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment(entry.threads),
            cwd=Path(entry.files[0]).parent,
        )
        self._name = entry.subject
        self._answer()

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, _: TracebackType | None) -> None:
        if kind is not None:
            self._process.kill()
        self._process.communicate()

    def ask(self, what: str) -> dict[str, Any]:
        """Have it do something, and wait for the answer."""
        assert self._process.stdin is not None
        self._process.stdin.write(what + "\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(f"the worker '{self._name}' ended with {self._process.wait()}; see its message above")
        answer: dict[str, Any] = json.loads(line)
        return answer


def environment(threads: int) -> dict[str, str]:
    """This environment, with a limit on threads and without anybody's Assay settings."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ASSAY_")}
    return {**kept, **dict.fromkeys(THREAD_VARIABLES, str(threads))}


def take_turns(entries: dict[str, Entry], *, at_least_s: float, with_facts: bool = False) -> dict[str, Series]:
    """Measure the subjects of a group in turns, and ask for their `facts` afterwards."""
    series = {name: Series(entry.audio_s) for name, entry in entries.items()}
    with ExitStack() as stack:
        workers = {}
        for name, entry in entries.items():
            workers[name] = stack.enter_context(Worker(entry, at_least_s))
        for turn in range(max(entry.turns for entry in entries.values())):
            for name, worker in workers.items():
                if turn < entries[name].turns:
                    series[name].add(worker.ask("measure"))
        for name, worker in workers.items() if with_facts else ():
            series[name].facts = worker.ask("facts")
    return series


def run_commands(commands: dict[str, list[str]], folder: Path, turns: int) -> dict[str, Series]:
    """Measure fresh processes in turns, from start to end; all threads they like."""
    series = {name: Series() for name in commands}
    for _ in range(turns):
        for name, command in commands.items():
            series[name].add(run_command(command, folder))
    return series


def run_command(command: list[str], folder: Path) -> dict[str, Any]:
    """Wall time, processor time and peak memory of one fresh process.

    The peak is the kernel's for the child; it includes at least what this process held when it started the child,
    which is why this process stays small.
    """
    started = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, *command], stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL, cwd=folder, env=environment(1)
    )
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"python {command[:3]} ended with {process.returncode}")
    return {"wall_s": wall, "cpu_s": usage.ru_utime + usage.ru_stime, "peak_bytes": usage.ru_maxrss * 1024}


def ratios(above: Series, below: Series) -> list[float]:
    """Speed of one over speed of another, turn by turn."""
    return [a / b for a, b in zip(above.speeds, below.speeds, strict=False)]


def median_of(values: Sequence[float]) -> float:
    """The median."""
    return statistics.median(values)
