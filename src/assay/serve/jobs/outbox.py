"""What is to be told to webhooks: written with the change it tells of, sent at least once (transactional outbox).

The form of an event is that of the Standard Webhooks specification (standardwebhooks.com): ``type``, ``timestamp``,
``data``. It holds the job and not its result, which is fetched with a key.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from assay.serve.database import Database
from assay.serve.jobs.options import view_of
from assay.serve.jobs.rows import changed
from assay.serve.jobs.tables import Delivery, Job, database_now

FIRST_WAIT_S = 5.0
LONGEST_WAIT_S = 3600.0
GIVE_UP = 410  # Gone: whoever answers so wants no more


@dataclass(frozen=True)
class Parcel:
    """A delivery that somebody is at: its number of attempts counts this one."""

    id: str
    url: str
    body: bytes
    attempts: int
    lease: str


def announce(session: Session, job_id: str) -> None:
    """Put the end of a job into the outbox, if it named a webhook; within the transaction that ended it."""
    job = session.get(Job, job_id, populate_existing=True)
    if job is None or job.webhook_url is None:
        return
    view = view_of(job)
    data = view.model_dump(mode="json", exclude={"webhook"})
    event = {"type": f"job.{job.state}", "timestamp": view.ended, "data": data}
    session.add(
        Delivery(
            id=f"msg_{secrets.token_hex(16)}",
            job_id=job_id,
            url=job.webhook_url,
            body=json.dumps(event, separators=(",", ":")),
            state="pending",
            attempts=0,
            next_at=database_now(),
        )
    )


def wait_before(attempt: int) -> float:
    """Seconds until attempt `attempt` + 1: 5, 20, 80, 320, 1280, then an hour each."""
    return min(FIRST_WAIT_S * 4.0 ** (attempt - 1), LONGEST_WAIT_S)


class Outbox:
    """Hands out what is due, each to one sender at a time.

    Args:
        database: Of the service.
        attempts: After how many a delivery counts as failed.
        lease_s: How long one attempt may take.
    """

    def __init__(self, database: Database, *, attempts: int, lease_s: float = 60.0) -> None:
        self._database, self._attempts, self._lease_s = database, attempts, lease_s

    def take(self) -> Parcel | None:
        """The delivery that is due the longest, or None."""
        due = (Delivery.state == "pending") & (Delivery.next_at <= database_now())
        with self._database.session() as session:
            found = session.scalar(select(Delivery.id).where(due).order_by(Delivery.next_at).limit(1))
        if found is None:
            return None
        token = secrets.token_hex(16)
        with self._database.session() as session:
            mine = changed(
                session,
                update(Delivery)
                .where(Delivery.id == found, due)
                .values(lease=token, attempts=Delivery.attempts + 1, next_at=database_now() + self._lease_s),
            )
            if not mine:
                return None
            row = session.get_one(Delivery, found)
            return Parcel(row.id, row.url, row.body.encode(), row.attempts, token)

    def delivered(self, parcel: Parcel, status: int) -> None:
        """It arrived."""
        self._note(parcel, state="delivered", last_status=status, last_error=None, lease=None)

    def failed(self, parcel: Parcel, status: int | None, why: str) -> None:
        """It did not arrive; it goes again later, unless it was the last attempt or nobody wants more."""
        over = status == GIVE_UP or parcel.attempts >= self._attempts
        self._note(
            parcel,
            state="failed" if over else "pending",
            next_at=database_now() + wait_before(parcel.attempts),
            last_status=status,
            last_error=why[:500],
            lease=None,
        )

    def _note(self, parcel: Parcel, **values: object) -> None:
        with self._database.session() as session:
            changed(
                session,
                update(Delivery).where(Delivery.id == parcel.id, Delivery.lease == parcel.lease).values(**values),
            )
