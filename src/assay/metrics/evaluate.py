"""All figures of a set of trials at once, pooled and per group.

Conventions: scores go UP for spoof; keys are 'bona_fide' and 'spoof'; `llr` is in natural log, positive =
spoof. The report carries the trial counts and the parameters that its figures depend on, so that it can be
read on its own.

Decisions taken: figures that need an LLR or a threshold are left out (None) when none is given, rather than
guessed from the scores. Rates at the threshold get exact intervals, which treat trials as independent; EER
and AUC get bootstrap intervals, by whole sources when sources are given.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from assay.errors import MetricInputError
from assay.metrics._validate import (
    BONA_FIDE,
    SPOOF,
    BoolArray,
    FloatArray,
    Labels,
    check_class,
    check_labels,
    check_scores,
    check_threshold,
    key_mask,
)
from assay.metrics.bootstrap import Metric, bootstrap_interval
from assay.metrics.calibration import brier_score, expected_calibration_error
from assay.metrics.costs import act_dcf, cllr, min_cllr, min_dcf
from assay.metrics.curves import auc, average_precision, equal_error_rate
from assay.metrics.decisions import confusion
from assay.metrics.figures import (
    DEFAULT_OPTIONS,
    CalibrationFigures,
    DecisionFigures,
    Evaluation,
    EvaluationOptions,
    GroupedEvaluation,
    RankingFigures,
)
from assay.metrics.intervals import Interval, rate_interval


@dataclass(frozen=True, eq=False)
class _Trials:
    """Validated columns of a protocol, one row per trial."""

    scores: FloatArray
    is_spoof: BoolArray
    llr: FloatArray | None
    sources: NDArray[Any] | None

    def take(self, rows: BoolArray) -> _Trials:
        return _Trials(
            self.scores[rows],
            self.is_spoof[rows],
            None if self.llr is None else self.llr[rows],
            None if self.sources is None else self.sources[rows],
        )

    def split(self, column: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        return column[~self.is_spoof], column[self.is_spoof]


def evaluate(
    scores: ArrayLike,
    keys: Labels,
    *,
    llr: ArrayLike | None = None,
    threshold: float | None = None,
    sources: Labels | None = None,
    options: EvaluationOptions = DEFAULT_OPTIONS,
) -> Evaluation:
    """Compute every figure of a set of trials.

    Args:
        scores: One score per trial, shape (n_trials,), finite floats, higher means more spoof.
        keys: 'bona_fide' or 'spoof' per trial, shape (n_trials,); both must occur.
        llr: Log-likelihood ratios of the same trials, shape (n_trials,), natural log, positive = spoof; pass
            the scores again if they are LLRs. None leaves the calibration figures out.
        threshold: On the scale of `scores`; a trial is called spoof when score >= threshold. None leaves the
            decision figures out. Choose it on the development partition.
        sources: Label per trial, shape (n_trials,); trials of one source (recording, speaker) are not
            independent and are resampled together.
        options: Priors, costs, bins, confidence and resamples.

    Returns:
        The frozen report.

    Raises:
        MetricInputError: If a class is empty, columns differ in length, a score is not a finite float, or a
            parameter is out of range.
    """
    trials, threshold = _check_trials(scores, keys, llr, threshold, sources)
    return _evaluate(trials, threshold, options)


def evaluate_groups(
    scores: ArrayLike,
    keys: Labels,
    groups: Labels,
    *,
    llr: ArrayLike | None = None,
    threshold: float | None = None,
    sources: Labels | None = None,
    options: EvaluationOptions = DEFAULT_OPTIONS,
    pooled: Evaluation | None = None,
) -> GroupedEvaluation:
    """Compute every figure pooled and for each group of trials.

    A group that holds both keys (a codec, a language) is evaluated on its own trials. A group that holds one
    key only is paired with all trials of the other key, and says so in `borrowed`: a generator's spoof trials
    against all bona fide trials; a bona fide source against all spoof trials, which gives its own false-alarm
    rate at the threshold.

    Args:
        scores: One score per trial, shape (n_trials,), finite floats, higher means more spoof.
        keys: 'bona_fide' or 'spoof' per trial, shape (n_trials,); both must occur.
        groups: Label per trial, shape (n_trials,).
        llr: See `evaluate`.
        threshold: See `evaluate`; the same for all groups.
        sources: See `evaluate`.
        options: See `evaluate`.
        pooled: The report of all trials, if there is one already; it is handed on.

    Returns:
        The pooled report and one report per group.

    Raises:
        MetricInputError: As `evaluate`, or if the groups are not one string per trial.
    """
    trials, threshold = _check_trials(scores, keys, llr, threshold, sources)
    labels = check_labels(groups, trials.scores.size, "groups")
    by_group = {}
    for label in np.unique(labels).tolist():
        rows = labels == label
        has_spoof = bool(trials.is_spoof[rows].any())
        has_bona_fide = not trials.is_spoof[rows].all()
        if has_spoof and has_bona_fide:
            by_group[label] = _evaluate(trials.take(rows), threshold, options)
            continue
        borrowed = BONA_FIDE if has_spoof else SPOOF
        others = trials.is_spoof if borrowed == SPOOF else ~trials.is_spoof
        figures = _evaluate(trials.take(rows | others), threshold, options)
        by_group[label] = replace(figures, borrowed=borrowed)
    return GroupedEvaluation(pooled=pooled or _evaluate(trials, threshold, options), groups=by_group)


def _check_trials(
    scores: ArrayLike, keys: Labels, llr: ArrayLike | None, threshold: float | None, sources: Labels | None
) -> tuple[_Trials, float | None]:
    checked = check_scores(scores, "given")
    n_trials = checked.size
    is_spoof = key_mask(keys, n_trials)
    check_class(checked[~is_spoof], BONA_FIDE)
    check_class(checked[is_spoof], SPOOF)
    ratios = None if llr is None else check_scores(llr, "LLR")
    if ratios is not None and ratios.size != n_trials:
        raise MetricInputError(f"There are {n_trials} scores but {ratios.size} LLRs; pass one LLR per trial.")
    labels = None if sources is None else check_labels(sources, n_trials, "sources")
    limit = None if threshold is None else check_threshold(threshold)
    return _Trials(checked, is_spoof, ratios, labels), limit


def _evaluate(trials: _Trials, threshold: float | None, options: EvaluationOptions) -> Evaluation:
    return Evaluation(
        n_bona_fide=int(np.count_nonzero(~trials.is_spoof)),
        n_spoof=int(np.count_nonzero(trials.is_spoof)),
        ranking=_ranking(trials, options),
        calibration=_calibration(trials, options),
        decision=None if threshold is None else _decision(trials, threshold, options.confidence),
        options=options,
    )


def _ranking(trials: _Trials, options: EvaluationOptions) -> RankingFigures:
    bona_fide, spoof = trials.split(trials.scores)
    groups = None if trials.sources is None else trials.split(trials.sources)

    def interval(metric: Metric) -> Interval | None:
        if options.n_resamples == 0:
            return None
        return bootstrap_interval(
            metric,
            bona_fide,
            spoof,
            n_resamples=options.n_resamples,
            confidence=options.confidence,
            seed=options.seed,
            groups=groups,
        )

    eer = equal_error_rate(bona_fide, spoof)
    return RankingFigures(
        eer=eer.rate,
        eer_threshold=eer.threshold,
        eer_interval=interval(lambda *classes: equal_error_rate(*classes).rate),
        auc=auc(bona_fide, spoof),
        auc_interval=interval(auc),
        average_precision=average_precision(bona_fide, spoof),
        min_dcf=min_dcf(bona_fide, spoof, **options.costs),
        min_cllr=min_cllr(bona_fide, spoof),
    )


def _calibration(trials: _Trials, options: EvaluationOptions) -> CalibrationFigures | None:
    if trials.llr is None:
        return None
    bona_fide, spoof = trials.split(trials.llr)
    prior = options.posterior_prior
    return CalibrationFigures(
        act_dcf=act_dcf(bona_fide, spoof, **options.costs),
        min_dcf=min_dcf(bona_fide, spoof, **options.costs),
        cllr=cllr(bona_fide, spoof),
        min_cllr=min_cllr(bona_fide, spoof),
        expected_calibration_error=expected_calibration_error(bona_fide, spoof, prior=prior, n_bins=options.n_bins),
        brier_score=brier_score(bona_fide, spoof, prior=prior),
    )


def _decision(trials: _Trials, threshold: float, confidence: float) -> DecisionFigures:
    calls = confusion(*trials.split(trials.scores), threshold)
    return DecisionFigures(
        threshold=threshold,
        confusion=calls,
        false_alarm_interval=rate_interval(calls.false_alarms, calls.n_bona_fide, confidence),
        miss_interval=rate_interval(calls.missed, calls.n_spoof, confidence),
    )
