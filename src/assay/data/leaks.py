"""The leak audit: how well what has nothing to do with synthesis tells the key.

    Facts ── one property at a time ──> AUC with interval
          ── all of them, boosted trees, groups left out ──> AUC with interval

A detector trained on data where size or silence tells the key will listen to those. What one property reaches alone is
its AUC in the better direction; a kind of container and codec is judged by how often it was spoof in the other folds.
All together are judged by gradient boosting (extra ``train``: scikit-learn) that never saw the group it scores.

Decisions
- Groups are the sources if there are five or more, else what shares speaker, identity or parent; else single files.
  The folds of all models and the intervals go by them.
- A property is called a leak if the lower limit of its interval is above `LEAK`: below, small sets would give alarms.
- At most `MOST` files of a medium are used, drawn in turns from each group and key. 300 resamples: two digits.

References:
    Müller et al.: Speech is silver, silence is golden, ASVspoof workshop 2021 (leading silence tells the key of
    ASVspoof 2019); Ojha et al., CVPR 2023, and DIRE issue 11 (JPEG against PNG).
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assay.data.facts import Facts
from assay.data.grouping import groups_of
from assay.data.optional import optional
from assay.data.protocol import Trial
from assay.errors import MissingExtra
from assay.metrics import Interval, auc, bootstrap_interval

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

LEAK = 0.6
FOLDS, LEAST_GROUPS = 5, 5
MOST = 5_000
RESAMPLES = 300
LEAST_OF_KEY = 10
SIZE, FORM, TOGETHER = "file size", "container and codec", "all together"


@dataclass(frozen=True)
class Leak:
    """What one property tells.

    Attributes:
        medium: ``sound``, ``picture`` or ``video``.
        name: Of the property.
        auc: In the better direction, 0.5 to 1; nothing is told at 0.5. Of kinds and of all together it can be below:
            what was learnt from the other groups does not hold in the one it was tried on.
        interval: 95 %, by groups.
        higher: Key of the files that have more of it; empty for kinds and for all together.
        files: How many were used.
    """

    medium: str
    name: str
    auc: float
    interval: Interval
    higher: str
    files: int

    @property
    def leaks(self) -> bool:
        """Whether it tells the key for sure."""
        return self.interval.low > LEAK


@dataclass(frozen=True)
class Audit:
    """All of it.

    Attributes:
        leaks: One per medium and property, the strongest first.
        groups: What the folds went by and how many there are, by medium: ``source (12)``, ``speaker, identity, parent
            (40)`` or ``file``. Intervals of fewer than about ten groups are too narrow.
        notes: Why something was not audited.
    """

    leaks: tuple[Leak, ...]
    groups: dict[str, str]
    notes: tuple[str, ...]


def audit(trials: Sequence[Trial], facts: Sequence[Facts], *, seed: int = 0) -> Audit:
    """Audit the files that could be read.

    Args:
        trials: Any media, both keys.
        facts: Of each.
        seed: Decides folds, draws and resamples.
    """
    found: list[Leak] = []
    groups: dict[str, str] = {}
    notes: list[str] = []
    for medium in ("sound", "picture", "video"):
        rows = [index for index, each in enumerate(facts) if each.medium == medium and each.numbers]
        counts = Counter(trials[index].key for index in rows)
        if not rows:
            continue
        if min(counts["bona_fide"], counts["spoof"]) < LEAST_OF_KEY:
            notes.append(f"{medium}: fewer than {LEAST_OF_KEY} readable files of a key, no leak audit")
            continue
        labels, groups[medium] = _labels([trials[index] for index in rows])
        drawn = _drawn(rows, labels, [trials[index].key for index in rows], seed)
        case = _Case(medium, [trials[rows[i]] for i in drawn], [facts[rows[i]] for i in drawn], labels[drawn], seed)
        found += case.alone()
        try:
            found.append(case.together())
        except MissingExtra as error:
            notes.append(error.message)
    return Audit(tuple(sorted(found, key=lambda leak: -leak.auc)), groups, tuple(notes))


def _labels(trials: Sequence[Trial]) -> tuple[NDArray[np.int64], str]:
    """Number of the group of each trial, and what the groups are."""
    for by in (("source",), ("speaker", "identity", "parent")):
        groups = groups_of(trials, by)
        filled = any(getattr(trial, name) for trial in trials for name in by if name not in groups.idle)
        if filled and groups.count >= LEAST_GROUPS:
            return np.array(groups.of), f"{', '.join(by)} ({groups.count})"
    return np.arange(len(trials)), "file"


def _drawn(rows: Sequence[int], labels: NDArray[np.int64], keys: Sequence[str], seed: int) -> NDArray[np.int64]:
    """At most `MOST` places in `rows`, in turns from each group and key, which gives small groups their say."""
    queues: dict[tuple[int, str], list[int]] = defaultdict(list)
    for place in np.random.default_rng(seed).permutation(len(rows)):
        queues[int(labels[place]), keys[place]].append(int(place))
    ranked = [(turn, queue, place) for queue, places in queues.items() for turn, place in enumerate(places)]
    return np.sort([place for _, _, place in sorted(ranked)[:MOST]])


@dataclass(frozen=True)
class _Case:
    """One medium."""

    medium: str
    trials: Sequence[Trial]
    facts: Sequence[Facts]
    labels: NDArray[np.int64]
    seed: int

    @property
    def spoof(self) -> Mask:
        return np.array([trial.key == "spoof" for trial in self.trials])

    def columns(self) -> dict[str, Floats]:
        """Every number, by name; nan where a file has none."""
        names = dict.fromkeys(name for each in self.facts for name in each.numbers)
        size = {SIZE: np.array([each.size_bytes for each in self.facts], float)}
        return size | {n: np.array([each.numbers.get(n, math.nan) for each in self.facts], float) for n in names}

    def alone(self) -> list[Leak]:
        """What each property tells alone."""
        columns = self.columns()
        found = [self._leak(name, values) for name, values in columns.items()]
        found.append(self._leak(FORM, self._rates(), directed=True))
        return [leak for leak in found if leak is not None]

    def together(self) -> Leak:
        """What all of them tell.

        Raises:
            MissingExtra: Without scikit-learn.
        """
        ensemble = optional("sklearn.ensemble", "train", "The joint leak audit")
        forms = sorted({each.form for each in self.facts})
        kinds = [np.array([each.form == form for each in self.facts], float) for form in forms]
        values = np.stack([*self.columns().values(), *kinds], axis=1)
        spoof, folds = self.spoof, self._folds()
        scores = np.full(len(spoof), math.nan)
        for fold in np.unique(folds):
            rest = folds != fold
            if len(set(spoof[rest])) == 2:
                model = ensemble.HistGradientBoostingClassifier(
                    max_iter=100,
                    max_leaf_nodes=8,
                    learning_rate=0.1,
                    class_weight="balanced",
                    early_stopping=False,
                    random_state=self.seed,
                )
                scores[~rest] = model.fit(values[rest], spoof[rest]).predict_proba(values[~rest])[:, 1]
        leak = self._leak(TOGETHER, scores, directed=True)
        return leak or Leak(self.medium, TOGETHER, 0.5, Interval(0.5, 0.5), "", 0)

    def _leak(self, name: str, values: Floats, *, directed: bool = False) -> Leak | None:
        """The AUC of a column, in the better direction unless it is directed; None if a key has none of it."""
        known = np.isfinite(values)
        spoof = self.spoof[known]
        if spoof.all() or not spoof.any():
            return None
        values, labels = values[known], self.labels[known].astype(str)
        area = auc(values[~spoof], values[spoof])
        if area < 0.5 and not directed:
            values, area, higher = -values, 1 - area, "bona_fide"
        else:
            higher = "" if directed else "spoof"
        groups = labels[~spoof].tolist(), labels[spoof].tolist()
        interval = bootstrap_interval(
            auc, values[~spoof], values[spoof], n_resamples=RESAMPLES, seed=self.seed, groups=groups
        )
        return Leak(self.medium, name, area, interval, higher, len(values))

    def _rates(self) -> Floats:
        """How often the form of each file is spoof in the other folds; half a file of each key is added."""
        folds, spoof = self._folds(), self.spoof
        forms = np.array([each.form for each in self.facts])
        rates = np.zeros(len(forms))
        for fold in np.unique(folds):
            rest = folds != fold
            base = float(spoof[rest].mean()) if rest.any() else 0.5
            for form in np.unique(forms[~rest]):
                same = rest & (forms == form)
                rates[~rest & (forms == form)] = (spoof[same].sum() + base) / (same.sum() + 1)
        return rates

    def _folds(self) -> NDArray[np.int64]:
        """Fold of each file: groups dealt out, largest first, each to the fold with fewest files of its keys."""
        spoof = self.spoof.astype(int)
        order = np.random.default_rng(self.seed).permutation(np.unique(self.labels))
        sizes = {int(g): np.bincount(spoof[self.labels == g], minlength=2) for g in order}
        held = np.zeros((FOLDS, 2))
        of: dict[int, int] = {}
        for group in sorted(sizes, key=lambda g: -sizes[g].sum()):
            of[group] = int((held @ sizes[group]).argmin())
            held[of[group]] += sizes[group]
        return np.array([of[int(label)] for label in self.labels])
