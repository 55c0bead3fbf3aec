"""Whether the scores of a model still come from where they came from.

Of each model and medium the first scores here are the reference (or bona fide files on the model's card). Every further
``serve_drift_batch`` scores are compared with it, once; the k-th comparison may spend ``serve_drift_false_alert`` /
(k (k + 1)), so that the chance of *ever* giving a false alert is no more than that setting
(`assay.serve.operation.smirnov`). Scores of a file that the model had seen here before do not count.

An alert says that what comes in has changed, not that verdicts are wrong: a new customer, codec or generator does it.
It stays until somebody accepts it, which begins a new reference. State is in the database, so that any number of
processes may look.
"""

from __future__ import annotations

import json
import logging
import time
from contextlib import suppress
from typing import Any, cast

import numpy as np
from pydantic import BaseModel
from sqlalchemy import BigInteger, CursorResult, Float, String, Text, func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, mapped_column

from assay.errors import AssayError, RecordNotFound
from assay.models.card import TailModel
from assay.models.registry import list_cards
from assay.serve.access.principal import Principal
from assay.serve.context import Context
from assay.serve.database import Base
from assay.serve.operation.audit import append, seal_of
from assay.serve.operation.history import iso
from assay.serve.operation.smirnov import Floats, above_card, allowance, two_sample
from assay.serve.operation.tables import HistoryEntry

REFERENCE_BATCHES = 2  # the reference is twice a batch: what it lacks in sharpness, every comparison lacks
log = logging.getLogger("assay.serve.drift")


class DriftState(Base):
    """How far the comparisons of one model and medium got.

    Attributes:
        reference: JSON list of scores, or ``card``.
        last_id: Last entry of the history that was used.
        batches: Comparisons so far, the last one's statistic and p-value, and what it was allowed to spend.
        median, reference_median: Of the last batch, and of the reference.
        alert_at: Since when there is an alert, or None.
    """

    __tablename__ = "drift"

    media: Mapped[str] = mapped_column(String(16), primary_key=True)
    model_sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    model: Mapped[str] = mapped_column(String(64))
    reference: Mapped[str] = mapped_column(Text)
    last_id: Mapped[int] = mapped_column(BigInteger)
    batches: Mapped[int]
    statistic: Mapped[float | None] = mapped_column(Float(53))
    p: Mapped[float | None] = mapped_column(Float(53))
    allowed: Mapped[float | None] = mapped_column(Float(53))
    median: Mapped[float | None] = mapped_column(Float(53))
    reference_median: Mapped[float | None] = mapped_column(Float(53))
    alert_at: Mapped[float | None] = mapped_column(Float(53))


class DriftView(BaseModel):
    """What is known of one model and medium; fields as in `DriftState`, `alert_at` in ISO 8601, UTC."""

    media: str
    model: str
    model_sha256: str
    alert: bool
    alert_at: str | None
    batches: int
    statistic: float | None
    p: float | None
    allowed: float | None
    median: float | None
    reference_median: float | None


def look(context: Context) -> list[DriftView]:
    """Make all comparisons for which there are enough scores, and tell how things stand."""
    database = context.database
    with database.session() as session:
        pairs = select(HistoryEntry.media, HistoryEntry.model_sha256, HistoryEntry.model).distinct()
        found = session.execute(pairs.where(HistoryEntry.fresh, HistoryEntry.llr.is_not(None))).all()
    for media, model_sha256, model in found:
        # Should another process begin with this model at the same time, it goes on with it.
        with suppress(IntegrityError):
            while _step(context, media, model_sha256, model):
                pass
    with database.session() as session:
        states = session.scalars(select(DriftState).order_by(DriftState.media, DriftState.model))
        return [_view(state) for state in states]


