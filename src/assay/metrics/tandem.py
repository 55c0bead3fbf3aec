"""Minimum tandem detection cost (t-DCF): a countermeasure judged together with the speaker verifier behind it.

A countermeasure stands before a speaker verifier. A spoof that the verifier would reject anyway costs nothing, and a
bona fide target that the verifier would have missed is not lost to the countermeasure. The verifier is given as the
scores it gave to target, non-target and spoof trials; its threshold is its own equal error rate, as in the challenges.

    t-DCF(t) = C0 + C1 · P_fa(t) + C2 · P_miss(t)
    C0 = π_tar · C_miss · P_miss,asv + π_non · C_fa · P_fa,asv
    C1 = π_tar · C_miss - C0
    C2 = π_spoof · C_fa,spoof · P_fa,spoof,asv

P_fa and P_miss are ours: bona fide called spoof, spoof called bona fide (ASVspoof names them the other way round). The
cost is divided by C0 + min(C1, C2), that of the better of "let all through" and "stop all", so 1 means that the
countermeasure is no help, and C0 / (C0 + min(C1, C2)) that it makes no error. This is the form of 2020 that ASVspoof
2021 ranks by; the figures of ASVspoof 2019 were published with an older one and do not compare.

References:
    Kinnunen et al.: Tandem assessment of spoofing countermeasures and automatic speaker verification: Fundamentals,
    IEEE/ACM TASLP 28, 2020. Delgado et al.: ASVspoof 2021 evaluation plan (priors and costs).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from assay.errors import MetricInputError
from assay.metrics._counts import count_errors
from assay.metrics._validate import check_between, check_class, validate
from assay.metrics.curves import equal_error_rate


@dataclass(frozen=True)
class TandemCosts:
    """Priors, which sum to 1, and costs; defaults of ASVspoof 2019 to 2021.

    Attributes:
        prior_target, prior_nontarget, prior_spoof: Of a trial, in (0, 1).
        cost_miss: Of a target that is turned away, by either system.
        cost_false_alarm: Of a non-target that the verifier accepts.
        cost_spoof: Of a spoof that both let through.
    """

    prior_target: float = 0.9405
    prior_nontarget: float = 0.0095
    prior_spoof: float = 0.05
    cost_miss: float = 1.0
    cost_false_alarm: float = 10.0
    cost_spoof: float = 10.0


DEFAULT_TANDEM: Final = TandemCosts()


@dataclass(frozen=True)
class VerifierRates:
    """Error rates of a speaker verifier at its threshold.

    Attributes:
        threshold: A trial is accepted when score >= threshold.
        miss_rate: Targets rejected.
        false_alarm_rate: Non-targets accepted.
        spoof_rate: Spoofs accepted.
    """

    threshold: float
    miss_rate: float
    false_alarm_rate: float
    spoof_rate: float


def verifier_rates(target: ArrayLike, nontarget: ArrayLike, spoof: ArrayLike) -> VerifierRates:
    """Error rates of a speaker verifier at the threshold of its equal error rate.

    Args:
        target: Scores of the right speaker, shape (n,), higher means more the same speaker, n >= 1.
        nontarget: Scores of other speakers, shape (m,), m >= 1.
        spoof: Scores of spoofed trials, shape (k,), k >= 1.

    Raises:
        MetricInputError: If a class is empty or a score is not a finite float.
    """
    own, other = check_class(target, "target"), check_class(nontarget, "nontarget")
    faked = check_class(spoof, "spoof")
    threshold = equal_error_rate(other, own).threshold
    return VerifierRates(
        threshold=threshold,
        miss_rate=float(np.mean(own < threshold)),
        false_alarm_rate=float(np.mean(other >= threshold)),
        spoof_rate=float(np.mean(faked >= threshold)),
    )


def min_tdcf(
    bona_fide: ArrayLike, spoof: ArrayLike, *, verifier: VerifierRates, costs: TandemCosts = DEFAULT_TANDEM
) -> float:
    """Minimum normalised tandem detection cost, at the countermeasure's best threshold.

    Args:
        bona_fide: Scores of bona fide trials, shape (n,), higher means more spoof, n >= 1.
        spoof: Scores of spoof trials, shape (m,), m >= 1.
        verifier: Of the speaker verifier; see `verifier_rates`.
        costs: Priors and costs.

    Returns:
        In (0, 1]; lower is better.

    Raises:
        MetricInputError: If a class is empty, a score is not a finite float, priors or costs are out of range, or the
            verifier errs so often that no countermeasure could matter.
    """
    bona_fide, spoof = validate(bona_fide, spoof)
    base, alarm, miss = _weights(verifier, costs)
    counts = count_errors(bona_fide, spoof)
    cost = base + alarm * (counts.false_alarms / bona_fide.size) + miss * (counts.misses / spoof.size)
    return float(cost.min() / (base + min(alarm, miss)))


def _weights(verifier: VerifierRates, costs: TandemCosts) -> tuple[float, float, float]:
    """C0, C1 and C2 of the module's text."""
    priors = {name: getattr(costs, name) for name in ("prior_target", "prior_nontarget", "prior_spoof")}
    for name, prior in priors.items():
        check_between(prior, 0.0, 1.0, name)
    for name in ("cost_miss", "cost_false_alarm", "cost_spoof"):
        check_between(getattr(costs, name), 0.0, math.inf, name)
    if not math.isclose(sum(priors.values()), 1.0, abs_tol=1e-9):
        raise MetricInputError(f"The priors of the t-DCF sum to {sum(priors.values()):g}; they must sum to 1.")
    base = (
        costs.prior_target * costs.cost_miss * verifier.miss_rate
        + costs.prior_nontarget * costs.cost_false_alarm * verifier.false_alarm_rate
    )
    alarm = costs.prior_target * costs.cost_miss - base
    miss = costs.prior_spoof * costs.cost_spoof * verifier.spoof_rate
    if alarm <= 0 or miss <= 0:
        raise MetricInputError(
            f"The t-DCF is not defined with this verifier: it misses {verifier.miss_rate:.1%} of targets and accepts"
            f" {verifier.false_alarm_rate:.1%} of others and {verifier.spoof_rate:.1%} of spoofs. Are its scores higher"
            " for the same speaker?"
        )
    return base, alarm, miss
