"""What happens to every result, whichever door it came through: history, audit and counts, in one transaction.

Requests hand results to one thread of the process (`Recorder`): all records wait for one lock of the database anyway.
A job's result is recorded where it is written.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import nullcontext, suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING, Any, cast

from sqlalchemy import CursorResult, select, update
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlalchemy.orm import Session

from assay.errors import Unavailable
from assay.result import Outcome, ScanFailure, ScanResult
from assay.serve.access.dependencies import principal_of
from assay.serve.access.principal import Principal
from assay.serve.context import Context
from assay.serve.operation.audit import append, hold, seal_of
from assay.serve.operation.tables import HistoryEntry, ScanCount
from assay.serve.tracing import request_id_of

if TYPE_CHECKING:
    from starlette.requests import Request

LONGEST_LABEL = 255
MOST_TOGETHER = 64  # results of one transaction
log = logging.getLogger("assay.serve.operation")


Work = Callable[[Session], object]


class Recorder:
    """Writes down what came of requests, in their order; what waits meanwhile shares the next transaction.

    A commit waits for the disk: under load it does so once for several results.

    Args:
        context: Settings and database.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self._waiting: SimpleQueue[tuple[Work, Future[None]] | None] = SimpleQueue()
        self._thread = Thread(target=self._loop, name="assay-record", daemon=True)
        self._thread.start()

    async def write(self, request: Request, outcome: Outcome, label: str) -> None:
        """Write down an outcome of whoever asks; see `record`.

        Raises:
            Unavailable: If the database does not take it; then nobody may be given the result.
        """
        principal, request_id = principal_of(request), request_id_of(request.scope)
        done: Future[None] = Future()
        told = (self._context, principal, outcome, label)
        self._waiting.put((lambda session: record(*told, request_id=request_id, session=session), done))
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
            over = False
            with suppress(Empty):
                while len(together) < MOST_TOGETHER and not over:
                    found = self._waiting.get_nowait()
                    over = found is None
                    together += [] if found is None else [found]
            self._write([one for one in together if one[1].set_running_or_notify_cancel()])
            if over:
                return

    def _write(self, together: list[tuple[Work, Future[None]]]) -> None:
        try:
            with self._context.database.session() as session:
                for work, _ in together:
                    work(session)
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
    with context.database.session() if session is None else nullcontext(session) as session:
        if job is not None:
            hold(session)
            earlier = session.scalar(select(HistoryEntry.id).where(HistoryEntry.job == job))
            if earlier is not None:
                return earlier
        told: dict[str, Any] = {} if job is None else {"job": job}
        if isinstance(result, ScanFailure):
            media, outcome, target = "unknown", result.error.code, ""
        else:
            media, outcome, target = result.media, str(result.verdict), result.sha256
            if result.model is not None:
                told |= {"model": result.model.name, "model_sha256": result.model.sha256}
        # First, because all records wait for its lock: of two of one file the second then sees the first.
        append(
            session, seal_of(context.settings), principal, "predict", target,
            outcome=outcome, detail=told, request_id=request_id,
        )  # fmt: skip
        _count(session, media, "failed" if isinstance(result, ScanFailure) else outcome)
        if isinstance(result, ScanFailure) or context.settings.serve_keep_history_days == 0:
            return None
        entry = _entry(session, principal, result, label, kept, job)
        session.add(entry)
        session.flush()
        return entry.id


def _entry(
    session: Session, principal: Principal, result: ScanResult, label: str, kept: Path | None, job: str | None
) -> HistoryEntry:
    point, model = result.operating_point, result.model
    model_sha256 = model.sha256 if model else ""
    seen = select(HistoryEntry.id).where(
        HistoryEntry.sha256 == result.sha256, HistoryEntry.model_sha256 == model_sha256
    )
    return HistoryEntry(
        at=time.time(),
        owner=principal.id,
        sha256=result.sha256,
        label=clean(label)[:LONGEST_LABEL],
        media=result.media,
        verdict=result.verdict,
        llr=result.llr,
        spoof_probability=result.spoof_probability,
        model=model.name if model else "",
        model_version=model.version if model else "",
        model_sha256=model_sha256,
        threshold_llr=point.threshold_llr if point else None,
        bona_fide_below_llr=point.bona_fide_below_llr if point else None,
        max_false_alarm=point.max_false_alarm if point else None,
        fresh=session.scalar(seen.limit(1)) is None,
        kept=None if kept is None else str(kept),
        job=job,
    )


def _count(session: Session, media: str, outcome: str) -> None:
    one_more = (
        update(ScanCount)
        .where(ScanCount.media == media, ScanCount.outcome == outcome)
        .values(count=ScanCount.count + 1)
        .execution_options(synchronize_session=False)
    )
    if cast("CursorResult[Any]", session.execute(one_more)).rowcount:
        return
    try:
        with session.begin_nested():
            session.add(ScanCount(media=media, outcome=outcome, count=1))
    except IntegrityError:  # somebody else counted the first one
        session.execute(one_more)


def clean(text: str) -> str:
    """Text that any database keeps and any terminal shows: control characters are spelt out."""
    return "".join(letter if letter.isprintable() else f"\\x{ord(letter):02x}" for letter in text)
