"""Jobs in the database, as workers see them: claim, keep, give back, end.

A claim, and everything after it, is an update that names the state it expects; who finds no such row has lost the job.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Collection
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Update, and_, or_, select, update
from sqlalchemy.orm import Session

from assay.errors import AssayError, WorkerLost
from assay.result import Outcome, ScanFailure, ScanResult
from assay.serve.database import Database
from assay.serve.jobs.options import JobOptions
from assay.serve.jobs.outbox import announce
from assay.serve.jobs.rows import changed
from assay.serve.jobs.tables import Job, JobResult, database_now
from assay.settings import Settings


@dataclass(frozen=True)
class Claim:
    """A job that one worker holds; `lease` proves it."""

    job_id: str
    lease: str
    owner: str
    label: str
    media: str
    sha256: str
    options: JobOptions
    keep: bool


Recorder = Callable[[Session, Claim, Outcome], None]
"""Told of every end of a job that counts, within the transaction that writes it: history, audit, counts."""


def _nobody(_session: Session, _claim: Claim, _outcome: Outcome) -> None:
    """Who records nothing."""


class Leases:
    """Who works on what.

    Args:
        database: Of the service; its tables are there.
        settings: `serve_lease_s` and `serve_job_attempts` are used.
        record: Told of what scoring found.
    """

    def __init__(self, database: Database, settings: Settings, record: Recorder = _nobody) -> None:
        self._database, self._record = database, record
        self._lease_s, self._attempts = settings.serve_lease_s, settings.serve_job_attempts

    @staticmethod
    def _expired() -> ColumnElement[bool]:
        return and_(Job.state == "running", Job.lease_until < database_now())

    def _free(self) -> ColumnElement[bool]:
        return and_(or_(Job.state == "queued", self._expired()), Job.attempts < self._attempts)

    def waiting(self, limit: int = 10_000) -> list[str]:
        """Ids of jobs that may be claimed, oldest first."""
        with self._database.session() as session:
            return list(session.scalars(select(Job.id).where(self._free()).order_by(Job.id).limit(limit)))

    def claim(self, job_id: str) -> Claim | None:
        """Take a job that nobody holds; None if it is held, over, gone, or was begun too often."""
        token = secrets.token_hex(16)
        with self._database.session() as session:
            mine = changed(
                session,
                update(Job)
                .where(Job.id == job_id, self._free())
                .values(
                    state="running",
                    lease=token,
                    lease_until=database_now() + self._lease_s,
                    attempts=Job.attempts + 1,
                    started=database_now(),
                ),
            )
            if not mine:
                return None
            return _claim_of(session.get_one(Job, job_id), token)

    def beat(self, leases: Collection[str]) -> set[str]:
        """Keep jobs for another while; the leases of those that are lost: cancelled, or taken by somebody else."""
        if not leases:
            return set()
        held = and_(Job.lease.in_(leases), Job.state == "running")
        with self._database.session() as session:
            changed(session, update(Job).where(held).values(lease_until=database_now() + self._lease_s))
            return set(leases) - set(session.scalars(select(Job.lease).where(held)))

    def give_back(self, leases: Collection[str]) -> int:
        """Put jobs that are held back among the waiting ones, as if they had never been begun; how many."""
        if not leases:
            return 0
        back = update(Job).where(Job.lease.in_(leases), Job.state == "running")
        with self._database.session() as session:
            return changed(
                session,
                back.values(state="queued", lease=None, lease_until=None, started=None, attempts=Job.attempts - 1),
            )

    def finish(self, claim: Claim, result: ScanResult) -> bool:
        """Write what scoring found; False if the job is no longer this worker's, and the result is dropped."""
        with self._database.session() as session:
            ended = changed(session, self._held(claim).values(state="done", verdict=result.verdict, **_over()))
            if not ended:
                # A connection may have broken after the commit: then it is written, and by us.
                written = session.get(JobResult, claim.job_id)
                return written is not None and written.lease == claim.lease
            session.add(JobResult(job_id=claim.job_id, lease=claim.lease, body=result.model_dump_json()))
            session.flush()
            self._record(session, claim, result)
            announce(session, claim.job_id)
        return True

    def fail(self, claim: Claim, error: AssayError) -> bool:
        """Write why there is no result; False if the job is no longer this worker's."""
        with self._database.session() as session:
            if not _fail(session, self._held(claim), claim.job_id, error):
                return False
            self._record(session, claim, ScanFailure.of(claim.label, error))
        return True

    def _held(self, claim: Claim) -> Update:
        return update(Job).where(Job.id == claim.job_id, Job.lease == claim.lease, Job.state == "running")

    def bury(self) -> list[str]:
        """End jobs whose workers died as often as one may begin; their ids. Some files kill whoever decodes them."""
        dead = and_(self._expired(), Job.attempts >= self._attempts)
        with self._database.session() as session:
            found = list(session.scalars(select(Job.id).where(dead)))
        buried = []
        for job_id in found:
            error = WorkerLost(
                f"{self._attempts} workers died or lost touch while they had this file (serve_job_attempts). It may"
                " need more memory than there is, or break a decoder; `assay scan` on it shows which.",
                attempts=self._attempts,
            )
            with self._database.session() as session:
                if _fail(session, update(Job).where(Job.id == job_id, dead), job_id, error):
                    claim = _claim_of(session.get_one(Job, job_id), "")
                    self._record(session, claim, ScanFailure.of(claim.label, error))
                    buried.append(job_id)
        return buried


def _claim_of(job: Job, lease: str) -> Claim:
    options = JobOptions.model_validate_json(job.options)
    return Claim(job.id, lease, job.owner, job.label, job.media, job.sha256, options, job.keep)


def _over() -> dict[str, object]:
    return {"ended": database_now(), "lease": None, "lease_until": None}


def _fail(session: Session, held: Update, job_id: str, error: AssayError) -> bool:
    told = {"code": error.code, "message": error.message, "context": error.context}
    if not changed(session, held.values(state="failed", error=json.dumps(told, default=str), **_over())):
        return False
    announce(session, job_id)
    return True
