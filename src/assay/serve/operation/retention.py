"""Nothing is kept longer than the settings say."""

from __future__ import annotations

import logging
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

from sqlalchemy import CursorResult, delete, select, update
from sqlalchemy.orm import Session

from assay.serve.access.principal import Principal
from assay.serve.context import Context
from assay.serve.operation.audit import append, purge_audit, seal_of
from assay.serve.operation.tables import HistoryEntry

DAY_S = 86_400.0
KEEPER = Principal("retention", "retention", frozenset())
log = logging.getLogger("assay.serve.operation")


@dataclass(frozen=True)
class Purged:
    """How many results, kept files and entries of the audit log were removed."""

    history: int
    media: int
    audit: int


def purge(context: Context, *, now: float | None = None) -> Purged:
    """Remove what is older than ``serve_keep_history_days``, ``…_media_days`` and ``…_audit_days``.

    Files go first: a crash in between leaves a row without its file, never a file that nobody knows of. What was
    removed is written into the audit log. May run in several processes.
    """
    now = time.time() if now is None else now
    settings, seal = context.settings, seal_of(context.settings)
    media_before = now - settings.serve_keep_media_days * DAY_S
    history_before = now - settings.serve_keep_history_days * DAY_S
    with context.database.session() as session:
        files = _remove_files(session, max(media_before, history_before))
        gone = delete(HistoryEntry).where(HistoryEntry.at < history_before)
        rows = cast("CursorResult[Any]", session.execute(gone)).rowcount
        entries = purge_audit(session, seal, KEEPER, now - settings.serve_keep_audit_days * DAY_S, now=now)
        done = Purged(rows, files, entries)
        if rows or files:
            append(session, seal, KEEPER, "history.purge", "history", detail=asdict(done), now=now)
    if any(asdict(done).values()):
        log.info("retention: %d results, %d files, %d audit entries removed", rows, files, entries)
    return done


def _remove_files(session: Session, before: float) -> int:
    old = HistoryEntry.kept.is_not(None) & (HistoryEntry.at < before)
    found = list(session.scalars(select(HistoryEntry.kept).where(old)))
    for path in found:
        remove_file(path)
    session.execute(update(HistoryEntry).where(old).values(kept=None).execution_options(synchronize_session=False))
    return len(found)


def remove_file(path: str | None) -> None:
    """Remove a kept file; one that is gone already is fine."""
    if path is not None:
        Path(path).unlink(missing_ok=True)
