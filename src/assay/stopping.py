"""How a scan is ended early: whoever runs it sets an event, and the line looks at it between blocks and frames.

The event belongs to the thread that scans, so nothing has to be handed down, and a program that never sets one pays
a look at an attribute. What one native call does (a picture, 16 s of sound) is not interrupted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, local
from typing import TypeVar

from assay.errors import Stopped

STOPPED = "The scan was stopped: nobody waits for its answer any more."
Given = TypeVar("Given")
Made = TypeVar("Made")
_here = local()


@contextmanager
def stopped_by(event: Event) -> Iterator[None]:
    """Scans of this thread end with `Stopped` once the event is set."""
    before = getattr(_here, "event", None)
    _here.event = event
    try:
        yield
    finally:
        _here.event = before


def carried(work: Callable[[Given], Made]) -> Callable[[Given], Made]:
    """The same work for threads of a pool, which ends with `Stopped` once the event of the thread that asks is set."""
    event: Event | None = getattr(_here, "event", None)

    def checked(given: Given) -> Made:
        if event is not None and event.is_set():
            raise Stopped(STOPPED)
        return work(given)

    return checked


def check_stop() -> None:
    """Go on, unless somebody said otherwise.

    Raises:
        Stopped: If the event of this thread is set.
    """
    event: Event | None = getattr(_here, "event", None)
    if event is not None and event.is_set():
        raise Stopped(STOPPED)
