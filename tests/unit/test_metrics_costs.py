"""Detection costs and Cllr, against numbers worked out by hand and relations that must hold."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.errors import MetricInputError
from assay.metrics import act_dcf, bayes_threshold, cllr, equal_error_rate, min_cllr, min_dcf

llrs = st.lists(st.integers(-12, 12).map(lambda x: x / 2), min_size=1, max_size=12)
priors = st.floats(0.001, 0.999)
cost = st.floats(0.01, 100.0)


def test_default_costs_are_those_of_asvspoof_5():
    # Plan: C_miss (1 - prior) / (C_fa prior) = 1 · 0.95 / (10 · 0.05) = 1.9; bona fide LLRs: -ln 1.9.
    assert bayes_threshold() == pytest.approx(math.log(1.9), abs=1e-15)


def test_min_dcf_with_ties_by_hand():
    # Weights 1 for misses and 1.9 for false alarms.
    # Points (fa, miss): (1, 0) costs 1.9; (2/3, 0) 1.27; (0, 1/2) 0.5; (0, 1) 1.
    assert min_dcf([0.0, 1.0, 1.0], [1.0, 2.0]) == 0.5


def test_act_dcf_at_the_bayes_threshold_by_hand():
    # ln 1.9 = 0.64: one of two bona fide is flagged, one of two spoof is missed: 1.9 / 2 + 1 / 2.
    assert act_dcf([-1.0, 1.0], [0.0, 2.0]) == pytest.approx(1.45, abs=1e-12)
    assert min_dcf([-1.0, 1.0], [0.0, 2.0]) == 0.5  # at threshold 2


def test_equal_costs_and_prior_make_the_dcf_a_sum_of_rates():
    # Threshold 0: no miss, one false alarm of two.
    assert act_dcf([-1.0, 1.0], [0.0, 2.0], prior=0.5, cost_miss=1.0) == 0.5


def test_an_llr_at_the_bayes_threshold_is_called_spoof():
    even = {"prior": 0.5, "cost_miss": 3.0, "cost_false_alarm": 3.0}  # threshold 0
    assert act_dcf([-1.0], [0.0], **even) == 0.0
    assert act_dcf([0.0], [1.0], **even) == 1.0


@pytest.mark.parametrize(("prior", "cost_miss", "cost_false_alarm"), [(0.05, 10, 1), (0.5, 1, 1), (0.9, 2, 7)])
def test_perfect_useless_and_reversed_detectors(prior, cost_miss, cost_false_alarm):
    costs = {"prior": prior, "cost_miss": cost_miss, "cost_false_alarm": cost_false_alarm}
    assert min_dcf([0.0], [1.0], **costs) == 0.0
    assert min_dcf([1.0], [0.0], **costs) == 1.0
    assert min_dcf([3.0, 3.0], [3.0], **costs) == 1.0
    assert act_dcf([-99.0], [99.0], **costs) == 0.0
    assert act_dcf([99.0], [-99.0], **costs) > 2.0 - 1e-12


@pytest.mark.parametrize("metric", [min_dcf, act_dcf])
@pytest.mark.parametrize(
    ("name", "value"),
    [("prior", 0.0), ("prior", 1.0), ("prior", math.nan), ("cost_miss", 0.0), ("cost_false_alarm", math.inf)],
)
def test_priors_and_costs_out_of_range_are_refused_by_name(metric, name, value):
    with pytest.raises(MetricInputError, match=name):
        metric([0.0], [1.0], **{name: value})


def test_cllr_by_hand():
    # llr ±ln 3: log2(1 + 1/3) = 0.415 bits on either side.
    assert cllr([-math.log(3)], [math.log(3)]) == pytest.approx(math.log2(4 / 3), abs=1e-15)
    assert cllr([math.log(3)], [-math.log(3)]) == pytest.approx(2.0, abs=1e-15)  # log2(1 + 3)


def test_llrs_of_zero_cost_one_bit_whatever_the_class_sizes():
    assert cllr([0.0] * 5, [0.0]) == 1.0
    assert min_cllr([0.0] * 5, [0.0]) == 1.0


def test_cllr_of_extreme_llrs_neither_overflows_nor_rounds_to_zero():
    assert cllr([1e6], [1e6]) == pytest.approx(0.5e6 / math.log(2))
    assert 0.0 < cllr([-700.0], [700.0]) < 1e-300


def test_min_cllr_by_hand():
    # Scores 0 b, 1 s, 2 b, 3 s: 1 and 2 are out of order and pooled; half of each class pays one bit.
    assert min_cllr([0.0, 2.0], [1.0, 3.0]) == 0.5


def test_min_cllr_with_unequal_classes_by_hand():
    # Scores 0 bb, 1 b+s, 2 s: in the middle a third of the bona fide, half of the spoof.
    # Spoof: 1/2 log2(1 + (1/3)/(1/2)); bona fide: 1/3 log2(1 + (1/2)/(1/3)); halved.
    expected = 0.5 * (0.5 * math.log2(5 / 3) + math.log2(5 / 2) / 3)
    assert min_cllr([0.0, 0.0, 1.0], [1.0, 2.0]) == pytest.approx(expected, abs=1e-15)


def test_min_cllr_of_perfect_and_reversed_scores():
    assert min_cllr([0.0, 1.0], [2.0]) == 0.0
    assert min_cllr([2.0], [0.0, 1.0]) == 1.0


@given(llrs, llrs, priors, cost, cost)
def test_no_threshold_beats_the_minimum_cost(bona_fide, spoof, prior, cost_miss, cost_false_alarm):
    costs = {"prior": prior, "cost_miss": cost_miss, "cost_false_alarm": cost_false_alarm}
    assert 0.0 <= min_dcf(bona_fide, spoof, **costs) <= min(1.0, act_dcf(bona_fide, spoof, **costs))


@given(llrs, llrs, priors)
def test_increasing_maps_change_neither_minimum(bona_fide, spoof, prior):
    mapped = [math.exp(x / 3) for x in bona_fide], [math.exp(x / 3) for x in spoof]
    assert min_dcf(*mapped, prior=prior) == min_dcf(bona_fide, spoof, prior=prior)
    assert min_cllr(*mapped) == min_cllr(bona_fide, spoof)


@given(llrs, llrs, priors)
def test_swapping_classes_signs_prior_and_costs_keeps_the_costs(bona_fide, spoof, prior):
    negated = [-x for x in spoof], [-x for x in bona_fide]
    swapped = min_dcf(*negated, prior=1 - prior, cost_miss=1.0, cost_false_alarm=10.0)
    assert swapped == pytest.approx(min_dcf(bona_fide, spoof, prior=prior), abs=1e-9)
    assert cllr(*negated) == pytest.approx(cllr(bona_fide, spoof), abs=1e-12)
    assert min_cllr(*negated) == pytest.approx(min_cllr(bona_fide, spoof), abs=1e-12)


@given(llrs, llrs, st.floats(-3, 3), st.floats(0.1, 3))
def test_no_increasing_map_beats_the_minimum_cllr(bona_fide, spoof, shift, scale):
    mapped = np.array(bona_fide) * scale + shift, np.array(spoof) * scale + shift
    assert 0.0 <= min_cllr(bona_fide, spoof) <= min(1.0, cllr(*mapped) + 1e-12)


@given(llrs, llrs)
def test_minimum_cllr_and_eer_are_zero_for_the_same_detectors(bona_fide, spoof):
    assert (min_cllr(bona_fide, spoof) == 0.0) == (equal_error_rate(bona_fide, spoof).rate == 0.0)
