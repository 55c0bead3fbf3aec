"""`assay worker`: works on the jobs that were handed in to the service."""

from __future__ import annotations

import signal
import sys
import threading
from typing import TYPE_CHECKING, Annotated

import typer

from assay.cli.extras import service_extra

if TYPE_CHECKING:
    from types import FrameType

    from assay.settings import Settings

EPILOG = """\b
Examples:
  assay worker --jobs 2
  assay worker --processes 4

It runs until SIGTERM or SIGINT (Ctrl-C), finishes what is under way, and gives back what takes longer than
serve_grace_s. It may be killed at any time: its jobs go to another worker after serve_lease_s. Any number may run,
on several machines, too, if serve_database, serve_queue and serve_folder are the same for all.
"""


def worker(
    jobs: Annotated[int | None, typer.Option("--jobs", "-j", help="Jobs at the same time, per process.")] = None,
    processes: Annotated[
        int, typer.Option("--processes", "-p", min=1, max=64, help="Processes; one that dies is started again.")
    ] = 1,
    threads: Annotated[int | None, typer.Option(help="Threads of the network for one job.")] = None,
) -> None:
    """Score the files that were handed in as jobs to `assay serve`."""
    from assay.cli.terminal import note, prepare_long

    settings = prepare_long(jobs=jobs, threads=threads)
    with service_extra("assay worker"):
        if processes == 1:
            run(settings)
        else:
            from assay.serve.jobs.processes import supervise

            note(f"{processes} workers start; end them with SIGTERM or Ctrl-C")
            supervise(settings, processes)


def run(settings: Settings) -> None:
    """Work until a signal says to end."""
    from assay.cli.terminal import note
    from assay.serve.jobs.running import work_until

    over = threading.Event()

    def end(_number: int, _frame: FrameType | None) -> None:
        over.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    work_until(over, settings, ready=lambda: note("worker ready"))
    sys.stderr.flush()
