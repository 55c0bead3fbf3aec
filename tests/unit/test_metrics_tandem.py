"""The tandem detection cost: numbers worked out by hand, and the published formula written out once more."""

import numpy as np
import pytest

from assay.errors import MetricInputError
from assay.metrics import TandemCosts, VerifierRates, min_tdcf, verifier_rates

GOOD = VerifierRates(threshold=0.0, miss_rate=0.1, false_alarm_rate=0.2, spoof_rate=0.5)
BASE = 0.9405 * 0.1 + 0.0095 * 10 * 0.2  # C0
ALARM = 0.9405 - BASE  # C1
MISS = 0.05 * 10 * 0.5  # C2


def test_a_perfect_countermeasure_leaves_what_the_verifier_costs():
    found = min_tdcf([0.0, 0.1], [1.0, 2.0], verifier=GOOD)
    assert found == pytest.approx(BASE / (BASE + min(ALARM, MISS)), rel=1e-12)


def test_a_useless_countermeasure_costs_1():
    assert min_tdcf([0.0, 0.0], [0.0], verifier=GOOD) == pytest.approx(1.0)
    assert min_tdcf([1.0, 2.0], [0.0], verifier=GOOD) == pytest.approx(1.0)


def test_one_error_by_hand():
    # The best threshold flags both spoofs and one of four bona fide trials: C0 + C1 / 4, or misses one: C0 + C2 / 2.
    found = min_tdcf([0.0, 0.1, 0.2, 1.5], [1.0, 2.0], verifier=GOOD)
    assert found == pytest.approx((BASE + min(ALARM / 4, MISS / 2)) / (BASE + min(ALARM, MISS)), rel=1e-12)


def test_the_published_formula_over_all_thresholds():
    # Kinnunen et al. 2020, with ASVspoof's direction: higher is bona fide, Pmiss rejects it.
    rng = np.random.default_rng(3)
    bona_fide, spoof = rng.normal(1, 1, 300), rng.normal(-1, 1, 200)
    thresholds = np.append(np.sort(np.concatenate([bona_fide, spoof])), np.inf)
    costs = [BASE + ALARM * np.mean(bona_fide < t) + MISS * np.mean(spoof >= t) for t in thresholds]
    expected = min(costs) / (BASE + min(ALARM, MISS))
    assert min_tdcf(-bona_fide, -spoof, verifier=GOOD) == pytest.approx(expected, rel=1e-12)


def test_the_verifier_stands_at_its_equal_error_rate():
    rates = verifier_rates([1.0, 2.0, 3.0, 0.2], [0.0, 0.1, 0.3, 0.15], [2.5, 0.0])
    assert (rates.miss_rate, rates.false_alarm_rate, rates.spoof_rate) == (0.25, 0.25, 0.5)


@pytest.mark.parametrize("prior", [0.0, 1.0, 0.2])
def test_priors_out_of_range_or_not_of_sum_1_are_refused(prior):
    with pytest.raises(MetricInputError, match="prior"):
        min_tdcf([0.0], [1.0], verifier=GOOD, costs=TandemCosts(prior_spoof=prior))


@pytest.mark.parametrize("verifier", [VerifierRates(0, 1.0, 1.0, 0.5), VerifierRates(0, 0.1, 0.1, 0.0)])
def test_a_verifier_that_makes_the_cost_meaningless_is_refused(verifier):
    with pytest.raises(MetricInputError, match="not defined with this verifier"):
        min_tdcf([0.0], [1.0], verifier=verifier)
