"""Figures of decisions at one threshold, and ways to choose that threshold.

Conventions: a trial is called spoof when score >= threshold. Spoof is the class to detect. In the words of
ISO/IEC 30107-3, APCER is the miss rate (spoof called bona fide) and BPCER the false-alarm rate (bona fide
called spoof); the standard asks for APCER per attack type, so pass the spoof trials of one type, or see
`evaluate_groups`.

Decisions taken: a ratio whose denominator is zero (the precision when nothing is flagged, the miss rate
without spoof trials) is NaN, not an error and not 0: it was not measured. Choose thresholds on the
development partition.

Thresholds are exact: `threshold_at_false_alarm` may return a number just above a score. Store it with `repr`
(JSON in Python does) and compare in float64; rounding it, or casting it to float32, can flag the trials it
was to spare.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from assay.errors import MetricInputError
from assay.metrics._counts import Counts, count_errors, threshold_at
from assay.metrics._validate import (
    BONA_FIDE,
    SPOOF,
    FloatArray,
    check_class,
    check_scores,
    check_threshold,
    validate,
)

Criterion: TypeAlias = Literal["accuracy", "balanced_accuracy", "f1", "youden"]


@dataclass(frozen=True)
class Confusion:
    """The four counts behind every decision figure; the figures are properties, NaN where undefined.

    Attributes:
        detected: Spoof trials called spoof.
        missed: Spoof trials called bona fide.
        false_alarms: Bona fide trials called spoof.
        cleared: Bona fide trials called bona fide.
    """

    detected: int
    missed: int
    false_alarms: int
    cleared: int

    @property
    def n_bona_fide(self) -> int:
        """Bona fide trials."""
        return self.false_alarms + self.cleared

    @property
    def n_spoof(self) -> int:
        """Spoof trials."""
        return self.detected + self.missed

    @property
    def accuracy(self) -> float:
        """Share of right calls among all trials; depends on the share of spoof."""
        return _ratio(self.detected + self.cleared, self.n_bona_fide + self.n_spoof)

    @property
    def precision(self) -> float:
        """Share of spoof among the flagged trials, NaN if none is; depends on the share of spoof."""
        return _ratio(self.detected, self.detected + self.false_alarms)

    @property
    def recall(self) -> float:
        """Share of spoof trials flagged; the sensitivity, 1 - `apcer`."""
        return _ratio(self.detected, self.n_spoof)

    @property
    def specificity(self) -> float:
        """Share of bona fide trials cleared; 1 - `bpcer`."""
        return _ratio(self.cleared, self.n_bona_fide)

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall, 2 TP / (2 TP + FP + FN); depends on the share of spoof."""
        return _ratio(2 * self.detected, 2 * self.detected + self.false_alarms + self.missed)

    @property
    def balanced_accuracy(self) -> float:
        """Mean of recall and specificity."""
        return 0.5 * (self.recall + self.specificity)

    @property
    def youden(self) -> float:
        """Youden's J: recall + specificity - 1, in [-1, 1]."""
        return self.recall + self.specificity - 1.0

    @property
    def miss_rate(self) -> float:
        """Share of spoof trials called bona fide."""
        return _ratio(self.missed, self.n_spoof)

    @property
    def false_alarm_rate(self) -> float:
        """Share of bona fide trials called spoof."""
        return _ratio(self.false_alarms, self.n_bona_fide)

    @property
    def apcer(self) -> float:
        """Attack presentation classification error rate: the miss rate over the spoof trials given."""
        return self.miss_rate

    @property
    def bpcer(self) -> float:
        """Bona fide presentation classification error rate: the false-alarm rate."""
        return self.false_alarm_rate


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else math.nan


