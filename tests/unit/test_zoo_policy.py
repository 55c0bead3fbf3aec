"""Verdicts by networks that were trained here: what the card promises, and nothing beyond that."""

import math

import numpy as np
import pytest
from policy_cases import CLEAN
from zoo_cases import PIXELS, make_zoo_card

from assay.result import Reason
from assay.settings import Settings
from assay.views.sound import HeardChannel, HeardScores
from assay.zoo_policy import MIN_SPEECH_S, decide_file, decide_sound, promises

THRESHOLD = -math.log(0.01)


def heard(*channels, duration_s=12.0):
    """Evidence of a recording; a channel is its logit, or logit and seconds of speech in the views."""
    made = []
    for channel in channels:
        logit, spoken_s = channel if isinstance(channel, tuple) else (channel, 3.0)
        made.append(HeardChannel(logit, np.ones(round(spoken_s / 0.032), bool), spoken_s, CLEAN))
    return HeardScores(tuple(made), duration_s, min(duration_s, 30.0), (), {})


def judged(*channels, card=None, declared=False, duration_s=12.0, **settings):
    scores = heard(*channels, duration_s=duration_s)
    return decide_sound(scores, card or make_zoo_card(), Settings(**settings), declared=declared)


def codes(judgement):
    return [reason.code for reason in judgement.reasons]


@pytest.mark.parametrize(
    ("llr", "verdict", "code"),
    [
        (THRESHOLD + 0.01, "spoof", "above_threshold"),
        (THRESHOLD - 0.01, "inconclusive", "near_threshold"),
        (-0.99, "inconclusive", "near_threshold"),
        (-1.0, "bona_fide", "below_threshold"),
    ],
)
def test_verdicts_by_hand(llr, verdict, code):
    found = judged(llr / 2)  # the calibration doubles a logit
    assert found.llr == pytest.approx(llr)
    assert (found.verdict, codes(found)) == (verdict, [code])
    assert found.spoof_probability == pytest.approx(1 / (1 + math.exp(-llr)))
    point = found.operating_point
    assert (point.threshold_llr, point.bona_fide_below_llr) == (pytest.approx(THRESHOLD), -1.0)


@pytest.mark.parametrize("without", [{"file": None}, {"rates": ()}])
@pytest.mark.parametrize("logit", [-9.0, 0.0, 9.0])
def test_without_a_promise_nothing_is_called_anything(without, logit):
    found = judged(logit, card=make_zoo_card(**without))
    assert (found.verdict, codes(found), found.operating_point) == ("inconclusive", ["no_promise"], None)
    assert found.llr == 2 * logit
    assert "equal at 0.25" in found.reasons[0].text


@pytest.mark.parametrize(("rate", "kept"), [(0.0009, False), (0.001, True), (0.02, True), (0.05, True), (0.06, False)])
def test_a_rate_outside_what_is_promised_is_no_verdict(rate, kept):
    found = judged(9.0, max_false_alarm=rate)
    assert (found.verdict, codes(found)) == (
        ("spoof", ["above_threshold"]) if kept else ("inconclusive", ["rate_not_promised"])
    )
    assert promises(make_zoo_card(), rate) is kept


def test_a_cost_is_held_against_the_promise_as_the_rate_it_amounts_to():
    # The Bayes threshold log(cost) of an even prior has the rate 1 / cost.
    assert judged(9.0, false_alarm_cost=100.0).operating_point.max_false_alarm == pytest.approx(0.01)
    assert codes(judged(9.0, false_alarm_cost=1e6)) == ["rate_not_promised"]


def test_too_little_speech_where_the_network_looked_is_no_verdict():
    found = judged((9.0, MIN_SPEECH_S - 0.1))
    assert (found.verdict, codes(found), found.llr) == ("inconclusive", ["too_little_speech"], 18.0)
    nobody = judged((None, 0.0))
    assert (nobody.verdict, codes(nobody), nobody.llr, nobody.interval) == ("inconclusive", ["no_speech"], None, None)


def test_channels_share_the_rate_and_the_worst_one_counts():
    llr = (-math.log(0.01) - math.log(0.005)) / 2  # above the threshold of the file, below that of one of two channels
    assert judged(llr / 2).verdict == "spoof"
    assert judged(llr / 2, -3.0).verdict == "inconclusive"
    assert judged(-3.0, 9.0).verdict == "spoof"
    assert codes(judged(9.0, 9.0, max_false_alarm=0.0015)) == ["rate_not_promised"]
    assert judged(-3.0, (None, 0.0)).verdict == "bona_fide"  # a channel in which nobody speaks says nothing


def test_what_the_file_declares_takes_only_a_clearance_back():
    assert codes(judged(-3.0, declared=True)) == ["declared_synthetic"]
    assert judged(9.0, declared=True).verdict == "spoof"


def test_what_the_network_does_not_look_at_is_told():
    gaps = {gap.code: gap for gap in judged(0.0, duration_s=50.0).not_analysed}
    assert (gaps["rest"].start_s, gaps["rest"].end_s) == (30.0, 50.0)
    assert "as a whole" in gaps["parts"].text
    assert [gap.code for gap in judged(0.0).not_analysed] == ["parts"]


def test_segments_and_timeline_are_absent():
    found = judged(9.0)
    assert (found.segments, found.timeline) == ((), ())


def test_reduced_noise_is_a_reservation_for_sound_alone():
    assert codes(judged(9.0, denoise=True)) == ["above_threshold", "denoised"]
    picture = decide_file(9.0, make_zoo_card(**PIXELS), Settings(denoise=True))
    assert (codes(picture), picture.operating_point.denoised) == (["above_threshold"], False)


def test_a_file_outside_what_models_are_measured_on_is_no_verdict():
    outside = (Reason(code="graphic", text="A drawing."),)
    card = make_zoo_card(**PIXELS)
    assert codes(decide_file(9.0, card, Settings(), outside=outside)) == ["graphic"]
    unseen = decide_file(None, card, Settings(), outside=outside)
    assert (unseen.verdict, unseen.llr, unseen.spoof_probability) == ("inconclusive", None, None)


def test_the_interval_is_that_of_the_calibration():
    calibration = make_zoo_card().calibration.model_copy(update={"offset_sd": 1.0})
    low, high = judged(0.0, card=make_zoo_card(calibration=calibration)).interval
    assert (low, high) == (pytest.approx(1 / (1 + math.exp(1.645))), pytest.approx(1 / (1 + math.exp(-1.645))))
