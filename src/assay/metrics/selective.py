"""Risk against coverage: what the third answer, "cannot tell", buys.

A detector that may decline answers a share of the files (coverage) and errs in a share of those (risk).
Conventions: scores go UP for spoof; a trial is called spoof when score >= threshold; higher `confidence`
means answered earlier.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from assay.errors import MetricInputError
from assay.metrics._validate import FloatArray, Labels, check_scores, check_threshold, key_mask


@dataclass(frozen=True, eq=False)
class RiskCoverage:
    """Risk at each coverage, one point per distinct confidence, from the surest trials to all.

    Attributes:
        least_confidence: The lowest confidence still answered, descending, shape (k,).
        coverage: Share of the trials answered, shape (k,), rising to 1.
        risk: Share of wrong calls among the answered trials, shape (k,).
        area: Mean risk over all coverages 1/n, 2/n, ... 1, lower is better. Within a tie the trials count as
            answered in random order, so a constant confidence has the error rate as its area.
    """

    least_confidence: FloatArray
    coverage: FloatArray
    risk: FloatArray
    area: float


def risk_coverage(scores: ArrayLike, keys: Labels, confidence: ArrayLike, *, threshold: float = 0.0) -> RiskCoverage:
    """Share of wrong calls among the trials a detector is surest of, for every share it may decline.

    Trials of the same confidence are answered or declined together, so their order never matters. Risk
    depends on the share of spoof among the trials.

    Args:
        scores: One score per trial, shape (n_trials,), n_trials >= 1, finite floats, higher means more spoof.
        keys: 'bona_fide' or 'spoof' per trial, shape (n_trials,).
        confidence: How sure the detector is of its call, shape (n_trials,), higher means surer; for LLRs
            often ``abs(llr - threshold)``.
        threshold: A trial is called spoof when score >= threshold.

    Returns:
        The curve and the area under it.

    Raises:
        MetricInputError: If there is no trial, columns differ in length, or a number is not a finite float.

    References:
        El-Yaniv and Wiener: On the foundations of noise-free selective classification, JMLR 11, 2010.
    """
    checked, sure = check_scores(scores, "given"), check_scores(confidence, "confidence")
    if checked.size == 0 or sure.size != checked.size:
        raise MetricInputError(
            f"There are {checked.size} scores and {sure.size} confidences; pass one of each "
            "per trial, and at least one trial."
        )
    wrong = (checked >= check_threshold(threshold)) != key_mask(keys, checked.size)
    levels, index = np.unique(-sure, return_inverse=True)
    answered = np.cumsum(np.bincount(index))
    errors = np.cumsum(np.bincount(index, weights=wrong))
    each = np.arange(1, checked.size + 1)
    expected_errors = np.interp(each, np.append(0, answered), np.append(0.0, errors))
    return RiskCoverage(
        least_confidence=-levels,
        coverage=answered / checked.size,
        risk=errors / answered,
        area=float(np.mean(expected_errors / each)),
    )
