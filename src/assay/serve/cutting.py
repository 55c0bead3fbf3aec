"""Ends what a task awaits when its time is up or its client has gone; cheaper than a task for each thing awaited.

`asyncio.wait_for` makes a task (before Python 3.12) of what it waits for, and there would be one for each piece of an
upload. Here a timer, or whoever watches, cancels the task of the block itself, and the block tells why.
"""

from __future__ import annotations

import asyncio
from types import TracebackType


class Cut:
    """``with Cut() as cut: …``: a block that `now` ends from outside, and `by` at a time; `done` tells that it was.

    What ends it is a cancellation of the task, which does not leave the block.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._task = asyncio.current_task()
        self._timer: asyncio.TimerHandle | None = None
        self._until = 0.0
        self._open = True
        self.done = False

    def now(self) -> None:
        """End the block; called while its task waits for something in it."""
        if self._open and not self.done and self._task is not None:
            self.done = True
            self._task.cancel()

    def by(self, until: float) -> None:
        """End the block at this time of the loop; a later call replaces an earlier one."""
        self._until = until
        if self._timer is None or until < self._timer.when():
            if self._timer is not None:
                self._timer.cancel()
            self._timer = self._loop.call_at(until, self._look)

    def _look(self) -> None:
        """The time may have been put off since the timer was set."""
        self._timer = None
        if self._loop.time() < self._until:
            self.by(self._until)
        else:
            self.now()

    def __enter__(self) -> Cut:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        self._open = False
        if self._timer is not None:
            self._timer.cancel()
        if not self.done or kind is not asyncio.CancelledError:
            return False
        uncancel = getattr(self._task, "uncancel", None)  # from Python 3.11 on
        if uncancel is not None:
            uncancel()
        return True
