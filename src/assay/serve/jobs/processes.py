"""Several workers under one parent: each in a process of its own, so that a file that kills one hurts no other.

Children are started anew ("spawn"), never forked: a fork would share database connections and locks of threads.
"""

from __future__ import annotations

import logging
import multiprocessing
import signal
import sys
from multiprocessing.connection import wait
from multiprocessing.context import SpawnProcess
from multiprocessing.process import BaseProcess
from threading import Event, Thread
from types import FrameType

from assay.errors import AssayError, SettingsError
from assay.logs import configure
from assay.serve.jobs.running import work_until
from assay.settings import Settings

log = logging.getLogger("assay.serve.jobs")

PAUSE_S = 1.0  # before a child that died is started again, so that one that cannot start does not spin
LOOK_S = 0.5
UNFIT = 78  # EX_CONFIG of sysexits.h


def supervise(settings: Settings, count: int) -> None:
    """Keep workers running until SIGTERM or SIGINT, then end them and wait for them.

    Args:
        settings: Of each.
        count: How many.

    Raises:
        SettingsError: If one cannot start; it has said why.
    """
    over = Event()

    def end(_number: int, _frame: FrameType | None) -> None:
        over.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    children = [_start(settings) for _ in range(count)]
    try:
        while not over.is_set():
            wait([child.sentinel for child in children], timeout=LOOK_S)
            for place, child in enumerate(children):
                if child.exitcode == UNFIT:
                    raise SettingsError("A worker cannot start; what is wrong stands above.")
                if not child.is_alive() and not over.wait(PAUSE_S):
                    log.error("worker %s ended with %s and is started again", child.pid, child.exitcode)
                    children[place] = _start(settings)
    finally:
        for child in children:
            child.terminate()
        for child in children:
            child.join()


def _start(settings: Settings) -> SpawnProcess:
    child = multiprocessing.get_context("spawn").Process(target=_work, args=(settings,), name="assay-worker")
    child.start()
    return child


def _work(settings: Settings) -> None:
    """A child: ends with SIGTERM, and with its parent, however that ends."""
    configure(settings)
    over = Event()
    signal.signal(signal.SIGTERM, lambda *_: over.set())
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent passes it on
    parent = multiprocessing.parent_process()
    if parent is not None:
        Thread(target=_follow, args=(parent, over), daemon=True).start()
    try:
        work_until(over, settings)
    except AssayError as error:
        log.error("%s [%s]", error, error.code)
        sys.exit(UNFIT)


def _follow(parent: BaseProcess, over: Event) -> None:
    parent.join()
    over.set()
