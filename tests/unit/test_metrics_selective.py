"""Risk against coverage."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.errors import MetricInputError
from assay.metrics import risk_coverage

KEYS = ["bona_fide", "spoof", "spoof", "bona_fide"]
# At threshold 0 the calls are: right, right, wrong, wrong.
SCORES = [-2.0, 2.0, -0.5, 0.1]


def test_risk_and_coverage_by_hand():
    curve = risk_coverage(SCORES, KEYS, [0.9, 0.7, 0.5, 0.1])
    assert curve.least_confidence.tolist() == [0.9, 0.7, 0.5, 0.1]
    assert curve.coverage.tolist() == [0.25, 0.5, 0.75, 1.0]
    assert curve.risk.tolist() == [0.0, 0.0, 1 / 3, 0.5]
    assert curve.area == pytest.approx((1 / 3 + 1 / 2) / 4)


def test_trials_of_the_same_confidence_are_answered_together():
    curve = risk_coverage(SCORES, KEYS, [0.9, 0.5, 0.5, 0.5])
    assert curve.coverage.tolist() == [0.25, 1.0]
    assert curve.risk.tolist() == [0.0, 0.5]
    # In random order 2/3 of an error per trial: (0 + 2/3 / 2 + 4/3 / 3 + 2 / 4) / 4.
    assert curve.area == pytest.approx((1 / 3 + 4 / 9 + 1 / 2) / 4)


def test_constant_confidence_is_the_error_rate():
    curve = risk_coverage(SCORES, KEYS, [1.0] * 4)
    assert (curve.coverage.tolist(), curve.risk.tolist(), curve.area) == ([1.0], [0.5], 0.5)


def test_the_threshold_moves_the_calls():
    assert risk_coverage(SCORES, KEYS, [1.0] * 4, threshold=0.5).risk.tolist() == [0.25]


def test_one_class_and_one_trial_are_enough():
    assert risk_coverage([1.0], ["spoof"], [1.0]).risk.tolist() == [0.0]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([], [], []), "0 scores"),
        (([1.0], ["spoof"], [1.0, 2.0]), "1 scores and 2 confidences"),
        (([1.0], ["fake"], [1.0]), "'fake'"),
        (([1.0], ["spoof"], [np.nan]), "confidence scores are not finite"),
    ],
)
def test_unusable_columns_are_refused(arguments, message):
    with pytest.raises(MetricInputError, match=message):
        risk_coverage(*arguments)


@given(st.lists(st.tuples(st.integers(-3, 3), st.booleans(), st.integers(0, 4)), min_size=1, max_size=15))
def test_knowing_ones_errors_is_never_worse_than_not(rows):
    scores = [float(score) for score, _, _ in rows]
    keys = ["spoof" if is_spoof else "bona_fide" for _, is_spoof, _ in rows]
    right = [float((score >= 0) == is_spoof) for score, is_spoof, _ in rows]
    guessed = risk_coverage(scores, keys, [float(confidence) for _, _, confidence in rows])
    known = risk_coverage(scores, keys, right)
    assert known.area <= guessed.area + 1e-12
    assert known.risk[-1] == guessed.risk[-1] == pytest.approx(1 - np.mean(right))
