"""A worker: threads that take jobs from the queue, with a heartbeat, a sweep, and what sends webhooks."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

from assay.serve.context import Context
from assay.serve.jobs.courier import Courier
from assay.serve.jobs.keeper import Keeper, Repeated
from assay.serve.jobs.leases import Leases, Recorder
from assay.serve.jobs.outbox import Outbox
from assay.serve.jobs.queue import JobQueue
from assay.serve.jobs.runner import Runner
from assay.serve.jobs.scanning import DetectorScan, Scan, ScorerScan
from assay.serve.jobs.store import JobStore
from assay.settings import Settings

log = logging.getLogger("assay.serve.jobs")

SWEEP_S = 5.0
TIDY_S = 600.0
COURIERS = 2
COURIER_S = 1.0


def folder_of(settings: Settings) -> Path:
    """Where files wait for their job; made if it is not there. Workers on several machines must share it."""
    folder: Path = settings.serve_folder / "jobs"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


class Worker:
    """Works on jobs until it is stopped.

    Args:
        context: Settings and database.
        jobs: How many at a time.
        scan: Scores a file; None makes a detector of its own.
        record: Told of every end that counts, in its transaction; None for nobody.

    Raises:
        SettingsError: If the queue is not there, or webhooks are allowed without a secret.
        ModelError: If the detector is unknown or altered.
    """

    def __init__(
        self, context: Context, *, jobs: int, scan: Scan | None = None, record: Recorder | None = None
    ) -> None:
        settings, database = context.settings, context.database
        folder = folder_of(settings)
        leases = Leases(database, settings, *(() if record is None else (record,)))
        self._wait_s = settings.serve_grace_s
        self._queue = JobQueue(settings)
        self._runner = Runner(leases, scan or DetectorScan(settings), folder, longest_s=settings.serve_job_timeout_s)
        keeper = Keeper(JobStore(database, settings), leases, self._queue, folder)
        courier = Courier(Outbox(database, attempts=settings.serve_webhook_attempts), settings)
        self._heart = Repeated("heart", settings.serve_lease_s / 3, self._runner.beat)
        self._consumer = self._queue.consume(self._runner.run, jobs)
        self._repeated = [
            Repeated("sweep", min(SWEEP_S, settings.serve_lease_s / 2), keeper.sweep),
            Repeated("tidy", TIDY_S, keeper.tidy),
            *(Repeated(f"courier-{number}", COURIER_S, courier.send_all) for number in range(COURIERS)),
        ]

    def stop(self, wait_s: float | None = None) -> None:
        """Take no more jobs, finish those under way within `wait_s` seconds (`serve_grace_s`), give back the others."""
        wait_s = self._wait_s if wait_s is None else wait_s
        self._consumer.shutdown_timeout = wait_s
        self._consumer.stop(graceful=True)
        for repeated in self._repeated:
            repeated.stop()
        self._heart.stop()
        back = self._runner.give_back()
        if back:
            log.warning("%d jobs were not finished within %g s and wait again", back, wait_s)
        self._queue.close()


def start_embedded(context: Context, scan: Scan | None = None, record: Recorder | None = None) -> Worker | None:
    """The worker inside `assay serve`, so that nothing else has to be started; the caller stops it, in a thread.

    Args:
        context: Of the service. Called where its event loop runs, `context.scorer` scans.
        scan: Scores a file instead.
        record: As for `Worker`.

    Returns:
        None where `serve_embedded_jobs` is 0: then `assay worker` does it.
    """
    settings = context.settings
    if not settings.serve_embedded_jobs:
        return None
    if scan is None and context.scorer is not None:
        scan = ScorerScan(context.scorer, asyncio.get_running_loop(), longest_s=settings.serve_job_timeout_s)
    return Worker(context, jobs=settings.serve_embedded_jobs, scan=scan, record=record)
