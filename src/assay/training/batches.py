"""Batches for `audio-resnet`: half bona fide, half spoof, pairs together, sources and generators balanced.

A quarter of the batch are spoofs whose parent is in the corpus, another quarter those bona fide parents, cut alike and
treated alike, so that nothing but synthesis tells them apart. The other half is drawn by source (bona fide) and by
generator (spoof), each with the square root of its size as weight; where every spoof has its parent, all are pairs. A
step's batch depends on the seed and the step number alone: a resumed run sees what an uninterrupted one would have
seen.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import IterableDataset

from assay.training.corpus import Corpus
from assay.training.recipe import Recipe

Batch = tuple[torch.Tensor, torch.Tensor, torch.Tensor]


class Drawer:
    """Draws clips by group, groups with the square root of their size as weight."""

    def __init__(self, groups: dict[str, list[int]]) -> None:
        self.members = [np.asarray(indices) for _, indices in sorted(groups.items())]
        weights = np.sqrt([len(indices) for indices in self.members])
        self.weights = weights / weights.sum()

    def draw(self, count: int, rng: np.random.Generator) -> list[int]:
        """Indices of `count` clips."""
        chosen = rng.choice(len(self.members), size=count, p=self.weights)
        return [int(rng.choice(self.members[group])) for group in chosen]


class PairedBatches(IterableDataset[Batch]):
    """Endless in principle; yields the batches of steps ``first`` to ``last - 1``.

    Yields:
        waves (batch, window) float32, keys (batch,) float32 with 1 = spoof, groups (batch,) int64.
    """

    def __init__(self, corpus: Corpus, recipe: Recipe, window: int, first: int, last: int) -> None:
        self.corpus, self.recipe, self.window, self.first, self.last = corpus, recipe, window, first, last
        position = {trial.path: index for index, trial in enumerate(corpus.trials)}
        groups: dict[str, dict[str, list[int]]] = {name: defaultdict(list) for name in ("pair", "bona_fide", "spoof")}
        self.parent = {}
        for index, trial in enumerate(corpus.trials):
            parent = position.get(trial.parent)
            if trial.key == "spoof" and parent is not None and corpus.trials[parent].key == "bona_fide":
                groups["pair"][trial.generator].append(index)
                self.parent[index] = parent
            else:
                groups[trial.key][trial.source if trial.key == "bona_fide" else trial.generator].append(index)
        self.drawers = {name: Drawer(members) for name, members in groups.items() if members}

    def __iter__(self) -> Iterator[Batch]:
        for step in range(self.first, self.last):
            yield self.batch(step)

    def batch(self, step: int) -> Batch:
        """The batch of one step."""
        rng = np.random.default_rng([self.recipe.seed, step])
        half = self.recipe.optimisation.batch_size // 2
        pairs = 0 if "pair" not in self.drawers else half // 2 if "spoof" in self.drawers else half
        made = self.drawers["pair"].draw(pairs, rng) if pairs else []
        bona_fide = [self.parent[index] for index in made] + self.drawers["bona_fide"].draw(half - pairs, rng)
        spoof = made + (self.drawers["spoof"].draw(half - pairs, rng) if pairs < half else [])
        versions = np.zeros(half, np.int64)
        if (count := self.corpus.starts.shape[1]) > 1:
            transcoded = rng.random(half) < self.recipe.augmentation.codec
            versions = np.where(transcoded, rng.integers(1, count, half), 0)
        cuts = rng.random((half, 3))
        waves = [
            self._cut(index, int(versions[row]), cuts[row])
            for members in (bona_fide, spoof)
            for row, index in enumerate(members)
        ]
        keys = torch.cat([torch.zeros(half), torch.ones(half)])
        return torch.from_numpy(np.stack(waves)), keys, torch.arange(half).repeat(2)

    def _cut(self, index: int, version: int, draws: NDArray[np.float64]) -> NDArray[np.float32]:
        """A stretch of the clip, repeated up to the window; half of the time the stretch is short."""
        samples = self.corpus.clip(index, version)
        whole, length, start = draws
        if whole < 0.5:
            kept = max(int(len(samples) * (0.3 + 0.7 * length)), min(len(samples), 16_000))
            first = int(start * (len(samples) - kept + 1))
            samples = samples[first : first + kept]
        return repeat_pad(samples, self.window)


def repeat_pad(samples: NDArray[np.float32], window: int) -> NDArray[np.float32]:
    """Repeat forwards up to `window` samples; longer input is cut."""
    return np.resize(samples, window)
