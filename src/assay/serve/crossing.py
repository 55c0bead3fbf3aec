"""From a thread into the event loop and back."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from concurrent.futures import wait
from typing import Any, TypeVar

from assay.errors import Stopped
from assay.stopping import check_stop

STOP_WITHIN_S = 0.25
Answer = TypeVar("Answer")


def from_thread(work: Coroutine[Any, Any, Answer], loop: asyncio.AbstractEventLoop) -> Answer:
    """What a coroutine answers on a loop of another thread.

    Raises:
        Stopped: If `assay.stopping` was told so in this thread; the coroutine is cancelled.
    """
    answer = asyncio.run_coroutine_threadsafe(work, loop)
    while not answer.done():
        wait([answer], STOP_WITHIN_S)
        try:
            check_stop()
        except Stopped:
            answer.cancel()
            raise
    return answer.result()
