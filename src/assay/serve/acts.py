"""What takes longer than an answer of the scorer and is more than a scan: in threads, bounded, stopped in time.

An act may ask the scorer for a scan while it runs (`Acts.scan`); the scan waits in the same queue as all others.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from threading import Event, Lock
from typing import TYPE_CHECKING, Any, TypeVar

from assay.errors import Overloaded, TimedOut
from assay.serve.crossing import from_thread
from assay.serve.predict import unless_gone
from assay.serve.scoring import NO_CHANGES, Scorer
from assay.stopping import check_stop, stopped_by

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.requests import Request

    from assay.result import ScanResult
    from assay.serve.context import Context
    from assay.serve.readiness import Readiness

Answer = TypeVar("Answer")


class Acts:
    """One for each process: as many acts at once as there are scans at once; further ones wait, up to a limit.

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
        self._most = self.scorer.jobs + context.settings.serve_queue_size
        self._asked = self._running = 0
        self._lock = Lock()
        self._loop: asyncio.AbstractEventLoop | None = None

    def require_room(self) -> None:
        """Refuse before anything is read.

        Raises:
            Unavailable, Overloaded: As `Scorer.require_room`, while the models are not ready, and where as many acts
                wait as may.
        """
        self._readiness.require()
        self.scorer.require_room()
        if self._asked >= self._most:
            raise Overloaded(f"{self._asked} requests of this kind are waiting already. Ask again.", retry_after_s=5)

    @property
    def running(self) -> int:
        """How many threads are busy, also with what nobody waits for any more."""
        return self._running

    async def run(self, request: Request, act: Callable[[], Answer]) -> Answer:
        """What an act answers, in a thread.

        Raises:
            TimedOut: If that takes longer than `limit_s`, its turn included; the act is stopped.
            ClientGone: If the client hangs up; likewise.
        """
        self._loop = asyncio.get_running_loop()
        self._asked += 1
        try:
            return await unless_gone(request, self._in_time(act))
        finally:
            self._asked -= 1

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
            return await asyncio.to_thread(self._stoppable, act, stop)

    def _stoppable(self, act: Callable[[], Answer], stop: Event) -> Answer:
        with self._lock:
            self._running += 1
        try:
            with stopped_by(stop):
                check_stop()  # its turn may have come when nobody waited any more
                return act()
        finally:
            with self._lock:
                self._running -= 1

    def scan(
        self, source: Path | bytes, *, name: str | None = None, changes: Mapping[str, Any] = NO_CHANGES
    ) -> ScanResult:
        """What the scorer says of a file; for the thread of an act.

        Raises:
            Stopped: If nobody waits for the act any more; the scan is stopped, too.
        """
        assert self._loop is not None
        return from_thread(self.scorer.scan(source, name=name or "file", changes=changes), self._loop)


def _give_up(working: asyncio.Future[Any], stop: Event) -> None:
    """Nobody waits any more."""
    stop.set()
    working.add_done_callback(lambda done: done.cancelled() or done.exception())
