"""From development scores to what the card promises: calibration, tails, operating points, and how sure each is.

All of it is measured on whole sources that training never saw. Spread is measured by resampling sources, not files,
because files of one source resemble each other far more than the next user's files resemble any of them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.errors import TrainingError
from assay.metrics import Interval, rate_interval
from assay.models.card import Calibration, OperatingPoint, TailModel

Floats = NDArray[np.float64]
RATES = (0.05, 0.01, 0.001)
RESAMPLES = 400
BODY = (
    1.0, 0.95, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2,
    0.15, 0.1, 0.07, 0.05, 0.03, 0.02, 0.01, 0.005, 0.002, 0.001,
)  # fmt: skip
MOST_PER_SOURCE = 60
MIN_BEYOND = 10
MIN_FILES = math.ceil(MIN_BEYOND / BODY[1])  # fewer give a single quantile, which is no distribution


def source_weights(sources: Sequence[str], spoof: NDArray[np.bool_]) -> Floats:
    """Weight of each clip, shape (n,), in (0, 1]: those of one source and key sum to at most `MOST_PER_SOURCE`."""
    names = np.asarray(sources)
    weights = np.ones(len(names))
    for key in (False, True):
        for name in np.unique(names[spoof == key]):
            here = (names == name) & (spoof == key)
            weights[here] = min(1.0, MOST_PER_SOURCE / here.sum())
    return weights


def logistic(logits: Floats, spoof: NDArray[np.bool_], weights: Floats | None = None) -> tuple[float, float]:
    """Slope and offset that minimise the cross-entropy with both keys weighted alike.

    Args:
        logits: Shape (n,).
        spoof: Shape (n,), True for spoof.
        weights: Of each clip within its key, shape (n,); None weighs all alike.

    Returns:
        ``(slope, offset)``; the llr is ``slope * logit + offset`` because the weighted prior is even.
    """
    given = np.ones(len(logits)) if weights is None else weights
    weight = given * np.where(spoof, 0.5 / given[spoof].sum(), 0.5 / given[~spoof].sum())
    design = np.stack([logits, np.ones_like(logits)], axis=1)
    beta = np.array([1.0, 0.0])
    for _ in range(50):  # Newton with a small ridge; two parameters converge in a handful of steps
        p = 1 / (1 + np.exp(-np.clip(design @ beta, -30, 30)))
        gradient = design.T @ (weight * (p - spoof)) + 1e-6 * beta
        hessian = (design * (weight * p * (1 - p))[:, None]).T @ design + 1e-6 * np.eye(2)
        step = np.linalg.solve(hessian, gradient)
        beta = beta - np.clip(step, -2, 2)
        if np.abs(step).max() < 1e-9:
            break
    return float(max(beta[0], 1e-3)), float(beta[1])


def part_weights(llrs: Floats, spoof: NDArray[np.bool_], given: Floats, ridge: float) -> Floats:
    """Weights >= 0 of the parts of a score by logistic regression, drawn towards equal ones.

    Args:
        llrs: Shape (parts, versions, n).
        spoof: Shape (n,).
        given: Weight of each file within its key, shape (n,).
        ridge: How strongly they are drawn.
    """
    parts, versions, n = llrs.shape
    x = llrs.reshape(parts, versions * n).T
    y = np.tile(spoof, versions).astype(float)
    weight = np.tile(given, versions) * np.where(y > 0, 0.5 / np.sum(given[spoof]), 0.5 / np.sum(given[~spoof]))
    weight = weight / versions
    beta, offset = np.full(parts, 1 / parts), 0.0
    for _ in range(3000):
        p = 1 / (1 + np.exp(-(x @ beta + offset)))
        error = weight * (p - y)
        beta = np.maximum(0, beta - 0.3 * (x.T @ error + ridge * (beta - 1 / parts)))
        offset -= 0.3 * float(error.sum())
    return beta


def resampled_sources(sources: Sequence[str], spoof: NDArray[np.bool_], rng: np.random.Generator) -> NDArray[np.int64]:
    """Indices of a resample of whole sources, within each key."""
    names = np.asarray(sources)
    picked = []
    for key in (False, True):
        here = np.flatnonzero(spoof == key)
        groups = [here[names[here] == name] for name in np.unique(names[here])]
        picked += [groups[int(i)] for i in rng.integers(len(groups), size=len(groups))]
    return np.concatenate(picked)


def calibration_of(logits: Floats, spoof: NDArray[np.bool_], sources: Sequence[str], seed: int) -> Calibration:
    """Calibrate, with the spread over resampled sources.

    Args:
        logits: Per clip, shape (n,), or per version and clip, shape (versions, n).
        spoof: Shape (n,).
        sources: Source of each clip.
        seed: Of the resampling.
    """
    logits = np.atleast_2d(logits)
    versions = logits.shape[0]
    weights = source_weights(sources, spoof)
    slope, offset = logistic(logits.ravel(), np.tile(spoof, versions), np.tile(weights, versions))
    rng = np.random.default_rng(seed)
    spread = []
    for _ in range(RESAMPLES):
        picked = resampled_sources(sources, spoof, rng)
        drawn = np.tile(picked, versions)
        spread.append(logistic(logits[:, picked].ravel(), spoof[drawn], weights[drawn]))
    slopes, offsets = np.asarray(spread).T
    return Calibration(
        slope=slope,
        offset=offset,
        # A likelihood ratio beyond the number of trials it was estimated from would be invention.
        lowest=-float(np.log(spoof.sum() + 1)),
        highest=float(np.log((~spoof).sum() + 1)),
        slope_sd=float(slopes.std()),
        offset_sd=float(offsets.std()),
        # Without spread there is nothing to correlate, and the term it stands in vanishes.
        correlation=float(np.corrcoef(slopes, offsets)[0, 1]) if min(slopes.std(), offsets.std()) > 1e-12 else 0.0,
    )


def tail_of(statistics: Floats, repeats: int = 1, weights: Floats | None = None) -> TailModel:
    """Survival function of a statistic: quantiles while `MIN_BEYOND` files lie beyond, exponential further out.

    Args:
        statistics: Over bona fide files, shape (n,).
        repeats: Versions of each file among them, which count once.
        weights: Of each statistic, shape (n,); None weighs all alike.

    Raises:
        TrainingError: If fewer than `MIN_FILES` files, or none but equal values, leave no distribution to measure.
    """
    given = np.ones(statistics.size) if weights is None else weights
    # Kish's effective number: what unequal weights leave of the count.
    files = float(given.sum() ** 2 / (given**2).sum()) / repeats if statistics.size else 0.0
    usable = [rate for rate in BODY if rate * files >= MIN_BEYOND or rate == 1.0]
    enough = files >= MIN_FILES
    values = weighted_quantiles(statistics, [1 - rate for rate in usable], given) if enough else np.empty(0)
    kept = [0] + [i for i in range(1, len(values)) if values[i] > values[i - 1]]
    if len(kept) < 2:
        raise TrainingError(
            f"{files:g} development files with {np.unique(statistics).size} different values make no distribution; it "
            f"takes {MIN_FILES} files that differ. Name more development sources, or train longer."
        )
    last = values[kept[-1]]
    beyond = statistics > last
    excess = statistics[beyond] - last
    scale = float(np.average(excess, weights=given[beyond])) if excess.size else float(statistics.std())
    return TailModel(
        values=tuple(float(values[i]) for i in kept),
        survival=tuple(usable[i] for i in kept),
        scale=max(scale, 1e-3),
    )


def weighted_quantiles(values: Floats, shares: Sequence[float], weights: Floats) -> Floats:
    """Quantiles by linear interpolation; with equal weights those of `numpy.quantile`."""
    order = np.argsort(values, kind="stable")
    weight = weights[order]
    # Each value stands at the share of the weight below it, half of its own included, stretched to reach 0 and 1.
    middle = np.cumsum(weight) - weight / 2
    place = (middle - middle[0]) / max(middle[-1] - middle[0], np.finfo(float).tiny)
    found: Floats = np.interp(shares, place, values[order])
    return found


def operating_points_of(
    llrs: Floats, spoof: NDArray[np.bool_], sources: Sequence[str], seed: int
) -> tuple[OperatingPoint, ...]:
    """Thresholds for each of `RATES`, and how sure they are.

    Args:
        llrs: Shape (versions, n).
        spoof: Shape (n,).
        sources: Shape (n,).
        seed: Of the resampling.
    """
    versions = llrs.shape[0]
    weights = source_weights(sources, spoof)

    def tail_over(picked: NDArray[Any]) -> TailModel:
        return tail_of(llrs[:, picked].ravel(), versions, np.tile(weights[picked], versions))

    tail = tail_over(~spoof)
    rng = np.random.default_rng(seed)
    tails = []
    for _ in range(RESAMPLES):
        picked = resampled_sources(sources, spoof, rng)
        tails.append(tail_over(picked[~spoof[picked]]))
    points = []
    for rate in RATES:
        threshold = tail.threshold(rate)
        spread = np.quantile([t.threshold(rate) for t in tails], [0.025, 0.975])
        flagged = _flagged_elsewhere(llrs, spoof, np.asarray(sources), rate, tail_over)
        bona_fides, spoofs = int((~spoof).sum()), int(spoof.sum())
        detected = int((llrs[0, spoof] >= threshold).sum())
        points.append(
            OperatingPoint(
                max_false_alarm=rate,
                threshold_llr=threshold,
                threshold_interval=(float(spread[0]), float(spread[1])),
                false_alarm=flagged / bona_fides,
                false_alarm_interval=_pair(rate_interval(flagged, bona_fides)),
                detection_rate=detected / spoofs,
                detection_interval=_pair(rate_interval(detected, spoofs)),
                extrapolated=rate < tail.survival[-1],
            )
        )
    return tuple(points)


def _flagged_elsewhere(
    llrs: Floats,
    spoof: NDArray[np.bool_],
    names: NDArray[np.str_],
    rate: float,
    tail_over: Callable[[NDArray[Any]], TailModel],
) -> int:
    """Bona fide files at or above the threshold that the other sources give, plain versions only."""
    flagged = 0
    for name in np.unique(names[~spoof]):
        others = tail_over(~spoof & (names != name))
        flagged += int((llrs[0, ~spoof & (names == name)] >= others.threshold(rate)).sum())
    return flagged


def _pair(interval: Interval) -> tuple[float, float]:
    return interval.low, interval.high
