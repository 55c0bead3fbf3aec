"""What must happen now and then: waiting jobs are woken, dead ones ended, files and old jobs removed."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from pathlib import Path
from threading import Event, Thread

from assay.errors import QueueUnreachable
from assay.serve.jobs.leases import Leases
from assay.serve.jobs.queue import JobQueue
from assay.serve.jobs.store import JobStore

log = logging.getLogger("assay.serve.jobs")

ORPHAN_AFTER_S = 3600.0  # a file whose job is not there: perhaps it is about to be


class Repeated:
    """A function that a thread of its own calls again and again; what it raises is logged.

    Args:
        name: Of the thread.
        every_s: Pause between two calls.
        function: What to call.
    """

    def __init__(self, name: str, every_s: float, function: Callable[[], None]) -> None:
        self._every_s, self._function, self._over = every_s, function, Event()
        self._thread = Thread(target=self._loop, name=f"assay-{name}", daemon=True)
        self._thread.start()

    def _loop(self) -> None:
        while True:
            try:
                self._function()
            except Exception:  # the outermost place of this thread: a database that is away comes back
                log.exception("%s failed; it is tried again", self._thread.name)
            if self._over.wait(self._every_s):
                return

    def stop(self, wait_s: float = 5.0) -> None:
        """Call no more, and wait for a call that is under way."""
        self._over.set()
        self._thread.join(wait_s)


class Keeper:
    """Keeps jobs going and the house clean; any number of them may run side by side.

    Args:
        store: Jobs.
        leases: Who works on them.
        queue: Wakes workers.
        folder: Of stored files.
    """

    def __init__(self, store: JobStore, leases: Leases, queue: JobQueue, folder: Path) -> None:
        self._store, self._leases, self._queue, self._folder = store, leases, queue, folder

    def sweep(self) -> None:
        """Put jobs that nobody works on into the queue, if they are not there; end those that kill workers."""
        for job_id in self._leases.bury():
            log.error("job %s is given up: workers died while they had it", job_id)
        waiting = self._leases.waiting()
        try:
            asleep = set(waiting) - self._queue.pending() if waiting else set()
            for job_id in sorted(asleep):
                self._queue.wake(job_id)
        except QueueUnreachable as error:
            log.warning("%s Jobs wait in the database.", error)

    def tidy(self) -> None:
        """Remove old jobs, and files that no job needs."""
        while gone := self._store.remove_old():
            log.info("%d jobs were older than results are kept", len(gone))
            for name in gone:
                (self._folder / name).unlink(missing_ok=True)
        for name in self._store.old_media():
            (self._folder / name).unlink(missing_ok=True)
        self.remove_unwanted_files()

    def remove_unwanted_files(self) -> None:
        """Remove files of jobs that ended (a kill may come between), and old files without any."""
        ages = {path.name: _age_s(path) for path in self._folder.iterdir()} if self._folder.is_dir() else {}
        media = [name for name in ages if name.endswith(".media")]
        ended, needed = self._store.files(media)
        lonely = {name for name in ages if name not in needed and ages[name] > ORPHAN_AFTER_S}
        for name in ended | lonely:
            (self._folder / name).unlink(missing_ok=True)


def _age_s(path: Path) -> float:
    try:
        return time.time() - path.stat().st_mtime
    except FileNotFoundError:
        return 0.0
