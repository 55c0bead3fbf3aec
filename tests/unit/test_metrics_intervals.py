"""Exact and bootstrap confidence intervals."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.errors import MetricInputError
from assay.metrics import Interval, auc, bootstrap_interval, equal_error_rate, rate_interval


def eer(bona_fide, spoof):
    return equal_error_rate(bona_fide, spoof).rate


def overlapping(n, m, seed=0):
    generator = np.random.default_rng(seed)
    return generator.normal(0, 1, n), generator.normal(1.5, 1, m)


def test_exact_interval_of_one_trial_by_hand():
    # P(X <= 0) = 1 - p = 0.025.
    assert rate_interval(0, 1) == Interval(0.0, pytest.approx(0.975, abs=1e-14))
    assert rate_interval(1, 1) == Interval(pytest.approx(0.025, abs=1e-14), 1.0)


def test_exact_interval_of_one_in_two_by_hand():
    # P(X <= 1) = 1 - p² = 0.025 and P(X >= 1) = 1 - (1 - p)² = 0.025.
    interval = rate_interval(1, 2)
    assert interval.high == pytest.approx(math.sqrt(0.975), abs=1e-14)
    assert interval.low == pytest.approx(1 - math.sqrt(0.975), abs=1e-14)


@pytest.mark.parametrize("n", [1, 10, 100, 100_000])
def test_no_error_in_n_follows_the_closed_form(n):
    assert rate_interval(0, n).high == pytest.approx(1 - 0.025 ** (1 / n), rel=1e-9)


def test_the_rule_of_three():
    assert rate_interval(0, 10_000, 0.9).high == pytest.approx(3 / 10_000, rel=0.01)


@given(st.integers(1, 300).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), st.floats(0.5, 0.999))
def test_exact_interval_surrounds_the_rate_mirrors_and_grows_with_confidence(counted, confidence):
    k, n = counted
    interval, wider = rate_interval(k, n, confidence), rate_interval(k, n, (1 + confidence) / 2)
    mirrored = rate_interval(n - k, n, confidence)
    assert 0.0 <= wider.low <= interval.low <= k / n <= interval.high <= wider.high <= 1.0
    assert interval.low == pytest.approx(1 - mirrored.high, abs=1e-12)


@pytest.mark.parametrize(
    ("k", "n", "confidence"),
    [(-1, 5, 0.95), (6, 5, 0.95), (0, 0, 0.95), (1, 5, 0.0), (1, 5, 1.0), (1, 5, math.nan)],
)
def test_impossible_counts_and_levels_are_refused(k, n, confidence):
    with pytest.raises(MetricInputError, match="accepted"):
        rate_interval(k, n, confidence)


def test_bootstrap_repeats_with_its_seed_and_moves_with_another():
    classes = overlapping(40, 60)
    first = bootstrap_interval(auc, *classes, n_resamples=50, seed=1)
    assert bootstrap_interval(auc, *classes, n_resamples=50, seed=1) == first
    assert bootstrap_interval(auc, *classes, n_resamples=50, seed=2) != first


def test_bootstrap_does_not_depend_on_the_order_of_the_trials():
    bona_fide, spoof = overlapping(40, 60)
    labels = [f"b{i // 3}" for i in range(40)], [f"s{i // 3}" for i in range(60)]
    for groups, reversed_groups in ((None, None), (labels, (labels[0][::-1], labels[1][::-1]))):
        first = bootstrap_interval(eer, bona_fide, spoof, n_resamples=50, groups=groups)
        again = bootstrap_interval(eer, bona_fide[::-1], spoof[::-1], n_resamples=50, groups=reversed_groups)
        assert again == first


def test_bootstrap_nearly_always_contains_the_figure_itself():
    contained = 0
    for seed in range(20):
        classes = overlapping(30, 40, seed)
        interval = bootstrap_interval(auc, *classes, n_resamples=100)
        contained += interval.low <= auc(*classes) <= interval.high
    assert contained >= 19


def test_bootstrap_of_a_mean_has_the_width_that_theory_gives():
    # Standard error 1 / sqrt(400) = 0.05; the 95 % interval is 2 · 1.96 · 0.05 wide.
    bona_fide = np.random.default_rng(3).normal(0, 1, 400)
    interval = bootstrap_interval(lambda b, _: b.mean(), bona_fide / bona_fide.std(), [1.0], n_resamples=2000)
    assert interval.high - interval.low == pytest.approx(0.196, rel=0.08)


def test_higher_confidence_is_wider():
    classes = overlapping(40, 40)
    narrow = bootstrap_interval(eer, *classes, n_resamples=200, confidence=0.5)
    wide = bootstrap_interval(eer, *classes, n_resamples=200, confidence=0.99)
    assert wide.low < narrow.low < narrow.high < wide.high


def test_perfect_separation_and_single_trials_have_an_interval_without_width():
    assert bootstrap_interval(eer, [0.0, 1.0], [2.0, 3.0], n_resamples=20) == Interval(0.0, 0.0)
    assert bootstrap_interval(eer, [1.0], [1.0], n_resamples=20) == Interval(0.5, 0.5)


def test_resamples_keep_the_size_of_each_class():
    def sizes(bona_fide, spoof):
        return float(bona_fide.size == 3 and spoof.size == 5)

    assert bootstrap_interval(sizes, [0.0] * 3, [1.0] * 5, n_resamples=20) == Interval(1.0, 1.0)


def test_copies_in_one_group_add_no_confidence():
    # Every trial four times, copies in one group: groups are drawn as trials were, hence the same interval.
    bona_fide, spoof = (np.sort(scores) for scores in overlapping(30, 40))
    labels = [f"b{i:02d}" for i in range(30)] * 4, [f"s{i:02d}" for i in range(40)] * 4
    copies = np.tile(bona_fide, 4), np.tile(spoof, 4)
    honest = bootstrap_interval(auc, bona_fide, spoof, n_resamples=100)
    grouped = bootstrap_interval(auc, *copies, n_resamples=100, groups=labels)
    naive = bootstrap_interval(auc, *copies, n_resamples=100)
    assert grouped.low == pytest.approx(honest.low, abs=1e-12)
    assert grouped.high == pytest.approx(honest.high, abs=1e-12)
    assert naive.high - naive.low < 0.7 * (honest.high - honest.low)


def test_a_source_and_the_fakes_made_from_it_are_drawn_together():
    # The score is the number of the source: the same sources must appear on both sides.
    def same_sources(bona_fide, spoof):
        return float(bona_fide.size == 3 and sorted(bona_fide.tolist() * 2) == sorted(spoof.tolist()))

    sources = [0.0, 1.0, 2.0]
    labels = list("abc"), list("aabbcc")
    interval = bootstrap_interval(same_sources, sources, np.repeat(sources, 2), n_resamples=50, groups=labels)
    assert interval == Interval(1.0, 1.0)


def test_groups_of_one_key_never_leave_the_other_class_empty():
    # One source has both keys, one bona fide only, one spoof only; every resample must have both classes.
    labels = ["both", "genuine", "genuine"], ["both", "fake"]
    interval = bootstrap_interval(
        lambda b, s: float(b.size == 3 and s.size == 2), [0.0] * 3, [1.0] * 2, n_resamples=50, groups=labels
    )
    assert interval == Interval(1.0, 1.0)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"n_resamples": 0}, "n_resamples is 0"),
        ({"confidence": 1.0}, "confidence is 1.0"),
        ({"groups": (["a"], ["b"])}, r"bona fide groups have shape \(1,\) but there are 2 scores"),
        ({"groups": (["a", "b"], [1])}, "spoof groups must be strings"),
    ],
)
def test_unusable_bootstrap_parameters_are_refused(parameters, message):
    with pytest.raises(MetricInputError, match=message):
        bootstrap_interval(auc, [0.0, 1.0], [1.0], **parameters)


def test_a_metric_that_is_undefined_on_resamples_is_refused_with_their_number():
    with pytest.raises(MetricInputError, match="not a finite number on 7 of 7 resamples"):
        bootstrap_interval(lambda *_: math.nan, [0.0], [1.0], n_resamples=7)
