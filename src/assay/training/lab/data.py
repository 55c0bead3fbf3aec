"""Batches: drawn, read from the cache, cut and treated; in the main process or in workers.

A batch is a function of the run's seed, the number of the batch and the place of the process among its like. With
several processes each reads its share of one large batch, so that two with batches of 16 learn from what one with
batches of 32 learns from.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import DataLoader, Dataset

from assay.errors import AssayError, DataError
from assay.training.lab.cache import Cache
from assay.training.lab.check import Item
from assay.training.lab.config import OnError, Run
from assay.training.lab.order import Order
from assay.training.lab.sights import FeatureTreatment, PictureTreatment, VideoTreatment
from assay.training.lab.sounds import SoundTreatment
from assay.training.zoo import Architecture

SHORTEST = 16_000  # samples of a cut in training
MOST_WORKERS, FEW_BATCHES = 4, 8
TRIES = 20  # other media tried for one that cannot be read
Treatment = SoundTreatment | PictureTreatment | VideoTreatment | FeatureTreatment


class Batch(NamedTuple):
    """What a network learns from.

    Attributes:
        inputs: Shape (n, ...), as the architecture takes them.
        spoof: Shape (n,), float32, 1 for spoof.
        rows: Shape (n,), int64: which media they are.
        number: Of the batch.
        unread: Rows that could not be read, for which others stand in.
    """

    inputs: torch.Tensor
    spoof: torch.Tensor
    rows: torch.Tensor
    number: int
    unread: tuple[int, ...]


class Reader:
    """Reads media of one part as an architecture takes them.

    Args:
        items: The part.
        cache: Where they are decoded to.
        architecture: What takes them.
        on_error: What happens to media that cannot be read.
    """

    def __init__(self, items: Sequence[Item], cache: Cache, architecture: Architecture, on_error: OnError) -> None:
        self.items, self.cache, self.architecture = tuple(items), cache, architecture
        self._skips = on_error == "skip"
        spoof = np.array([item.spoof for item in items])
        self.spoof = spoof.astype(np.float32)
        self._like = {key: np.flatnonzero(spoof == key) for key in (False, True)}

    def one(self, row: int) -> NDArray[Any] | None:
        """The stored array of one medium; None if it cannot be read and such media are left out.

        Raises:
            DataError: If it cannot be read and errors stop the run.
        """
        try:
            return self.cache.array(*self.items[row].file)
        except AssayError as error:
            if self._skips:
                return None
            raise DataError(
                f"{error.message} Correct or remove the file, or leave such files out with --on-error skip."
            ) from error

    def arrays(self, rows: NDArray[np.int64]) -> tuple[list[NDArray[Any]], NDArray[np.int64], list[int]]:
        """Stored arrays, the rows they are of, and the rows that others of the same key stand in for.

        Raises:
            DataError: If a file cannot be read, and errors stop the run, or none of `TRIES` others can be.
        """
        found, kept, unread = [], rows.copy(), []
        for place, row in enumerate(rows):
            like = self._like[bool(self.spoof[row])]
            at = int(np.searchsorted(like, row))
            for other in range(TRIES):
                kept[place] = like[(at + other) % len(like)]
                if (array := self.one(int(kept[place]))) is not None:
                    found.append(array)
                    break
                unread.append(int(kept[place]))
            else:
                raise DataError(f"'{self.items[row].trial.file}' and {TRIES - 1} files after it cannot be read.")
        return found, kept, unread

    def cuts(self, arrays: Sequence[NDArray[Any]], draws: NDArray[np.float64], pause: float) -> NDArray[np.float32]:
        """A random stretch of each recording, shape (n, samples); half of them shorter than they could be.

        What is too short is repeated or, with the chance `pause`, stands between silence. `draws` has shape (n, 5), in
        [0, 1).
        """
        window = self.architecture.shape[0]
        made = np.zeros((len(arrays), window), np.int16)
        for place, (samples, (whole, length, start, paused, where)) in enumerate(zip(arrays, draws, strict=True)):
            kept = min(len(samples), window)
            if whole < 0.5:
                kept = max(int(kept * (0.3 + 0.7 * length)), min(kept, SHORTEST))
            first = int(start * (len(samples) - kept + 1))
            cut = samples[first : first + kept]
            if paused < pause:
                before = int(where * (window - kept + 1))
                made[place, before : before + kept] = cut
            else:
                made[place] = np.resize(cut, window)
        return made.astype(np.float32) / np.float32(32768)

    def views(self, array: NDArray[Any], count: int) -> NDArray[Any]:
        """What a medium is scored by, shape (views, ...); see `assay.views.form.Form.views`."""
        return self.cache.form.views(array, count)

    def plain(self, stored: NDArray[Any]) -> NDArray[Any]:
        """Media as they are, without treatment; see `assay.views.form.Form.plain`."""
        return self.cache.form.plain(stored)


class TrainingBatches(Dataset[Batch]):
    """The batches from one number to another, of one process.

    Args:
        reader: Of the training part.
        order: What is drawn.
        run: Size of batches, seed and whether they are treated.
        treatment: What happens to them; None for nothing.
        numbers: Of the batches.
        process: Which of how many processes.
    """

    def __init__(
        self,
        reader: Reader,
        order: Order,
        run: Run,
        treatment: Treatment | None,
        numbers: range,
        process: tuple[int, int] = (0, 1),
    ) -> None:
        self._reader, self._order, self._run, self._treatment = reader, order, run, treatment
        self._numbers, self._process = numbers, process

    def __len__(self) -> int:
        return len(self._numbers)

    def __getitem__(self, index: int) -> Batch:
        number = self._numbers[index]
        place, processes = self._process
        size = self._run.data.batch_size
        rows = self._order.batch(number, size * processes)[place * size : (place + 1) * size]
        arrays, rows, unread = self._reader.arrays(rows)
        seed = (self._run.seed, number, place)
        if self._reader.architecture.media == "audio":
            pause = self._run.sound.pause if self._treatment else 0.0
            # Drawn for all processes, so that one with all of the batch cuts as they do.
            draws = np.random.default_rng([self._run.seed, number, 1]).random((size * processes, 5))
            mine = draws[place * size : (place + 1) * size]
            given: NDArray[Any] = self._reader.cuts(arrays, mine, pause)
        else:
            given = np.stack(arrays)
        if self._treatment is not None:
            inputs = self._treatment(given, paired=self._order.paired, seed=seed)
        else:
            inputs = torch.from_numpy(np.ascontiguousarray(self._reader.plain(given)))
        spoof = torch.from_numpy(self._reader.spoof[rows])
        return Batch(inputs, spoof, torch.from_numpy(rows), number, tuple(unread))


class MeasuredBatches(Dataset[Batch]):
    """One view of every medium of a part, in order; of several processes each has a share.

    The last shares are filled up with the first media, so that all processes have as many batches; `rows` tells.
    """

    def __init__(self, reader: Reader, size: int, process: tuple[int, int] = (0, 1)) -> None:
        self._reader = reader
        place, processes = process
        count = -(-len(reader.items) // processes) * processes
        mine = np.arange(place, count, processes) % len(reader.items)
        self._rows = [mine[first : first + size] for first in range(0, len(mine), size)]

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: int) -> Batch:
        arrays, rows, unread = self._reader.arrays(self._rows[index])
        inputs = np.concatenate([self._reader.views(array, 1) for array in arrays])
        spoof = torch.from_numpy(self._reader.spoof[rows])
        return Batch(
            torch.from_numpy(np.ascontiguousarray(inputs)), spoof, torch.from_numpy(rows), index, tuple(unread)
        )


def treatment_of(architecture: Architecture, run: Run) -> Treatment | None:
    """What happens to the media of an architecture in training."""
    if not run.data.augment:
        return None
    if architecture.media == "audio":
        return SoundTreatment(run.sound, architecture.shape[0], run.seed)
    side = architecture.shape[-2]
    if architecture.media == "image":
        return PictureTreatment(run.picture, side)
    return VideoTreatment(run.video, side) if architecture.integer else FeatureTreatment(run.video)


class Epochs:
    """The training batches of a run, an epoch at a time.

    One pass through a loader serves all epochs, so that workers are started once and read on while a check is measured.

    Args:
        batches: Of all epochs.
        run: How many workers.
        each: Batches of an epoch.
        epoch: Tells which one it is whenever an epoch begins; a resumed run begins with a later one.
        pinned: Whether they go to a GPU.
    """

    def __init__(
        self, batches: TrainingBatches, run: Run, each: int, epoch: Callable[[], int], *, pinned: bool
    ) -> None:
        self._batches, self._run, self._pinned = batches, run, pinned
        self._each, self._epoch = each, epoch
        self._next = -1
        self._ahead: Iterator[Batch] = iter(())

    def __len__(self) -> int:
        return self._each

    def __iter__(self) -> Iterator[Batch]:
        first = self._epoch() * self._each
        if self._next != first:
            ahead = loader(self._batches, self._run, pinned=self._pinned, numbers=range(first, len(self._batches)))
            self._next, self._ahead = first, iter(ahead)
        for _ in range(self._each):
            self._next += 1
            yield next(self._ahead)

    def close(self) -> None:
        """End the workers."""
        self._next, self._ahead = -1, iter(())


def loader(
    batches: TrainingBatches | MeasuredBatches, run: Run, *, pinned: bool, numbers: range | None = None
) -> DataLoader[Batch]:
    """Batches in order, read ahead by workers if the run has any.

    Args:
        batches: Of all epochs, or of one check.
        run: How many workers.
        pinned: Whether they go to a GPU.
        numbers: Which of them; None for all, as often as is asked: workers stay until the run ends.
    """
    workers = run.machine.workers
    if workers is None:
        # Starting one takes as long as a few batches do.
        idle = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        workers = min(MOST_WORKERS, max(0, idle // run.machine.devices - 1)) if len(batches) >= FEW_BATCHES else 0
    return DataLoader(
        batches,
        batch_size=None,
        sampler=numbers,
        num_workers=workers,
        pin_memory=pinned,
        persistent_workers=workers > 0 and numbers is None,
    )
