"""One call of a network for several scans at once.

Stretches of the same length that come within a few milliseconds are put on top of each other, scored in one call and
taken apart again. That is for accelerators, which have room for eight where a processor's caches are full with one: on
a processor scans run side by side, one stretch a call. The logits are the same to the last bit either way.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from threading import Condition
from typing import Any

import numpy as np
from numpy.typing import NDArray

Arrays = list[NDArray[np.float32]]


class BatchingSession:
    """Like the session it is given, for calls from several threads; the first axis of input and outputs is the batch.

    Args:
        session: An ONNX Runtime session with one input.
        most: Most inputs in one call.
        wait_s: How long the first waits for others.
    """

    def __init__(self, session: Any, *, most: int, wait_s: float) -> None:
        self._session, self._most, self._wait_s = session, most, wait_s
        self._groups: dict[tuple[Any, ...], list[tuple[NDArray[np.float32], Future[Arrays]]]] = {}
        self._changed = Condition()
        self.calls = 0

    def get_providers(self) -> Sequence[str]:
        """Of the session."""
        providers: Sequence[str] = self._session.get_providers()
        return providers

    def run(self, outputs: Sequence[str], feed: Mapping[str, NDArray[np.float32]]) -> Arrays:
        """Score ``{input: (1, n)}``, maybe together with others; arrays of shape (1, …) in the order of `outputs`."""
        ((name, samples),) = feed.items()
        key = (name, tuple(outputs), samples.shape)
        mine: Future[Arrays] = Future()
        with self._changed:
            group = self._groups.setdefault(key, [])
            group.append((samples, mine))
            leads = len(group) == 1
            if len(group) >= self._most:
                # Whoever comes next begins a group of its own.
                self._groups.pop(key)
                self._changed.notify_all()
            if leads:
                self._changed.wait_for(lambda: self._groups.get(key) is not group, self._wait_s)
                if self._groups.get(key) is group:
                    self._groups.pop(key)
        if leads:
            self._answer(outputs, name, group)
        return mine.result()

    def _answer(
        self, outputs: Sequence[str], name: str, group: list[tuple[NDArray[np.float32], Future[Arrays]]]
    ) -> None:
        try:
            stacked = np.concatenate([samples for samples, _ in group]) if len(group) > 1 else group[0][0]
            found = self._session.run(list(outputs), {name: stacked})
            self.calls += 1
        except Exception as error:  # noqa: BLE001 - it belongs to everybody who waits
            for _, waiting in group:
                waiting.set_exception(error)
            return
        for row, (_, waiting) in enumerate(group):
            waiting.set_result([array[row : row + 1] for array in found])
