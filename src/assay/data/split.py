"""`assay data split`: partitions that share no speaker, identity, source or parent.

Whole groups (`assay.data.grouping`) are dealt out, largest first, each to the partition that lacks most of what the
group holds, counted by key and generator: iterative stratification (Sechidis et al., ECML PKDD 2011) with groups in the
place of single examples. The seed decides the order of equal groups and nothing else is drawn.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from assay.data.grouping import DEFAULT, Groups, groups_of
from assay.data.protocol import KEYS, Trial, trials_of
from assay.data.table import read_table, relative_to, write_table
from assay.errors import DataError, SettingsError

NAMES = {2: ("train", "eval"), 3: ("train", "dev", "eval")}
Stratum = tuple[str, str]


@dataclass(frozen=True)
class Split:
    """A way to part trials.

    Attributes:
        partitions: Of each trial.
        groups: How they were grouped.
        notes: What a user should know: a key that a partition lacks, shares that could not be kept.
    """

    partitions: tuple[str, ...]
    groups: Groups
    notes: tuple[str, ...]

    def sizes(self) -> dict[str, int]:
        """Trials of each partition."""
        return dict(Counter(self.partitions))


def split(trials: Sequence[Trial], shares: dict[str, float], *, by: Iterable[str] = DEFAULT, seed: int = 0) -> Split:
    """Part trials.

    Args:
        trials: At least one.
        shares: Partition -> share, each > 0; they need not add up to 1.
        by: What must not be shared, see `assay.data.grouping.groups_of`.
        seed: Decides which of equal groups comes first.

    Raises:
        SettingsError: If a share is not above 0, or a column is unknown.
        DataError: If there are fewer groups than partitions.
    """
    if len(shares) < 2 or not all(0 < share < float("inf") for share in shares.values()):
        raise SettingsError(f"Shares are {shares}; two or more partitions with shares above 0 are needed.")
    groups = groups_of(trials, by)
    if groups.count < len(shares):
        raise DataError(
            f"{len(trials)} trials make {groups.count} group(s) by {list(by)}, which is not enough for {len(shares)}"
            " partitions. Group by fewer columns (--by), or fill in the ones that tell trials apart."
        )
    members: dict[int, list[int]] = defaultdict(list)
    for index, group in enumerate(groups.of):
        members[group].append(index)
    chosen = _deal([Counter(_stratum(trials[index]) for index in each) for each in members.values()], shares, seed)
    partitions = [chosen[group] for group in groups.of]
    return Split(tuple(partitions), groups, tuple(_notes(trials, partitions, shares)))


def split_protocol(
    protocol: Path, to: Path, shares: dict[str, float], *, by: Iterable[str] = DEFAULT, seed: int = 0
) -> Split:
    """Write a protocol again with its partitions set; columns that nothing here knows are kept.

    Args:
        protocol: CSV or Parquet.
        to: The one to write; if it is in another folder, paths and parents are written as seen from there.
        shares: As for `split`.
        by: As for `split`.
        seed: As for `split`.

    Raises:
        ProtocolError, SettingsError, DataError: As `read_protocol` and `split` do.
    """
    table = read_table(protocol)
    trials = trials_of(table)
    made = split(trials, shares, by=by, seed=seed)
    table.put("partition", made.partitions)
    if to.parent.resolve() != protocol.parent.resolve():
        to.parent.mkdir(parents=True, exist_ok=True)
        for name in ("path", "parent"):
            cells = table.cells(name)
            if any(cells):
                table.put(name, [relative_to(protocol.parent / cell, to.parent) if cell else "" for cell in cells])
    write_table(to, table.columns, table.rows)
    return made


def _stratum(trial: Trial) -> Stratum:
    return trial.key, trial.generator


def _deal(groups: Sequence[Counter[Stratum]], shares: dict[str, float], seed: int) -> list[str]:
    """The partition of each group."""
    total = sum(groups, Counter())
    whole = sum(shares.values())
    lacking = {name: {each: share / whole * n for each, n in total.items()} for name, share in shares.items()}
    order = np.random.default_rng(seed).permutation(len(groups))
    chosen = [""] * len(groups)
    for index in sorted(order, key=lambda place: -groups[place].total()):
        group = groups[index]
        best = max(shares, key=partial(_need, group, lacking, total))
        chosen[index] = best
        for each, n in group.items():
            lacking[best][each] -= n
    return _none_empty(chosen, [group.total() for group in groups], shares)


def _need(
    group: Counter[Stratum], lacking: dict[str, dict[Stratum, float]], total: Counter[Stratum], name: str
) -> tuple[float, float]:
    """How much a partition lacks of what a group holds; among equals, of anything."""
    # Relative to the stratum, or a generator of ten files would have no say beside one of ten thousand.
    need = sum(n * lacking[name][each] / total[each] for each, n in group.items()) / group.total()
    return round(need, 9), sum(lacking[name].values())


def _none_empty(chosen: list[str], sizes: Sequence[int], names: Iterable[str]) -> list[str]:
    """The same, but for the smallest group of the partition with most groups, which a partition gets that has none."""
    for name in names:
        if name not in chosen:
            counts = Counter(chosen)
            most = max(counts, key=lambda each: counts[each])
            chosen[min((i for i, each in enumerate(chosen) if each == most), key=lambda i: sizes[i])] = name
    return chosen


def _notes(trials: Sequence[Trial], partitions: Sequence[str], shares: dict[str, float]) -> Iterable[str]:
    counts = Counter(partitions)
    whole = sum(shares.values())
    for name, share in shares.items():
        keys = {trial.key for trial, partition in zip(trials, partitions, strict=True) if partition == name}
        for key in KEYS:
            if key not in keys and any(trial.key == key for trial in trials):
                yield f"'{name}' has no {key} trial: too few groups hold that key"
        got = counts[name] / len(trials)
        if abs(got - share / whole) > 0.05:
            yield f"'{name}' has {got:.0%} of the trials instead of {share / whole:.0%}; groups are not parted"
