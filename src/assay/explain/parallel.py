"""Asks a network many times, some at a time, in order: ONNX Runtime computes outside of Python's lock."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from assay.stopping import carried

LEAST = 2  # at a time: one run of a network seldom fills two cores, two runs do
Given = TypeVar("Given")


def asked(work: Callable[[Given], float], given: Iterable[Given], *, threads: int) -> NDArray[np.float64]:
    """One number for each thing given, shape (n,), in order.

    Args:
        work: May run in several threads.
        given: Each is made only when its turn comes.
        threads: As the settings have it.

    Raises:
        Stopped: If `assay.stopping` was told so in the thread that asks.
    """
    with ThreadPoolExecutor(max(LEAST, threads), thread_name_prefix="assay-explain") as pool:
        return np.array(list(pool.map(carried(work), given)), np.float64)
