"""Tables of jobs, their results, and what is told by webhook. Times are seconds since 1970, by the database's clock."""

from __future__ import annotations

import secrets
import time
from typing import Any, Literal

from sqlalchemy import BigInteger, Float, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.sql.functions import FunctionElement

from assay.serve.database import Base

State = Literal["queued", "running", "done", "failed", "cancelled"]
STATES: tuple[State, ...] = ("queued", "running", "done", "failed", "cancelled")
ENDED: tuple[State, ...] = ("done", "failed", "cancelled")


class database_now(FunctionElement[float]):  # noqa: N801 - reads as the SQL function that it is
    """Seconds since 1970 by the clock of the database, which all workers share."""

    type = Float()
    inherit_cache = True


@compiles(database_now, "sqlite")
def _sqlite_now(_element: Any, _compiler: Any, **_more: Any) -> str:
    return "((julianday('now') - 2440587.5) * 86400.0)"  # Julian day of 1970-01-01T00:00Z


@compiles(database_now, "postgresql")
def _postgresql_now(_element: Any, _compiler: Any, **_more: Any) -> str:
    # now() is when the transaction began, which may be long ago.
    return "CAST(extract(epoch FROM clock_timestamp()) AS double precision)"


def new_id() -> str:
    """32 hexadecimal digits: 48 bits of time in milliseconds, so that ids sort by age, and 80 that nobody can guess."""
    return f"{int(time.time() * 1000):012x}{secrets.token_hex(10)}"


class Job(Base):
    """A file to be scored.

    Attributes:
        owner: `assay.serve.access.Principal.id` of whoever handed it in.
        label: File name as the sender gave it, without folders.
        media: Name of the stored file in the folder of jobs.
        options: JSON of `assay.serve.jobs.options.JobOptions`.
        keep: Whether the file stays until the job is removed.
        request_hash: SHA-256 of what an idempotency key stands for.
        attempts: How often a worker began.
        lease: Token of the worker that holds the job while it runs.
        lease_until: When another may take it.
        error: JSON with code, message and context, of a failed job.
    """

    __tablename__ = "jobs"
    __table_args__ = (
        UniqueConstraint("owner", "idempotency_key"),
        Index("jobs_by_state", "state", "lease_until"),
        Index("jobs_by_lease", "lease"),
    )

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    state: Mapped[State] = mapped_column(String(16))
    owner: Mapped[str] = mapped_column(String(64))
    label: Mapped[str] = mapped_column(String(255))
    media: Mapped[str] = mapped_column(String(64))
    sha256: Mapped[str] = mapped_column(String(64))
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    options: Mapped[str] = mapped_column(Text)
    keep: Mapped[bool]
    idempotency_key: Mapped[str | None] = mapped_column(String(255))
    request_hash: Mapped[str] = mapped_column(String(64))
    webhook_url: Mapped[str | None] = mapped_column(Text)
    submitted: Mapped[float] = mapped_column(Float)
    started: Mapped[float | None] = mapped_column(Float)
    ended: Mapped[float | None] = mapped_column(Float)
    attempts: Mapped[int] = mapped_column(default=0)
    lease: Mapped[str | None] = mapped_column(String(32))
    lease_until: Mapped[float | None] = mapped_column(Float)
    verdict: Mapped[str | None] = mapped_column(String(16))
    error: Mapped[str | None] = mapped_column(Text)


class JobResult(Base):
    """What scoring found; the primary key lets it be written once.

    Attributes:
        lease: Under which it was written, so that a worker whose connection broke in the commit can tell.
        body: JSON of the `ScanResult`.
    """

    __tablename__ = "job_results"

    job_id: Mapped[str] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True)
    lease: Mapped[str] = mapped_column(String(32))
    body: Mapped[str] = mapped_column(Text)


class Delivery(Base):
    """What is to be told to a webhook; written with the change that it tells of, so neither is without the other.

    Attributes:
        state: ``pending``, ``delivered``, or ``failed`` when no more attempts are made.
        next_at: When it is due; pushed ahead while somebody is at it.
        lease: Token of whoever is at it.
        last_error: Why the last attempt failed.
    """

    __tablename__ = "job_deliveries"
    __table_args__ = (Index("job_deliveries_due", "state", "next_at"),)

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    job_id: Mapped[str] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), unique=True)
    url: Mapped[str] = mapped_column(Text)
    body: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(String(16))
    attempts: Mapped[int] = mapped_column(default=0)
    next_at: Mapped[float] = mapped_column(Float)
    lease: Mapped[str | None] = mapped_column(String(32))
    last_status: Mapped[int | None]
    last_error: Mapped[str | None] = mapped_column(Text)
