"""Ranking metrics: how well scores separate spoof from bona fide trials, whatever the threshold.

Conventions: scores go UP for spoof and a trial is called spoof when score >= threshold. A false alarm is a
bona fide trial called spoof, a miss is a spoof trial called bona fide. Spoof is the class to detect, the
"positive" one of ROC and precision-recall curves. Rates are in [0, 1].

Decision taken: every curve has one point per *distinct* score plus one where nothing is flagged. A detector
that gives every file the same score therefore has an EER and an AUC of exactly 0.5, and the order of the
trials never matters. ASVspoof publishes its rates with the opposite score direction and the words swapped
(there a "miss" rejects bona fide); EER and AUC do not depend on it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from assay.metrics._counts import count_errors, threshold_at
from assay.metrics._validate import FloatArray, validate


@dataclass(frozen=True)
class OperatingPoint:
    """A rate in [0, 1] and the threshold, on the scale of the scores, that it belongs to."""

    rate: float
    threshold: float


@dataclass(frozen=True, eq=False)
class DetCurve:
    """Detection error trade-off at k + 1 thresholds, ascending; the last is +inf, where nothing is flagged.

    Attributes:
        thresholds: Distinct scores, then +inf, shape (k + 1,).
        false_alarm_rate: P(bona fide score >= threshold), shape (k + 1,), falling from 1 to 0.
        miss_rate: P(spoof score < threshold), shape (k + 1,), rising from 0 to 1.
    """

    thresholds: FloatArray
    false_alarm_rate: FloatArray
    miss_rate: FloatArray


@dataclass(frozen=True, eq=False)
class RocCurve:
    """Receiver operating characteristic at k + 1 thresholds, descending from +inf.

    Attributes:
        thresholds: +inf, then the distinct scores from high to low, shape (k + 1,).
        false_alarm_rate: Bona fide trials flagged, shape (k + 1,), rising from 0 to 1.
        detection_rate: Spoof trials flagged, shape (k + 1,), rising from 0 to 1.
    """

    thresholds: FloatArray
    false_alarm_rate: FloatArray
    detection_rate: FloatArray


@dataclass(frozen=True, eq=False)
class PrecisionRecallCurve:
    """Precision and recall of spoof at k thresholds, descending; there is no point where nothing is flagged.

    Attributes:
        thresholds: Distinct scores from high to low, shape (k,).
        precision: Share of spoof among the flagged trials, shape (k,).
        recall: Share of the spoof trials flagged, shape (k,), rising to 1.
    """

    thresholds: FloatArray
    precision: FloatArray
    recall: FloatArray


def det_curve(bona_fide: ArrayLike, spoof: ArrayLike) -> DetCurve:
    """Miss rate against false-alarm rate at every distinct threshold.

    Args:
        bona_fide: Scores of bona fide trials, shape (n,), higher means more spoof, n >= 1.
        spoof: Scores of spoof trials, shape (m,), m >= 1.

    Returns:
        The curve; its end points (1, 0) and (0, 1) are included.

    Raises:
        MetricInputError: If a class is empty or a score is not a finite float.

    References:
        Martin, Doddington, Kamm, Ordowski, Przybocki: The DET curve in assessment of detection task
        performance, Eurospeech 1997.
    """
    bona_fide, spoof = validate(bona_fide, spoof)
    counts = count_errors(bona_fide, spoof)
    return DetCurve(
        thresholds=np.append(counts.scores, np.inf),
        false_alarm_rate=counts.false_alarms / bona_fide.size,
        miss_rate=counts.misses / spoof.size,
    )


def equal_error_rate(bona_fide: ArrayLike, spoof: ArrayLike) -> OperatingPoint:
    """Equal error rate: where the DET curve meets the line miss rate = false-alarm rate.

    The operating points are joined by straight lines, so tied scores count once and the rate is unique:
    perfect separation gives 0, reversed scores give 1 and constant scores 0.5.

    The threshold is the score at which the two rates cross. Called with ``score >= threshold``, it has
    miss rate <= EER <= false-alarm rate on these trials. Where both rates are exactly equal over a whole gap
    between two scores, the threshold is the middle of that gap and both rates are the EER. It is always
    finite, it moves along with any increasing map of the scores (in a gap: stays in the gap), and it does not
    depend on the order of trials.

    Args:
        bona_fide: Scores of bona fide trials, shape (n,), higher means more spoof, n >= 1.
        spoof: Scores of spoof trials, shape (m,), m >= 1.

    Returns:
        The rate in [0, 1] and its threshold.

    Raises:
        MetricInputError: If a class is empty or a score is not a finite float.

    References:
        Martin et al., Eurospeech 1997 (DET curve). The ASVspoof evaluation packages take the mean of both
        rates at the threshold where they are closest; on scores without ties the two differ by at most a
        quarter of a step, 1 / (4 min(n, m)).
    """
    bona_fide, spoof = validate(bona_fide, spoof)
    scores, false_alarms, misses = count_errors(bona_fide, spoof)
    n, m = bona_fide.size, spoof.size
    # (miss rate - false-alarm rate) · n · m, in integers: "exactly equal" can be asked. Strictly rising.
    gap = misses * n - false_alarms * m
    point = int(np.searchsorted(gap, 0))  # first operating point with miss rate >= false-alarm rate; never 0
    if gap[point] == 0:
        return OperatingPoint(float(false_alarms[point] / n), threshold_at(scores, point))
    before = point - 1
    share = -gap[before] / (gap[point] - gap[before])
    rate = (false_alarms[before] + share * (false_alarms[point] - false_alarms[before])) / n
    return OperatingPoint(float(rate), float(scores[before]))


def auc(bona_fide: ArrayLike, spoof: ArrayLike) -> float:
    """Area under the ROC curve: the chance that a spoof trial scores above a bona fide one.

    Ties count half. The Mann-Whitney statistic divided by n · m, in O(N log N).

    Args:
        bona_fide: Scores of bona fide trials, shape (n,), higher means more spoof, n >= 1.
        spoof: Scores of spoof trials, shape (m,), m >= 1.

    Returns:
        A number in [0, 1]; 0.5 for constant scores.

    Raises:
        MetricInputError: If a class is empty or a score is not a finite float.

    References:
        Hanley and McNeil: The meaning and use of the area under a ROC curve, Radiology 143, 1982.
    """
    bona_fide, spoof = validate(bona_fide, spoof)
    ordered = np.sort(bona_fide)
    below = np.searchsorted(ordered, spoof, side="left")
    below_or_equal = np.searchsorted(ordered, spoof, side="right")
    twice_wins = int(below.sum()) + int(below_or_equal.sum())
    return twice_wins / (2 * bona_fide.size * spoof.size)


def roc_curve(bona_fide: ArrayLike, spoof: ArrayLike) -> RocCurve:
    """Detection rate against false-alarm rate at every distinct threshold.

    Args:
        bona_fide: Scores of bona fide trials, shape (n,), higher means more spoof, n >= 1.
        spoof: Scores of spoof trials, shape (m,), m >= 1.

    Returns:
        The curve from (0, 0) to (1, 1); the trapezoidal area under it is `auc`.

    Raises:
        MetricInputError: If a class is empty or a score is not a finite float.
    """
    det = det_curve(bona_fide, spoof)
    return RocCurve(det.thresholds[::-1], det.false_alarm_rate[::-1], 1.0 - det.miss_rate[::-1])


def precision_recall_curve(bona_fide: ArrayLike, spoof: ArrayLike) -> PrecisionRecallCurve:
    """Precision and recall of spoof at every distinct threshold.

    Precision depends on the share of spoof among the trials: compare it only between sets with the same
    share.

    Args:
        bona_fide: Scores of bona fide trials, shape (n,), higher means more spoof, n >= 1.
        spoof: Scores of spoof trials, shape (m,), m >= 1.

    Returns:
        The curve, without the point where nothing is flagged and precision is undefined.

    Raises:
        MetricInputError: If a class is empty or a score is not a finite float.
    """
    bona_fide, spoof = validate(bona_fide, spoof)
    counts = count_errors(bona_fide, spoof)
    hits = spoof.size - counts.misses[-2::-1]
    false_alarms = counts.false_alarms[-2::-1]
    return PrecisionRecallCurve(counts.scores[::-1], hits / (hits + false_alarms), hits / spoof.size)


def average_precision(bona_fide: ArrayLike, spoof: ArrayLike) -> float:
    """Average precision of spoof: the sum over thresholds of (step in recall) · precision, not interpolated.

    Args:
        bona_fide: Scores of bona fide trials, shape (n,), higher means more spoof, n >= 1.
        spoof: Scores of spoof trials, shape (m,), m >= 1.

    Returns:
        A number in (0, 1]; m / (n + m) for constant scores, so compare it only between sets with the same
        share of spoof.

    Raises:
        MetricInputError: If a class is empty or a score is not a finite float.

    References:
        The definition of `sklearn.metrics.average_precision_score`.
    """
    curve = precision_recall_curve(bona_fide, spoof)
    return float(np.sum(np.diff(curve.recall, prepend=0.0) * curve.precision))
