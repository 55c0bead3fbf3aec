"""From a protocol to one packed file that training reads at random.

Each clip is decoded once, cut to `CLIP_SAMPLES`, and stored as 16-bit samples in several versions: as it came, and
after codecs drawn from the run's seed. Spoofs that we make from bona fide clips join here; those of Opus files go
through Opus first, because their parents did, and a trace that only one key carries would be learnt. The pack is a
memory-mapped file, so its size is not bound by memory. A run that is killed leaves whole spoofs, which are kept, and
half a pack, which is made again; a pack whose clips or codecs have changed since is made again, too.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from assay.data import Trial, read_protocol, write_protocol
from assay.data.packed import content_of, stored_lengths, write_arrays, write_index
from assay.errors import DataError, TrainingError
from assay.training.codecs import CODECS, STORE, transcode
from assay.training.fakes import METHODS, make_fakes
from assay.training.parallel import each
from assay.training.recipe import Recipe
from assay.training.sound import Samples, read_sound

CLIP_SAMPLES = 98_304  # 6.144 s: a window and half of another to cut from
PARENTS_AT_A_TIME = 25  # spoofs between two reports
REPORT_CLIPS = 500
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
    """The first `CLIP_SAMPLES` samples of a file, 16 kHz, one channel."""
    return read_sound(path)[:CLIP_SAMPLES]


def spread(trials: Sequence[Trial], count: int, seed: str) -> list[Trial]:
    """Draw `count` trials, evenly over sources, in an order that only the seed decides."""

    def rank(trial: Trial) -> str:
        return hashlib.sha256(f"{seed}/{trial.path}".encode()).hexdigest()

    by_source: dict[str, list[Trial]] = defaultdict(list)
    for trial in sorted(trials, key=rank):
        by_source[trial.source].append(trial)
    turns = [(turn, rank(trial), trial) for rows in by_source.values() for turn, trial in enumerate(rows)]
    return [trial for _, _, trial in sorted(turns, key=lambda item: item[:2])[:count]]


def _make(parents: list[Trial], name: str, folder: Path, seed: int) -> list[Path]:
    clips = ((trial.path, partial(load_clip, trial.file)) for trial in parents)
    return [path for _, path in make_fakes(clips, METHODS[name], folder=folder, seed=seed)]


def recipe_fakes(recipe: Recipe, trials: Sequence[Trial], work: Path, *, jobs: int) -> list[Trial]:
    """Make the spoofs a recipe asks for, or find those made already.

    Args:
        recipe: Names the methods and the number of parents of each.
        trials: Training trials; parents are the bona fide ones.
        work: Folder of the run.
        jobs: Processes.

    Returns:
        One trial per spoof, in the source of its parent.

    Raises:
        TrainingError: If a method is unknown, there are too few parents, or the folder holds another seed's spoofs.
    """
    candidates = [trial for trial in trials if trial.key == "bona_fide"]
    _check_fakes(recipe, len(candidates), work)
    made: list[Trial] = []
    for name, count in recipe.fakes.items():
        parents = spread(candidates, count, f"{recipe.seed}/{name}")
        starts = range(0, count, PARENTS_AT_A_TIME)
        chunks = [parents[start : start + PARENTS_AT_A_TIME] for start in starts]
        run = partial(_make, name=name, folder=work / "fakes" / name, seed=recipe.seed)
        paths: list[Path] = []
        for part in each(run, chunks, jobs=jobs):
            paths += part
            log.info("%d of %d spoofs by %s", len(paths), count, name)
        made += [_made_from(parent, path, name, work) for parent, path in zip(parents, paths, strict=True)]
    write_protocol(work / "fakes.csv", made)
    return made


def made_here(trial: Trial) -> bool:
    """Whether a trial is one of `recipe_fakes`; a protocol may name parents of its own spoofs, too."""
    return bool(trial.parent) and trial.generator in {method.generator for method in METHODS.values()}


def _made_from(parent: Trial, path: Path, name: str, work: Path) -> Trial:
    where = path.relative_to(work).as_posix()
    return replace(parent, path=where, key="spoof", generator=METHODS[name].generator, parent=parent.path, root=work)


def _check_fakes(recipe: Recipe, parents: int, work: Path) -> None:
    unknown = set(recipe.fakes) - set(METHODS)
    if unknown:
        raise TrainingError(f"Unknown methods {sorted(unknown)} under [fakes]; known are {sorted(METHODS)}.")
    for name, count in recipe.fakes.items():
        if count > parents:
            raise TrainingError(
                f"[fakes] asks for {count} parents for '{name}', but training holds {parents} bona fide clips."
            )
    stamp = work / "fakes" / "seed.txt"  # a file's name tells its parent; the seed stands here, once for all
    if stamp.exists() and stamp.read_text(encoding="utf-8").strip() != str(recipe.seed):
        raise TrainingError(
            f"'{stamp.parent}' holds spoofs made with seed {stamp.read_text(encoding='utf-8').strip()}, the recipe "
            f"has {recipe.seed}. Use another work folder, or delete that one."
        )
    stamp.parent.mkdir(parents=True, exist_ok=True)
    stamp.write_text(f"{recipe.seed}\n", encoding="utf-8")


def _versions(clip: tuple[Trial, Path | None], count: int, seed: int) -> NDArray[np.int16]:
    """All versions of one clip, shape (1 + count, n); `clip` names the parent's file if it was made here."""
    trial, parent = clip
    samples = load_clip(trial.file)
    if parent is not None and soundfile.info(parent).subtype == "OPUS":
        samples = transcode(samples, STORE)
    digest = hashlib.sha256(f"{seed}/{trial.parent or trial.path}".encode()).digest()
    rng = np.random.default_rng(int.from_bytes(digest[:8], "little"))
    # A spoof and its parent draw the same codecs.
    chosen = [CODECS[int(rng.integers(len(CODECS)))] for _ in range(count)]
    stack = np.stack([samples, *(transcode(samples, codec) for codec in chosen)])
    return (np.clip(stack, -1, 32767 / 32768) * 32768).astype(np.int16)


