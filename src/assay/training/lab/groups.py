"""Splits that no source, speaker, identity, parent or content stands on both sides of.

Trials that share any of these are joined (union-find), so that a chain of sharing holds together, too. Groups are then
dealt out, the largest first, to whichever part lacks most of what the group holds.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from assay.data.grouping import joined, values_of
from assay.errors import DataError
from assay.training.lab.check import Item

Ids = NDArray[np.int64]


def groups_of(items: Sequence[Item], by: Sequence[str]) -> Ids:
    """Number of the group that each item belongs to, shape (n,), from 0 in order of appearance.

    Args:
        items: The items.
        by: What joins: any of ``source``, ``speaker``, ``identity``, ``parent`` and ``content``. What is empty joins
            nothing; several persons stand with ``;`` between them.
    """
    return np.array(joined(_marks(item, by) for item in items), np.int64)


def _marks(item: Item, by: Sequence[str]) -> Iterator[tuple[str, str]]:
    trial = item.trial
    for name in by:
        if name == "content":
            yield name, item.content
        elif name == "parent":  # a file and all that was made from it
            yield name, str(trial.file.absolute())
            if trial.parent:
                yield name, str((trial.root / trial.parent).absolute())
        else:
            yield from ((name, value) for value in values_of(getattr(trial, name)))


def folds_of(items: Sequence[Item], folds: int, *, by: Sequence[str], seed: int) -> Ids:
    """The fold of each item, shape (n,), 0 to `folds` - 1; groups stay whole, and every fold holds both keys.

    Raises:
        DataError: If the groups are too few, or hold the keys so unevenly that a fold would lack one.
    """
    return _dealt(items, [1 / folds] * folds, by=by, seed=seed)


def split_off(items: Sequence[Item], share: float, *, by: Sequence[str], seed: int) -> tuple[list[Item], list[Item]]:
    """Items to learn from, and about `share` of them to measure on, groups kept whole.

    Raises:
        DataError: As `folds_of`.
    """
    measured = _dealt(items, [1 - share, share], by=by, seed=seed) == 1
    return (
        [item for item, here in zip(items, measured, strict=True) if not here],
        [item for item, here in zip(items, measured, strict=True) if here],
    )


def _dealt(items: Sequence[Item], shares: Sequence[float], *, by: Sequence[str], seed: int) -> Ids:
    """The part of each item, parts of about these shares of either key."""
    groups = groups_of(items, by)
    spoof = np.array([item.spoof for item in items])
    counts = np.stack([np.bincount(groups[spoof == key], minlength=groups.max() + 1) for key in (False, True)], 1)
    held = counts / np.maximum(counts.sum(0), 1)
    order = np.random.default_rng(seed).permutation(len(counts))
    order = order[np.argsort(-held[order].max(1), kind="stable")]
    wanted = np.array(shares)[:, None]
    filled = np.zeros((len(shares), 2))
    part_of = np.empty(len(counts), np.int64)
    for group in order:
        # Where the squares, each over what is wanted, grow least: parts that lack the key the group holds come first.
        growth = (((filled + held[group]) ** 2 - filled**2) / wanted).sum(1)
        part_of[group] = int(np.argmin(growth))
        filled[part_of[group]] += held[group]
    if (filled == 0).any():
        raise _too_few(len(counts), len(shares), by)
    return part_of[groups]


def _too_few(groups: int, folds: int, by: Sequence[str]) -> DataError:
    return DataError(
        f"The trials make {groups} groups that share no {', '.join(by)}; {folds} parts with both keys in each cannot "
        "be made of them. Ask for fewer parts, or let less join them, as in --set data.group_by=['speaker','parent'].",
        groups=groups,
        folds=folds,
    )
