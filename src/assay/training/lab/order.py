"""Which media a batch is made of: a function of the seed and the number of the batch alone.

So a resumed run, and each of several processes, knows without a word what was drawn before: nothing has to be kept.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from assay.training.lab.check import Item
from assay.training.lab.config import Balance

LARGEST = 400  # media beyond which a source and generator weigh no more
Rows = NDArray[np.int64]


class Walk:
    """An endless walk over some rows: each once, in an order drawn anew, then all again."""

    def __init__(self, rows: Rows, seed: Sequence[int]) -> None:
        self._rows, self._seed = rows, list(seed)
        self._order: dict[int, Rows] = {}

    def at(self, places: Rows) -> Rows:
        """Rows at some places of the walk, any order."""
        rounds, within = np.divmod(places, len(self._rows))
        found = np.empty(len(places), np.int64)
        for number in np.unique(rounds):
            here = rounds == number
            found[here] = self._round(int(number))[within[here]]
        return found

    def _round(self, number: int) -> Rows:
        if number not in self._order:
            if len(self._order) > 1:  # a batch spans two rounds at most, but for tiny sets
                self._order.clear()
            self._order[number] = np.random.default_rng([*self._seed, number]).permutation(self._rows)
        return self._order[number]


class Order:
    """Draws batches.

    ``none`` walks over all rows; ``key`` takes turns between walks over spoof and bona fide ones; ``source`` takes the
    same turns and draws within a key, sources and generators with the square root of their size as weight. With turns
    a spoof and a bona fide medium stand side by side, and may be treated alike.

    Args:
        items: What is drawn from.
        balance: How.
        seed: Of everything drawn.
    """

    def __init__(self, items: Sequence[Item], balance: Balance, seed: int) -> None:
        spoof = np.array([item.spoof for item in items])
        self.rows = [np.flatnonzero(spoof), np.flatnonzero(~spoof)]
        self.paired = balance != "none" and all(len(rows) for rows in self.rows)
        self._seed, self._by_source = seed, balance == "source"
        parts: list[Rows] = self.rows if self.paired else [np.arange(len(items))]
        self._walks = [Walk(rows, (seed, number)) for number, rows in enumerate(parts)]
        self._chances = [_chances([items[row] for row in rows.tolist()]) for rows in parts]
        self._parts = parts

    def batch(self, number: int, size: int) -> Rows:
        """Rows of the batch of a number, shape (size,); `size` is the same for all batches."""
        places = np.arange(number * size, (number + 1) * size)
        turns = len(self._parts)
        found = np.empty(size, np.int64)
        for turn, rows in enumerate(self._parts):
            here = places % turns == turn
            if self._by_source:
                draws = np.random.default_rng([self._seed, number, turn, 1]).random(int(here.sum()))
                found[here] = rows[np.searchsorted(self._chances[turn], draws, side="right")]
            else:
                found[here] = self._walks[turn].at(places[here] // turns)
        return found

    def share(self) -> float:
        """Of spoofs among what is drawn."""
        return 0.5 if self.paired else len(self.rows[0]) / (len(self.rows[0]) + len(self.rows[1]))


def _chances(items: Sequence[Item]) -> NDArray[np.float64]:
    """Cumulated chances of each, the last 1."""
    names = [(item.trial.source, item.trial.generator) for item in items]
    sizes = Counter(names)
    chances = np.cumsum([np.sqrt(min(sizes[name], LARGEST)) / sizes[name] for name in names])
    return np.asarray(chances / chances[-1])
