"""From development scores to what the card promises: calibration, tails, operating points, and how sure each is.

All of it is measured on whole sources that training never saw. Spread is measured by resampling sources, not files,
because files of one source resemble each other far more than the next user's files resemble any of them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

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
MIN_BEYOND = 10
MIN_FILES = math.ceil(MIN_BEYOND / BODY[1])  # fewer give a single quantile, which is no distribution


def logistic(logits: Floats, spoof: NDArray[np.bool_]) -> tuple[float, float]:
    """Slope and offset that minimise the cross-entropy with both keys weighted alike.

    Args:
        logits: Shape (n,).
        spoof: Shape (n,), True for spoof.

    Returns:
        ``(slope, offset)``; the llr is ``slope * logit + offset`` because the weighted prior is even.
    """
    weight = np.where(spoof, 0.5 / spoof.sum(), 0.5 / (~spoof).sum())
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
    slope, offset = logistic(logits.ravel(), np.tile(spoof, versions))
    rng = np.random.default_rng(seed)
    spread = []
    for _ in range(RESAMPLES):
        picked = resampled_sources(sources, spoof, rng)
        spread.append(logistic(logits[:, picked].ravel(), np.tile(spoof[picked], versions)))
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


def tail_of(statistics: Floats, repeats: int = 1) -> TailModel:
    """Survival function of a statistic: quantiles while `MIN_BEYOND` files lie beyond, exponential further out.

    Args:
        statistics: Over bona fide files, shape (n,).
        repeats: Versions of each file among them, which count once.

    Raises:
        TrainingError: If fewer than `MIN_FILES` files, or none but equal values, leave no distribution to measure.
    """
    files = statistics.size / repeats
    usable = [rate for rate in BODY if rate * files >= MIN_BEYOND or rate == 1.0]
    values = np.quantile(statistics, [1 - rate for rate in usable]) if files >= MIN_FILES else np.empty(0)
    kept = [0] + [i for i in range(1, len(values)) if values[i] > values[i - 1]]
    if len(kept) < 2:
        raise TrainingError(
            f"{files:g} development files with {np.unique(statistics).size} different values make no distribution; it "
            f"takes {MIN_FILES} files that differ. Name more development sources, or train longer."
        )
    last = values[kept[-1]]
    beyond = statistics[statistics > last]
    scale = float((beyond - last).mean()) if beyond.size else float(statistics.std())
    return TailModel(
        values=tuple(float(values[i]) for i in kept),
        survival=tuple(usable[i] for i in kept),
        scale=max(scale, 1e-3),
    )


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
    tail = tail_of(llrs[:, ~spoof].ravel(), versions)
    rng = np.random.default_rng(seed)
    tails = []
    for _ in range(RESAMPLES):
        picked = resampled_sources(sources, spoof, rng)
        tails.append(tail_of(llrs[:, picked[~spoof[picked]]].ravel(), versions))
    points = []
    for rate in RATES:
        threshold = tail.threshold(rate)
        spread = np.quantile([t.threshold(rate) for t in tails], [0.025, 0.975])
        flagged = _flagged_elsewhere(llrs, spoof, np.asarray(sources), rate)
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


def _flagged_elsewhere(llrs: Floats, spoof: NDArray[np.bool_], names: NDArray[np.str_], rate: float) -> int:
    """Bona fide files at or above the threshold that the other sources give, plain versions only."""
    flagged = 0
    for name in np.unique(names[~spoof]):
        others = tail_of(llrs[:, ~spoof & (names != name)].ravel(), llrs.shape[0])
        flagged += int((llrs[0, ~spoof & (names == name)] >= others.threshold(rate)).sum())
    return flagged


def _pair(interval: Interval) -> tuple[float, float]:
    return interval.low, interval.high
