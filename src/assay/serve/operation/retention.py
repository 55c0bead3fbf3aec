"""Nothing is kept longer than the settings say."""

from __future__ import annotations

import logging
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

from sqlalchemy import CursorResult, delete, select, update
from sqlalchemy.orm import Session

from assay.errors import MissingExtra
from assay.serve.access.principal import Principal
from assay.serve.context import Context
from assay.serve.operation.audit import append, hold, purge_audit, seal_of
from assay.serve.operation.tables import HistoryEntry
from assay.speaker.store import ProfileStore

DAY_S = 86_400.0
KEEPER = Principal("retention", "retention", frozenset())
log = logging.getLogger("assay.serve.operation")


@dataclass(frozen=True)
class Purged:
    """How many results, kept files, entries of the audit log and profiles of speakers were removed."""

    history: int
    media: int
    audit: int
    speakers: int = 0


def purge(context: Context, *, now: float | None = None) -> Purged:
    """Remove what is older than ``serve_keep_history_days``, ``…_media_days`` and ``…_audit_days``.

    Profiles of speakers whose own date has passed go, too. Files go first: a crash in between leaves a row without its
    file, never a file that nobody knows of. What was removed is written into the audit log. May run in several
    processes.
    """
    now = time.time() if now is None else now
    settings, seal = context.settings, seal_of(context.settings)
    media_before = now - settings.serve_keep_media_days * DAY_S
    history_before = now - settings.serve_keep_history_days * DAY_S
    with context.database.session() as session:
        hold(session)  # first, as whoever deletes a result does: two who wait for each other would wait for ever
        files = _remove_files(session, max(media_before, history_before))
        gone = delete(HistoryEntry).where(HistoryEntry.at < history_before)
        rows = cast("CursorResult[Any]", session.execute(gone)).rowcount
        entries = purge_audit(session, seal, KEEPER, now - settings.serve_keep_audit_days * DAY_S, now=now)
        if rows or files:
            told = {"history": rows, "media": files, "audit": entries}
            append(session, seal, KEEPER, "history.purge", "history", detail=told, now=now)
    done = Purged(rows, files, entries, _expire_speakers(context))
    if any(asdict(done).values()):
        log.info(
            "retention: %d results, %d files, %d audit entries, %d speakers removed",
            rows,
            files,
            entries,
            done.speakers,
        )
    return done


def _expire_speakers(context: Context) -> int:
    """Where there are profiles, remove those that may not be used any more."""
    try:
        store = ProfileStore.from_settings(context.settings)
    except MissingExtra:
        return 0
    gone = store.expire() if store.folder.is_dir() else ()
    for identity in gone:
        with context.database.session() as session:
            append(session, seal_of(context.settings), KEEPER, "speaker.expire", identity)
    return len(gone)


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
