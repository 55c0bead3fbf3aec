"""Results that were given, and what people said about them.

A verdict of the machine is never overwritten: an override is a row of its own, with who, when and why, and `standing`
is the last one's verdict. An appeal is open until an override answers it; an override may confirm what the machine
said.
"""

from __future__ import annotations

import time
from datetime import datetime, timezone
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import column, delete, select, table
from sqlalchemy.orm import Session

from assay.errors import RecordNotFound
from assay.result import Verdict
from assay.serve.access.principal import Principal
from assay.serve.operation.audit import append
from assay.serve.operation.recording import clean
from assay.serve.operation.tables import HistoryEntry, Review

JOBS = table("jobs", column("id"))  # by name, because `assay.serve.jobs` stands above this room
LARGEST_ID = 2**63 - 1
PRINTED = r"^[^\x00-\x1f\x7f]*$"  # PostgreSQL keeps no NUL and refuses to compare with one


class Appeal(BaseModel):
    """Somebody holds a verdict for wrong."""

    model_config = ConfigDict(extra="forbid")

    reason: str = Field(min_length=1, max_length=2000, examples=["I recorded this myself on 3 May."])


class Override(BaseModel):
    """A person's verdict beside that of the machine.

    Attributes:
        answers: The appeal that it decides.
    """

    model_config = ConfigDict(extra="forbid")

    verdict: Verdict
    reason: str = Field(min_length=1, max_length=2000, examples=["The original recording was shown to us."])
    answers: int | None = Field(None, ge=1, le=LARGEST_ID)


class ReviewView(BaseModel):
    """What a person said; `at` is ISO 8601, UTC."""

    id: int
    at: str
    kind: Literal["appeal", "override"]
    by: str
    by_name: str
    verdict: Verdict | None
    reason: str
    answers: int | None


class HistoryView(BaseModel):
    """A result that was given.

    Attributes:
        verdict: Of the machine.
        standing: Of the last override, or of the machine.
        appeal_open: Whether an appeal waits for an answer.
    """

    id: int
    at: str
    owner: str
    sha256: str
    label: str
    media: str
    verdict: Verdict
    standing: Verdict
    appeal_open: bool
    llr: float | None
    spoof_probability: float | None
    model: str
    model_version: str
    model_sha256: str
    job: str | None
    reviews: list[ReviewView]


class HistoryPage(BaseModel):
    """Results, newest first; `next` goes into ``before`` for the page behind this one, None at the end."""

    items: list[HistoryView]
    next: int | None


class HistoryQuery(BaseModel):
    """What to look for; times are ISO 8601, without a zone UTC."""

    media: Literal["audio", "image", "video"] | None = None
    verdict: Verdict | None = Field(None, description="of the machine")
    sha256: str | None = Field(None, pattern="^[0-9a-f]{64}$")
    label: str | None = Field(None, max_length=255, description="part of the name")
    model: str | None = Field(None, max_length=64, pattern=PRINTED)
    owner: str | None = Field(None, max_length=64, pattern=PRINTED)
    since: datetime | None = None
    until: datetime | None = None
    before: int | None = Field(None, ge=1, le=LARGEST_ID)
    limit: int = Field(50, ge=1, le=500)


def search(session: Session, principal: Principal, query: HistoryQuery) -> HistoryPage:
    """Results that somebody may see, newest first."""
    wanted = select(HistoryEntry).order_by(HistoryEntry.id.desc()).limit(query.limit + 1)
    if not (principal.may("review") or principal.may("admin")):
        wanted = wanted.where(HistoryEntry.owner == principal.id)
    for name in ("media", "verdict", "sha256", "model", "owner"):
        value = getattr(query, name)
        if value is not None:
            wanted = wanted.where(getattr(HistoryEntry, name) == value)
    if query.label is not None:
        wanted = wanted.where(HistoryEntry.label.contains(clean(query.label), autoescape=True))
    if query.since is not None:
        wanted = wanted.where(HistoryEntry.at >= _seconds(query.since))
    if query.until is not None:
        wanted = wanted.where(HistoryEntry.at < _seconds(query.until))
    if query.before is not None:
        wanted = wanted.where(HistoryEntry.id < query.before)
    found = list(session.scalars(wanted))
    items = [view_of(entry) for entry in found[: query.limit]]
    return HistoryPage(items=items, next=items[-1].id if len(found) > query.limit else None)


