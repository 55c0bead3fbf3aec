"""One job from claim to result, and the heartbeat that keeps what is held."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from pathlib import Path
from threading import Event, Lock
from typing import TypeVar

from sqlalchemy.exc import DBAPIError

from assay.errors import AssayError, TookTooLong, UploadAltered
from assay.result import ScanResult
from assay.serve.jobs.leases import Claim, Leases
from assay.serve.jobs.scanning import Scan
from assay.stopping import stopped_by

log = logging.getLogger("assay.serve.jobs")

T = TypeVar("T")
TRIES = 5
BETWEEN_TRIES_S = 1.0
# What a scorer says that is full or about to stop (`assay.errors`): the job waits again, as if it had not begun.
NOT_NOW = frozenset({"overloaded", "unavailable", "stopped"})


class Unexpected(AssayError):
    """A fault of ours; what happened stands in the log and not in the answer."""

    code = "unexpected"


class Runner:
    """Works on jobs, several at a time if called from several threads.

    Args:
        leases: Claims, and where results go.
        scan: Scores a file.
        folder: Of stored files.
        longest_s: How long a job may take.
    """

    def __init__(self, leases: Leases, scan: Scan, folder: Path, *, longest_s: float) -> None:
        self._leases, self._scan, self._folder, self._longest_s = leases, scan, folder, longest_s
        self._held: dict[str, tuple[Claim, float, Event]] = {}
        self._lock = Lock()

    def run(self, job_id: str) -> None:
        """Work on a job if it may be claimed; errors of the file become its end."""
        claim = stubbornly(lambda: self._leases.claim(job_id))
        if claim is None:
            log.debug("job %s is not to be had", job_id)
            return
        stop = Event()
        with self._lock:
            self._held[claim.lease] = (claim, time.monotonic(), stop)
        try:
            self._work(claim, stop)
        finally:
            with self._lock:
                self._held.pop(claim.lease, None)

    def _work(self, claim: Claim, stop: Event) -> None:
        with stopped_by(stop):
            outcome = self._outcome(claim)
        if isinstance(outcome, AssayError) and outcome.code in NOT_NOW:
            stubbornly(lambda: self._leases.give_back([claim.lease]))
            return
        if isinstance(outcome, ScanResult):
            counted = stubbornly(lambda: self._leases.finish(claim, outcome))
        else:
            counted = stubbornly(lambda: self._leases.fail(claim, outcome))
        if not counted:
            log.info("job %s was cancelled or taken over; what was found is dropped", claim.job_id)
        elif not claim.keep:
            # The sweep removes what a kill leaves here.
            (self._folder / claim.media).unlink(missing_ok=True)

    def _outcome(self, claim: Claim) -> ScanResult | AssayError:
        try:
            result = self._scan(self._folder / claim.media, claim.label, claim.options)
        except AssayError as error:
            log.info("job %s: %s", claim.job_id, error)
            return error
        except Exception:  # the outermost place of a job: whatever escaped is logged, and the next one goes on
            log.exception("job %s ended in a fault of ours", claim.job_id)
            return Unexpected("Scoring ended in a fault of Assay; the log of the worker has it.", job=claim.job_id)
        if result.sha256 != claim.sha256:
            return UploadAltered("The stored file is not the one that was handed in.", sha256=result.sha256)
        return result

    def beat(self) -> None:
        """Keep what is held; what takes too long is ended, and what was cancelled or taken over is stopped."""
        with self._lock:
            held = dict(self._held)
        late = {lease for lease, (_, since, _) in held.items() if time.monotonic() - since > self._longest_s}
        for lease in late:
            claim, _, stop = held[lease]
            error = TookTooLong(
                f"Scoring took longer than {self._longest_s:g} s (serve_job_timeout_s). Raise it, or send less.",
                allowed=self._longest_s,
            )
            if self._leases.fail(claim, error):
                log.error("job %s takes longer than %g s and is given up", claim.job_id, self._longest_s)
            stop.set()
        for lease in self._leases.beat([lease for lease in held if lease not in late]):
            held[lease][2].set()

    def give_back(self) -> int:
        """Put what is still held back among the waiting; how many jobs. What is found later is dropped."""
        with self._lock:
            return self._leases.give_back(list(self._held))


def stubbornly(write: Callable[[], T]) -> T:
    """Do something with the database again while it does not answer; a restart of PostgreSQL takes seconds.

    Raises:
        sqlalchemy.exc.DBAPIError: The last one; the lease runs out then, and the job goes again.
    """
    for attempt in range(1, TRIES + 1):
        try:
            return write()
        except DBAPIError:  # noqa: PERF203 - a handful of turns
            if attempt == TRIES:
                raise
            log.warning("the database does not answer; attempt %d of %d", attempt, TRIES, exc_info=True)
            time.sleep(BETWEEN_TRIES_S)
    raise AssertionError
