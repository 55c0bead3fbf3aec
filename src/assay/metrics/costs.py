"""Costs of decisions: detection cost (DCF) and log-likelihood-ratio cost (Cllr), actual and minimum.

Conventions: scores go UP for spoof; where a function says `llr`, the score must be a log-likelihood ratio
ln p(score | spoof) / p(score | bona fide), natural logarithm, positive = spoof. `prior` is the prior
probability of spoof. A miss is a spoof trial called bona fide and costs `cost_miss`; a false alarm is a bona
fide trial called spoof and costs `cost_false_alarm`.

The default costs are those of ASVspoof 5, track 1. Its plan has the opposite direction and so swaps the
words: its C_fa = 10 (a spoof is let through) is our `cost_miss`, its C_miss = 1 (a bona fide is rejected) our
`cost_false_alarm`. The numbers agree. The cost together with a speaker verifier is in `assay.metrics.tandem`.

References:
    Delgado et al.: ASVspoof 5 evaluation plan, 2024 (normalised DCF, actual DCF, Cllr).
    Brümmer and du Preez: Application-independent evaluation of speaker detection, Computer Speech & Language
    20, 2006 (Bayes threshold, Cllr, minimum Cllr by PAV).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from assay.metrics._counts import count_errors
from assay.metrics._validate import FloatArray, IntArray, check_between, validate


def min_dcf(
    bona_fide: ArrayLike,
    spoof: ArrayLike,
    *,
    prior: float = 0.05,
    cost_miss: float = 10.0,
    cost_false_alarm: float = 1.0,
) -> float:
    """Minimum normalised detection cost: the cost at the best threshold, chosen with the keys in hand.

    DCF(t) = [cost_miss · prior · P_miss(t) + cost_false_alarm · (1 - prior) · P_fa(t)]
             / min(cost_miss · prior, cost_false_alarm · (1 - prior))

    The divisor is the cost of the better of "flag all" and "flag none", so the minimum is in [0, 1] and 1
    means that the detector is no help at these costs. It is not scaled by 1/2 and depends on the ranking of
    the trials only.

    Args:
        bona_fide: Scores of bona fide trials, shape (n,), higher means more spoof, n >= 1.
        spoof: Scores of spoof trials, shape (m,), m >= 1.
        prior: Prior probability of spoof, in (0, 1).
        cost_miss: Cost of a spoof trial called bona fide, > 0.
        cost_false_alarm: Cost of a bona fide trial called spoof, > 0.

    Returns:
        The minimum over all thresholds, in [0, 1].

    Raises:
        MetricInputError: If a class is empty, a score is not a finite float, or a parameter is out of range.
    """
    bona_fide, spoof = validate(bona_fide, spoof)
    miss_weight, false_alarm_weight = _weights(prior, cost_miss, cost_false_alarm)
    counts = count_errors(bona_fide, spoof)
    cost = miss_weight * (counts.misses / spoof.size) + false_alarm_weight * (counts.false_alarms / bona_fide.size)
    return float(cost.min())


def act_dcf(
    bona_fide_llr: ArrayLike,
    spoof_llr: ArrayLike,
    *,
    prior: float = 0.05,
    cost_miss: float = 10.0,
    cost_false_alarm: float = 1.0,
) -> float:
    """Actual normalised detection cost: the cost when LLRs are taken at their word, at the Bayes threshold.

    The same DCF as `min_dcf`, at the threshold of `bayes_threshold`. The difference to `min_dcf` is the price
    of bad calibration.

    Args:
        bona_fide_llr: LLRs of bona fide trials, shape (n,), natural log, positive = spoof, n >= 1.
        spoof_llr: LLRs of spoof trials, shape (m,), m >= 1.
        prior: Prior probability of spoof, in (0, 1).
        cost_miss: Cost of a spoof trial called bona fide, > 0.
        cost_false_alarm: Cost of a bona fide trial called spoof, > 0.

    Returns:
        The cost, >= `min_dcf`; above 1 when it is worse than not using the detector.

    Raises:
        MetricInputError: If a class is empty, an LLR is not a finite float, or a parameter is out of range.
    """
    bona_fide, spoof = validate(bona_fide_llr, spoof_llr)
    miss_weight, false_alarm_weight = _weights(prior, cost_miss, cost_false_alarm)
    threshold = bayes_threshold(prior=prior, cost_miss=cost_miss, cost_false_alarm=cost_false_alarm)
    # The same expression as in min_dcf, so that act_dcf >= min_dcf holds to the last bit.
    miss_rate = np.count_nonzero(spoof < threshold) / spoof.size
    false_alarm_rate = np.count_nonzero(bona_fide >= threshold) / bona_fide.size
    return float(miss_weight * miss_rate + false_alarm_weight * false_alarm_rate)


def bayes_threshold(*, prior: float = 0.05, cost_miss: float = 10.0, cost_false_alarm: float = 1.0) -> float:
    """The LLR from which calling a trial spoof costs less on average than calling it bona fide.

    threshold = ln [cost_false_alarm · (1 - prior)] - ln [cost_miss · prior]

    Args:
        prior: Prior probability of spoof, in (0, 1).
        cost_miss: Cost of a spoof trial called bona fide, > 0.
        cost_false_alarm: Cost of a bona fide trial called spoof, > 0.

    Returns:
        The threshold on natural-log LLRs, positive = spoof.

    Raises:
        MetricInputError: If a parameter is out of range.
    """
    _check_costs(prior, cost_miss, cost_false_alarm)
    return math.log(cost_false_alarm) + math.log1p(-prior) - math.log(cost_miss) - math.log(prior)


def _check_costs(prior: float, cost_miss: float, cost_false_alarm: float) -> None:
    check_between(prior, 0.0, 1.0, "prior")
    check_between(cost_miss, 0.0, math.inf, "cost_miss")
    check_between(cost_false_alarm, 0.0, math.inf, "cost_false_alarm")


def _weights(prior: float, cost_miss: float, cost_false_alarm: float) -> tuple[float, float]:
    """Normalised weights of the miss rate and the false-alarm rate; the smaller of them is 1."""
    _check_costs(prior, cost_miss, cost_false_alarm)
    miss, false_alarm = cost_miss * prior, cost_false_alarm * (1.0 - prior)
    smaller = min(miss, false_alarm)
    return miss / smaller, false_alarm / smaller


def cllr(bona_fide_llr: ArrayLike, spoof_llr: ArrayLike) -> float:
    """Log-likelihood-ratio cost: how much information, in bits, a user of the LLRs goes without.

    Cllr = 1/2 [mean over spoof of log2(1 + e^-llr) + mean over bona fide of log2(1 + e^llr)]

    It is the average of the actual DCF over all priors, so one number for discrimination and calibration
    together.

    Args:
        bona_fide_llr: LLRs of bona fide trials, shape (n,), natural log, positive = spoof, n >= 1.
        spoof_llr: LLRs of spoof trials, shape (m,), m >= 1.

    Returns:
        Bits, >= 0; 1 for LLRs that are all 0, more for LLRs that mislead.

    Raises:
        MetricInputError: If a class is empty or an LLR is not a finite float.
    """
    bona_fide, spoof = validate(bona_fide_llr, spoof_llr)
    nats = 0.5 * (np.logaddexp(0.0, -spoof).mean() + np.logaddexp(0.0, bona_fide).mean())
    return float(nats / math.log(2.0))


def min_cllr(bona_fide: ArrayLike, spoof: ArrayLike) -> float:
    """Minimum Cllr: what is left of Cllr after the best increasing map of the scores to LLRs.

    The map is found with the pool-adjacent-violators algorithm on the trials themselves, so `cllr` -
    `min_cllr` is the loss from calibration and `min_cllr` that from discrimination. Its steps are the corners
    of the convex hull of the ROC curve. No dummy trials are added (some toolkits do), hence perfect
    separation gives exactly 0.

    Args:
        bona_fide: Scores of bona fide trials, shape (n,), higher means more spoof, n >= 1.
        spoof: Scores of spoof trials, shape (m,), m >= 1.

    Returns:
        Bits in [0, 1]; at most `cllr` of the same scores read as LLRs.

    Raises:
        MetricInputError: If a class is empty or a score is not a finite float.
    """
    bona_fide, spoof = validate(bona_fide, spoof)
    counts = count_errors(bona_fide, spoof)
    bona_fide_share, spoof_share = _pool(-np.diff(counts.false_alarms), np.diff(counts.misses))
    bits = _surprise(spoof_share, bona_fide_share) + _surprise(bona_fide_share, spoof_share)
    return max(0.0, min(1.0, 0.5 * bits))  # rounding must not leave the range


def _pool(bona_fide: IntArray, spoof: IntArray) -> tuple[FloatArray, FloatArray]:
    """Pool adjacent violators: merge neighbours until the share of spoof rises strictly from block to block.

    Args:
        bona_fide: Bona fide trials at each distinct score, ascending, shape (k,).
        spoof: Spoof trials at each distinct score, shape (k,).

    Returns:
        Share of all bona fide and of all spoof trials in each block, shape (n_blocks,) each.
    """
    blocks: list[tuple[int, int]] = []
    for new_bona_fide, new_spoof in zip(bona_fide.tolist(), spoof.tolist(), strict=True):
        last = (new_bona_fide, new_spoof)
        # Odds are compared by cross-multiplication, in integers: exact, and no division by an empty class.
        while blocks and blocks[-1][1] * last[0] >= last[1] * blocks[-1][0]:
            below = blocks.pop()
            last = (below[0] + last[0], below[1] + last[1])
        blocks.append(last)
    pooled = np.array(blocks, dtype=np.float64)
    return pooled[:, 0] / bona_fide.sum(), pooled[:, 1] / spoof.sum()


def _surprise(own: FloatArray, other: FloatArray) -> float:
    """Mean of log2(1 + other / own) over the trials of `own`; blocks without such trials do not count."""
    held = own > 0
    return float(np.sum(own[held] * np.log1p(other[held] / own[held])) / math.log(2.0))
