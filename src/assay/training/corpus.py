"""From a protocol to one packed file that training reads at random.

Each clip is decoded once, cut to `CLIP_SAMPLES`, and stored as 16-bit samples in several versions: as it came, and
after codecs drawn from the run's seed. Spoofs that we make from bona fide clips join here; they go through the codec
of the shared corpus first, because their parents did. The pack is a memory-mapped file, so its size is not bound by
memory, and all steps can be interrupted and taken up again.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import soundfile
import soxr
import torch
from numpy.typing import NDArray

from assay.data import Trial, read_protocol, write_protocol
from assay.errors import TrainingError
from assay.training.codecs import CODECS, STORE, transcode
from assay.training.fakes import METHODS, make_fakes
from assay.training.recipe import Recipe

Samples = NDArray[np.float32]
SAMPLE_RATE_HZ = 16_000
CLIP_SAMPLES = 65_536
log = logging.getLogger("assay.training.corpus")


@dataclass(frozen=True)
class Corpus:
    """The packed clips.

    Attributes:
        trials: One per clip.
        starts: First sample of each version of each clip, shape (clips, versions).
        lengths: Samples of each clip, shape (clips,).
        samples: All of them, 16-bit, memory-mapped.
    """

    trials: tuple[Trial, ...]
    starts: NDArray[np.int64]
    lengths: NDArray[np.int64]
    samples: NDArray[np.int16]

    def clip(self, index: int, version: int = 0) -> Samples:
        """Samples of one clip, shape (n,), float32 in [-1, 1]."""
        start = self.starts[index, version]
        return self.samples[start : start + self.lengths[index]].astype(np.float32) / np.float32(32768)


def load_clip(path: Path) -> Samples:
    """Decode, average channels, resample to 16 kHz and cut to `CLIP_SAMPLES`."""
    samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    return np.asarray(soxr.resample(samples.mean(axis=1), rate, SAMPLE_RATE_HZ)[:CLIP_SAMPLES], dtype=np.float32)


def _spread(trials: Sequence[Trial], count: int, seed: str) -> list[Trial]:
    """Draw `count` trials, evenly over sources, in an order that only the seed decides."""

    def rank(trial: Trial) -> str:
        return hashlib.sha256(f"{seed}/{trial.path}".encode()).hexdigest()

    by_source: dict[str, list[Trial]] = defaultdict(list)
    for trial in sorted(trials, key=rank):
        by_source[trial.source].append(trial)
    turns = [(turn, rank(trial), trial) for rows in by_source.values() for turn, trial in enumerate(rows)]
    return [trial for _, _, trial in sorted(turns, key=lambda item: item[:2])[:count]]


def _make(parents: list[Trial], name: str, folder: Path, seed: int) -> list[str]:
    torch.set_num_threads(1)
    clips = ((trial.path, load_clip(trial.file)) for trial in parents)
    return [str(path) for _, path in make_fakes(clips, METHODS[name], folder=folder, seed=seed)]


def recipe_fakes(recipe: Recipe, trials: Sequence[Trial], work: Path, *, jobs: int) -> list[Trial]:
    """Make the spoofs a recipe asks for, or find those made already.

    Args:
        recipe: Names the methods and the number of parents of each.
        trials: Training trials; parents are bona fide ones outside the development sources.
        work: Folder of the run.
        jobs: Processes.

    Returns:
        One trial per spoof, in the source of its parent.

    Raises:
        TrainingError: If a method is unknown.
    """
    unknown = set(recipe.fakes) - set(METHODS)
    if unknown:
        raise TrainingError(f"Unknown methods {sorted(unknown)} under [fakes]; known are {sorted(METHODS)}.")
    candidates = [t for t in trials if t.key == "bona_fide" and t.source not in recipe.development_sources]
    made: list[Trial] = []
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        for name, count in recipe.fakes.items():
            parents = _spread(candidates, count, f"{recipe.seed}/{name}")
            folder = work / "fakes" / name
            chunks = [parents[start : start + 25] for start in range(0, len(parents), 25)]
            run = partial(_make, name=name, folder=folder, seed=recipe.seed)
            paths = [path for part in pool.map(run, chunks) for path in part]
            log.info("%d spoofs by %s", len(paths), name)
            generator = METHODS[name].generator
            made += [
                replace(
                    p,
                    path=str(Path(f).relative_to(work)),
                    key="spoof",
                    generator=generator,
                    parent=p.path,
                    root=work,
                )
                for p, f in zip(parents, paths, strict=True)
            ]
    write_protocol(work / "fakes.csv", made)
    return made


def _versions(trial: Trial, count: int, seed: int) -> NDArray[np.int16]:
    """All versions of one clip, shape (1 + count, n)."""
    samples = load_clip(trial.file)
    if trial.parent:
        samples = transcode(samples, STORE)
    digest = hashlib.sha256(f"{seed}/{trial.parent or trial.path}".encode()).digest()
    rng = np.random.default_rng(int.from_bytes(digest[:8], "little"))
    # A spoof and its parent draw the same codecs.
    chosen = [CODECS[int(rng.integers(len(CODECS)))] for _ in range(count)]
    stack = np.stack([samples, *(transcode(samples, codec) for codec in chosen)])
    return (np.clip(stack, -1, 32767 / 32768) * 32768).astype(np.int16)


def pack(trials: Sequence[Trial], work: Path, *, versions: int, seed: int, jobs: int) -> Corpus:
    """Write (or find) the packed corpus of `trials` in `work` and open it."""
    key = hashlib.sha256(
        json.dumps([seed, versions, [(t.path, t.key) for t in trials]], sort_keys=True).encode()
    ).hexdigest()[:16]
    data, index = work / f"pack-{key}.i16", work / f"pack-{key}.npz"
    if not index.exists():
        lengths = []
        with data.open("wb") as stream, ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
            run = partial(_versions, count=versions, seed=seed)
            for stack in pool.map(run, trials, chunksize=16):
                stream.write(stack.tobytes())
                lengths.append(stack.shape[1])
        np.savez(index, lengths=np.asarray(lengths, np.int64))
    lengths_array = np.load(index)["lengths"]
    firsts = np.concatenate([[0], np.cumsum(lengths_array[:-1] * (versions + 1))])
    starts = firsts[:, None] + np.arange(versions + 1) * lengths_array[:, None]
    return Corpus(tuple(trials), starts, lengths_array, np.memmap(data, np.int16, mode="r"))


def read_recipe_trials(protocol: Path, recipe: Recipe) -> tuple[list[Trial], list[Trial]]:
    """Training and development trials of a protocol.

    Raises:
        TrainingError: If a development source is not in the protocol, or a part lacks a key.
    """
    trials = read_protocol(protocol, partition="train")
    unknown = set(recipe.development_sources) - {trial.source for trial in trials}
    if unknown:
        raise TrainingError(f"Development sources {sorted(unknown)} are not in '{protocol}'.")
    development = [trial for trial in trials if trial.source in recipe.development_sources]
    train = [trial for trial in trials if trial.source not in recipe.development_sources]
    for name, part in (("training", train), ("development", development)):
        if len({trial.key for trial in part}) < 2:
            raise TrainingError(f"The {name} part needs bona fide and spoofed trials; it has one key only.")
    return train, development
