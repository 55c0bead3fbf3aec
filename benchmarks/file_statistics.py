"""What file statistics alone tell about the key: gradient boosting that never listens; see shortcuts.py.

It sees level, peak, noise, band edge, length, silence, DC and zeros of a clip. What it reaches is what a detector could
reach by accident. It learns on the train partition, where its settings are chosen with whole sources left out, and once
more on the other sources of the measured partition, which shows what lies in that partition itself.

Statistics are those of the first 4 s, rounded to 16 bits, since the clips of the eval partition are no longer and files
may be coded otherwise elsewhere.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.model_selection import GroupKFold

from assay.audio.quality import QualityMeter
from assay.audio.speech import CHUNK
from assay.data import Trial
from assay.metrics import EvaluationOptions, auc, evaluate, split_by_key
from assay.training.sound import SAMPLE_RATE_HZ, read_sound

Samples = NDArray[np.float32]
Floats = NDArray[np.float64]
SEED = 7
FRAME = SAMPLE_RATE_HZ // 50
QUIET_DB = 40.0
LONGEST_S = 4.0
FOLDS = 5
LEAVES, LEARNING_RATE, MOST_TREES = (4, 8, 16), 0.05, 300
STATISTICS = (
    "band edge, Hz", "level, dB", "peak, dB", "speech over noise, dB", "length, s", "share of silence",
    "silence before, s", "silence after, s", "DC, log10", "share of zeros",
)  # fmt: skip


def edges(samples: Samples) -> tuple[int, int]:
    """First and last sample (exclusive) of what is not silence at the ends; all of it, if it is silent throughout."""
    frames = samples[: samples.size // FRAME * FRAME].reshape(-1, FRAME)
    power = np.mean(frames.astype(np.float64) ** 2, axis=1)
    loud = np.flatnonzero(power > power.max(initial=0) * 10 ** (-QUIET_DB / 10))
    if not loud.size:
        return 0, samples.size
    last = int(loud[-1]) + 1
    return int(loud[0]) * FRAME, samples.size if last == len(frames) else last * FRAME


def statistics(samples: Samples) -> list[float]:
    """`STATISTICS` of the first `LONGEST_S`, rounded to 16 bits."""
    sound = (np.round(samples[: round(LONGEST_S * SAMPLE_RATE_HZ)] * 32768) / 32768).astype(np.float32)
    chunks = np.resize(sound, max(CHUNK, sound.size))[: max(1, sound.size // CHUNK) * CHUNK].reshape(-1, CHUNK)
    power = np.mean(chunks.astype(np.float64) ** 2, axis=1)
    active = power > power.max() * 10 ** (-QUIET_DB / 10)
    meter = QualityMeter()
    meter.push(sound)
    quality = meter.finish(active)
    start, end = edges(sound)
    return [
        quality.bandwidth_hz,
        max(quality.level_db, -120.0),
        20 * float(np.log10(max(1e-6, float(np.abs(sound).max())))),
        max(quality.snr_db, -120.0),
        sound.size / SAMPLE_RATE_HZ,
        1 - float(np.mean(active)),
        start / SAMPLE_RATE_HZ,
        (sound.size - end) / SAMPLE_RATE_HZ,
        float(np.log10(abs(float(np.mean(sound, dtype=np.float64))) + 1e-7)),
        float(np.mean(sound == 0)),
    ]


def drawn(trials: Sequence[Trial], limit: int) -> list[Trial]:
    """At most `limit` trials, taken in turns from each source and key, which gives small sources their say."""
    rng = np.random.default_rng(SEED)
    groups: dict[tuple[str, str], list[Trial]] = defaultdict(list)
    for index in rng.permutation(len(trials)):
        trial = trials[int(index)]
        groups[trial.source, trial.key].append(trial)
    ranked = [(turn, group) for group in sorted(groups) for turn in range(len(groups[group]))]
    return [groups[group][turn] for turn, group in sorted(ranked)[:limit]]


@dataclass(frozen=True)
class Table:
    """Statistics of clips, shape (n, len(STATISTICS)), with their keys and sources."""

    values: Floats
    keys: list[str]
    sources: list[str]

    @property
    def spoof(self) -> NDArray[np.bool_]:
        """Whether each is spoof, shape (n,)."""
        return np.array([key == "spoof" for key in self.keys])


def tabulate(trials: Sequence[Trial]) -> Table:
    """Read the clips, one at a time."""
    values = np.array([statistics(read_sound(trial.file)) for trial in trials])
    return Table(values, [trial.key for trial in trials], [trial.source for trial in trials])


def boosted(table: Table, rows: NDArray[np.int64], leaves: int, trees: int) -> HistGradientBoostingClassifier:
    """A classifier that learnt from these rows."""
    model = HistGradientBoostingClassifier(
        max_iter=trees,
        max_leaf_nodes=leaves,
        learning_rate=LEARNING_RATE,
        class_weight="balanced",
        early_stopping=False,
        random_state=SEED,
    )
    return model.fit(table.values[rows], table.spoof[rows])


def left_out_scores(table: Table, leaves: int) -> Floats:
    """Scores after each number of trees, every clip by a model that saw no clip of its source: (trees, n)."""
    scores = np.zeros((MOST_TREES, len(table.keys)))
    folds = GroupKFold(min(FOLDS, len(set(table.sources))))
    for train, test in folds.split(table.values, table.spoof, table.sources):
        model = boosted(table, train, leaves, MOST_TREES)
        for trees, column in enumerate(model.staged_predict_proba(table.values[test])):
            scores[trees, test] = column[:, 1]
    return scores


def figure_row(name: str, scores: Floats, table: Table) -> str:
    """EER and AUC with intervals by source."""
    report = evaluate(scores, table.keys, sources=table.sources, options=EvaluationOptions())
    ranking = report.ranking
    assert ranking.eer_interval is not None
    assert ranking.auc_interval is not None
    return (
        f"| {name} | {report.n_bona_fide} + {report.n_spoof} |"
        f" {ranking.eer:.3f} ({ranking.eer_interval.low:.3f}–{ranking.eer_interval.high:.3f}) |"
        f" {ranking.auc:.3f} ({ranking.auc_interval.low:.3f}–{ranking.auc_interval.high:.3f}) |"
    )


def statistics_section(train: Table, measured: Table, llrs: Floats) -> str:
    """The second question, as markdown."""
    tried = {leaves: left_out_scores(train, leaves) for leaves in LEAVES}
    areas = {
        (leaves, trees): auc(*split_by_key(scores[trees - 1], train.keys))
        for leaves, scores in tried.items()
        for trees in range(10, MOST_TREES + 1, 10)
    }
    leaves, trees = max(areas, key=lambda chosen: areas[chosen])
    scored = np.isfinite(llrs)
    kept = Table(
        measured.values[scored],
        [key for key, ok in zip(measured.keys, scored, strict=True) if ok],
        [source for source, ok in zip(measured.sources, scored, strict=True) if ok],
    )
    learnt = boosted(train, np.arange(len(train.keys)), leaves, trees).predict_proba(kept.values)[:, 1]
    within = left_out_scores(kept, leaves)[trees - 1]
    alone = [
        "| statistic alone | median, bona fide / spoof | AUC, measured partition | AUC, train |",
        "|---|---|---|---|",
    ]
    for index, name in enumerate(STATISTICS):
        here, there = kept.values[:, index], train.values[:, index]
        alone.append(
            f"| {name} | {np.median(here[~kept.spoof]):.4g} / {np.median(here[kept.spoof]):.4g} |"
            f" {auc(*split_by_key(here, kept.keys)):.3f} | {auc(*split_by_key(there, train.keys)):.3f} |"
        )
    return "\n".join(
        [
            "| scored by | bona fide + spoof | EER (95 %, by source) | AUC (95 %, by source) |",
            "|---|---|---|---|",
            figure_row("detector", llrs[scored], kept),
            figure_row("statistics, learnt on train", learnt, kept),
            figure_row("statistics, learnt on the other sources of this partition", within, kept),
            figure_row("statistics on train, sources left out", tried[leaves][trees - 1], train),
            "",
            f"Chosen on train: {leaves} leaves, {trees} trees. Rank correlation of detector and statistics (learnt on"
            f" train): {_rank(llrs[scored], learnt, ~kept.spoof)} among bona fide,"
            f" {_rank(llrs[scored], learnt, kept.spoof)} among spoof clips.",
            "",
            *alone,
        ]
    )


def _rank(one: Floats, other: Floats, rows: NDArray[np.bool_]) -> str:
    return f"{spearmanr(one[rows], other[rows]).statistic:.2f}"
