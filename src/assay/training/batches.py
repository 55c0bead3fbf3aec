"""Batches: half bona fide, half spoof, drawn in couples that share as much as the data allow.

A couple is one bona fide clip and one spoof that are cut and disturbed alike, and transcoded both or not at all (by one
codec if they are of one content; a pack draws codecs per clip). There are three kinds, and the recipe says how many of
each (`assay.training.recipe.Mixture`):

- **content**: a spoof made from the bona fide clip. Nothing but the synthesis differs.
- **source**: both from one source, so that what tells sources apart (microphone, format, language) tells nothing about
  the key.
- **any**: from the sources and generators that have no counterpart.

Sources and generators are drawn with the square root of their size as weight. Kinds that the corpus lacks give their
share to the others. A step's batch depends on the seed and the step number alone: a resumed run sees what an
uninterrupted one would have seen.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import soxr
import torch
from numpy.typing import NDArray
from torch.utils.data import IterableDataset

from assay.training.corpus import Corpus
from assay.training.recipe import Recipe
from assay.training.sound import SAMPLE_RATE_HZ

Batch = tuple[torch.Tensor, torch.Tensor, torch.Tensor]
Couple = tuple[int, int]  # a bona fide clip and a spoof
LARGEST = 400  # clips beyond which a source or generator weighs no more
SHORTEST = 16_000  # samples of a cut


class Drawer:
    """Draws clips by group, groups with the square root of their size as weight."""

    def __init__(self, groups: Mapping[str, Sequence[int]]) -> None:
        self.members = [np.asarray(indices) for _, indices in sorted(groups.items())]
        weights = np.sqrt([min(len(indices), LARGEST) for indices in self.members])
        self.weights = weights / weights.sum()

    def draw(self, rng: np.random.Generator) -> int:
        """Index of one clip."""
        return int(rng.choice(self.members[rng.choice(len(self.members), p=self.weights)]))


class ContentCouples:
    """Spoofs with the clips they were made from, drawn by generator."""

    def __init__(self, parents: Mapping[int, int], generators: Mapping[str, Sequence[int]]) -> None:
        self.parents, self.spoofs = parents, Drawer(generators)

    def draw(self, rng: np.random.Generator) -> Couple:
        """One couple."""
        spoof = self.spoofs.draw(rng)
        return self.parents[spoof], spoof


class SourceCouples:
    """Clips of one source: sources by the root of how many couples they hold, then spoofs by generator."""

    def __init__(self, sources: Sequence[tuple[Sequence[int], Mapping[str, Sequence[int]]]]) -> None:
        self.sources = [(np.asarray(bona_fide), Drawer(generators)) for bona_fide, generators in sources]
        sizes = [
            min(len(bona_fide), sum(map(len, generators.values())), LARGEST) * np.sqrt(len(generators))
            for bona_fide, generators in sources
        ]
        self.weights = np.sqrt(sizes) / np.sqrt(sizes).sum()

    def draw(self, rng: np.random.Generator) -> Couple:
        """One couple."""
        bona_fide, spoofs = self.sources[rng.choice(len(self.sources), p=self.weights)]
        return int(rng.choice(bona_fide)), spoofs.draw(rng)


class AnyCouples:
    """A bona fide clip by source and a spoof by generator, drawn apart."""

    def __init__(self, sources: Mapping[str, Sequence[int]], generators: Mapping[str, Sequence[int]]) -> None:
        self.bona_fide, self.spoofs = Drawer(sources), Drawer(generators)

    def draw(self, rng: np.random.Generator) -> Couple:
        """One couple."""
        return self.bona_fide.draw(rng), self.spoofs.draw(rng)


class CoupledBatches(IterableDataset[Batch]):
    """Endless in principle; yields the batches of steps ``first`` to ``last - 1``.

    Yields:
        waves (batch, window) float32, keys (batch,) float32 with 1 = spoof, groups (batch,) int64: a couple is a group.
    """

    def __init__(self, corpus: Corpus, recipe: Recipe, window: int, first: int, last: int) -> None:
        self.corpus, self.recipe, self.window, self.first, self.last = corpus, recipe, window, first, last
        kinds = couples_of(corpus)
        self.kinds = [kinds[name] for name in kinds]
        shares = np.array([getattr(recipe.mixture, name) for name in kinds])
        self.shares = shares / shares.sum() if shares.sum() else np.full(len(kinds), 1 / len(kinds))

    def __iter__(self) -> Iterator[Batch]:
        for step in range(self.first, self.last):
            yield self.batch(step)

    def couples(self, rng: np.random.Generator) -> list[Couple]:
        """The couples of one step, drawn from its generator."""
        half = self.recipe.optimisation.batch_size // 2
        return [self.kinds[kind].draw(rng) for kind in rng.choice(len(self.kinds), size=half, p=self.shares)]

    def batch(self, step: int) -> Batch:
        """The batch of one step."""
        rng = np.random.default_rng([self.recipe.seed, step])
        couples = self.couples(rng)
        half = len(couples)
        versions = np.zeros(half, np.int64)
        if (count := self.corpus.starts.shape[1]) > 1:
            transcoded = rng.random(half) < self.recipe.augmentation.codec
            versions = np.where(transcoded, rng.integers(1, count, half), 0)
        cuts = rng.random((half, 3))
        # Where a synthesiser leaves its traces depends on the rate it works at; other speeds move them.
        paces = np.where(rng.random(half) < self.recipe.augmentation.speed, rng.uniform(0.9, 1.1, half), 1.0)
        # How much of the silence around a paused clip comes before it.
        paused = rng.random(half) < self.recipe.augmentation.pause
        places = np.where(paused, rng.random(half), np.nan)
        waves = [
            self._cut(couple[key], int(versions[row]), float(paces[row]), cuts[row], float(places[row]))
            for key in (0, 1)
            for row, couple in enumerate(couples)
        ]
        keys = torch.cat([torch.zeros(half), torch.ones(half)])
        return torch.from_numpy(np.stack(waves)), keys, torch.arange(half).repeat(2)

    def _cut(
        self, index: int, version: int, pace: float, draws: NDArray[np.float64], place: float
    ) -> NDArray[np.float32]:
        """A stretch of the clip; half of the time it is shorter than it could be.

        It is repeated up to the window, or stands between zeros, `place` of them before it, if that is a number.
        """
        samples = self.corpus.clip(index, version)
        whole, length, start = draws
        kept = min(len(samples), self.window)
        if whole < 0.5:
            kept = max(int(kept * (0.3 + 0.7 * length)), min(kept, SHORTEST))
        first = int(start * (len(samples) - kept + 1))
        cut = samples[first : first + kept]
        if pace != 1.0:
            cut = soxr.resample(cut, SAMPLE_RATE_HZ * pace, SAMPLE_RATE_HZ, quality="MQ")
        if np.isnan(place) or len(cut) >= self.window:
            return repeat_pad(cut, self.window)
        before = int(place * (self.window - len(cut)))
        return np.pad(cut, (before, self.window - len(cut) - before))


def couples_of(corpus: Corpus) -> dict[str, ContentCouples | SourceCouples | AnyCouples]:
    """What the corpus can be drawn from: one to three of ``content``, ``source`` and ``any``."""
    position = {trial.path: index for index, trial in enumerate(corpus.trials)}
    parents: dict[int, int] = {}
    groups: dict[str, dict[str, list[int]]] = {name: defaultdict(list) for name in ("made", "bona_fide", "spoof")}
    by_source: dict[str, tuple[list[int], dict[str, list[int]]]] = {}
    for index, trial in enumerate(corpus.trials):
        parent = position.get(trial.parent)
        if trial.key == "spoof" and parent is not None and corpus.trials[parent].key == "bona_fide":
            parents[index] = parent
            groups["made"][trial.generator].append(index)
            continue
        bona_fide, spoofs = by_source.setdefault(trial.source, ([], defaultdict(list)))
        if trial.key == "bona_fide":
            groups["bona_fide"][trial.source].append(index)
            bona_fide.append(index)
        else:
            groups["spoof"][trial.generator].append(index)
            spoofs[trial.generator].append(index)
    kinds: dict[str, ContentCouples | SourceCouples | AnyCouples] = {}
    if parents:
        kinds["content"] = ContentCouples(parents, groups["made"])
    if both := [entry for _, entry in sorted(by_source.items()) if all(entry)]:
        kinds["source"] = SourceCouples(both)
    if groups["bona_fide"] and groups["spoof"]:
        kinds["any"] = AnyCouples(groups["bona_fide"], groups["spoof"])
    return kinds


def repeat_pad(samples: NDArray[np.float32], window: int) -> NDArray[np.float32]:
    """Repeat forwards up to `window` samples; longer input is cut."""
    return np.resize(samples, window)