def confusion(bona_fide: ArrayLike, spoof: ArrayLike, threshold: float) -> Confusion:
    """Count right and wrong calls at a threshold.

    Args:
        bona_fide: Scores of bona fide trials, shape (n,), higher means more spoof; may be empty if `spoof` is
            not.
        spoof: Scores of spoof trials, shape (m,); may be empty if `bona_fide` is not.
        threshold: A trial is called spoof when score >= threshold; infinities are accepted.

    Returns:
        The counts, with every decision figure as a property.

    Raises:
        MetricInputError: If there is no trial at all, a score is not a finite float, or the threshold is NaN.
    """
    bona_fide, spoof = check_scores(bona_fide, BONA_FIDE), check_scores(spoof, SPOOF)
    threshold = check_threshold(threshold)
    if bona_fide.size + spoof.size == 0:
        raise MetricInputError("There is no trial; pass at least one bona fide or spoof score.")
    detected = int(np.count_nonzero(spoof >= threshold))
    false_alarms = int(np.count_nonzero(bona_fide >= threshold))
    return Confusion(detected, spoof.size - detected, false_alarms, bona_fide.size - false_alarms)


def best_threshold(bona_fide: ArrayLike, spoof: ArrayLike, *, criterion: Criterion = "balanced_accuracy") -> float:
    """The threshold that maximises a decision figure on these trials.

    Among equally good operating points the one with the fewest false alarms is taken, and within it the
    middle of the gap between the two neighbouring scores. The threshold is finite, even where flagging all or
    none is best. 'youden' and 'balanced_accuracy' choose the same threshold.

    Args:
        bona_fide: Scores of bona fide trials, shape (n,), higher means more spoof, n >= 1.
        spoof: Scores of spoof trials, shape (m,), m >= 1.
        criterion: 'accuracy', 'balanced_accuracy', 'f1' or 'youden'.

    Returns:
        The threshold; `confusion` gives the figures there.

    Raises:
        MetricInputError: If a class is empty, a score is not a finite float, or the criterion is unknown.
    """
    bona_fide, spoof = validate(bona_fide, spoof)
    counts = count_errors(bona_fide, spoof)
    merit = _merit(counts, bona_fide.size, spoof.size, criterion)
    point = int(np.flatnonzero(merit == merit.max())[-1])
    return threshold_at(counts.scores, point)


def _merit(counts: Counts, n: int, m: int, criterion: Criterion) -> NDArray[np.number]:
    """A figure to maximise, in integers where it can be, so that equal is equal."""
    if criterion == "accuracy":
        return -(counts.misses + counts.false_alarms)
    if criterion in ("balanced_accuracy", "youden"):
        return -(counts.misses * n + counts.false_alarms * m)
    if criterion == "f1":
        detected = m - counts.misses
        # 2 TP + FP + FN = TP + FP + m; m >= 1 keeps it positive.
        f1: FloatArray = 2 * detected / (detected + counts.false_alarms + m)
        return f1
    raise MetricInputError(
        f"criterion is {criterion!r}; 'accuracy', 'balanced_accuracy', 'f1' and 'youden' are accepted."
    )


def threshold_at_false_alarm(bona_fide: ArrayLike, rate: float) -> float:
    """The smallest threshold whose false-alarm rate on these trials is at most `rate`.

    It is the next float64 above the highest score that must be spared. Tied scores are spared together, so
    the rate reached may be lower than the one asked for. The promise holds for these trials only; for what it
    says of others see `rate_interval`: 0 false alarms in 299 bona fide files are the fewest that show, with
    95 % confidence on the upper side, a rate under 1 %.

    Args:
        bona_fide: Scores of bona fide trials, shape (n,), higher means more spoof, n >= 1.
        rate: Accepted share of bona fide trials called spoof, in [0, 1).

    Returns:
        The threshold; above every bona fide score when `rate` < 1 / n.

    Raises:
        MetricInputError: If there is no bona fide trial, a score is not a finite float, or the rate is out of
            range.
    """
    scores = np.sort(check_class(bona_fide, BONA_FIDE))
    if not 0.0 <= rate < 1.0:
        raise MetricInputError(f"rate is {rate!r}; a false-alarm rate from 0 to below 1 is accepted.")
    n = scores.size
    # k / n is compared as it will be measured: floor(0.29 · 100) would be 28.
    allowed = np.flatnonzero(np.arange(n) / n <= rate)[-1]
    return float(np.nextafter(scores[n - 1 - allowed], np.inf))
