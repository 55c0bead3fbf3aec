"""What a subject works through."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Load:
    """Files to work through, and with how many threads: `threads` inside an operator, `jobs` files at a time."""

    files: list[str]
    threads: int
    jobs: int

    def over_files(self, work: Callable[[Any], object], items: Iterable[Any]) -> None:
        """Do `work` for each item, `jobs` at a time."""
        if self.jobs == 1:
            for item in items:
                work(item)
            return
        with ThreadPoolExecutor(self.jobs) as pool:
            list(pool.map(work, items))
