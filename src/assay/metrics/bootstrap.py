"""Bootstrap confidence intervals of any metric of two arrays of scores.

Decisions taken: percentile intervals; resampling is stratified by key, so that every resample has as many
bona fide and spoof trials as the original. When trials are not independent (several files of one recording,
one speaker, or a recording and the fakes made from it), pass that label as group: whole groups are drawn, or
the interval is too narrow.

Limits: a resample can only show errors that the trials show. Perfect separation gives the interval [0, 0] for
the EER; `rate_interval` says what that is worth. With fewer than about ten groups the interval is too narrow.

References:
    Efron and Tibshirani: An introduction to the bootstrap, 1993. Poh and Bengio: Estimating the confidence
    interval of expected performance curve in biometric authentication using joint bootstrap, ICASSP 2007
    (two-level resampling).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from assay.errors import MetricInputError
from assay.metrics._validate import (
    FloatArray,
    IntArray,
    Labels,
    check_between,
    check_labels,
    validate,
)
from assay.metrics.intervals import Interval

Metric: TypeAlias = Callable[[FloatArray, FloatArray], float]


def bootstrap_interval(
    metric: Metric,
    bona_fide: ArrayLike,
    spoof: ArrayLike,
    *,
    n_resamples: int = 1000,
    confidence: float = 0.95,
    seed: int = 0,
    groups: tuple[Labels, Labels] | None = None,
) -> Interval:
    """Percentile bootstrap interval of a metric, stratified by key, by whole groups if given.

    With groups, those that hold bona fide trials only, spoof trials only and both are drawn from separately,
    with replacement, as many as there are; a group that holds both keys keeps them together. No class can
    come out empty, but the number of trials varies with the sizes of the groups drawn.

    Args:
        metric: Takes the bona fide scores, shape (n,), and the spoof scores, shape (m,); returns a number.
            For the EER pass ``lambda bona_fide, spoof: equal_error_rate(bona_fide, spoof).rate``.
        bona_fide: Scores of bona fide trials, shape (n,), higher means more spoof, n >= 1.
        spoof: Scores of spoof trials, shape (m,), m >= 1.
        n_resamples: Resamples drawn, >= 1; 1000 gives about two digits of a 95 % limit.
        confidence: Confidence level, in (0, 1).
        seed: Of the random generator; the same seed gives the same interval, in any order of the trials.
        groups: Group labels of the bona fide trials, shape (n,), and of the spoof trials, shape (m,); None
            draws trials.

    Returns:
        The interval. It nearly always contains the metric of the original trials, but need not.

    Raises:
        MetricInputError: If a class is empty, a score is not a finite float, a parameter is out of range, or
            the metric is not a finite number on a resample.
    """
    bona_fide, spoof = validate(bona_fide, spoof)
    check_between(confidence, 0.0, 1.0, "confidence")
    if n_resamples < 1:
        raise MetricInputError(f"n_resamples is {n_resamples}; at least 1 is needed.", n_resamples=n_resamples)
    generator = np.random.default_rng(seed)
    if groups is None:
        # Sorted, so that the order in which the trials came does not move the limits.
        bona_fide, spoof = np.sort(bona_fide), np.sort(spoof)
        draws = _draw_trials(bona_fide.size, spoof.size, n_resamples, generator)
    else:
        labels = (
            check_labels(groups[0], bona_fide.size, "bona fide groups"),
            check_labels(groups[1], spoof.size, "spoof groups"),
        )
        draws = _draw_groups(labels, n_resamples, generator)
    figures = np.array([metric(bona_fide[drawn], spoof[also]) for drawn, also in draws], dtype=np.float64)
    undefined = np.count_nonzero(~np.isfinite(figures))
    if undefined:
        raise MetricInputError(
            f"The metric is not a finite number on {undefined} of {n_resamples} resamples. Use a metric that "
            "is defined whenever both classes have a trial."
        )
    low, high = np.quantile(figures, ((1.0 - confidence) / 2.0, (1.0 + confidence) / 2.0))
    return Interval(float(low), float(high))


def _draw_trials(
    n: int, m: int, n_resamples: int, generator: np.random.Generator
) -> Iterator[tuple[IntArray, IntArray]]:
    for _ in range(n_resamples):
        yield generator.integers(n, size=n), generator.integers(m, size=m)


def _draw_groups(
    labels: tuple[Labels, Labels], n_resamples: int, generator: np.random.Generator
) -> Iterator[tuple[IntArray, IntArray]]:
    """Draw whole groups; see `bootstrap_interval` for the strata."""
    bona_fide, spoof = (_members(part) for part in labels)
    strata = [
        sorted(bona_fide.keys() - spoof.keys()),
        sorted(spoof.keys() - bona_fide.keys()),
        sorted(bona_fide.keys() & spoof.keys()),
    ]
    for _ in range(n_resamples):
        drawn = [names[i] for names in strata if names for i in generator.integers(len(names), size=len(names))]
        yield (
            np.concatenate([bona_fide[name] for name in drawn if name in bona_fide]),
            np.concatenate([spoof[name] for name in drawn if name in spoof]),
        )


def _members(labels: Labels) -> dict[str, IntArray]:
    """Indices of the trials of each group."""
    names, codes = np.unique(labels, return_inverse=True)
    by_group = np.split(np.argsort(codes, kind="stable"), np.cumsum(np.bincount(codes))[:-1])
    return dict(zip(names.tolist(), by_group, strict=True))
