"""What happens to every result, whichever door it came through: history, audit and counts, in one transaction.

Requests hand results to one thread of the process (`Recorder`): all records wait for one lock of the database anyway.
A job's result is recorded where it is written.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, func, insert, select, update
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlalchemy.orm import Session

from assay.errors import Unavailable
from assay.result import Outcome, ScanFailure, ScanResult
from assay.serve.access.dependencies import principal_of
from assay.serve.access.principal import Principal
from assay.serve.context import Context
from assay.serve.operation.audit import Deed, append_all, hold, seal_of
from assay.serve.operation.tables import HistoryEntry, ScanCount
from assay.serve.request_id import request_id_of

if TYPE_CHECKING:
    from starlette.requests import HTTPConnection

    from assay.settings import Settings

LONGEST_LABEL = 255
MOST_TOGETHER = 64  # results of one transaction
LINGER_S = 0.06
log = logging.getLogger("assay.serve.operation")


@dataclass(frozen=True)
class Finding:
    """What came of a file.

    Attributes:
        principal: Who asked.
        outcome: What came out; of a failure only audit and counts are written.
        label: Name as the sender gave it; goes into the history and nowhere else.
        kept: Where the file is kept on purpose.
        job: The job that it came from.
        request_id: Of the request.
    """

    principal: Principal
    outcome: Outcome
    label: str
    kept: Path | None = None
    job: str | None = None
    request_id: str = ""


class Recorder:
    """Writes down what came of requests, in their order; what waits meanwhile shares the next transaction.

    A commit waits for the disk and costs as much as all else about a record. So while files wait for their
    turn to be scored, the first result waits a little for the next ones; where nobody waits, nothing does.

    Args:
        context: Settings and database.
        more: Whether files wait to be scored.
    """

    def __init__(self, context: Context, *, more: Callable[[], bool] = lambda: False) -> None:
        self._context, self._more = context, more
        self._waiting: SimpleQueue[tuple[Finding, Future[None]] | None] = SimpleQueue()
        self._thread = Thread(target=self._loop, name="assay-record", daemon=True)
        self._thread.start()

    async def write(self, request: HTTPConnection, outcome: Outcome, label: str) -> None:
        """Write down an outcome of whoever asks; see `record`.

        Raises:
            Unavailable: If the database does not take it; then nobody may be given the result.
        """
        request_id = request_id_of(request.scope)
        done: Future[None] = Future()
        self._waiting.put((Finding(principal_of(request), outcome, label, request_id=request_id), done))
        try:
            await asyncio.wrap_future(done)
        except SQLAlchemyError as error:
            log.error("a result cannot be recorded: %s", error, extra={"request_id": request_id})
            raise Unavailable("The result cannot be recorded, so it is not given. Ask again.") from error

    def close(self) -> None:
        """Write what waits, and end."""
        self._waiting.put(None)
        self._thread.join()

    def _loop(self) -> None:
        while (first := self._waiting.get()) is not None:
            together = [first]
            over, until = False, time.monotonic() + LINGER_S
            with suppress(Empty):
                while len(together) < MOST_TOGETHER and not over:
                    spare_s = until - time.monotonic()
                    found = self._waiting.get(spare_s > 0 and self._more(), max(0.0, spare_s))
                    over = found is None
                    together += [] if found is None else [found]
            self._write([one for one in together if one[1].set_running_or_notify_cancel()])
            if over:
                return

    def _write(self, together: list[tuple[Finding, Future[None]]]) -> None:
        try:
            with self._context.database.session() as session:
                record_all(session, self._context.settings, [finding for finding, _ in together])
        except Exception as error:  # noqa: BLE001 - handed to whoever waits for it
            if len(together) > 1:  # one of them, perhaps
                for one in together:
                    self._write([one])
            elif together:
                together[0][1].set_exception(error)
        else:
            for _, done in together:
                done.set_result(None)


def record(
    context: Context,
    principal: Principal,
    result: Outcome,
    label: str,
    *,
    kept: Path | None = None,
    job: str | None = None,
    request_id: str = "",
    session: Session | None = None,
) -> int | None:
    """Write a result down. Waits for the database: from a coroutine call it in a thread.

    Args:
        context: Settings and database.
        principal: Who asked.
        result: What came out; of a failure only audit and counts are written.
        label: Name as the sender gave it; goes into the history and nowhere else.
        kept: Where the file is kept on purpose.
        job: The job that it came from; a second result of one job changes nothing.
        request_id: Of the request.
        session: A transaction to write in, so that it stands or falls with what else is in there; None for one of its
            own.

    Returns:
        Identifier in the history; None where nothing is kept there.
    """
    finding = Finding(principal, result, label, kept, job, request_id)
    with context.database.session() if session is None else nullcontext(session) as session:
        if job is not None:
            hold(session)
            earlier = session.scalar(select(HistoryEntry.id).where(HistoryEntry.job == job))
            if earlier is not None:
                return earlier
        record_all(session, context.settings, [finding])
        return session.connection().execute(_NEWEST).scalar() if _is_kept(finding, context.settings) else None


def record_all(session: Session, settings: Settings, findings: Sequence[Finding]) -> None:
    """Write down results that were not written before, in a transaction; so many cost little more than one."""
    # First, because all records wait for its lock: of two of one file the second then sees the first.
    append_all(session, seal_of(settings), [_deed(finding) for finding in findings])
    for (media, outcome), count in Counter(map(_counted, findings)).items():
        _count(session, media, outcome, count)
    rows = [_row(finding) for finding in findings if _is_kept(finding, settings)]
    if rows:
        _tell_fresh(session, rows)
        session.connection().execute(_ADD, rows)


def _is_kept(finding: Finding, settings: Settings) -> bool:
    return isinstance(finding.outcome, ScanResult) and settings.serve_keep_history_days > 0


def _counted(finding: Finding) -> tuple[str, str]:
    result = finding.outcome
    return ("unknown", "failed") if isinstance(result, ScanFailure) else (result.media, str(result.verdict))


def _deed(finding: Finding) -> Deed:
    told: dict[str, Any] = {} if finding.job is None else {"job": finding.job}
    result = finding.outcome
    if isinstance(result, ScanFailure):
        return Deed(finding.principal, "predict", "", result.error.code, told, finding.request_id)
    if result.model is not None:
        told |= {"model": result.model.name, "model_sha256": result.model.sha256}
    return Deed(finding.principal, "predict", result.sha256, str(result.verdict), told, finding.request_id)


def _row(finding: Finding) -> dict[str, Any]:
    """Of the history, but for `fresh`."""
    result = finding.outcome
    assert isinstance(result, ScanResult)
    point, model = result.operating_point, result.model
    return {
        "at": time.time(),
        "owner": finding.principal.id,
        "sha256": result.sha256,
        "label": clean(finding.label)[:LONGEST_LABEL],
        "media": result.media,
        "verdict": result.verdict,
        "llr": result.llr,
        "spoof_probability": result.spoof_probability,
        "model": model.name if model else "",
        "model_version": model.version if model else "",
        "model_sha256": model.sha256 if model else "",
        "threshold_llr": point.threshold_llr if point else None,
        "bona_fide_below_llr": point.bona_fide_below_llr if point else None,
        "max_false_alarm": point.max_false_alarm if point else None,
        "kept": None if finding.kept is None else str(finding.kept),
        "job": finding.job,
    }


def _tell_fresh(session: Session, rows: list[dict[str, Any]]) -> None:
    """Say of each whether its model had not seen its file before, in the history or among these."""
    seen = set(map(tuple, session.connection().execute(_SEEN, {"files": list({row["sha256"] for row in rows})})))
    for row in rows:
        what = (row["sha256"], row["model_sha256"])
        row["fresh"] = what not in seen
        seen.add(what)


# Written once: SQLAlchemy takes longer to build a statement than a database to carry it out.
_ADD = insert(HistoryEntry)
_NEWEST = select(func.max(HistoryEntry.id))  # ours: whoever adds one holds the head of the audit log
_SEEN = select(HistoryEntry.sha256, HistoryEntry.model_sha256).distinct()
_SEEN = _SEEN.where(HistoryEntry.sha256.in_(bindparam("files", expanding=True)))
_MORE = update(ScanCount).values(count=ScanCount.count + bindparam("more"))
_MORE = _MORE.where(ScanCount.media == bindparam("of_media"), ScanCount.outcome == bindparam("of_outcome"))


def _count(session: Session, media: str, outcome: str, count: int) -> None:
    told = {"of_media": media, "of_outcome": outcome, "more": count}
    if session.connection().execute(_MORE, told).rowcount:
        return
    try:
        with session.begin_nested():
            session.add(ScanCount(media=media, outcome=outcome, count=count))
    except IntegrityError:  # somebody else counted the first one
        session.connection().execute(_MORE, told)


def clean(text: str) -> str:
    """Text that any database keeps and any terminal shows: control characters are spelt out."""
    return "".join(letter if letter.isprintable() else f"\\x{ord(letter):02x}" for letter in text)
