"""A made input for the self-test of models of any input shape: the same numbers everywhere, from arithmetic."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

KNOWN_INPUT = "made by assay.models.known"


def known_input(shape: Sequence[int], *, integer: bool) -> NDArray[Any]:
    """One input of a shape, uint8 or float32, shape (1, *shape).

    Whole numbers from a quadratic recurrence, so that no library's random numbers or rounding enter.
    """
    number = np.arange(int(np.prod(shape)), dtype=np.int64)
    levels = (number * number % 65_521 * 31 + number * 7) % 256
    made: NDArray[Any] = levels.astype(np.uint8) if integer else ((levels - 128) / np.float32(1024)).astype(np.float32)
    return made.reshape(1, *shape)
