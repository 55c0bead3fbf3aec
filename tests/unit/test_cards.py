"""Cards: calibration and tails by hand, and that a card that cannot be right is refused."""

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from policy_cases import EXPONENTIAL, make_card
from pydantic import ValidationError

from assay.models.card import Calibration, DetectorCard, TailModel

TAIL = TailModel(values=(-2.0, 0.0, 1.0, 1.5), survival=(1.0, 0.4, 0.1, 0.02), scale=0.3)
PROBABILITY = st.floats(1e-12, 1)


def test_a_calibration_is_affine_and_limited():
    calibration = Calibration(slope=2, offset=-1, lowest=-3, highest=4)
    assert calibration.apply(np.array([[-9, -0.5, 0.0], [1, 2.5, 9]])).tolist() == [[-3, -2, -1], [1, 4, 4]]


def test_no_spread_is_no_deviation():
    assert Calibration(slope=2, offset=-1, lowest=-9, highest=9).deviation(3.0) == 0.0


@pytest.mark.parametrize(
    ("correlation", "expected"), [(0, math.sqrt(3**2 * 0.5**2 + 0.2**2)), (1, 3 * 0.5 + 0.2), (-1, 3 * 0.5 - 0.2)]
)
def test_deviations_by_hand(correlation, expected):
    calibration = Calibration(
        slope=2, offset=-1, lowest=-9, highest=9, slope_sd=0.5, offset_sd=0.2, correlation=correlation
    )
    assert calibration.deviation(5.0) == pytest.approx(expected)  # the logit is 3


@given(st.floats(-9, 9), st.floats(-1, 1))
def test_deviations_are_never_negative_or_undefined(llr, correlation):
    spread = Calibration(
        slope=37, offset=-1.9, lowest=-9, highest=9, slope_sd=18, offset_sd=0.9, correlation=correlation
    )
    assert spread.deviation(llr) >= 0


@pytest.mark.parametrize(
    ("statistic", "p"),
    [
        (-5, 1.0),
        (-2, 1.0),
        (-1, math.sqrt(0.4)),  # geometric between the quantiles
        (0, 0.4),
        (0.5, 0.2),
        (1.5, 0.02),
        (1.8, 0.02 / math.e),
        (2.1, 0.02 / math.e**2),
    ],
)
def test_p_values_by_hand(statistic, p):
    assert TAIL.p_value(statistic) == pytest.approx(p)


@given(PROBABILITY)
def test_threshold_and_p_value_are_inverse(p):
    assert TAIL.p_value(TAIL.threshold(p)) == pytest.approx(p, rel=1e-9)


@given(st.floats(-2, 9))
def test_p_value_and_threshold_are_inverse_from_the_first_quantile_on(statistic):
    assert TAIL.threshold(TAIL.p_value(statistic)) == pytest.approx(statistic, abs=1e-9)


@given(st.floats(-10, 10), st.floats(-10, 10))
def test_p_values_fall(one, other):
    low, high = sorted((one, other))
    assert TAIL.p_value(low) >= TAIL.p_value(high)


@given(PROBABILITY, PROBABILITY)
def test_thresholds_rise_as_the_rate_falls(one, other):
    low, high = sorted((one, other))
    assert TAIL.threshold(low) >= TAIL.threshold(high)


@given(st.floats(0, 100))
def test_the_exponential_of_the_policy_tests_is_exact(x):
    assert EXPONENTIAL.p_value(x) == pytest.approx(math.exp(-x), rel=1e-9)


def test_a_rate_of_zero_has_a_finite_threshold():
    assert TAIL.threshold(1e-300) < TAIL.threshold(0.0) < 1e6
    assert TAIL.p_value(1e9) == 0.0


@pytest.mark.parametrize(
    ("values", "survival"),
    [
        ((0.0, 1.0), (1.0, 0.5, 0.2)),
        ((0.0, 0.0), (1.0, 0.5)),
        ((1.0, 0.0), (1.0, 0.5)),
        ((0.0, 1.0), (0.5, 0.5)),
        ((0.0, 1.0), (0.5, 1.0)),
        ((0.0, 1.0), (1.0, 0.0)),
        ((0.0, 1.0), (1.5, 0.5)),
        ((0.0, math.nan), (1.0, 0.5)),
        ((0.0,), (1.0,)),
    ],
)
def test_a_tail_that_is_no_survival_function_is_refused(values, survival):
    with pytest.raises(ValidationError):
        TailModel(values=values, survival=survival, scale=1.0)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("hop_samples", 3_000),
        ("hop_samples", 0),
        ("sample_rate_hz", 8_000),
        ("min_speech_s", -1),
        ("schema_version", 2),
        ("no_such_field", 1),
    ],
)
def test_a_card_that_cannot_be_right_is_refused(field, value):
    with pytest.raises(ValidationError, match="hop" if field == "hop_samples" else field):
        DetectorCard.model_validate(make_card().model_dump() | {field: value})


@pytest.mark.parametrize(("field", "value"), [("slope", 0), ("slope", -1), ("correlation", 2), ("offset", math.nan)])
def test_a_calibration_that_cannot_be_right_is_refused(field, value):
    with pytest.raises(ValidationError, match=field):
        Calibration(**{"slope": 1, "offset": 0, "lowest": -1, "highest": 1} | {field: value})


def test_a_card_survives_json():
    card = make_card()
    assert DetectorCard.model_validate_json(card.model_dump_json()) == card
    assert json.loads(card.model_dump_json())["decision"]["stretch_s"] == 8
