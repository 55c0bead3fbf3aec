"""Metrics of spoofing countermeasures: pure functions on arrays, no printing and no file reading.

Conventions of every function here:

- scores go UP for spoof; `bona_fide` has shape (n,), `spoof` shape (m,), both floats and finite;
- a trial is called spoof when score >= threshold; a false alarm is a bona fide trial called spoof (BPCER), a
  miss is a spoof trial called bona fide (APCER);
- `llr` is a natural log-likelihood ratio, positive = spoof; `prior` is the prior probability of spoof;
- ties count once, the order of the trials never matters, and the same input always gives the same answer;
- unusable input raises `assay.errors.MetricInputError`, which says what was given and what to do.

The order of a measurement is `split_by_key` -> a metric -> a report; `evaluate` and `evaluate_groups` do all
of it.
"""

from assay.metrics._validate import split_by_key, validate
from assay.metrics.bootstrap import PairedDifference, bootstrap_interval, bootstrap_intervals, paired_difference
from assay.metrics.calibration import (
    ReliabilityCurve,
    brier_score,
    expected_calibration_error,
    posterior_probability,
    reliability_curve,
)
from assay.metrics.costs import act_dcf, bayes_threshold, cllr, min_cllr, min_dcf
from assay.metrics.curves import (
    DetCurve,
    OperatingPoint,
    PrecisionRecallCurve,
    RocCurve,
    auc,
    average_precision,
    det_curve,
    equal_error_rate,
    precision_recall_curve,
    roc_curve,
)
from assay.metrics.decisions import Confusion, best_threshold, confusion, threshold_at_false_alarm
from assay.metrics.evaluate import evaluate, evaluate_groups
from assay.metrics.figures import (
    CalibrationFigures,
    DecisionFigures,
    Evaluation,
    EvaluationOptions,
    GroupedEvaluation,
    RankingFigures,
)
from assay.metrics.intervals import Interval, rate_interval
from assay.metrics.selective import RiskCoverage, risk_coverage
from assay.metrics.table import Figure, figure_table
from assay.metrics.tandem import TandemCosts, VerifierRates, min_tdcf, verifier_rates

__all__ = [
    "CalibrationFigures",
    "Confusion",
    "DecisionFigures",
    "DetCurve",
    "Evaluation",
    "EvaluationOptions",
    "Figure",
    "GroupedEvaluation",
    "Interval",
    "OperatingPoint",
    "PairedDifference",
    "PrecisionRecallCurve",
    "RankingFigures",
    "ReliabilityCurve",
    "RiskCoverage",
    "RocCurve",
    "TandemCosts",
    "VerifierRates",
    "act_dcf",
    "auc",
    "average_precision",
    "bayes_threshold",
    "best_threshold",
    "bootstrap_interval",
    "bootstrap_intervals",
    "brier_score",
    "cllr",
    "confusion",
    "det_curve",
    "equal_error_rate",
    "evaluate",
    "evaluate_groups",
    "expected_calibration_error",
    "figure_table",
    "min_cllr",
    "min_dcf",
    "min_tdcf",
    "paired_difference",
    "posterior_probability",
    "precision_recall_curve",
    "rate_interval",
    "reliability_curve",
    "risk_coverage",
    "roc_curve",
    "split_by_key",
    "threshold_at_false_alarm",
    "validate",
    "verifier_rates",
]
