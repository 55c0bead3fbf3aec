"""Bootstrap confidence intervals of any metric of two arrays of scores, and of differences between two detectors.

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

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
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
    values = _resample({"": metric}, validate(bona_fide, spoof), n_resamples, confidence, seed, groups)[""]
    undefined = np.count_nonzero(~np.isfinite(values))
    if undefined:
        raise MetricInputError(
            f"The metric is not a finite number on {undefined} of {n_resamples} resamples. Use a metric that "
            "is defined whenever both classes have a trial."
        )
    return _percentiles(values, confidence)


def bootstrap_intervals(
    metrics: Mapping[str, Metric],
    bona_fide: ArrayLike,
    spoof: ArrayLike,
    *,
    n_resamples: int = 1000,
    confidence: float = 0.95,
    seed: int = 0,
    groups: tuple[Labels, Labels] | None = None,
) -> dict[str, Interval | None]:
    """Intervals of several metrics from the same resamples, as `bootstrap_interval` would give each.

    Args:
        metrics: By name; see `bootstrap_interval`.
        bona_fide: Scores of bona fide trials, shape (n,), higher means more spoof, n >= 1.
        spoof: Scores of spoof trials, shape (m,), m >= 1.
        n_resamples: Resamples drawn, >= 1.
        confidence: Confidence level, in (0, 1).
        seed: Of the random generator.
        groups: See `bootstrap_interval`.

    Returns:
        For each name the interval; None where the metric is not a finite number on some resample, such as the precision
        where nothing is flagged.

    Raises:
        MetricInputError: If a class is empty, a score is not a finite float or a parameter is out of range.
    """
    drawn = _resample(metrics, validate(bona_fide, spoof), n_resamples, confidence, seed, groups)
    return {
        name: _percentiles(values, confidence) if np.isfinite(values).all() else None for name, values in drawn.items()
    }


@dataclass(frozen=True)
class PairedDifference:
    """A metric of one detector minus that of another on the same trials.

    Attributes:
        first, second: The metric of each.
        difference: First minus second.
        interval: Of the difference; one that leaves out 0 tells them apart at its confidence.
    """

    first: float
    second: float
    difference: float
    interval: Interval


def paired_difference(
    metric: Metric,
    first: tuple[ArrayLike, ArrayLike],
    second: tuple[ArrayLike, ArrayLike],
    *,
    n_resamples: int = 1000,
    confidence: float = 0.95,
    seed: int = 0,
    groups: tuple[Labels, Labels] | None = None,
) -> PairedDifference:
    """Difference of a metric between two detectors that scored the same trials, with its paired bootstrap interval.

    Each resample draws trials (or whole groups) once and takes both detectors' scores of them, so that what is hard for
    both cancels out: the interval is narrower than two separate ones would suggest.

    Args:
        metric: See `bootstrap_interval`.
        first: Scores of bona fide trials, shape (n,), and of spoof trials, shape (m,), by one detector.
        second: The same trials in the same order by the other. The two may use different scales.
        n_resamples: Resamples drawn, >= 1.
        confidence: Confidence level, in (0, 1).
        seed: Of the random generator.
        groups: See `bootstrap_interval`.

    Raises:
        MetricInputError: As `bootstrap_interval`, or if the two did not score as many trials.
    """
    ours, theirs = validate(*first), validate(*second)
    shapes = [(bona_fide.size, spoof.size) for bona_fide, spoof in (ours, theirs)]
    if shapes[0] != shapes[1]:
        raise MetricInputError(f"The two scored {shapes[0]} and {shapes[1]} trials; pass the same trials of both.")
    _check(n_resamples, confidence)
    generator = np.random.default_rng(seed)
    if groups is None:
        # Ordered by both scores, so that the order in which the trials came does not move the limits.
        orders = [np.lexsort((second_scores, scores)) for scores, second_scores in zip(ours, theirs, strict=True)]
        draws = _draw_trials(*shapes[0], n_resamples, generator)
        draws = ((orders[0][drawn], orders[1][also]) for drawn, also in draws)
    else:
        draws = _draw_groups(_checked_groups(groups, *shapes[0]), n_resamples, generator)
    values = np.array(
        [metric(ours[0][drawn], ours[1][also]) - metric(theirs[0][drawn], theirs[1][also]) for drawn, also in draws],
        dtype=np.float64,
    )
    if not np.isfinite(values).all():
        raise MetricInputError("The metric is not a finite number on every resample. Use one that is always defined.")
    one, other = metric(*ours), metric(*theirs)
    return PairedDifference(one, other, one - other, _percentiles(values, confidence))


def _check(n_resamples: int, confidence: float) -> None:
    check_between(confidence, 0.0, 1.0, "confidence")
    if n_resamples < 1:
        raise MetricInputError(f"n_resamples is {n_resamples}; at least 1 is needed.", n_resamples=n_resamples)


def _resample(
    metrics: Mapping[str, Metric],
    scores: tuple[FloatArray, FloatArray],
    n_resamples: int,
    confidence: float,
    seed: int,
    groups: tuple[Labels, Labels] | None,
) -> dict[str, FloatArray]:
    """Each metric on every resample, shape (n_resamples,)."""
    _check(n_resamples, confidence)
    bona_fide, spoof = scores
    generator = np.random.default_rng(seed)
    if groups is None:
        # Sorted, so that the order in which the trials came does not move the limits.
        bona_fide, spoof = np.sort(bona_fide), np.sort(spoof)
        draws = _draw_trials(bona_fide.size, spoof.size, n_resamples, generator)
    else:
        draws = _draw_groups(_checked_groups(groups, bona_fide.size, spoof.size), n_resamples, generator)
    values = np.empty((len(metrics), n_resamples), np.float64)
    for place, (drawn, also) in enumerate(draws):
        for row, metric in enumerate(metrics.values()):
            values[row, place] = metric(bona_fide[drawn], spoof[also])
    return dict(zip(metrics, values, strict=True))


def _checked_groups(groups: tuple[Labels, Labels], n: int, m: int) -> tuple[Labels, Labels]:
    return check_labels(groups[0], n, "bona fide groups"), check_labels(groups[1], m, "spoof groups")


def _percentiles(values: FloatArray, confidence: float) -> Interval:
    low, high = np.quantile(values, ((1.0 - confidence) / 2.0, (1.0 + confidence) / 2.0))
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
