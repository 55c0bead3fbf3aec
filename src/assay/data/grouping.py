"""Which trials belong together, so that they never stand in two partitions.

Trials that share a speaker, an identity, a source or a parent are one group, and so are those joined through others:
a union-find over all columns at once (Galler & Fischer, CACM 1964). A cell may hold several values, ``a;b``. Empty
cells join nothing. A column that says the same of every trial would make one group of all, so it is left out and told.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from assay.data.protocol import Trial
from assay.errors import DataError, SettingsError

PEOPLE = ("speaker", "identity", "source")
COLUMNS = (*PEOPLE, "parent", "content")
DEFAULT = (*PEOPLE, "parent")
_BLOCK = 2**20
log = logging.getLogger("assay.data.grouping")


@dataclass(frozen=True)
class Groups:
    """Groups of trials.

    Attributes:
        of: Number of the group of each trial, from 0 in order of appearance.
        idle: Columns that were asked for and say the same of every trial.
    """

    of: tuple[int, ...]
    idle: tuple[str, ...] = ()

    @property
    def count(self) -> int:
        """How many there are."""
        return max(self.of, default=-1) + 1


def values_of(cell: str) -> list[str]:
    """The values of a cell."""
    return [value for value in (part.strip() for part in cell.split(";")) if value]


def groups_of(trials: Sequence[Trial], by: Iterable[str] = DEFAULT) -> Groups:
    """Group trials.

    Args:
        trials: In any order.
        by: Of `COLUMNS`. ``parent`` joins a file with the one it was made from; ``content`` joins files of equal bytes,
            for which all are read.

    Raises:
        SettingsError: If a column is not one of these.
        DataError: If a file cannot be read for ``content``.
    """
    columns = tuple(dict.fromkeys(by))
    unknown = set(columns) - set(COLUMNS)
    if unknown:
        raise SettingsError(f"Groups by {sorted(unknown)} are unknown; accepted are {list(COLUMNS)}.")
    idle = tuple(name for name in columns if name in PEOPLE and _says_nothing(trials, name))
    if idle:
        log.warning("%s says the same of every trial and is not used to group", " and ".join(idle))
    used = [name for name in columns if name not in idle]
    return Groups(joined([(name, value) for name in used for value in _labels(trial, name)] for trial in trials), idle)


def joined(labels: Iterable[Iterable[tuple[str, str]]]) -> tuple[int, ...]:
    """Number of the group of each item, from 0 in order of appearance; items that share a label are one group.

    Args:
        labels: Of each item, by name and value.
    """
    roots, first = _Roots(), dict[tuple[str, str], int]()
    for index, own in enumerate(labels):
        roots.add()
        for label in own:
            roots.join(first.setdefault(label, index), index)
    numbers: dict[int, int] = {}
    return tuple(numbers.setdefault(roots.find(index), len(numbers)) for index in range(roots.count))


def digest_of(file: Path) -> str:
    """SHA-256 of a file's bytes, hexadecimal, in flat memory.

    Raises:
        DataError: If it cannot be read.
    """
    try:
        digest = hashlib.sha256()
        with file.open("rb") as stream:
            while block := stream.read(_BLOCK):
                digest.update(block)
        return digest.hexdigest()
    except OSError as error:
        raise DataError(f"'{file}' cannot be read: {error.strerror}. Correct its row or remove it.") from error


def _labels(trial: Trial, name: str) -> list[str]:
    if name == "parent":
        return [trial.path, trial.parent] if trial.parent else [trial.path]
    if name == "content":
        return [digest_of(trial.file)]
    return values_of(getattr(trial, name))


def _says_nothing(trials: Sequence[Trial], name: str) -> bool:
    cells = {getattr(trial, name) for trial in trials}
    return len(trials) > 1 and len(cells) == 1 and cells != {""}


class _Roots:
    """Union-find with path halving."""

    def __init__(self) -> None:
        self._parent: list[int] = []

    @property
    def count(self) -> int:
        return len(self._parent)

    def add(self) -> None:
        self._parent.append(len(self._parent))

    def find(self, item: int) -> int:
        parent = self._parent
        while parent[item] != item:
            parent[item] = parent[parent[item]]
            item = parent[item]
        return item

    def join(self, one: int, other: int) -> None:
        one, other = self.find(one), self.find(other)
        if one != other:
            self._parent[max(one, other)] = min(one, other)
