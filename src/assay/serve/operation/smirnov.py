"""The two tests behind the drift monitor: distribution-free, and exact or cautious for any number of scores."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from assay.models.card import TailModel

Floats = NDArray[np.float64]


def two_sample(reference: Floats, scores: Floats) -> tuple[float, float]:
    """Kolmogorov-Smirnov test of whether two samples come from one distribution, two-sided.

    Args:
        reference: Shape (n,), n >= 1.
        scores: Shape (m,), m >= 1.

    Returns:
        Largest difference of the two empirical distribution functions, in [0, 1], and the exact probability of at least
        that much if both come from one continuous distribution. Ties make it cautious.
    """
    n, m = len(reference), len(scores)
    points = np.union1d(reference, scores)
    ranks_n = np.searchsorted(np.sort(reference), points, side="right")
    ranks_m = np.searchsorted(np.sort(scores), points, side="right")
    steps = int(np.max(np.abs(ranks_n * m - ranks_m * n)))
    return steps / (n * m), exceeding(steps, n, m)


@lru_cache(maxsize=4096)
def exceeding(steps: int, n: int, m: int) -> float:
    """P(|i/n - j/m| reaches steps / (n m) somewhere), over all equally likely orders of n and m scores.

    An order is a path over a grid from (0, 0) to (n, m). The probability that it leaves the band is summed up as it
    leaves, diagonal by diagonal, which keeps small probabilities exact.

    References:
        Hodges, "The significance probability of the Smirnov two-sample test", Arkiv för Matematik 3 (1958).
    """
    if steps <= 0:
        return 1.0
    i = np.arange(n + 1)
    inside = np.zeros(n + 1)
    inside[0] = 1.0
    left = 0.0
    for taken in range(n + m):
        # The quotient first: it is exactly 1 where no scores of the other sample are left, so nothing leaks beyond.
        from_reference = inside * ((n - i) / (n + m - taken))
        inside -= from_reference
        inside[1:] += from_reference[:-1]
        outside = np.abs(i * m - (taken + 1 - i) * n) >= steps
        left += float(inside[outside].sum())
        inside[outside] = 0.0
    return min(1.0, left)


def above_card(tail: TailModel, scores: Floats) -> tuple[float, float]:
    """Whether scores lie higher than a card's bona fide distribution, in its upper half.

    Longer files vary less than those that the card was made from, which draws scores to the middle; so the lower half
    is not looked at.

    Args:
        tail: Survival function S of one bona fide file.
        scores: Shape (m,), m >= 1.

    Returns:
        Largest excess of the share of scores at or above x over S(x), where S(x) <= 1/2, and a bound on the probability
        of that much if the scores come from there: exp(-2 m d^2), for any m.

    References:
        Massart, "The tight constant in the Dvoretzky-Kiefer-Wolfowitz inequality", Annals of Probability 18 (1990).
    """
    ordered = np.sort(scores)
    m = len(ordered)
    share = 1 - np.arange(m) / m  # of scores at or above each
    survival = np.array([tail.p_value(float(score)) for score in ordered])
    upper = survival <= 0.5
    excess = float(np.max(share[upper] - survival[upper], initial=0.0))
    # The inequality holds where its bound is at most 1/2.
    bound = math.exp(-2 * m * excess**2)
    return excess, bound if bound <= 0.5 else 1.0


def allowance(test: int, total: float) -> float:
    """What the `test`-th test, from 1 on, may spend so that all of them together spend `total`: total / (k (k + 1)).

    The sum over all k is `total`. By the union bound the probability that any of them ever gives a false alert is no
    more than that, however they depend on each other; they do, as they share a reference.
    """
    return total / (test * (test + 1))
