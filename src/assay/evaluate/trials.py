"""Trials with scores, what their protocol says of them, and how they part into the two keys."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from assay.data import Trial
from assay.errors import ProtocolError

USUAL_GROUPS = ("generator", "source", "condition")
UNNAMED = "-"


@dataclass(frozen=True)
class ScoredTrial:
    """A trial and what a system said of it.

    Attributes:
        trial: Of the protocol.
        score: Higher for spoof; None if there is none.
        verdict: Of the policy, where one decided; else empty.
        reason: Why there is no score.
        extra: Further columns of the protocol, by name.
    """

    trial: Trial
    score: float | None
    verdict: str = ""
    reason: str = ""
    extra: Mapping[str, str] = field(default_factory=dict)

    def label(self, column: str) -> str:
        """What the protocol says in a column."""
        value = self.extra.get(column, getattr(self.trial, column, "")) or ""
        if value or column != "generator":
            return str(value) or UNNAMED
        return "bona fide" if self.trial.key == "bona_fide" else UNNAMED


def drawn(trials: Sequence[Trial], count: int, seed: int = 0) -> list[Trial]:
    """Some trials of each key, as evenly as there are over sources and generators; in the order that they had.

    Args:
        trials: To draw from.
        count: Of each key, at most.
        seed: Decides which.
    """
    order = np.random.default_rng(seed).permutation(len(trials))
    kept: list[int] = []
    for key in ("bona_fide", "spoof"):
        piles: dict[tuple[str, str], list[int]] = {}
        for number in order:
            if trials[number].key == key:
                piles.setdefault((trials[number].source, trials[number].generator), []).append(int(number))
        rounds = ((place, pile[place]) for pile in piles.values() for place in range(len(pile)))
        kept += [number for _, number in sorted(rounds, key=lambda each: each[0])][:count]
    return [trials[number] for number in sorted(kept)]


def split(scored: Iterable[ScoredTrial]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Scores of bona fide and of spoof trials, those without a score left out."""
    kept = [(one.trial.key, one.score) for one in scored if one.score is not None]
    bona_fide, spoof = ([score for key, score in kept if key == wanted] for wanted in ("bona_fide", "spoof"))
    return np.array(bona_fide, np.float64), np.array(spoof, np.float64)


def source_groups(scored: Iterable[ScoredTrial]) -> tuple[list[str], list[str]]:
    """Sources of bona fide and of spoof trials that have a score, in the order of `split`."""
    kept = [one for one in scored if one.score is not None]
    return by_key([one.trial.source or UNNAMED for one in kept], kept)


def read_extra(protocol: Path, columns: Sequence[str]) -> dict[str, dict[str, str]]:
    """Columns of a protocol that `Trial` does not know, by path.

    Raises:
        ProtocolError: If there is no such column; the message lists what there is.
    """
    with protocol.open(newline="", encoding="utf-8-sig") as stream:
        reader = csv.DictReader(stream)
        there = list(reader.fieldnames or ())
        lacking = [name for name in columns if name not in there]
        if lacking:
            raise ProtocolError(f"'{protocol}' has no column {lacking[0]!r} to group by; it has {', '.join(there)}.")
        return {row["path"].strip(): {name: (row[name] or "").strip() for name in columns} for row in reader}


def usual_groups(protocol: Path) -> tuple[str, ...]:
    """Those of `USUAL_GROUPS` that the protocol has a column for."""
    with protocol.open(newline="", encoding="utf-8-sig") as stream:
        there = next(csv.reader(stream), [])
    return tuple(name for name in USUAL_GROUPS if name in there)


def by_key(labels: Sequence[str], kept: Sequence[ScoredTrial]) -> tuple[list[str], list[str]]:
    """Labels of bona fide and of spoof trials."""
    pairs = list(zip(labels, kept, strict=True))
    bona_fide, spoof = ([label for label, one in pairs if one.trial.key == key] for key in ("bona_fide", "spoof"))
    return bona_fide, spoof
