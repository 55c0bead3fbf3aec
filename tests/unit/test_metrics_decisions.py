"""Decision figures and thresholds, against numbers worked out by hand and relations that must hold."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.errors import MetricInputError
from assay.metrics import Confusion, best_threshold, confusion, rate_interval, threshold_at_false_alarm

tied_scores = st.lists(st.integers(-6, 6).map(float), min_size=1, max_size=12)
any_scores = st.lists(st.floats(-1e300, 1e300), min_size=1, max_size=12)
CRITERIA = ["accuracy", "balanced_accuracy", "f1", "youden"]


def test_every_figure_by_hand():
    # >= 0.5: spoof 0.5, 0.7, 0.8, 0.9 of five; bona fide 0.6 of three.
    at = confusion([0.1, 0.6, 0.2], [0.5, 0.9, 0.4, 0.7, 0.8], 0.5)
    assert at == Confusion(detected=4, missed=1, false_alarms=1, cleared=2)
    assert (at.n_bona_fide, at.n_spoof) == (3, 5)
    assert at.accuracy == 6 / 8
    assert at.precision == at.recall == 4 / 5
    assert at.f1 == 0.8
    assert at.specificity == 2 / 3
    assert at.balanced_accuracy == pytest.approx((4 / 5 + 2 / 3) / 2)
    assert at.youden == pytest.approx(4 / 5 + 2 / 3 - 1)
    assert at.apcer == at.miss_rate == 1 / 5
    assert at.bpcer == at.false_alarm_rate == 1 / 3


def test_a_score_equal_to_the_threshold_is_called_spoof():
    assert confusion([0.5], [0.5], 0.5) == Confusion(detected=1, missed=0, false_alarms=1, cleared=0)


def test_infinite_thresholds_flag_all_and_none():
    assert confusion([0.0], [1.0], -math.inf) == Confusion(1, 0, 1, 0)
    assert confusion([0.0], [1.0], math.inf) == Confusion(0, 1, 0, 1)


def test_precision_without_a_flagged_trial_is_nan_and_f1_is_zero():
    none_flagged = confusion([0.0], [1.0], 2.0)
    assert math.isnan(none_flagged.precision)
    assert none_flagged.f1 == 0.0
    assert none_flagged.accuracy == 0.5


def test_what_an_absent_class_leaves_undefined_is_nan():
    bona_fide_only = confusion([0.0, 1.0], [], 0.5)
    assert bona_fide_only.bpcer == 0.5
    assert bona_fide_only.accuracy == 0.5
    assert all(math.isnan(x) for x in (bona_fide_only.apcer, bona_fide_only.recall, bona_fide_only.balanced_accuracy))
    spoof_only = confusion([], [0.0, 1.0], 0.5)
    assert (spoof_only.apcer, spoof_only.precision) == (0.5, 1.0)
    assert math.isnan(spoof_only.bpcer)
    assert math.isnan(confusion([0.0], [], 0.5).f1)


def test_no_trial_at_all_and_a_nan_threshold_are_refused():
    with pytest.raises(MetricInputError, match="no trial"):
        confusion([], [], 0.5)
    with pytest.raises(MetricInputError, match="threshold is NaN"):
        confusion([0.0], [1.0], math.nan)


def test_best_thresholds_by_hand():
    # (2, 3]: one spoof of four missed. (1, 1.5]: one bona fide of three flagged.
    bona_fide, spoof = [0.0, 1.0, 2.0], [1.5, 3.0, 4.0, 5.0]
    assert best_threshold(bona_fide, spoof) == 2.5  # 1 - 1/8 against 1 - 1/6
    assert best_threshold(bona_fide, spoof, criterion="youden") == 2.5
    assert best_threshold(bona_fide, spoof, criterion="f1") == 1.25  # 8/9 against 6/7
    assert best_threshold(bona_fide, spoof, criterion="accuracy") == 2.5  # 6/7 both: fewer false alarms


def test_where_flagging_none_is_best_the_threshold_is_finite_and_flags_none():
    threshold = best_threshold([1.0, 1.0], [1.0], criterion="accuracy")
    assert math.isfinite(threshold)
    assert confusion([1.0, 1.0], [1.0], threshold) == Confusion(0, 1, 0, 2)


def test_where_flagging_all_is_best_the_threshold_is_the_lowest_score():
    assert best_threshold([1.0], [1.0, 1.0], criterion="accuracy") == 1.0


def test_an_unknown_criterion_is_refused_and_the_known_ones_are_named():
    with pytest.raises(MetricInputError, match=r"'eer'.*'balanced_accuracy'"):
        best_threshold([0.0], [1.0], criterion="eer")


@given(any_scores, any_scores, st.sampled_from(CRITERIA))
def test_no_threshold_is_better_than_the_best(bona_fide, spoof, criterion):
    chosen = best_threshold(bona_fide, spoof, criterion=criterion)
    best = getattr(confusion(bona_fide, spoof, chosen), criterion)
    for threshold in itertools.chain(bona_fide, spoof, [math.inf]):
        assert getattr(confusion(bona_fide, spoof, threshold), criterion) <= best + 1e-12


def test_threshold_at_false_alarm_by_hand():
    scores = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0]
    # One of ten may be flagged: 0.9 must be spared, and the threshold is the next number above it.
    assert threshold_at_false_alarm(scores, 0.1) == np.nextafter(0.9, 1.0)
    assert threshold_at_false_alarm(scores, 0.0) == np.nextafter(1.0, 2.0)
    assert threshold_at_false_alarm(scores, 0.09) == np.nextafter(1.0, 2.0)
    assert threshold_at_false_alarm(scores, 0.99) == np.nextafter(0.1, 1.0)


def test_tied_scores_are_spared_together():
    # Two of four may be flagged, but the three 1s go together.
    threshold = threshold_at_false_alarm([1.0, 1.0, 1.0, 2.0], 0.5)
    assert threshold == np.nextafter(1.0, 2.0)
    assert confusion([1.0, 1.0, 1.0, 2.0], [], threshold).false_alarm_rate == 0.25


@pytest.mark.parametrize("percent", range(100))
def test_a_rate_that_can_be_reached_exactly_is_reached(percent):
    scores = np.arange(100.0)
    threshold = threshold_at_false_alarm(scores, percent / 100)
    assert confusion(scores, [], threshold).false_alarms == percent


@pytest.mark.parametrize("rate", [-0.01, 1.0, math.nan])
def test_rates_out_of_range_are_refused(rate):
    with pytest.raises(MetricInputError, match="rate is"):
        threshold_at_false_alarm([0.0], rate)


def test_threshold_at_false_alarm_needs_bona_fide_trials():
    with pytest.raises(MetricInputError, match="no bona_fide trial"):
        threshold_at_false_alarm([], 0.1)


@given(any_scores, st.floats(0, 1, exclude_max=True))
def test_the_threshold_keeps_the_rate_and_no_smaller_one_does(bona_fide, rate):
    threshold = threshold_at_false_alarm(bona_fide, rate)
    below = float(np.nextafter(threshold, -np.inf))
    assert confusion(bona_fide, [], threshold).false_alarm_rate <= rate
    assert confusion(bona_fide, [], below).false_alarm_rate > rate


def test_299_clean_files_are_the_fewest_that_show_a_rate_under_one_percent():
    # One-sided 95 % is the upper limit of a two-sided 90 % interval: 0.99^299 < 0.05 < 0.99^298.
    assert rate_interval(0, 299, 0.9).high < 0.01 < rate_interval(0, 298, 0.9).high
