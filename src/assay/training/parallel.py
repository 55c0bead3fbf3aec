"""Maps a function over items, in order, in this process or in several."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from typing import TypeVar

import torch

from assay.errors import TrainingError

Item = TypeVar("Item")
Made = TypeVar("Made")


def each(function: Callable[[Item], Made], items: Sequence[Item], *, jobs: int, chunk: int = 1) -> Iterator[Made]:
    """Results in the order of `items`.

    Torch has one thread meanwhile: several processes share the processor already, and results must not depend on
    `jobs`. With one job nothing is started, so an error keeps its traceback and a caller needs no main guard.

    Args:
        function: A function of a module, or a partial of one.
        items: What to apply it to.
        jobs: Processes.
        chunk: Items handed to a process at a time.

    Raises:
        TrainingError: If a process was killed.
    """
    if jobs > 1:
        # A forked child would inherit torch's threads in a state that can hang.
        try:
            with ProcessPoolExecutor(jobs, get_context("spawn"), torch.set_num_threads, (1,)) as pool:
                yield from pool.map(function, items, chunksize=chunk)
        except BrokenProcessPool as error:
            raise TrainingError(
                f"One of {jobs} processes was killed, most likely for memory. Run again with fewer --jobs; "
                "what is done stays done."
            ) from error
        return
    for item in items:
        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            made = function(item)
        finally:
            torch.set_num_threads(threads)
        yield made
