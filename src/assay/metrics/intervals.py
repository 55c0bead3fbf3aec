"""Confidence intervals of measured rates.

In a module of its own because decisions, bootstrap and reports all speak of an `Interval`.

A rate of 0 errors in 100 files is not a rate of 0: the exact (Clopper-Pearson) interval says how large it may
be. It never claims more than its confidence, at the price of being a little wide. Trials must be independent;
for many files of one source see `bootstrap_interval` with groups.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from assay.errors import MetricInputError
from assay.metrics._validate import FloatArray, check_between

_HALVINGS = 60  # of [0, 1]: the bound is then within 1e-18, below what float64 resolves near 1


@dataclass(frozen=True)
class Interval:
    """Lower and upper confidence limits of a figure."""

    low: float
    high: float


def rate_interval(k: int, n: int, confidence: float = 0.95) -> Interval:
    """Exact two-sided confidence interval of a rate measured as k errors in n independent trials.

    The upper limit is the p at which P(X <= k) falls to (1 - confidence) / 2, the lower limit the p at which
    P(X >= k) does, for X binomial(n, p). With k = 0 the upper limit is 1 - ((1 - confidence) / 2)^(1 / n),
    about 3.7 / n at 95 % (the one-sided "rule of three" is 3 / n).

    Args:
        k: Errors counted, 0 <= k <= n.
        n: Trials, n >= 1.
        confidence: Confidence level, in (0, 1).

    Returns:
        Limits in [0, 1] around k / n; low is 0 when k = 0 and high is 1 when k = n.

    Raises:
        MetricInputError: If k, n or the confidence is out of range.

    References:
        Clopper and Pearson: The use of confidence or fiducial limits illustrated in the case of the binomial,
        Biometrika 26, 1934.
    """
    check_between(confidence, 0.0, 1.0, "confidence")
    if n < 1 or not 0 <= k <= n:
        raise MetricInputError(f"k = {k} errors in n = {n} trials; n >= 1 and 0 <= k <= n are accepted.", k=k, n=n)
    tail = (1.0 - confidence) / 2.0
    # k errors are n - k successes, so the lower limit is one minus an upper limit.
    return Interval(low=1.0 - _upper_limit(n - k, n, tail), high=_upper_limit(k, n, tail))


def _upper_limit(k: int, n: int, tail: float) -> float:
    """The p at which P(X <= k) = tail, by bisection; P falls as p rises."""
    if k == n:
        return 1.0
    log_choose = _log_choose(n, k)
    low, high = k / n, 1.0
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        if not low < middle < high:
            break
        if _binomial_cdf(log_choose, n, middle) > tail:
            low = middle
        else:
            high = middle
    return high


def _log_choose(n: int, k: int) -> FloatArray:
    """Logarithms of the binomial coefficients (n over 0) to (n over k), shape (k + 1,)."""
    step = np.arange(1, k + 1, dtype=np.float64)
    return np.concatenate(([0.0], np.cumsum(np.log((n - step + 1.0) / step))))


def _binomial_cdf(log_choose: FloatArray, n: int, p: float) -> float:
    """P(X <= k) for X binomial(n, p), 0 < p < 1, k + 1 = len(log_choose)."""
    k = np.arange(log_choose.size)
    return float(np.exp(log_choose + k * np.log(p) + (n - k) * np.log1p(-p)).sum())
