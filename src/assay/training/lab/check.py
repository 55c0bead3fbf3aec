"""What is wrong with the data is found before anything is trained.

Missing and unreadable files, wrong keys, one content in two partitions or under both keys, a part with one key only:
each stops the run with all of its kind in one message, or is counted and left out, as `on_error` says. An empty class
cannot be left out and always stops.
"""

from __future__ import annotations

import logging
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import compress
from pathlib import Path

from assay.data import Trial
from assay.data.protocol import KEYS, trials_of
from assay.data.table import read_table
from assay.errors import DataError, TrainingError
from assay.training.lab.config import Data, OnError

log = logging.getLogger("assay.training.lab")


@dataclass(frozen=True)
class Item:
    """A trial with the hash of its file's content."""

    trial: Trial
    content: str

    @property
    def spoof(self) -> bool:
        """Whether its key is ``spoof``."""
        return self.trial.key == "spoof"

    @property
    def file(self) -> tuple[Path, str]:
        """What a cache takes."""
        return self.trial.file, self.content


@dataclass
class Faults:
    """Counts what is left out, or stops.

    Attributes:
        on_error: What happens.
        counts: Left out so far, by kind.
    """

    on_error: OnError
    counts: Counter[str] = field(default_factory=Counter)

    def found(self, kind: str, told: Sequence[str], advice: str) -> None:
        """Stop, naming the first few, or count.

        Raises:
            DataError: If `on_error` is ``stop`` and there are any.
        """
        if not told:
            return
        some = "; ".join(told[:3]) + (f"; and {len(told) - 3} more" if len(told) > 3 else "")
        if self.on_error == "stop":
            raise DataError(
                f"{len(told)} of the trials: {kind} ({some}). {advice} Or leave them out with --on-error skip.",
                kind=kind,
                count=len(told),
            )
        log.warning("%d trials are left out: %s (%s)", len(told), kind, some)
        self.counts[kind] += len(told)


def read_trials(protocols: Sequence[Path], faults: Faults) -> list[Trial]:
    """Trials of all protocols; of rows with a wrong key or without a path, what `faults` says.

    Raises:
        ProtocolError: If a protocol is malformed in any other way.
        DataError: As `Faults.found`.
    """
    trials: list[Trial] = []
    for protocol in protocols:
        table = read_table(protocol)
        if {"key", "path"} <= set(table.columns):
            cells = zip(table.lines, table.cells("key"), table.cells("path"), strict=True)
            good = [key in KEYS and bool(path) for _, key, path in cells]
            rows = zip(table.lines, table.cells("key"), good, strict=True)
            bad = [f"'{protocol}' line {line}: {key!r}" for line, key, fine in rows if not fine]
            faults.found("wrong key or no path", bad, "A key is 'bona_fide' or 'spoof'. Correct the rows.")
            table.rows = list(compress(table.rows, good))
            table.lines = list(compress(table.lines, good))
        trials += trials_of(table)
    twice = [path for path, count in Counter(trial.file for trial in trials).items() if count > 1]
    if twice:
        raise TrainingError(f"The protocols name '{twice[0]}' more than once; remove one of the rows.")
    return trials


def with_contents(trials: Sequence[Trial], hashes: Callable[[Sequence[Path]], list[str]], faults: Faults) -> list[Item]:
    """Trials whose files can be read, with the hash of each.

    Raises:
        DataError: As `Faults.found`, for files that are missing and contents that stand under both keys.
    """
    found = hashes([trial.file for trial in trials])
    gone = [f"'{trial.file}'" for trial, content in zip(trials, found, strict=True) if not content]
    faults.found("missing or unreadable file", gone, "Correct the paths, which are relative to the protocol's folder.")
    items = [Item(trial, content) for trial, content in zip(trials, found, strict=True) if content]
    keys: dict[str, set[str]] = defaultdict(set)
    for item in items:
        keys[item.content].add(item.trial.key)
    both = [f"'{item.trial.path}'" for item in items if len(keys[item.content]) > 1]
    faults.found("one content under both keys", both, "Correct the keys.")
    return [item for item in items if len(keys[item.content]) == 1]


def parted(items: Iterable[Item], data: Data, faults: Faults) -> dict[str, list[Item]]:
    """Items by partition: ``train``, ``validation``, which may be empty yet, and ``test``.

    A content in two of them is left in the one that is measured on, since what was learnt cannot be measured on.

    Raises:
        DataError: As `Faults.found`, for contents in two partitions.
        TrainingError: If a partition that was named is not there.
    """
    names = {"test": data.test, "validation": data.validation, "train": data.train}
    if len({name for name in names.values() if name}) < sum(1 for name in names.values() if name):
        raise TrainingError(f"Partitions must differ; given are {names}.")
    every = list(items)
    parts = {role: [item for item in every if name and item.trial.partition == name] for role, name in names.items()}
    for role in ("train", "test"):
        if names[role] and not parts[role]:
            there = sorted({item.trial.partition for item in every})
            raise TrainingError(
                f"There are no trials of partition '{names[role]}'; there are {there}. Name one with "
                f"--set data.{role}=NAME."
            )
    seen: dict[str, str] = {}
    told: list[str] = []
    for role, part in parts.items():
        here = [item for item in part if seen.get(item.content, role) != role]
        told += [f"'{item.trial.path}' of {role}, also in {seen[item.content]}" for item in here]
        parts[role] = [item for item in part if seen.setdefault(item.content, role) == role]
    faults.found("one content in two partitions", told, "Split the data anew.")
    return parts


def check_keys(parts: dict[str, list[Item]], *, one_class: bool) -> None:
    """Refuse parts that nothing can be learnt from or measured on.

    Raises:
        DataError: Naming the part and its counts.
    """
    for role, part in parts.items():
        if role == "test" and not part:
            continue
        counts = Counter(item.trial.key for item in part)
        needed = {"bona_fide"} if one_class and role == "train" else set(KEYS)
        if lacking := sorted(needed - set(counts)):
            raise DataError(
                f"The {role} part has no trials of key {' and '.join(lacking)}: {counts['bona_fide']} bona fide and "
                f"{counts['spoof']} spoof. Add some, or name other partitions with --set data.{role}=NAME.",
                part=role,
            )


def without(parts: dict[str, list[Item]], wrong: dict[str, str], faults: Faults) -> dict[str, list[Item]]:
    """Parts without items that could not be decoded.

    Args:
        parts: The items.
        wrong: What went wrong, by content.
        faults: What happens then.

    Raises:
        DataError: As `Faults.found`.
    """
    told = [wrong[item.content] for part in parts.values() for item in part if item.content in wrong]
    faults.found("cannot be decoded", told, "Correct or remove the files.")
    return {role: [item for item in part if item.content not in wrong] for role, part in parts.items()}
