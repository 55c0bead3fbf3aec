"""All figures of a scored protocol, whatever scored it: a detector of ours, a network, or somebody else's system.

Scores come in as rows (`ScoredTrial`), so this knows nothing of media and models. Figures are pooled and per group:
generator, source, condition, or whatever column of the protocol is asked for. Trials of one source are resampled
together. Files without a score are counted and named, never dropped in silence.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.data import Trial
from assay.errors import ProtocolError
from assay.evaluate.trials import UNNAMED, ScoredTrial, by_key, split
from assay.evaluate.verdicts import count_verdicts
from assay.metrics import (
    Confusion,
    Evaluation,
    EvaluationOptions,
    Figure,
    GroupedEvaluation,
    VerifierRates,
    bayes_threshold,
    best_threshold,
    confusion,
    evaluate,
    evaluate_groups,
    figure_table,
)

CRITERIA = ("balanced_accuracy", "accuracy", "f1")


@dataclass(frozen=True)
class System:
    """What scored.

    Attributes:
        name: Of a model, or of the score file.
        kind: ``detector``, ``network`` or ``scores``.
        llrs: Whether its scores are natural log-likelihood ratios.
        details: Version and hash of a model; column of a score file; what else there is to say.
    """

    name: str
    kind: str
    llrs: bool
    details: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Point:
    """A threshold and where it comes from."""

    threshold: float
    origin: str


@dataclass(frozen=True)
class Worst:
    """A trial on the wrong side, and how far."""

    trial: Trial
    score: float
    beyond: float


@dataclass(frozen=True)
class Assessment:
    """What `assess` found.

    Attributes:
        system: What scored.
        point: The threshold in force.
        pooled: Figures of all trials.
        figures: The same and more as one list, each with its interval.
        best: For each criterion the threshold that is best on these very trials, which flatters, and its counts.
        groups: By column of the protocol: figures of each of its values.
        unscored: Path and reason of each trial without a score.
        false_accepts: Spoofs called bona fide, the worst first.
        false_rejects: Bona fide trials called spoof, the worst first.
        verdicts: For each key how many trials got each verdict; empty where nobody decided.
        scored: All trials.
    """

    system: System
    point: Point
    pooled: Evaluation
    figures: tuple[Figure, ...]
    best: Mapping[str, tuple[float, Confusion]]
    groups: Mapping[str, GroupedEvaluation]
    unscored: Mapping[str, str]
    false_accepts: tuple[Worst, ...]
    false_rejects: tuple[Worst, ...]
    verdicts: Mapping[str, Mapping[str, int]]
    scored: tuple[ScoredTrial, ...] = field(repr=False)

    def classes(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Scores of bona fide and of spoof trials."""
        return split(self.scored)

    @property
    def auc_within_sources(self) -> tuple[float | None, int]:
        """Mean AUC of the sources that hold both keys, and how many those are; what tells sources apart is no help."""
        sources = self.groups["source"].groups.values() if "source" in self.groups else ()
        areas = [one.ranking.auc for one in sources if one.borrowed is None]
        return (sum(areas) / len(areas) if areas else None), len(areas)

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON; without the trials, which `write_scores` writes."""
        groups = {
            name: {label: one.to_dict() for label, one in found.groups.items()} for name, found in self.groups.items()
        }
        return {
            "model": {"name": self.system.name, "kind": self.system.kind, **self.system.details},
            "threshold_llr" if self.system.llrs else "threshold": self.point.threshold,
            "threshold_origin": self.point.origin,
            "pooled": self.pooled.to_dict(),
            "figures": {one.name: _figure(one) for one in self.figures},
            "best_thresholds": {
                name: {"threshold": threshold, "accuracy": calls.accuracy, "f1": calls.f1, "apcer": calls.apcer}
                | {"bpcer": calls.bpcer}
                for name, (threshold, calls) in self.best.items()
            },
            "auc_within_sources": self.auc_within_sources[0],
            "generators": groups.get("generator", {}),
            "sources": groups.get("source", {}),
            "groups": groups,
            "verdicts": {key: dict(counts) for key, counts in self.verdicts.items()},
            "unscored": dict(self.unscored),
            "worst": {
                "false_accepts": [_worst(one) for one in self.false_accepts],
                "false_rejects": [_worst(one) for one in self.false_rejects],
            },
        }

    def write_scores(self, path: Path) -> None:
        """One CSV row per trial, which `assay evaluate` reads again."""
        from assay.metrics import posterior_probability

        value = "llr" if self.system.llrs else "score"
        columns = ["path", "key", "generator", "source", value, "spoof_probability", "verdict", "reason"]
        with path.open("w", newline="", encoding="utf-8") as stream:
            writer = csv.writer(stream)
            writer.writerow(columns)
            for one in self.scored:
                probability = ""
                if one.score is not None and self.system.llrs:
                    probability = repr(float(posterior_probability([one.score], prior=0.5)[0]))
                score = "" if one.score is None else repr(one.score)
                trial = one.trial
                writer.writerow(
                    [trial.path, trial.key, trial.generator, trial.source, score, probability, one.verdict, one.reason]
                )


def assess(
    scored: Sequence[ScoredTrial],
    system: System,
    *,
    point: Point | None = None,
    by: Sequence[str] = (),
    verifier: VerifierRates | None = None,
    worst: int = 10,
    options: EvaluationOptions | None = None,
) -> Assessment:
    """Measure a system.

    Args:
        scored: Every trial of the protocol.
        system: What scored them.
        point: Threshold in force; None takes the Bayes threshold of the costs for scores that are LLRs, and the best
            balanced accuracy on these very trials for others.
        by: Columns whose values are measured apart.
        verifier: Of a speaker verifier, for the t-DCF.
        worst: Errors listed of each kind.
        options: Priors, costs, bins and resampling.

    Raises:
        ProtocolError: If a key has no trial with a score.
    """
    options = options or EvaluationOptions()
    kept = [one for one in scored if one.score is not None]
    if len({one.trial.key for one in kept}) < 2:
        raise ProtocolError(
            f"There are no scored trials of both keys; {len(scored) - len(kept)} of {len(scored)} have no score."
        )
    bona_fide, spoof = split(kept)
    point = point or _usual_point(bona_fide, spoof, system.llrs, options)
    sources = [one.trial.source or UNNAMED for one in kept]
    groups = by_key(sources, kept)
    figures = figure_table(
        bona_fide,
        spoof,
        threshold=point.threshold,
        llrs=system.llrs,
        verifier=verifier,
        groups=groups,
        options=options,
    )
    scores, keys = [one.score for one in kept if one.score is not None], [one.trial.key for one in kept]
    given: dict[str, Any] = {"llr": scores if system.llrs else None, "threshold": point.threshold, "sources": sources}
    pooled = _with_intervals(evaluate(scores, keys, **given, options=replace(options, n_resamples=0)), figures, options)
    found = {
        column: evaluate_groups(
            scores, keys, [one.label(column) for one in kept], **given, options=options, pooled=pooled
        )
        for column in by
    }
    accepts, rejects = _errors(kept, point.threshold, worst)
    best: dict[str, tuple[float, Confusion]] = {}
    for criterion in CRITERIA:
        threshold = best_threshold(bona_fide, spoof, criterion=criterion)  # type: ignore[arg-type] # one of Criterion
        best[criterion] = threshold, confusion(bona_fide, spoof, threshold)
    return Assessment(
        system=system,
        point=point,
        pooled=pooled,
        figures=figures,
        best=best,
        groups=found,
        unscored={one.trial.path: one.reason or "no score" for one in scored if one.score is None},
        false_accepts=accepts,
        false_rejects=rejects,
        verdicts=_verdicts(scored),
        scored=tuple(scored),
    )


def _usual_point(
    bona_fide: NDArray[np.float64], spoof: NDArray[np.float64], llrs: bool, options: EvaluationOptions
) -> Point:
    if llrs:
        return Point(bayes_threshold(**options.costs), f"Bayes threshold at a spoof prior of {options.prior:g}")
    return Point(best_threshold(bona_fide, spoof), "best balanced accuracy on these very trials, which flatters")


def _with_intervals(pooled: Evaluation, figures: Sequence[Figure], options: EvaluationOptions) -> Evaluation:
    """The report with the intervals that the list of figures has already."""
    intervals = {one.name: one.interval for one in figures}
    ranking = replace(pooled.ranking, eer_interval=intervals["eer"], auc_interval=intervals["auc"])
    return replace(pooled, ranking=ranking, options=options)


def _errors(kept: Sequence[ScoredTrial], threshold: float, count: int) -> tuple[tuple[Worst, ...], tuple[Worst, ...]]:
    """Spoofs below the threshold and bona fide trials above it, those furthest first."""
    accepts, rejects = [], []
    for one in kept:
        assert one.score is not None
        if one.trial.key == "spoof" and one.score < threshold:
            accepts.append(Worst(one.trial, one.score, threshold - one.score))
        elif one.trial.key == "bona_fide" and one.score >= threshold:
            rejects.append(Worst(one.trial, one.score, one.score - threshold))
    ranked = [sorted(found, key=lambda one: (-one.beyond, one.trial.path))[:count] for found in (accepts, rejects)]
    return tuple(ranked[0]), tuple(ranked[1])


def _verdicts(scored: Sequence[ScoredTrial]) -> dict[str, dict[str, int]]:
    if not any(one.verdict for one in scored):
        return {}
    return count_verdicts({"key": one.trial.key, "verdict": one.verdict} for one in scored)


def _figure(one: Figure) -> dict[str, Any]:
    value = None if np.isnan(one.value) else one.value
    interval = None if one.interval is None else [one.interval.low, one.interval.high]
    return {"value": value, "interval": interval}


def _worst(one: Worst) -> dict[str, Any]:
    trial = one.trial
    return {"path": trial.path, "generator": trial.generator, "source": trial.source, "score": one.score}