def accept(context: Context, principal: Principal, media: str, *, request_id: str = "") -> int:
    """Take what comes in now for what is to be expected: the next scores of a medium are the new reference.

    Returns:
        How many models that concerns.

    Raises:
        RecordNotFound: If no model of that medium has scored anything.
    """
    with context.database.session() as session:
        newest = select(HistoryEntry.id).order_by(HistoryEntry.id.desc()).limit(1).scalar_subquery()
        reset = (
            update(DriftState)
            .where(DriftState.media == media)
            .values(
                reference="[]", last_id=func.coalesce(newest, DriftState.last_id), batches=0, alert_at=None,
                statistic=None, p=None, allowed=None, median=None, reference_median=None,
            )
            .execution_options(synchronize_session=False)
        )  # fmt: skip
        models = cast("CursorResult[Any]", session.execute(reset)).rowcount
        if not models:
            raise RecordNotFound(f"No scores of {media} are compared yet.", media=media)
        append(session, seal_of(context.settings), principal, "drift.accept", media, request_id=request_id)
    return models


def _step(context: Context, media: str, model_sha256: str, model: str) -> bool:
    """Make the reference, or one comparison; whether there was enough for it."""
    settings = context.settings
    batch = settings.serve_drift_batch
    with context.database.session() as session:
        state = session.get(DriftState, (media, model_sha256))
        if state is None:
            state = DriftState(
                media=media, model_sha256=model_sha256, model=model, reference="[]", last_id=0, batches=0
            )
            session.add(state)
            session.flush()
        tail = _tail_of(media, model_sha256) if settings.serve_drift_reference == "card" else None
        reference: Floats = np.array(json.loads(state.reference))
        wanted = REFERENCE_BATCHES * batch if tail is None and not len(reference) else batch
        rows = session.execute(
            select(HistoryEntry.id, HistoryEntry.llr)
            .where(HistoryEntry.media == media, HistoryEntry.model_sha256 == model_sha256, HistoryEntry.fresh)
            .where(HistoryEntry.llr.is_not(None), HistoryEntry.id > state.last_id)
            .order_by(HistoryEntry.id)
            .limit(wanted)
        ).all()
        if len(rows) < wanted:
            return False
        scores: Floats = np.array([row.llr for row in rows])
        change: dict[str, Any] = {"last_id": rows[-1].id}
        if tail is None and not len(reference):
            change |= {"reference": json.dumps(scores.tolist()), "reference_median": float(np.median(scores))}
        else:
            compared = two_sample(reference, scores) if tail is None else above_card(tail, scores)
            change |= _comparison(state, scores, *compared, settings.serve_drift_false_alert)
        # Whoever read the same batch at the same time finds that it is used up.
        mine = (
            update(DriftState)
            .where(DriftState.media == media, DriftState.model_sha256 == model_sha256)
            .where(DriftState.last_id == state.last_id)
            .values(change)
            .execution_options(synchronize_session=False)
        )
        done = cast("CursorResult[Any]", session.execute(mine)).rowcount
        if done and change.get("alert_at") and state.alert_at is None:
            log.warning(
                "scores of %s by %s have drifted: median %.2f, was %s (D = %.3f, p = %.1e, allowed %.1e)",
                media, model, change["median"], state.reference_median, change["statistic"], change["p"],
                change["allowed"], extra={"media": media, "model": model, "drift": True},
            )  # fmt: skip
    return True


def _comparison(state: DriftState, scores: Floats, statistic: float, p: float, total: float) -> dict[str, Any]:
    allowed = allowance(state.batches + 1, total)
    return {
        "batches": state.batches + 1,
        "statistic": statistic,
        "p": p,
        "allowed": allowed,
        "median": float(np.median(scores)),
        "alert_at": time.time() if p < allowed and state.alert_at is None else state.alert_at,
    }


def _tail_of(media: str, model_sha256: str) -> TailModel | None:
    """Distribution of bona fide files on the card of a weight; None where it has none, as for videos."""
    if media == "video":
        return None
    try:
        card = next((card for card in list_cards() if card.sha256 == model_sha256), None)
    except AssayError:
        return None
    return getattr(getattr(card, "decision", None), "file", None)


def _view(state: DriftState) -> DriftView:
    names = set(DriftView.model_fields) - {"alert", "alert_at"}
    fields = {name: getattr(state, name) for name in names}
    told = None if state.alert_at is None else iso(state.alert_at)
    return DriftView(**fields, alert=told is not None, alert_at=told)
