"""The deletion test: hiding what a map marks must move the answer more than hiding as much elsewhere.

Both take blocks of one size from one grid, so that neither is favoured by shape; those at random are drawn from a fixed
seed among blocks that the network saw at all.

Source: Samek et al., "Evaluating the visualization of what a deep neural network has learned", IEEE TNNLS 2017.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from assay.explain.explanation import Faithfulness

SHARE = 0.1
TRIALS = 5
SEED = 10
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Ask = Callable[[Sequence[Flags]], Floats]


def deletion_test(
    values: Floats, ask: Ask, llr: float, *, seen: Flags | None = None, share: float = SHARE, trials: int = TRIALS
) -> Faithfulness | None:
    """Hide the blocks with the highest values, and as many at random.

    Args:
        values: Evidence in each block, any shape.
        ask: Llrs when the blocks that are set in each of some arrays of that shape are hidden.
        llr: When nothing is.
        seen: Blocks that the network sees; None for all.
        share: Of these blocks that is hidden.
        trials: Draws at random, >= 1.

    Returns:
        None where there are fewer than two blocks.
    """
    there = np.flatnonzero(np.ones(values.size, bool) if seen is None else seen.ravel())
    count = max(1, round(share * there.size))
    if there.size < 2:
        return None
    order = there[np.argsort(-values.ravel()[there], kind="stable")]
    draws = [np.random.default_rng((SEED, trial)).choice(there, count, replace=False) for trial in range(trials)]
    marks = [_flags(chosen, values.shape) for chosen in (order[:count], *draws)]
    marked, *others = ask(marks)
    return Faithfulness(count / there.size, llr, float(marked), float(np.mean(others)), trials)


def _flags(chosen: NDArray[np.int64], shape: tuple[int, ...]) -> Flags:
    flags = np.zeros(shape, bool)
    flags.flat[chosen] = True
    return flags
