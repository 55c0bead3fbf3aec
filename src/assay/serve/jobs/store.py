"""Jobs in the database, as whoever hands them in sees them: submit, look up, list, cancel; and what goes later."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from assay.errors import JobCancelled, JobEnded, JobNotDone, JobNotFound, KeyReused, QueueFull, TooManyJobs
from assay.result import ErrorDetail
from assay.serve.database import Database
from assay.serve.jobs.options import JobPage, JobView, view_of
from assay.serve.jobs.outbox import announce
from assay.serve.jobs.rows import alone, changed
from assay.serve.jobs.tables import ENDED, Delivery, Job, JobResult, State, database_now
from assay.settings import Settings

DAY_S = 86_400.0
AT_ONCE = 1000  # rows of one statement; databases limit how many values one may name
MEDIA_OF = "{}.media"


@dataclass(frozen=True)
class Submission:
    """A file that is stored, and what is wanted of it; fields as in `assay.serve.jobs.tables.Job`."""

    id: str
    owner: str
    label: str
    sha256: str
    size_bytes: int
    options: str
    keep: bool
    idempotency_key: str | None
    request_hash: str
    webhook_url: str | None


class JobStore:
    """Jobs by id and owner.

    Whose `owner` is None sees the jobs of everybody; a job of somebody else does not exist.

    Args:
        database: Of the service; its tables are there.
        settings: `serve_max_jobs`, `serve_max_jobs_each` and `serve_keep_results_days` are used.
    """

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database, self._settings = database, settings

    def submit(self, new: Submission) -> tuple[JobView, bool]:
        """Add a job, unless its idempotency key has one already.

        Returns:
            The job, and whether it is new.

        Raises:
            KeyReused: If the key stands for another request.
            TooManyJobs: If the owner has as many waiting as one may.
            QueueFull: If the service has as many waiting as it takes.
        """
        with self._database.session() as session:
            alone(session)
            earlier = self._earlier(session, new)
            if earlier is not None:
                return _view(session, earlier), False
            self._refuse_when_full(session, new.owner)
            fields = {name: getattr(new, name) for name in Submission.__dataclass_fields__}
            job = Job(**fields, state="queued", media=MEDIA_OF.format(new.id), submitted=database_now())
            session.add(job)
            session.flush()
            session.refresh(job)
            return view_of(job), True

    def refuse_when_full(self, owner: str) -> None:
        """Ask before a file is received; `submit` asks again.

        Raises:
            TooManyJobs: If the owner has as many waiting as one may.
            QueueFull: If the service has as many waiting as it takes.
        """
        with self._database.session() as session:
            self._refuse_when_full(session, owner)

    def _refuse_when_full(self, session: Session, owner: str) -> None:
        waiting = select(func.count()).select_from(Job).where(Job.state == "queued")
        most, each = self._settings.serve_max_jobs, self._settings.serve_max_jobs_each
        if (session.scalar(waiting) or 0) >= most:
            raise QueueFull(f"{most} jobs are waiting, as many as this service takes. Try again later.", allowed=most)
        if (session.scalar(waiting.where(Job.owner == owner)) or 0) >= each:
            raise TooManyJobs(f"{each} of your jobs are waiting, as many as you may have. Try later.", allowed=each)

    def _earlier(self, session: Session, new: Submission) -> Job | None:
        if new.idempotency_key is None:
            return None
        job = session.scalar(select(Job).where(Job.owner == new.owner, Job.idempotency_key == new.idempotency_key))
        if job is not None and job.request_hash != new.request_hash:
            raise KeyReused(
                "The Idempotency-Key was used for another file or other options. Use a new key for a new request.",
                job=job.id,
            )
        return job

    def find(self, job_id: str, owner: str | None) -> JobView:
        """One job.

        Raises:
            JobNotFound: If there is none of that id, or it belongs to somebody else.
        """
        with self._database.session() as session:
            return _view(session, _owned(session, job_id, owner))

    def page(
        self, owner: str | None, *, state: State | None = None, limit: int = 50, after: str | None = None
    ) -> JobPage:
        """Jobs, newest first, `limit` at most, older than the job `after`."""
        wanted = select(Job).order_by(Job.id.desc()).limit(limit + 1)
        if owner is not None:
            wanted = wanted.where(Job.owner == owner)
        if state is not None:
            wanted = wanted.where(Job.state == state)
        if after is not None:
            wanted = wanted.where(Job.id < after)
        with self._database.session() as session:
            jobs = list(session.scalars(wanted))
            told = session.scalars(select(Delivery).where(Delivery.job_id.in_([job.id for job in jobs])))
            deliveries = {delivery.job_id: delivery for delivery in told}
            views = [view_of(job, deliveries.get(job.id)) for job in jobs[:limit]]
        return JobPage(jobs=views, next=views[-1].id if len(jobs) > limit else None)

    def result(self, job_id: str, owner: str | None) -> str | ErrorDetail:
        """What scoring found: JSON of a `ScanResult`, or the error that it ended in.

        Raises:
            JobNotFound: If there is no such job of this owner.
            JobNotDone: If it is waiting or running.
            JobCancelled: If it was cancelled.
        """
        with self._database.session() as session:
            job = _owned(session, job_id, owner)
            if job.state == "done":
                return session.get_one(JobResult, job_id).body
            state, error = job.state, job.error
        if state == "cancelled":
            raise JobCancelled("The job was cancelled; there will be no result.", job=job_id)
        if state == "failed":
            return ErrorDetail.model_validate_json(error or "{}")
        raise JobNotDone(f"The job is {state}; its result is not there yet. Ask again later.", job=job_id, state=state)

    def cancel(self, job_id: str, owner: str | None) -> JobView:
        """Let a job not run; if it runs, let it be stopped at the next heartbeat and its result be dropped.

        A job that is cancelled already stays so.

        Raises:
            JobNotFound: If there is no such job of this owner.
            JobEnded: If it is done or failed.
        """
        with self._database.session() as session:
            wanted = update(Job).where(Job.id == job_id, Job.state.in_(("queued", "running")))
            if owner is not None:
                wanted = wanted.where(Job.owner == owner)
            if changed(session, wanted.values(state="cancelled", ended=database_now(), lease=None, lease_until=None)):
                announce(session, job_id)
                session.flush()
            job = _owned(session, job_id, owner)
            if job.state != "cancelled":
                raise JobEnded(f"The job is {job.state} and cannot be cancelled.", job=job_id, state=job.state)
            return _view(session, job)

    def counts(self) -> dict[State, int]:
        """Jobs in each state; a state without any is left out."""
        with self._database.session() as session:
            rows = session.execute(select(Job.state, func.count()).group_by(Job.state))
            return {state: count for state, count in rows}  # noqa: C416 - rows are tuples only at run time

    def remove_old(self) -> list[str]:
        """Remove jobs that ended longer ago than results are kept, some at a time; the names of their files."""
        old = Job.state.in_(ENDED) & (Job.ended < database_now() - self._settings.serve_keep_results_days * DAY_S)
        with self._database.session() as session:
            found = session.execute(select(Job.id, Job.media).where(old).order_by(Job.id).limit(AT_ONCE)).all()
            session.execute(delete(Job).where(Job.id.in_([row.id for row in found])))
            return [row.media for row in found]

    def old_media(self) -> list[str]:
        """Names of files that were kept on purpose, whose jobs ended longer ago than media are kept."""
        days = self._settings.serve_keep_media_days
        old = Job.state.in_(ENDED) & Job.keep & (Job.ended < database_now() - days * DAY_S)
        with self._database.session() as session:
            return list(session.scalars(select(Job.media).where(old)))

    def files(self, names: Collection[str]) -> tuple[set[str], set[str]]:
        """Of files in the folder of jobs: those whose job has ended and does not keep them, and those still needed."""
        over: dict[str, bool] = {}
        asked, rows = list(names), select(Job.media, Job.state, Job.keep)
        with self._database.session() as session:
            for start in range(0, len(asked), AT_ONCE):
                found = session.execute(rows.where(Job.media.in_(asked[start : start + AT_ONCE])))
                over |= {media: state in ENDED and not keep for media, state, keep in found}
        return {name for name in over if over[name]}, {name for name in over if not over[name]}


def _owned(session: Session, job_id: str, owner: str | None) -> Job:
    job = session.get(Job, job_id, populate_existing=True)
    if job is None or (owner is not None and job.owner != owner):
        raise JobNotFound(f"There is no job '{job_id[:64]}'. GET /api/jobs lists yours.", job=job_id[:64])
    return job


def _view(session: Session, job: Job) -> JobView:
    return view_of(job, session.scalar(select(Delivery).where(Delivery.job_id == job.id)))
