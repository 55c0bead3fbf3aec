"""EER, AUC, average precision and their curves: numbers worked out by hand, relations that must hold."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.metrics import (
    auc,
    average_precision,
    confusion,
    det_curve,
    equal_error_rate,
    precision_recall_curve,
    roc_curve,
)

# Few distinct values, so that ties within and between the classes are the rule.
tied_scores = st.lists(st.integers(-6, 6).map(float), min_size=1, max_size=12)
any_scores = st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=12)

# Ties at 1: thresholds 0, 1, 2, +inf give (false alarm, miss) = (1, 0), (2/3, 0), (0, 1/2), (0, 1).
TIED = [0.0, 1.0, 1.0], [1.0, 2.0]


def test_det_curve_has_one_point_per_distinct_score_and_one_above_all():
    curve = det_curve(*TIED)
    assert curve.thresholds.tolist() == [0.0, 1.0, 2.0, math.inf]
    assert curve.false_alarm_rate.tolist() == [1.0, 2 / 3, 0.0, 0.0]
    assert curve.miss_rate.tolist() == [0.0, 0.0, 0.5, 1.0]


def test_roc_curve_is_the_det_curve_read_from_the_other_end():
    curve = roc_curve(*TIED)
    assert curve.thresholds.tolist() == [math.inf, 2.0, 1.0, 0.0]
    assert curve.false_alarm_rate.tolist() == [0.0, 0.0, 2 / 3, 1.0]
    assert curve.detection_rate.tolist() == [0.0, 0.5, 1.0, 1.0]


def test_precision_recall_curve_by_hand():
    # >= 2: one spoof of two, no bona fide. >= 1: both spoof, two bona fide. >= 0: both, three.
    curve = precision_recall_curve(*TIED)
    assert curve.thresholds.tolist() == [2.0, 1.0, 0.0]
    assert curve.precision.tolist() == [1.0, 0.5, 0.4]
    assert curve.recall.tolist() == [0.5, 1.0, 1.0]


def test_perfect_separation_has_rate_0_and_the_middle_of_the_gap_as_threshold():
    point = equal_error_rate([0.0, 1.0], [2.0, 3.0, 4.0])
    assert (point.rate, point.threshold) == (0.0, 1.5)
    assert auc([0.0, 1.0], [2.0, 3.0, 4.0]) == 1.0
    assert average_precision([0.0, 1.0], [2.0, 3.0, 4.0]) == 1.0


def test_reversed_scores_have_rate_1_and_are_not_quietly_flipped():
    point = equal_error_rate([2.0, 3.0, 4.0], [0.0, 1.0])
    assert (point.rate, point.threshold) == (1.0, 1.5)
    assert auc([2.0, 3.0, 4.0], [0.0, 1.0]) == 0.0


@pytest.mark.parametrize(("n", "m"), [(1, 1), (1, 9), (9, 1), (7, 3), (100, 1000)])
def test_constant_scores_are_worth_a_coin_whatever_the_class_sizes(n, m):
    constant = [0.7] * n, [0.7] * m
    assert equal_error_rate(*constant) == equal_error_rate([0.7], [0.7])
    assert equal_error_rate(*constant).rate == 0.5
    assert equal_error_rate(*constant).threshold == 0.7
    assert auc(*constant) == 0.5
    assert average_precision(*constant) == m / (n + m)


def test_one_trial_per_class_is_enough():
    assert equal_error_rate([0.0], [1.0]).rate == 0.0
    assert equal_error_rate([1.0], [0.0]).rate == 1.0


def test_eer_where_both_rates_are_equal_by_hand():
    # At a threshold in (0.4, 0.5]: one bona fide of four (0.6) is flagged, one spoof of four (0.4) is not.
    point = equal_error_rate([0.1, 0.2, 0.3, 0.6], [0.4, 0.5, 0.7, 0.8])
    assert point.rate == 0.25
    assert point.threshold == pytest.approx(0.45, abs=1e-15)


def test_eer_between_two_operating_points_by_hand():
    # Threshold 3: false alarms 1/2, misses 1/3. Threshold 4: 0 and 1/3. The line between them meets the
    # diagonal at 1/3, by flagging some of what scores 3. (The mean of the nearest point would be 5/12.)
    point = equal_error_rate([1.0, 3.0], [2.0, 4.0, 5.0])
    assert point.rate == pytest.approx(1 / 3, abs=1e-15)
    assert point.threshold == 3.0


def test_eer_across_a_tie_by_hand():
    # From (2/3, 0) to (0, 1/2): at 4/7 of the way both rates are 2/7, by flagging some of what scores 1.
    point = equal_error_rate(*TIED)
    assert point.rate == pytest.approx(2 / 7, abs=1e-15)
    assert point.threshold == 1.0


def test_auc_and_average_precision_with_ties_by_hand():
    # Spoof 1 beats 0, draws twice: 2 of 3. Spoof 2 beats all: 3 of 3. AP: 1/2 · 1 + 1/2 · 1/2.
    assert auc(*TIED) == 5 / 6
    assert average_precision(*TIED) == 0.75


def test_scores_that_differ_by_one_bit_are_separated():
    above = float(np.nextafter(1.0, 2.0))
    point = equal_error_rate([1.0], [above])
    assert point.rate == 0.0
    assert confusion([1.0], [above], point.threshold).accuracy == 1.0


def test_huge_scores_do_not_overflow():
    point = equal_error_rate([-1.7e308, 1.6e308], [1.7e308])
    assert point.rate == 0.0
    assert point.threshold == pytest.approx(1.65e308)


def test_large_sets_with_one_outlier_are_exact():
    # 10^5 bona fide below 10^5 spoof, but for one bona fide above all: misses = false alarms = 10^-5.
    bona_fide = np.append(np.linspace(0, 1, 99_999), 9.0)
    spoof = np.linspace(2, 3, 100_000)
    assert equal_error_rate(bona_fide, spoof).rate == 1e-5
    assert auc(bona_fide, spoof) == 1 - 1e-5


@given(tied_scores, tied_scores)
def test_increasing_maps_of_the_scores_change_nothing(bona_fide, spoof):
    mapped = [math.exp(x / 3) for x in bona_fide], [math.exp(x / 3) for x in spoof]
    assert equal_error_rate(*mapped).rate == equal_error_rate(bona_fide, spoof).rate
    assert auc(*mapped) == auc(bona_fide, spoof)
    assert average_precision(*mapped) == average_precision(bona_fide, spoof)


@given(any_scores, any_scores)
def test_the_order_of_the_trials_changes_nothing(bona_fide, spoof):
    assert equal_error_rate(bona_fide[::-1], sorted(spoof)) == equal_error_rate(bona_fide, spoof)
    assert auc(bona_fide[::-1], sorted(spoof)) == auc(bona_fide, spoof)


@given(tied_scores, tied_scores, st.integers(2, 4))
def test_repeating_every_trial_changes_nothing(bona_fide, spoof, times):
    repeated = equal_error_rate(bona_fide * times, spoof * times)
    assert repeated.rate == pytest.approx(equal_error_rate(bona_fide, spoof).rate, abs=1e-12)
    assert auc(bona_fide * times, spoof * times) == pytest.approx(auc(bona_fide, spoof), abs=1e-12)


@given(any_scores, any_scores)
def test_swapping_the_classes_and_negating_keeps_eer_and_auc(bona_fide, spoof):
    negated = [-x for x in spoof], [-x for x in bona_fide]
    assert equal_error_rate(*negated).rate == pytest.approx(equal_error_rate(bona_fide, spoof).rate, abs=1e-12)
    assert auc(*negated) == pytest.approx(auc(bona_fide, spoof), abs=1e-12)


@given(tied_scores, tied_scores)
def test_negating_the_scores_mirrors_eer_and_auc(bona_fide, spoof):
    negated = [-x for x in bona_fide], [-x for x in spoof]
    assert equal_error_rate(*negated).rate == pytest.approx(1 - equal_error_rate(bona_fide, spoof).rate, abs=1e-12)
    assert equal_error_rate(*negated).threshold == -equal_error_rate(bona_fide, spoof).threshold
    assert auc(*negated) == pytest.approx(1 - auc(bona_fide, spoof), abs=1e-12)


@given(any_scores, any_scores)
def test_the_eer_lies_between_both_rates_at_its_threshold(bona_fide, spoof):
    point = equal_error_rate(bona_fide, spoof)
    at = confusion(bona_fide, spoof, point.threshold)
    assert 0.0 <= point.rate <= 1.0
    assert at.miss_rate - 1e-12 <= point.rate <= at.false_alarm_rate + 1e-12


@given(any_scores, any_scores)
def test_det_curve_agrees_with_counting_at_every_threshold(bona_fide, spoof):
    curve = det_curve(bona_fide, spoof)
    counted = [confusion(bona_fide, spoof, threshold) for threshold in curve.thresholds]
    assert curve.false_alarm_rate.tolist() == [at.false_alarm_rate for at in counted]
    assert curve.miss_rate.tolist() == [at.miss_rate for at in counted]
    assert (curve.false_alarm_rate[0], curve.miss_rate[0]) == (1.0, 0.0)
    assert (curve.false_alarm_rate[-1], curve.miss_rate[-1]) == (0.0, 1.0)


@given(any_scores, any_scores)
def test_auc_is_the_area_under_the_roc_curve_and_the_share_of_pairs_won(bona_fide, spoof):
    curve = roc_curve(bona_fide, spoof)
    area = np.sum(np.diff(curve.false_alarm_rate) * (curve.detection_rate[1:] + curve.detection_rate[:-1]) / 2)
    pairs = [(s > b) + 0.5 * (s == b) for s in spoof for b in bona_fide]
    assert auc(bona_fide, spoof) == pytest.approx(area, abs=1e-12)
    assert auc(bona_fide, spoof) == pytest.approx(np.mean(pairs), abs=1e-12)
