"""Every figure of one set of trials in one list, each with its bootstrap interval from the same resamples.

Conventions: as everywhere in this package; precision, recall and F1 are those of spoof. Figures at a threshold need
one, figures of LLRs need scores that are LLRs; without, they are left out rather than guessed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from numpy.typing import ArrayLike

from assay.metrics._validate import FloatArray, Labels, check_threshold, validate
from assay.metrics.bootstrap import Metric, bootstrap_intervals
from assay.metrics.calibration import brier_score, expected_calibration_error
from assay.metrics.costs import act_dcf, cllr, min_cllr, min_dcf
from assay.metrics.curves import auc, average_precision, equal_error_rate
from assay.metrics.decisions import Confusion, confusion
from assay.metrics.figures import DEFAULT_OPTIONS, EvaluationOptions
from assay.metrics.intervals import Interval
from assay.metrics.tandem import DEFAULT_TANDEM, TandemCosts, VerifierRates, min_tdcf

AT_THRESHOLD: Final = (
    "accuracy", "balanced_accuracy", "precision", "recall", "specificity", "f1", "apcer", "bpcer",
)  # fmt: skip


@dataclass(frozen=True)
class Figure:
    """One figure of a set of trials.

    Attributes:
        name: As functions and properties of `assay.metrics` are called.
        value: NaN where it is not defined, such as the precision when nothing is flagged.
        interval: Bootstrap interval; None without resampling, or where a resample leaves the figure undefined.
    """

    name: str
    value: float
    interval: Interval | None


def figure_table(
    bona_fide: ArrayLike,
    spoof: ArrayLike,
    *,
    threshold: float | None = None,
    llrs: bool = False,
    verifier: VerifierRates | None = None,
    tandem: TandemCosts = DEFAULT_TANDEM,
    groups: tuple[Labels, Labels] | None = None,
    options: EvaluationOptions = DEFAULT_OPTIONS,
) -> tuple[Figure, ...]:
    """All figures that the scores allow.

    Args:
        bona_fide: Scores of bona fide trials, shape (n,), higher means more spoof, n >= 1.
        spoof: Scores of spoof trials, shape (m,), m >= 1.
        threshold: A trial is called spoof when score >= threshold; None leaves out what needs one.
        llrs: Whether the scores are natural log-likelihood ratios; False leaves out what needs them.
        verifier: Of a speaker verifier; None leaves out the t-DCF.
        tandem: Priors and costs of the t-DCF.
        groups: Labels (source, speaker) of the bona fide and of the spoof trials that are drawn as a whole.
        options: Priors, costs, bins, confidence and resamples; 0 resamples leaves out the intervals.

    Raises:
        MetricInputError: If a class is empty, a score is not a finite float or a parameter is out of range.
    """
    bona_fide, spoof = validate(bona_fide, spoof)
    metrics = {**_ranking(options), **(_llr(options) if llrs else {})}
    if threshold is not None:
        metrics |= {name: _rate(name, check_threshold(threshold)) for name in AT_THRESHOLD}
    if verifier is not None:
        metrics["min_tdcf"] = lambda *classes: min_tdcf(*classes, verifier=verifier, costs=tandem)
    intervals: dict[str, Interval | None] = dict.fromkeys(metrics)
    if options.n_resamples:
        intervals = bootstrap_intervals(
            metrics,
            bona_fide,
            spoof,
            n_resamples=options.n_resamples,
            confidence=options.confidence,
            seed=options.seed,
            groups=groups,
        )
    return tuple(Figure(name, float(metric(bona_fide, spoof)), intervals[name]) for name, metric in metrics.items())


def _ranking(options: EvaluationOptions) -> dict[str, Metric]:
    return {
        "eer": lambda *classes: equal_error_rate(*classes).rate,
        "auc": auc,
        "average_precision": average_precision,
        "min_dcf": lambda *classes: min_dcf(*classes, **options.costs),
        "min_cllr": min_cllr,
    }


def _llr(options: EvaluationOptions) -> dict[str, Metric]:
    prior, bins = options.posterior_prior, options.n_bins
    return {
        "act_dcf": lambda *classes: act_dcf(*classes, **options.costs),
        "cllr": cllr,
        "expected_calibration_error": lambda *classes: expected_calibration_error(*classes, prior=prior, n_bins=bins),
        "brier_score": lambda *classes: brier_score(*classes, prior=prior),
    }


def _rate(name: str, threshold: float) -> Metric:
    """A property of `Confusion` as a metric."""
    read: Callable[[Confusion], float] = getattr(Confusion, name).fget

    def rate(bona_fide: FloatArray, spoof: FloatArray) -> float:
        return read(confusion(bona_fide, spoof, threshold))

    return rate