def pack(trials: Sequence[Trial], work: Path, *, versions: int, seed: int, jobs: int) -> Corpus:
    """Write (or find) the packed corpus of `trials` in `work` and open it.

    Args:
        trials: At least one.
        work: Folder of the run.
        versions: Transcoded versions of each clip beside the plain one.
        seed: Decides the codecs.
        jobs: Processes.

    Raises:
        TrainingError: If a clip cannot be read or transcoded.
    """
    key = hashlib.sha256(
        json.dumps([seed, versions, [(t.path, t.key) for t in trials]], sort_keys=True).encode()
    ).hexdigest()[:16]
    data, index = work / f"pack-{key}.i16", work / f"pack-{key}.npz"
    content = _fingerprint(trials)
    lengths = stored_lengths(data, index, content, 2 * (versions + 1))
    if lengths is None:
        lengths = write_arrays(data, _stacks(trials, versions, seed, jobs)) // (versions + 1)
        write_index(index, lengths, content)  # last: an index stands for whole data
    firsts = np.concatenate([[0], np.cumsum(lengths[:-1] * (versions + 1))])
    starts = firsts[:, None] + np.arange(versions + 1) * lengths[:, None]
    return Corpus(tuple(trials), starts, lengths, np.memmap(data, np.int16, mode="r"))


def _fingerprint(trials: Sequence[Trial]) -> str:
    """What a pack is made of: the bytes of every file, and the codecs to draw from."""
    try:
        return content_of([trial.file for trial in trials], CLIP_SAMPLES, STORE, CODECS)
    except DataError as error:
        raise TrainingError(error.message) from error


def _stacks(trials: Sequence[Trial], versions: int, seed: int, jobs: int) -> Iterator[NDArray[np.int16]]:
    """All versions of each clip, end to end."""
    files = {trial.path: trial.file for trial in trials}
    clips = [(trial, files.get(trial.parent) if made_here(trial) else None) for trial in trials]
    run = partial(_versions, count=versions, seed=seed)
    for done, stack in enumerate(each(run, clips, jobs=jobs, chunk=16), 1):
        yield stack.reshape(-1)
        if done % REPORT_CLIPS == 0 or done == len(trials):
            log.info("%d of %d clips packed", done, len(trials))


def read_recipe_trials(protocols: Sequence[Path], recipe: Recipe) -> tuple[list[Trial], list[Trial]]:
    """Training and development trials of the protocols' ``train`` partitions.

    Spoofs made from a development clip are used for nothing: training must not see the clip's content, and development
    should hold what the world makes, not what we make.

    Raises:
        TrainingError: If two protocols name the same path, a source of the recipe is not there, or a part lacks a key.
    """
    trials = [trial for protocol in protocols for trial in read_protocol(protocol, partition="train")]
    names = ", ".join(f"'{protocol}'" for protocol in protocols)
    twice = [path for path, count in Counter(trial.path for trial in trials).items() if count > 1]
    if twice:
        raise TrainingError(f"{names} name '{twice[0]}' more than once. Paths tell clips apart; rename one folder.")
    unknown = {*recipe.development_sources, *recipe.left_out_sources} - {trial.source for trial in trials}
    if unknown:
        raise TrainingError(f"Sources {sorted(unknown)} of the recipe are not in {names}.")
    trials = [trial for trial in trials if trial.source not in recipe.left_out_sources]
    held_out = [trial for trial in trials if trial.source in recipe.development_sources]
    development = [trial for trial in held_out if not made_here(trial)]
    train = [trial for trial in trials if trial.source not in recipe.development_sources]
    for name, part in (("training", train), ("development", development)):
        if len({trial.key for trial in part}) < 2:
            raise TrainingError(f"The {name} part needs bona fide and spoofed trials; it has one key only.")
    return train, development
