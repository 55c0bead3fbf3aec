"""Posteriors, calibration error and Brier score, against numbers worked out by hand."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.errors import MetricInputError
from assay.metrics import (
    brier_score,
    expected_calibration_error,
    posterior_probability,
    reliability_curve,
)

LN3 = math.log(3.0)
# Posteriors at prior 1/2: bona fide 1/4 and 3/4, spoof 3/4 and 3/4.
FOUR = [-LN3, LN3], [LN3, LN3]
llrs = st.lists(st.floats(-30, 30), min_size=1, max_size=12)
priors = st.floats(0.01, 0.99)
binnings = st.sampled_from(["equal_width", "equal_mass"])


def test_posterior_by_hand():
    # Odds 3 : 1 at prior 1/2; 3 · (1/9) = 1/3 at prior 1/10.
    assert posterior_probability([LN3], prior=0.5) == pytest.approx([0.75], abs=1e-15)
    assert posterior_probability([LN3, 0.0], prior=0.1) == pytest.approx([0.25, 0.1], abs=1e-15)


def test_posterior_of_extreme_llrs_stays_in_range_without_overflow():
    assert posterior_probability([-1e5, 1e5], prior=0.01).tolist() == [0.0, 1.0]


def test_brier_score_by_hand():
    # (0.25² + 0.75² + 0.25² + 0.25²) / 4
    assert brier_score(*FOUR) == pytest.approx(0.1875, abs=1e-15)


def test_calibration_error_by_hand():
    # Bin at 1/4: one trial, no spoof, off by 1/4. Bin at 3/4: three trials, two spoof, off by 1/12.
    assert expected_calibration_error(*FOUR) == pytest.approx(1 / 4 * 1 / 4 + 3 / 4 * 1 / 12, abs=1e-15)


def test_reliability_curve_by_hand():
    curve = reliability_curve(*FOUR, n_bins=10)
    assert curve.posterior == pytest.approx([0.25, 0.75], abs=1e-15)
    assert curve.spoof_share == pytest.approx([0.0, 2 / 3], abs=1e-15)
    assert curve.weight == pytest.approx([0.25, 0.75], abs=1e-15)
    assert curve.n_trials.tolist() == [1, 3]


def test_a_posterior_on_an_edge_belongs_to_the_bin_above():
    curve = reliability_curve([0.0], [0.0, 0.01], prior=0.5, n_bins=2)  # 0.5 and just above
    assert curve.n_trials.tolist() == [3]


@pytest.mark.parametrize("prior", [0.02, 0.5, 0.9])
def test_a_detector_that_knows_nothing_is_calibrated_whatever_the_share_of_spoof(prior):
    knows_nothing = [0.0], [0.0] * 7
    assert expected_calibration_error(*knows_nothing, prior=prior) == pytest.approx(0.0, abs=1e-12)
    assert brier_score(*knows_nothing, prior=prior) == pytest.approx(prior * (1 - prior), abs=1e-12)


def test_repeating_one_class_changes_nothing_at_a_fixed_prior_and_something_without():
    once, often = ([-1.0, 0.5], [2.0, 0.1]), ([-1.0, 0.5], [2.0, 0.1] * 5)
    for metric in (brier_score, expected_calibration_error):
        assert metric(*often, prior=0.3) == pytest.approx(metric(*once, prior=0.3), abs=1e-12)
        assert metric(*often) != pytest.approx(metric(*once), abs=1e-3)


def test_overconfidence_is_seen():
    # A detector that is right 3 times out of 4 and always says 95 %.
    llr = math.log(0.95 / 0.05)
    bona_fide, spoof = [-llr] * 3 + [llr], [llr] * 3 + [-llr]
    assert expected_calibration_error(bona_fide, spoof) == pytest.approx(0.2, abs=1e-12)


def test_equal_mass_bins_hold_equal_numbers_and_never_part_ties():
    assert reliability_curve([-2.0, -1.0, 0.1], [0.2, 1.0, 2.0], n_bins=3, binning="equal_mass").n_trials.tolist() == [
        2,
        2,
        2,
    ]
    assert reliability_curve([0.0] * 4, [0.0, 3.0], n_bins=3, binning="equal_mass").n_trials.tolist() == [
        5,
        1,
    ]


def test_more_bins_than_trials_are_allowed():
    for binning in ("equal_width", "equal_mass"):
        assert reliability_curve([-1.0], [1.0], n_bins=50, binning=binning).n_trials.tolist() == [1, 1]


@pytest.mark.parametrize(
    ("parameter", "message"),
    [
        ({"n_bins": 0}, "n_bins is 0"),
        ({"binning": "mass"}, "'mass'"),
        ({"prior": 0.0}, "prior"),
        ({"prior": 1.0}, "prior"),
    ],
)
def test_parameters_out_of_range_are_refused(parameter, message):
    with pytest.raises(MetricInputError, match=message):
        expected_calibration_error([-1.0], [1.0], **parameter)


@given(llrs, llrs, priors, st.integers(1, 20), binnings)
def test_bins_share_out_all_trials_and_their_errors_stay_below_the_brier_bound(
    bona_fide, spoof, prior, n_bins, binning
):
    curve = reliability_curve(bona_fide, spoof, prior=prior, n_bins=n_bins, binning=binning)
    assert curve.n_trials.sum() == len(bona_fide) + len(spoof)
    assert curve.weight.sum() == pytest.approx(1.0)
    assert np.sum(curve.weight * curve.spoof_share) == pytest.approx(prior)
    assert np.all(np.diff(curve.posterior) > -1e-12)
    error = expected_calibration_error(bona_fide, spoof, prior=prior, n_bins=n_bins, binning=binning)
    # Jensen: the error of the bin means is at most the root mean square error of the trials.
    assert 0.0 <= error <= math.sqrt(brier_score(bona_fide, spoof, prior=prior)) + 1e-12


@given(llrs, llrs, priors, st.integers(1, 20), binnings)
def test_the_order_of_the_trials_changes_nothing(bona_fide, spoof, prior, n_bins, binning):
    given_order = expected_calibration_error(bona_fide, spoof, prior=prior, n_bins=n_bins, binning=binning)
    other_order = expected_calibration_error(
        bona_fide[::-1], sorted(spoof), prior=prior, n_bins=n_bins, binning=binning
    )
    assert other_order == pytest.approx(given_order, abs=1e-12)