def find(session: Session, principal: Principal, entry_id: int) -> HistoryEntry:
    """One result.

    Raises:
        RecordNotFound: If there is none of that number, or it is somebody else's.
    """
    entry = session.get(HistoryEntry, entry_id, populate_existing=True) if 0 < entry_id <= LARGEST_ID else None
    if entry is None or not principal.sees(entry.owner):
        raise RecordNotFound(f"There is no result {entry_id} of yours. GET /api/history lists them.", id=entry_id)
    return entry


def appeal(
    session: Session, seal: bytes, principal: Principal, entry_id: int, said: Appeal, *, request_id: str = ""
) -> HistoryView:
    """Say that a verdict is wrong.

    Raises:
        RecordNotFound: As `find`.
    """
    entry = find(session, principal, entry_id)
    return _said(session, seal, principal, entry, said.reason, kind="appeal", request_id=request_id)


def override(
    session: Session, seal: bytes, principal: Principal, entry_id: int, said: Override, *, request_id: str = ""
) -> HistoryView:
    """Put a person's verdict beside that of the machine.

    Raises:
        RecordNotFound: As `find`, or if it answers an appeal that this result does not have.
    """
    entry = find(session, principal, entry_id)
    if said.answers is not None and said.answers not in {one.id for one in entry.reviews if one.kind == "appeal"}:
        raise RecordNotFound(f"Result {entry_id} has no appeal {said.answers}.", id=said.answers)
    return _said(
        session, seal, principal, entry, said.reason,
        kind="override", verdict=said.verdict, answers=said.answers, request_id=request_id,
    )  # fmt: skip


def _said(
    session: Session,
    seal: bytes,
    principal: Principal,
    entry: HistoryEntry,
    reason: str,
    *,
    kind: str,
    verdict: Verdict | None = None,
    answers: int | None = None,
    request_id: str = "",
) -> HistoryView:
    detail = {"entry": entry.id, "machine": entry.verdict} | ({} if answers is None else {"answers": answers})
    append(
        session, seal, principal, f"history.{kind}", entry.sha256,
        outcome=verdict or "open", detail=detail, request_id=request_id,
    )  # fmt: skip
    review = Review(
        entry=entry.id, at=time.time(), kind=kind, by=principal.id, by_name=principal.name,
        verdict=verdict, reason=reason.replace("\0", "\\x00"), answers=answers,
    )  # fmt: skip
    session.add(review)
    session.flush()
    session.refresh(entry)
    return view_of(entry)


def remove(session: Session, seal: bytes, principal: Principal, entry_id: int, *, request_id: str = "") -> str | None:
    """Delete a result, what was said about it and the job that it came from; the audit log keeps that it was there.

    Returns:
        Where its file was kept, to be removed by the caller.

    Raises:
        RecordNotFound: As `find`.
    """
    entry = find(session, principal, entry_id)
    append(session, seal, principal, "history.delete", entry.sha256, detail={"entry": entry.id}, request_id=request_id)
    kept = entry.kept
    session.execute(delete(HistoryEntry).where(HistoryEntry.id == entry.id))
    if entry.job is not None:  # its result goes with it, and what its webhook would still be told
        session.execute(delete(JOBS).where(JOBS.c.id == entry.job))
    return kept


def view_of(entry: HistoryEntry) -> HistoryView:
    """What the interface tells of a row."""
    overrides = [review for review in entry.reviews if review.kind == "override"]
    answered = {review.answers for review in overrides}
    waiting = [review for review in entry.reviews if review.kind == "appeal" and review.id not in answered]
    names = set(HistoryView.model_fields) - {"at", "standing", "appeal_open", "reviews"}
    told = {name: getattr(entry, name) for name in names} | {
        "at": iso(entry.at),
        "standing": overrides[-1].verdict if overrides else entry.verdict,
        "appeal_open": bool(waiting),
        "reviews": [_review_view(review) for review in entry.reviews],
    }
    return HistoryView.model_validate(told)


def _review_view(review: Review) -> ReviewView:
    fields = {name: getattr(review, name) for name in ReviewView.model_fields if name != "at"}
    return ReviewView(**fields, at=iso(review.at))


def iso(seconds: float) -> str:
    """A time as ISO 8601, UTC."""
    return datetime.fromtimestamp(seconds, timezone.utc).isoformat(timespec="milliseconds")


def _seconds(moment: datetime) -> float:
    return (moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)).timestamp()
