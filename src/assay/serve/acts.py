"""What takes longer than an answer of the scorer and is more than a scan: in threads, bounded, stopped in time.

An act may ask the scorer for a scan while it runs (`Acts.scan`); the scan waits in the same queue as all others.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from threading import Event
from typing import TYPE_CHECKING, Any, TypeVar

from assay.errors import TimedOut
from assay.serve.predict import unless_gone
from assay.serve.scoring import NO_CHANGES, Scorer
from assay.stopping import stopped_by

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.requests import Request

    from assay.result import ScanResult
    from assay.serve.context import Context
    from assay.serve.readiness import Readiness

Answer = TypeVar("Answer")


class Acts:
    """One for each process: as many acts at once as there are scans at once; further ones wait their turn.

    Args:
        context: Of the process.
        readiness: Of its models.

    Attributes:
        limit_s: Longest wait for an answer.
        scorer: That of the process.
    """

    def __init__(self, context: Context, readiness: Readiness) -> None:
        self.scorer: Scorer = context.scorer
        self.limit_s = context.settings.serve_timeout_s
        self._readiness = readiness
        self._turn = asyncio.Semaphore(self.scorer.jobs)
        self._loop: asyncio.AbstractEventLoop | None = None

    def require_room(self) -> None:
        """Refuse before anything is read.

        Raises:
            Unavailable, Overloaded: As `Scorer.require_room`, and while the models are not ready.
        """
        self._readiness.require()
        self.scorer.require_room()

    async def run(self, request: Request, act: Callable[[], Answer]) -> Answer:
        """What an act answers, in a thread.

        Raises:
            TimedOut: If that takes longer than `limit_s`, its turn included; the act is stopped.
            ClientGone: If the client hangs up; likewise.
        """
        self._loop = asyncio.get_running_loop()
        return await unless_gone(request, self._in_time(act))

    async def _in_time(self, act: Callable[[], Answer]) -> Answer:
        stop = Event()
        working = asyncio.ensure_future(self._work(act, stop))
        try:
            done, _ = await asyncio.wait({working}, timeout=self.limit_s)
        except asyncio.CancelledError:
            _give_up(working, stop)
            raise
        if not done:
            _give_up(working, stop)
            raise TimedOut(
                f"There is no answer after {self.limit_s:g} s. Send shorter files, or have the setting serve_timeout_s"
                " raised.",
                timeout_s=self.limit_s,
            )
        return working.result()

    async def _work(self, act: Callable[[], Answer], stop: Event) -> Answer:
        async with self._turn:
            return await asyncio.to_thread(_stoppable, act, stop)

    def scan(
        self, source: Path | bytes, *, name: str | None = None, changes: Mapping[str, Any] = NO_CHANGES
    ) -> ScanResult:
        """What the scorer says of a file; for the thread of an act."""
        assert self._loop is not None
        scanning = self.scorer.scan(source, name=name or "file", changes=changes)
        return asyncio.run_coroutine_threadsafe(scanning, self._loop).result()


def _stoppable(act: Callable[[], Answer], stop: Event) -> Answer:
    with stopped_by(stop):
        return act()


def _give_up(working: asyncio.Future[Any], stop: Event) -> None:
    """Nobody waits any more."""
    stop.set()
    working.add_done_callback(lambda done: done.cancelled() or done.exception())
