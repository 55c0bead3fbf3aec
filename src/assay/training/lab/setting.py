"""A run made ready: its data read, checked, split and decoded, before anything is trained."""

from __future__ import annotations

import hashlib
import json
import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from assay.errors import TrainingError
from assay.models.card import MOST_VALUES
from assay.training.lab.cache import Cache, contents
from assay.training.lab.check import Faults, Item, check_keys, parted, read_trials, with_contents, without
from assay.training.lab.config import Run
from assay.training.lab.data import Reader
from assay.training.lab.decode import form_of
from assay.training.lab.groups import split_off
from assay.training.zoo import Architecture, architecture

log = logging.getLogger("assay.training.lab")
Parts = dict[str, list[Item]]


@dataclass(frozen=True, eq=False)
class Setting:
    """What a run works with.

    Attributes:
        run: How.
        architecture: What is trained, with the shape that the run asks for.
        cache: Where media are decoded to.
        parts: ``train``, ``validation`` and ``test``, which may be empty.
        left_out: Trials left out so far, by kind.
    """

    run: Run
    architecture: Architecture
    cache: Cache
    parts: Parts
    left_out: dict[str, int]

    def reader(self, role: str) -> Reader:
        """Media of a part; of what learns from bona fide media alone, those."""
        items = self.parts[role]
        if role == "train" and self.architecture.one_class:
            items = [item for item in items if not item.spoof]
        return Reader(items, self.cache, self.architecture, self.run.data.on_error)

    def fingerprint(self) -> str:
        """Hash of everything that the weights depend on: the run and its data."""
        told = {role: [[item.content, item.trial.key] for item in items] for role, items in self.parts.items()}
        said = json.dumps([self.run.fingerprint(), self.architecture.shape, told])
        return hashlib.sha256(said.encode()).hexdigest()

    def licences(self) -> dict[str, str]:
        """Licence of each source that is learnt from."""
        return {item.trial.source: item.trial.licence for item in self.parts["train"]}


def architecture_of(run: Run) -> Architecture:
    """The architecture of a run, with its shape.

    Raises:
        TrainingError: If it is unknown, or the shape has another number of axes or other colours, or is too large.
    """
    one = architecture(run.model).shaped(run.shape)
    values = math.prod(one.shape) * (run.data.windows if one.media == "audio" else 1)
    if values > MOST_VALUES:  # what no card may ask for is not trained
        raise TrainingError(f"Files would be scored by {values} values each, more than {MOST_VALUES}. Take fewer.")
    return one


def ready(run: Run, protocols: Sequence[Path], caches: Path, *, jobs: int) -> Setting:
    """Read, check, split and decode.

    Args:
        run: How.
        protocols: Used together.
        caches: Folder of decoded media.
        jobs: Processes that decode.

    Raises:
        ProtocolError: If a protocol is malformed.
        DataError: If data are bad, as `assay.training.lab.check` says.
        TrainingError: If the run does not fit the data.
    """
    one = architecture_of(run)
    faults = Faults(run.data.on_error)
    trials = read_trials(protocols, faults)
    names = {run.data.train, run.data.validation, run.data.test} - {""}
    trials = [trial for trial in trials if trial.partition in names] or trials
    items = with_contents(trials, partial(contents, folder=caches), faults)
    parts = parted(items, run.data, faults)
    cache = Cache(caches, form_of(one, longest_s=run.data.longest_s, look=run.data.look))
    if run.data.prepare:
        every = {item.content: item.file for part in parts.values() for item in part}
        log.info("%d media, decoded to %s", len(every), caches)
        told = cache.fill(list(every.values()), jobs=jobs)
        wrong = {content: told[number] for number, content in enumerate(every) if number in told}
        parts = without(parts, wrong, faults)
    if not parts["validation"] and not run.folds:
        check_keys({"train": parts["train"]}, one_class=False)
        parts["train"], parts["validation"] = split_off(
            parts["train"], run.data.validation_share, by=run.data.group_by, seed=run.seed
        )
    if run.folds:  # what is measured on is split off by `assay.training.lab.folds`
        parts = {"train": parts["train"] + parts["validation"], "validation": [], "test": parts["test"]}
    check_keys({role: part for role, part in parts.items() if part or role == "train"}, one_class=one.one_class)
    log.info(", ".join(f"{role} {len(part)}" for role, part in parts.items()))
    return Setting(run, one, cache, parts, dict(faults.counts))
