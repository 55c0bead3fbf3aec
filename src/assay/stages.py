"""Wall time from stage to stage, for `ScanResult.timings_ms`."""

from __future__ import annotations

import time


class Stages:
    """Begins with the stage ``open``, which is over when this is built.

    Args:
        started: `time.perf_counter` before the file was opened.
    """

    def __init__(self, started: float) -> None:
        self._started = self._last = started
        self._spent: dict[str, float] = {}
        self.lap("open")

    def lap(self, stage: str) -> None:
        """A stage is over."""
        now = time.perf_counter()
        self._spent[stage], self._last = now - self._last, now

    def spent_ms(self) -> dict[str, float]:
        """All stages, and the total."""
        told = {**self._spent, "total": time.perf_counter() - self._started}
        return {stage: round(1e3 * spent, 3) for stage, spent in told.items()}
