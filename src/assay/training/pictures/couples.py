"""Which crops go together into a batch.

Decision: batches are made of couples, a spoof and a bona fide crop of the same look, evenly over sources rather than
over files; whatever tells sources apart then tells little about the key.

    twin       a made spoof and the crop it was made from
    same       a spoof and a bona fide crop of its source
    any        a spoof and a bona fide crop of any source
    trip       a bona fide crop after a round trip through an autoencoder, and itself
    blend      a face blended into itself, and itself
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assay.image.looks import LOOKS, Look
from assay.training.pictures.crops import Crop

KINDS = ("twin", "same", "any", "trip", "blend")
Ints = NDArray[np.int64]
MOST = 400  # crops of a group that count


@dataclass(frozen=True)
class Batch:
    """Rows of crops, shape (couples,) each.

    Attributes:
        spoof, bona_fide: Rows; equal where the spoof is made on the spot.
        kind: Index into `KINDS`.
        look: Index into `LOOKS`.
    """

    spoof: Ints
    bona_fide: Ints
    kind: Ints
    look: Ints


class Couples:
    """Draws batches.

    Args:
        rows: The crops.
        shares: Weight of each of `KINDS`.
        looks: Weight of each of `LOOKS`.
        seed: Of everything drawn.
    """

    def __init__(self, rows: Sequence[Crop], *, shares: dict[str, float], looks: dict[Look, float], seed: int) -> None:
        self._rng = np.random.default_rng(seed)
        self._rows = rows
        self._given: dict[Look, _Groups] = {}
        self._twins: dict[Look, _Groups] = {}
        self._bona: dict[Look, _Groups] = {}
        self._hulls = _Groups([(i, r.source) for i, r in enumerate(rows) if r.key == "bona_fide" and r.hull])
        twins = {row.twin for row in rows}
        for look in LOOKS:
            here = [(i, row) for i, row in enumerate(rows) if row.look == look]
            given = [(i, f"{r.source} {r.generator}") for i, r in here if r.key == "spoof" and r.twin < 0]
            made = [(i, f"{r.generator}") for i, r in here if r.key == "spoof" and r.twin >= 0]
            self._given[look], self._twins[look] = _Groups(given), _Groups(made)
            self._bona[look] = _Groups([(i, r.source) for i, r in here if r.key == "bona_fide" and i not in twins])
        self._plans = [
            (look, kind, looks[look] * shares[kind])
            for look in LOOKS
            for kind in KINDS
            if looks.get(look, 0) * shares.get(kind, 0) > 0 and self._possible(look, kind)
        ]
        weights = np.array([weight for _, _, weight in self._plans])
        self._weights = weights / weights.sum()

    def _possible(self, look: Look, kind: str) -> bool:
        if kind == "blend":
            return look == "face" and bool(self._hulls)
        if kind == "twin":
            return bool(self._twins[look])
        return bool(self._bona[look]) and (kind == "trip" or bool(self._given[look]))

    def draw(self, couples: int) -> Batch:
        """A batch of so many couples, those of one kind and look together."""
        plans = sorted(self._rng.choice(len(self._plans), size=couples, p=self._weights).tolist())
        drawn = [self._couple(*self._plans[plan][:2]) for plan in plans]
        looks = [LOOKS.index(self._plans[plan][0]) for plan in plans]
        kinds = [KINDS.index(self._plans[plan][1]) for plan in plans]
        spoof, bona = np.array(drawn, dtype=np.int64).T
        return Batch(spoof, bona, np.array(kinds), np.array(looks))

    def _couple(self, look: Look, kind: str) -> tuple[int, int]:
        rng = self._rng
        if kind == "blend":
            row = self._hulls.draw(rng)
            return row, row
        if kind == "trip":
            row = self._bona[look].draw(rng)
            return row, row
        if kind == "twin":
            row = self._twins[look].draw(rng)
            return row, self._rows[row].twin
        row = self._given[look].draw(rng)
        own = self._rows[row].source if kind == "same" else ""
        return row, self._bona[look].draw(rng, own)


class _Groups:
    """Rows by group, drawn evenly over groups except that small ones come less often."""

    def __init__(self, members: Sequence[tuple[int, str]]) -> None:
        self._members: dict[str, list[int]] = {}
        for row, group in members:
            self._members.setdefault(group, []).append(row)
        self._names = sorted(self._members)
        weights = np.array([min(len(self._members[name]), MOST) ** 0.5 for name in self._names])
        self._weights = weights / weights.sum() if len(weights) else weights

    def __bool__(self) -> bool:
        return bool(self._names)

    def draw(self, rng: np.random.Generator, group: str = "") -> int:
        """A row of `group`, or of any if that has none."""
        if group not in self._members:
            group = self._names[int(rng.choice(len(self._names), p=self._weights))]
        rows = self._members[group]
        return rows[int(rng.integers(len(rows)))]
