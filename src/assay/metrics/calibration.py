"""Calibration of probabilities: do files called "80 % likely spoof" turn out to be spoof 80 % of the time?

Conventions: every function takes log-likelihood ratios (natural log, positive = spoof) and a `prior`, the
prior probability of spoof, and looks at the posterior probability of spoof that follows. A posterior is only
meant to be right in a population with that prior, so the trials are weighted: all spoof trials together weigh
`prior`, all bona fide trials 1 - `prior`. With ``prior=None`` the prior is the share of spoof among the
trials and all weigh the same; that is what scikit-learn and torchmetrics compute.

Cllr, in `assay.metrics.costs`, is the better single number: it needs no bins and no choice of a prior.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from assay.errors import MetricInputError
from assay.metrics._validate import FloatArray, IntArray, check_between, check_scores, validate

Binning: TypeAlias = Literal["equal_width", "equal_mass"]


@dataclass(frozen=True, eq=False)
class ReliabilityCurve:
    """Posterior against outcome in each bin that holds a trial, ascending.

    Attributes:
        posterior: Mean posterior probability of spoof, shape (n_bins_filled,), in [0, 1].
        spoof_share: Weighted share of spoof trials, shape (n_bins_filled,), in [0, 1].
        weight: Share of all weight in the bin, shape (n_bins_filled,), sums to 1.
        n_trials: Trials in the bin, shape (n_bins_filled,).
    """

    posterior: FloatArray
    spoof_share: FloatArray
    weight: FloatArray
    n_trials: IntArray


def posterior_probability(llr: ArrayLike, *, prior: float) -> FloatArray:
    """Posterior probability of spoof: 1 / (1 + e^-(llr + ln(prior / (1 - prior)))).

    Args:
        llr: Log-likelihood ratios, shape (n,), natural log, positive = spoof.
        prior: Prior probability of spoof, in (0, 1).

    Returns:
        Probabilities in [0, 1], shape (n,).

    Raises:
        MetricInputError: If an LLR is not a finite float or the prior is out of range.
    """
    check_between(prior, 0.0, 1.0, "prior")
    log_odds = check_scores(llr, "given") + math.log(prior) - math.log1p(-prior)
    return np.asarray(np.exp(-np.logaddexp(0.0, -log_odds)), dtype=np.float64)


def brier_score(bona_fide_llr: ArrayLike, spoof_llr: ArrayLike, *, prior: float | None = None) -> float:
    """Mean squared difference between the posterior probability of spoof and the outcome.

    The outcome is 1 for spoof and 0 for bona fide trials.

    Args:
        bona_fide_llr: LLRs of bona fide trials, shape (n,), natural log, positive = spoof, n >= 1.
        spoof_llr: LLRs of spoof trials, shape (m,), m >= 1.
        prior: Prior probability of spoof, in (0, 1); None means m / (n + m).

    Returns:
        A number in [0, 1]; prior · (1 - prior) for LLRs that are all 0.

    Raises:
        MetricInputError: If a class is empty, an LLR is not a finite float, or the prior is out of range.

    References:
        Brier: Verification of forecasts expressed in terms of probability, Monthly Weather Review 78, 1950
            (one half
        of the original, as is usual for two classes).
    """
    posterior, is_spoof, weight = _weighted_trials(bona_fide_llr, spoof_llr, prior)
    return float(np.sum(weight * (posterior - is_spoof) ** 2))


def reliability_curve(
    bona_fide_llr: ArrayLike,
    spoof_llr: ArrayLike,
    *,
    prior: float | None = None,
    n_bins: int = 15,
    binning: Binning = "equal_width",
) -> ReliabilityCurve:
    """Mean posterior and share of spoof per bin of the posterior; a calibrated detector lies on the diagonal.

    Bins include their lower edge. ``equal_width`` divides [0, 1] evenly. ``equal_mass`` puts as nearly the
    same number of trials (not weight) in each bin as ties allow: trials with the same posterior always share
    a bin. The order of the trials never matters.

    Args:
        bona_fide_llr: LLRs of bona fide trials, shape (n,), natural log, positive = spoof, n >= 1.
        spoof_llr: LLRs of spoof trials, shape (m,), m >= 1.
        prior: Prior probability of spoof, in (0, 1); None means m / (n + m).
        n_bins: Number of bins, >= 1; empty ones are left out of the result.
        binning: 'equal_width' or 'equal_mass'.

    Returns:
        One point per bin that holds a trial.

    Raises:
        MetricInputError: If a class is empty, an LLR is not a finite float, or a parameter is out of range.
    """
    posterior, is_spoof, weight = _weighted_trials(bona_fide_llr, spoof_llr, prior)
    index = np.searchsorted(_inner_edges(posterior, n_bins, binning), posterior, side="right")
    n_trials = np.bincount(index, minlength=n_bins)
    filled = n_trials > 0
    bin_weight = np.bincount(index, weights=weight, minlength=n_bins)[filled]
    return ReliabilityCurve(
        posterior=np.bincount(index, weights=weight * posterior, minlength=n_bins)[filled] / bin_weight,
        spoof_share=np.bincount(index, weights=weight * is_spoof, minlength=n_bins)[filled] / bin_weight,
        weight=np.asarray(bin_weight, dtype=np.float64),
        n_trials=n_trials[filled],
    )


def expected_calibration_error(
    bona_fide_llr: ArrayLike,
    spoof_llr: ArrayLike,
    *,
    prior: float | None = None,
    n_bins: int = 15,
    binning: Binning = "equal_width",
) -> float:
    """Expected calibration error of the posterior probability of spoof.

    The mean over bins, by weight, of |mean posterior - share of spoof|. This is about P(spoof), not about the
    confidence in the chosen class, which would fold the scale at 0.5. It depends on the bins and is biased
    upwards when bins hold few trials; quote `n_bins` and the number of trials with it.

    Args:
        bona_fide_llr: LLRs of bona fide trials, shape (n,), natural log, positive = spoof, n >= 1.
        spoof_llr: LLRs of spoof trials, shape (m,), m >= 1.
        prior: Prior probability of spoof, in (0, 1); None means m / (n + m).
        n_bins: Number of bins, >= 1.
        binning: 'equal_width' or 'equal_mass', see `reliability_curve`.

    Returns:
        A number in [0, 1]; 0 for LLRs that are all 0, because the prior itself is calibrated.

    Raises:
        MetricInputError: If a class is empty, an LLR is not a finite float, or a parameter is out of range.

    References:
        Naeini, Cooper, Hauskrecht: Obtaining well calibrated probabilities using Bayesian binning, AAAI 2015.
    """
    curve = reliability_curve(bona_fide_llr, spoof_llr, prior=prior, n_bins=n_bins, binning=binning)
    return float(np.sum(curve.weight * np.abs(curve.posterior - curve.spoof_share)))


def _weighted_trials(
    bona_fide_llr: ArrayLike, spoof_llr: ArrayLike, prior: float | None
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Posterior, outcome (spoof 1.0) and weight of every trial, shape (n + m,) each; the weights sum to 1."""
    bona_fide, spoof = validate(bona_fide_llr, spoof_llr)
    n, m = bona_fide.size, spoof.size
    share = m / (n + m) if prior is None else check_between(prior, 0.0, 1.0, "prior")
    posterior = posterior_probability(np.concatenate((bona_fide, spoof)), prior=share)
    is_spoof = np.repeat((0.0, 1.0), (n, m))
    weight = np.repeat(((1.0 - share) / n, share / m), (n, m))
    return posterior, is_spoof, weight


def _inner_edges(posterior: FloatArray, n_bins: int, binning: Binning) -> FloatArray:
    if n_bins < 1:
        raise MetricInputError(f"n_bins is {n_bins}; at least 1 is needed.", n_bins=n_bins)
    if binning == "equal_width":
        return np.arange(1, n_bins) / n_bins
    if binning == "equal_mass":
        ordered = np.sort(posterior)
        wanted = np.arange(1, n_bins) * ordered.size // n_bins
        # A boundary that would part tied trials moves to the nearer end of the tie.
        before = np.searchsorted(ordered, ordered[wanted], side="left")
        after = np.searchsorted(ordered, ordered[wanted], side="right")
        start = np.unique(np.where(wanted - before <= after - wanted, before, after))
        edges: FloatArray = ordered[start[(start > 0) & (start < ordered.size)]]
        return edges
    raise MetricInputError(f"binning is {binning!r}; 'equal_width' and 'equal_mass' are accepted.")
