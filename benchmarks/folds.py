"""Trains five times, each time without a fifth of the sources, and scores what was left out.

    python benchmarks/folds.py PROTOCOL... --recipe recipes/audio-resnet.toml --work DIR [--steps N] [--write]

Every bona fide clip and every spoof that the world made is scored once, by a network that never saw its source; the
development sources of the recipe take part like all others, sources that it leaves out do not. Spoofs made here go
with their parents' source and are not scored. Runs are short, so these figures say how much sources differ, not what
the shipped weight can do. What is done already in DIR is not done again.
"""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from page import publish

from assay.cli.terminal import prepare
from assay.data import Trial
from assay.metrics import EvaluationOptions, auc, evaluate
from assay.training.audio_net import PART_SAMPLES, WINDOW_SAMPLES, AudioResnet
from assay.training.augment import Channel
from assay.training.batches import repeat_pad
from assay.training.corpus import Corpus, made_here, pack, read_recipe_trials
from assay.training.fit import fit
from assay.training.recipe import Recipe, load_recipe

FOLDS = 5
Floats = NDArray[np.float64]


def folds_of(trials: Sequence[Trial], count: int = FOLDS) -> dict[str, int]:
    """The fold of every source: sources of alike make dealt out one by one, largest first, so that folds are alike."""
    keys: dict[str, set[str]] = {}
    sizes: dict[str, int] = {}
    for trial in trials:
        keys.setdefault(trial.source, set()).add(trial.key)
        sizes[trial.source] = sizes.get(trial.source, 0) + 1
    ranked = sorted(sizes, key=lambda s: (sorted(keys[s]), -sizes[s], hashlib.sha256(s.encode()).hexdigest()))
    return {source: place % count for place, source in enumerate(ranked)}


def subset(corpus: Corpus, chosen: Sequence[int]) -> Corpus:
    """Some clips of a corpus; the samples are shared."""
    index = np.asarray(chosen, dtype=np.int64)
    trials = tuple(corpus.trials[i] for i in index)
    return Corpus(trials, corpus.starts[index], corpus.lengths[index], corpus.samples)


def scores(net: AudioResnet, corpus: Corpus) -> Floats:
    """Logit of every clip as it came, shape (clips,)."""
    found = []
    with torch.inference_mode():
        for start in range(0, len(corpus.trials), 32):
            indices = range(start, min(start + 32, len(corpus.trials)))
            waves = np.stack([repeat_pad(corpus.clip(i), WINDOW_SAMPLES) for i in indices])
            found.append(net(torch.from_numpy(waves))[0].mean(1).float().numpy())
    return np.concatenate(found).astype(np.float64)


def run_fold(corpus: Corpus, fold: int, folds: dict[str, int], plan: Recipe, channel: Channel, work: Path) -> None:
    """Train without a fold and keep its clips' scores in ``fold-<n>.npz``."""
    kept = work / f"fold-{fold}.npz"
    if kept.exists():
        return
    left_out = np.array([folds[t.source] == fold for t in corpus.trials])
    judged = np.flatnonzero(left_out & ~np.array([made_here(t) for t in corpus.trials]))
    held_out = subset(corpus, judged)
    net = fit(plan, subset(corpus, np.flatnonzero(~left_out)), held_out, channel, work / f"fold-{fold}", resume=True)
    part = kept.with_suffix(".part")
    with part.open("wb") as stream:
        np.savez(stream, judged=judged, scores=scores(net, held_out))
    part.replace(kept)


def table(corpus: Corpus, work: Path, steps: int) -> str:
    """Pooled, per fold and within sources, as markdown."""
    lines = [
        "| sources left out | bona fide | spoof | EER (95 %, by source) | AUC (95 %, by source) | AUC within sources |",
        "|---|---|---|---|---|---|",
    ]
    everything: list[tuple[NDArray[np.int64], Floats]] = []
    for fold in range(FOLDS):
        with np.load(work / f"fold-{fold}.npz") as stored:
            everything.append((stored["judged"], stored["scores"]))
        lines.append(_line(f"fold {fold + 1}", corpus, *everything[-1]))
    pooled = [np.concatenate(parts) for parts in zip(*everything, strict=True)]
    lines.append(_line("all, each by the network that did not see it", corpus, pooled[0], pooled[1]))
    return f"{steps:,} steps each.\n\n" + "\n".join(lines)


def _line(name: str, corpus: Corpus, judged: NDArray[np.int64], logits: Floats) -> str:
    trials = [corpus.trials[i] for i in judged]
    sources = np.array([t.source for t in trials])
    spoof = np.array([t.key == "spoof" for t in trials])
    report = evaluate(
        logits,
        [t.key for t in trials],
        threshold=0.0,
        sources=sources.tolist(),
        options=EvaluationOptions(n_resamples=300),
    )
    both = [s for s in np.unique(sources) if len(set(spoof[sources == s])) == 2]
    within = np.mean([auc(logits[~spoof & (sources == s)], logits[spoof & (sources == s)]) for s in both])
    ranking = report.ranking
    assert ranking.eer_interval is not None
    assert ranking.auc_interval is not None
    eer, area = ranking.eer_interval, ranking.auc_interval
    return (
        f"| {name}: {len(set(sources))} | {np.sum(~spoof)} | {np.sum(spoof)} |"
        f" {ranking.eer:.3f} ({eer.low:.3f}–{eer.high:.3f}) | {ranking.auc:.3f} ({area.low:.3f}–{area.high:.3f}) |"
        f" {within:.3f} (of {len(both)}) |"
    )


def main() -> None:
    """Train, score, report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("protocols", type=Path, nargs="+")
    parser.add_argument("--recipe", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=1200)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--write", action="store_true", help="into docs/audio-detector.md")
    arguments = parser.parse_args()
    prepare(log_level="INFO")
    torch.set_num_threads(arguments.threads)
    plan = load_recipe(arguments.recipe)
    settings = plan.optimisation.model_copy(update={"steps": arguments.steps, "evaluate_every": arguments.steps})
    plan = plan.model_copy(update={"optimisation": settings})
    train, development = read_recipe_trials(arguments.protocols, plan)
    arguments.work.mkdir(parents=True, exist_ok=True)
    seed, versions = plan.seed, plan.codec_versions
    packed = partial(pack, work=arguments.work, versions=versions, seed=seed, jobs=arguments.jobs)
    corpus = packed([*train, *development])
    beside = arguments.protocols[0].parent
    folders = [folder if folder.is_dir() else None for folder in (beside / "noise", beside / "rir")]
    channel = Channel(plan.augmentation, samples=PART_SAMPLES, noises=folders[0], rooms=folders[1], seed=seed)
    folds = folds_of(corpus.trials)
    for fold in range(FOLDS):
        run_fold(corpus, fold, folds, plan, channel, arguments.work)
    publish("folds", table(corpus, arguments.work, arguments.steps), write=arguments.write)


if __name__ == "__main__":
    main()
