"""Error rates of comparisons of voices, with weights, and how sure they are.

Scores rise for the same speaker. A false match takes another person for the enrolled one, a false non-match misses the
enrolled one. Comparisons are not independent: a person takes part in many, on both sides. So intervals come from
drawing persons with replacement; a comparison of two of them counts as often as both were drawn together.

References:
    Poh and Bengio: Estimating the confidence interval of expected performance curve in biometric authentication using
    joint bootstrap, ICASSP 2007. Brümmer and du Preez: Application-independent evaluation of speaker detection, 2006
    (Cllr). NIST SRE evaluation plans (minDCF).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
RESAMPLES = 200
PRIOR = 0.01  # of the enrolled speaker, for the minDCF


@dataclass(frozen=True)
class Comparisons:
    """Comparisons of enrolled voices with probes, one entry each.

    Attributes:
        score: Shape (n,), higher for the same speaker: what thresholds are held against.
        llr: The evidence, of the same order within an enrolment; the same as `score` where all share one calibration.
        target: Whether it is the same person.
        weight: How much it counts.
        enrolled, probed: Number of the person on either side.
    """

    score: Floats
    llr: Floats
    target: NDArray[np.bool_]
    weight: Floats
    enrolled: NDArray[np.int64]
    probed: NDArray[np.int64]

    def where(self, chosen: NDArray[np.bool_] | NDArray[np.int64]) -> Comparisons:
        """Those that are chosen, by flag or by place."""
        return Comparisons(
            score=self.score[chosen],
            llr=self.llr[chosen],
            target=self.target[chosen],
            weight=self.weight[chosen],
            enrolled=self.enrolled[chosen],
            probed=self.probed[chosen],
        )

    def resampled(self, seed: int, resamples: int = RESAMPLES) -> Iterator[Comparisons]:
        """With the weights of persons drawn with replacement; resamples without either kind are left out."""
        people = np.union1d(self.enrolled, self.probed)
        places = [np.searchsorted(people, side) for side in (self.enrolled, self.probed)]
        rng = np.random.default_rng(seed)
        for _ in range(resamples):
            times = np.bincount(rng.integers(people.size, size=people.size), minlength=people.size)
            # One person on both sides is one draw, not two.
            drawn = np.where(self.target, times[places[0]], times[places[0]] * times[places[1]])
            weight = self.weight * drawn
            if weight[self.target].sum() > 0 and weight[~self.target].sum() > 0:
                yield replace(self, weight=weight)


def rates(found: Comparisons, threshold: float) -> tuple[float, float]:
    """False-match and false-non-match rate at a threshold, each in [0, 1]."""
    reached = found.score >= threshold
    impostor = np.where(found.target, 0.0, found.weight)
    own = np.where(found.target, found.weight, 0.0)
    return float(impostor[reached].sum() / impostor.sum()), float(own[~reached].sum() / own.sum())


def curve(found: Comparisons) -> tuple[Floats, Floats]:
    """False-match and false-non-match rates over all thresholds, from the lowest to beyond the highest."""
    order = np.argsort(found.score, kind="stable")  # next to nothing where they are in order already
    ordered = found.score[order]
    own = np.where(found.target, found.weight, 0.0)[order]
    impostor = np.where(found.target, 0.0, found.weight)[order]
    last = np.append(np.diff(ordered) > 0, True)  # ties count once
    missed = np.append(0.0, np.cumsum(own)[last]) / own.sum()
    passed = 1 - np.append(0.0, np.cumsum(impostor)[last]) / impostor.sum()
    return np.clip(passed, 0, 1), missed


def equal_error(passed: Floats, missed: Floats) -> float:
    """Where both rates of a `curve` meet, by linear interpolation."""
    crossed = int(np.argmax(missed >= passed))
    if crossed == 0:
        return float((missed[0] + passed[0]) / 2)
    before, after = passed[crossed - 1] - missed[crossed - 1], missed[crossed] - passed[crossed]
    share = before / (before + after) if before + after > 0 else 0.0
    return float(missed[crossed - 1] + share * (missed[crossed] - missed[crossed - 1]))


def min_cost(passed: Floats, missed: Floats, prior: float = PRIOR) -> float:
    """Least normalised detection cost on a `curve`, both errors costing 1, with this prior of the enrolled speaker."""
    return float(np.min(prior * missed + (1 - prior) * passed) / min(prior, 1 - prior))


def cost_of_llr(found: Comparisons) -> float:
    """Cllr in bits; 1 says nothing, more misleads."""
    own, impostor = found.weight[found.target], found.weight[~found.target]
    miss = np.logaddexp(0, -found.llr[found.target]) @ own / own.sum()
    alarm = np.logaddexp(0, found.llr[~found.target]) @ impostor / impostor.sum()
    return float(0.5 * (miss + alarm) / math.log(2))


def summary(found: Comparisons, threshold: float, *, seed: int = 0) -> dict[str, Any]:
    """Figures with 95 % intervals over persons, rounded; counts alone where there is nothing to measure."""
    counts = {
        "speakers": int(np.unique(found.enrolled[found.target]).size),
        "own_probes": int(found.target.sum()),
        "others_probes": int((~found.target).sum()),
    }
    if not (counts["own_probes"] and counts["others_probes"]):
        return counts

    found = found.where(np.argsort(found.score, kind="stable"))

    def all_of(one: Comparisons) -> dict[str, float]:
        passed, missed = rates(one, threshold)
        both = curve(one)
        return {
            "eer": equal_error(*both),
            "min_dcf": min_cost(*both),
            "cllr": cost_of_llr(one),
            "false_match": passed,
            "false_non_match": missed,
        }

    drawn = [all_of(one) for one in found.resampled(seed)]
    figures: dict[str, Any] = dict(counts)
    for name, value in all_of(found).items():
        low, high = np.quantile([one[name] for one in drawn], [0.025, 0.975]) if drawn else (math.nan, math.nan)
        figures[name] = round(value, 4)
        figures[f"{name}_interval"] = [round(float(low), 4), round(float(high), 4)]
    return figures
