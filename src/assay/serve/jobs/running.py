"""A worker with a database of its own, from start to end of a process."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event

from assay.serve.context import Context
from assay.serve.database import Database
from assay.serve.jobs.recording import recorder
from assay.serve.jobs.worker import Worker
from assay.settings import Settings

LOOK_S = 0.5  # a wait without end would not let Python handle signals on every system


def work_until(over: Event, settings: Settings, *, ready: Callable[[], None] = lambda: None) -> None:
    """Work on jobs until somebody says that it is over, and finish what is under way.

    Args:
        over: Set by whoever ends it.
        settings: `jobs` is how many at a time.
        ready: Called once when jobs are taken.

    Raises:
        SettingsError: If database or queue are not there.
        ModelError: If the detector is unknown or altered.
    """
    database = Database.of(settings)
    try:
        database.create_tables()
        context = Context(settings, database, scorer=None)
        worker = Worker(context, jobs=settings.jobs, record=recorder(context))
        try:
            ready()
            while not over.wait(LOOK_S):
                pass
        finally:
            worker.stop()
    finally:
        database.close()
