"""Many streams at once: a few threads that score whatever is due, several streams in one call of the network.

Decisions
- What is due first is taken first: the time of a second of sound is when its stream was opened plus its place in it.
  So a client that sends an hour in a minute waits for those that send as they hear, and not they for it.
- Streams that are due together share one call of the network, up to `BATCH`. A stream is with one thread at a time, so
  its messages stay in order. Nothing waits for a batch to fill up.
- Sharing a call is for accelerators; on a processor it gains nothing.
"""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Condition, Thread
from typing import TYPE_CHECKING

import numpy as np

from assay.errors import AssayError
from assay.live.messages import Error, Heard
from assay.live.stream import Stream

if TYPE_CHECKING:
    from assay.audio.detector import AudioDetector
    from assay.audio.rolling import Logits
    from assay.audio.silence import Samples

BATCH = 4
INTERNAL_ERROR = 1011  # close code of RFC 6455
BAD_REQUEST = 4400
log = logging.getLogger("assay.live")

Deliver = Callable[[list[Heard | Error]], None]


class Ticket:
    """A stream with the engine.

    Args:
        stream: The stream.
        deliver: Takes its messages, in order, in a thread of the engine; must not wait.
    """

    def __init__(self, stream: Stream, deliver: Deliver) -> None:
        self.stream, self.deliver = stream, deliver
        self.opened = time.monotonic()
        self.busy = False

    @property
    def due(self) -> float:
        """When the next second would have been heard at the speed of sound."""
        return self.opened + self.stream.heard_s


class Engine:
    """Scores streams; may be used from any thread.

    Args:
        detector: Scores all of them.
        threads: How many calls of the network at a time.
    """

    def __init__(self, detector: AudioDetector, *, threads: int = 2) -> None:
        self.detector = detector
        self._changed = Condition()
        self._tickets: set[Ticket] = set()
        self._closed = False
        self._threads = [Thread(target=self._work, name=f"assay-live-{n}", daemon=True) for n in range(threads)]
        for thread in self._threads:
            thread.start()

    def open(self, stream: Stream, deliver: Deliver) -> Ticket:
        """Take a stream on."""
        ticket = Ticket(stream, deliver)
        with self._changed:
            self._tickets.add(ticket)
        return ticket

    def wake(self) -> None:
        """Tell that a stream was fed or ended."""
        with self._changed:
            self._changed.notify()

    def drop(self, ticket: Ticket) -> None:
        """Forget a stream; at most one more delivery comes, of what is being scored just now."""
        with self._changed:
            self._tickets.discard(ticket)

    def close(self) -> None:
        """Stop, and wait for the threads."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()

    def _work(self) -> None:
        while batch := self._next():
            try:
                self._score(batch)
            finally:
                with self._changed:
                    for ticket in batch:
                        ticket.busy = False
                        if ticket.stream.finished:
                            self._tickets.discard(ticket)
                    self._changed.notify()

    def _next(self) -> list[Ticket]:
        """Streams that are due, the first ones first; empty when the engine is closed."""
        with self._changed:
            while not self._closed:
                due = [one for one in self._tickets if not one.busy and one.stream.ready]
                if due:
                    batch = sorted(due, key=lambda one: one.due)[:BATCH]
                    for ticket in batch:
                        ticket.busy = True
                    if len(due) > len(batch):
                        self._changed.notify()
                    return batch
                self._changed.wait()
            return []

    def _score(self, batch: list[Ticket]) -> None:
        stretches: list[tuple[Ticket, Samples | None]] = []
        for ticket in batch:
            with self._guarded([ticket]):
                stretches.append((ticket, ticket.stream.prepare()))
        logits: Iterator[Logits] | None = None
        with self._guarded([ticket for ticket, _ in stretches]):
            logits = iter(self._logits([stretch for _, stretch in stretches if stretch is not None]))
        for ticket, stretch in stretches if logits is not None else ():
            with self._guarded([ticket]):
                ticket.deliver([*ticket.stream.absorb(None if stretch is None else next(logits))])

    @contextmanager
    def _guarded(self, tickets: list[Ticket]) -> Iterator[None]:
        """What goes wrong in this block ends these streams and no others."""
        try:
            yield
        except Exception as error:  # noqa: BLE001 - the outermost place of a thread that serves many
            for ticket in tickets:
                self._fail(ticket, error)

    def _logits(self, stretches: list[Samples]) -> list[Logits]:
        """Logits of each, those of one length in one call."""
        found: dict[int, Logits] = {}
        lengths: dict[int, list[int]] = defaultdict(list)
        for index, stretch in enumerate(stretches):
            lengths[stretch.size].append(index)
        for indices in lengths.values():
            windows, parts = self.detector.logits_of(np.stack([stretches[index] for index in indices]))
            found.update({index: (windows[row], parts[row]) for row, index in enumerate(indices)})
        return [found[index] for index in range(len(stretches))]

    def _fail(self, ticket: Ticket, error: Exception) -> None:
        """End a stream: what is ours to say is said, anything else is logged and said to be a fault."""
        self.drop(ticket)
        if isinstance(error, AssayError):
            told = Error(code=error.code, message=error.message, close_code=BAD_REQUEST)
        else:
            log.error("A stream failed", exc_info=error)
            told = Error(code="unexpected", message="A fault in Assay ended the stream.", close_code=INTERNAL_ERROR)
        ticket.deliver([told])
