"""Scores of a part, and what follows from them: calibration, thresholds, figures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.data.protocol import write_csv
from assay.errors import TrainingError
from assay.metrics import EvaluationOptions, equal_error_rate, evaluate, evaluate_groups
from assay.models.card import Calibration, ZooDecision
from assay.training.calibrate import MIN_FILES, calibration_of, operating_points_of, source_weights, tail_of
from assay.training.calibrate import weighted_quantiles as quantiles
from assay.training.lab.check import Item

MISS_RATE = 0.1
RESAMPLES = 200
COLUMNS = ("path", "key", "partition", "source", "generator", "speaker", "logit", "llr")
Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Scored:
    """Media of a part with their logits; those that could not be read are left out.

    Attributes:
        items: The media.
        logits: Shape (n,), positive for spoof.
    """

    items: tuple[Item, ...]
    logits: Floats

    @property
    def spoof(self) -> NDArray[np.bool_]:
        """Which are spoofs, shape (n,)."""
        return np.array([item.spoof for item in self.items])

    @property
    def sources(self) -> list[str]:
        """Source of each."""
        return [item.trial.source for item in self.items]

    def both_keys(self) -> bool:
        """Whether figures can be told of it."""
        return 0 < int(self.spoof.sum()) < len(self.items)


def joined(parts: Sequence[Scored]) -> Scored:
    """Several parts as one."""
    return Scored(tuple(item for part in parts for item in part.items), np.concatenate([part.logits for part in parts]))


def calibrated(scored: Scored, seed: int) -> tuple[Calibration, ZooDecision]:
    """Calibration and thresholds from the validation part.

    Raises:
        TrainingError: If a key is missing in it.
    """
    spoof, sources = scored.spoof, scored.sources
    if not scored.both_keys():
        raise TrainingError("Calibration takes validation media of both keys that can be read.")
    calibration = calibration_of(scored.logits, spoof, sources, seed)
    llrs = calibration.apply(scored.logits)
    weights = source_weights(sources, spoof)
    decision = ZooDecision(
        file=_tail(llrs[~spoof], weights[~spoof]),
        bona_fide_below_llr=float(quantiles(llrs[spoof], [MISS_RATE], weights[spoof])[0]),
        miss_rate=MISS_RATE,
        eer_llr=float(np.clip(equal_error_rate(llrs[~spoof], llrs[spoof]).threshold, llrs.min(), llrs.max())),
        operating_points=_points(llrs, spoof, sources, seed),
    )
    return calibration, decision


def _tail(llrs: Floats, weights: Floats) -> Any:
    try:
        return tail_of(llrs, 1, weights)
    except TrainingError:  # too few, or all alike
        return None


def _points(llrs: Floats, spoof: NDArray[np.bool_], sources: Sequence[str], seed: int) -> tuple[Any, ...]:
    """Promised false-alarm rates; none where left-out sources would leave too few files."""
    sizes = Counter(np.asarray(sources)[~spoof].tolist()).values()
    if min(sum(sizes) - max(sizes), len(sizes) * min(sizes)) < MIN_FILES:
        return ()
    try:
        return operating_points_of(np.atleast_2d(llrs), spoof, sources, seed)
    except TrainingError:
        return ()


def figures(scored: Scored, calibration: Calibration, decision: ZooDecision) -> dict[str, Any]:
    """All figures of a part, pooled and by source and generator, ready for JSON; only counts where a key is missing."""
    counts = {"bona_fide": int((~scored.spoof).sum()), "spoof": int(scored.spoof.sum())}
    if not scored.both_keys():
        return {"counts": counts}
    keys = ["spoof" if spoof else "bona_fide" for spoof in scored.spoof]
    llrs = calibration.apply(scored.logits)
    sources = [source or "?" for source in scored.sources]
    told: dict[str, Any] = {"llr": llrs, "threshold": decision.eer_llr, "sources": sources}
    pooled = evaluate(llrs, keys, **told, options=EvaluationOptions(n_resamples=RESAMPLES))
    few = EvaluationOptions(n_resamples=0)
    generators = [item.trial.generator or "bona fide" for item in scored.items]
    return {
        "counts": counts,
        "pooled": pooled.to_dict(),
        "sources": _groups(llrs, keys, sources, told, few),
        "generators": _groups(llrs, keys, generators, told, few),
    }


def _groups(
    llrs: Floats, keys: Sequence[str], labels: Sequence[str], told: dict[str, Any], options: EvaluationOptions
) -> dict[str, Any]:
    groups = evaluate_groups(llrs, keys, labels, **told, options=options).groups
    return {
        label: {
            "bona_fide": one.n_bona_fide,
            "spoof": one.n_spoof,
            "auc": one.ranking.auc,
            "eer": one.ranking.eer,
            "borrowed": one.borrowed,
        }
        for label, one in groups.items()
    }


def write_scores(path: Path, parts: dict[str, Scored], calibration: Calibration) -> None:
    """One CSV row per medium."""
    rows = []
    for role, scored in parts.items():
        for item, logit, llr in zip(scored.items, scored.logits, calibration.apply(scored.logits), strict=True):
            trial = item.trial
            about = (trial.path, trial.key, role, trial.source, trial.generator, trial.speaker)
            rows.append((*about, repr(float(logit)), repr(float(llr))))
    write_csv(path, COLUMNS, rows)
