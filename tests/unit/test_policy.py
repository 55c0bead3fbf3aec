"""The policy on made-up scores: what it calls what, and that its promise holds however long a file is."""

import functools
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from policy_cases import (
    CLEAN,
    STRETCH_S,
    WINDOW_S,
    judge,
    make_card,
    make_channel,
    make_scores,
    spliced,
    windows_in,
)

from assay.models.card import TailModel
from assay.policy import accepted_rate, decide, operating_point
from assay.result import ScanResult
from assay.settings import Settings

SHORT, LONG = [0.0], [0.0] * windows_in(60)
THRESHOLD = -math.log(0.01)  # of a short file, at the default rate


def code(judgement):
    return judgement.reasons[0].code


# The whole file


@pytest.mark.parametrize(
    ("llr", "verdict", "reason"),
    [
        (THRESHOLD + 1e-9, "spoof", "above_threshold"),
        (THRESHOLD - 1e-6, "inconclusive", "near_threshold"),
        (-1 + 1e-6, "inconclusive", "near_threshold"),
        (-1, "bona_fide", "below_threshold"),
        (-6, "bona_fide", "below_threshold"),
    ],
)
def test_a_file_is_judged_at_the_thresholds(llr, verdict, reason):
    found = judge([llr])
    assert (found.verdict, code(found)) == (verdict, reason)
    assert found.llr == llr
    assert found.operating_point.threshold_llr == pytest.approx(THRESHOLD)


def test_a_long_file_is_judged_by_the_mean_of_what_was_scored():
    llrs = np.tile([1.0, 3.0, math.nan], 20)
    assert judge(llrs).llr == pytest.approx(2.0)


def test_a_wholly_synthetic_file_is_spoof_even_if_a_part_stands_out():
    found = judge(spliced(60, 20, 30, bona_fide=8.0, spoof=20.0))
    assert (found.verdict, code(found)) == ("spoof", "above_threshold")
    assert not any(segment.suspicious for segment in found.segments)


# A part of the file


@pytest.mark.parametrize(("start_s", "length_s"), [(0, 8), (3, 5), (20, 2), (20, 10), (45, 4), (52, 8)])
def test_a_spliced_part_makes_a_file_mixed_and_is_located_to_within_a_window(start_s, length_s):
    found = judge(spliced(60, start_s, start_s + length_s, spoof=15.0))
    assert (found.verdict, code(found)) == ("mixed", "part_stands_out")
    (part,) = [segment for segment in found.segments if segment.suspicious]
    assert abs(part.start_s - start_s) <= WINDOW_S
    assert abs(part.end_s - (start_s + length_s)) <= WINDOW_S
    assert part.spoof_probability > 0.9
    assert found.spoof_probability > 0.5


def test_two_parts_are_both_shown():
    found = judge(np.maximum(spliced(60, 5, 12, spoof=15.0), spliced(60, 40, 47, spoof=15.0)))
    assert sum(segment.suspicious for segment in found.segments) == 2
    assert "2 parts" in found.reasons[0].text


def test_the_level_of_the_whole_file_does_not_matter_to_its_parts():
    low, high = spliced(60, 20, 30, bona_fide=-5, spoof=9), spliced(60, 20, 30, bona_fide=-2, spoof=12)
    assert judge(low).verdict == judge(high).verdict == "mixed"


def test_a_file_too_short_to_compare_has_no_parts():
    duration_s = 2 * STRETCH_S - 1
    assert judge(spliced(duration_s, 5, 8, spoof=15.0)).verdict != "mixed"


def test_a_part_is_found_by_parts_and_the_whole_is_judged_by_windows():
    windows = np.full(57, -3.0)
    parts = np.where(np.arange(57) == 30, 9.0, -2.0)
    found = judge(make_channel(windows, part_llrs=parts))
    assert found.verdict == "mixed"
    assert max(segment.llr for segment in found.segments) > 0
    assert judge(make_channel(parts, part_llrs=windows)).llr == pytest.approx(parts.mean())
    assert judge(make_channel(parts, part_llrs=windows)).verdict == "bona_fide"


def test_evidence_of_a_part_is_no_more_than_the_calibration_supports():
    found = judge(spliced(60, 20, 30, bona_fide=-20, spoof=8.0))
    assert found.verdict == "mixed"
    assert found.llr == make_card().calibration.highest
    assert "probability under 1e-06" in found.reasons[0].text


def test_evidence_of_a_part_is_bounded_by_its_p_value():
    # Šidák by hand: 57 windows are 7.125 stretches; Sellke's bound is -log(-e p log p).
    contrast = 9.0
    llrs = np.zeros(57)
    llrs[20] = contrast
    p = 1 - (1 - math.exp(-contrast)) ** (57 / 8)
    assert judge(llrs).llr == pytest.approx(-math.log(-math.e * p * math.log(p)))


@pytest.mark.parametrize(("contrast_over_limit", "verdict"), [(1e-6, "mixed"), (-1e-6, "inconclusive")])
def test_the_threshold_of_a_part_is_sidaks(contrast_over_limit, verdict):
    accepted_one = 1 - (1 - 0.01 / 2) ** (8 / 57)
    llrs = np.zeros(57)
    llrs[20] = -math.log(accepted_one) + contrast_over_limit
    assert judge(llrs).verdict == verdict


# The promise


@functools.cache
def gaussian_card(trials=200_000):
    """A card measured on independent standard normal windows."""
    rng = np.random.default_rng(11)
    contrasts = rng.standard_normal((trials, STRETCH_S)).max(1)  # the median of a long recording is 0
    return make_card(file=tail(rng.standard_normal(trials)), contrast=tail(contrasts), bona_fide_below_llr=-9.0)


def tail(values):
    survival = (1.0, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005)
    quantiles = np.quantile(values, [1 - s for s in survival])
    beyond = values[values > quantiles[-1]] - quantiles[-1]
    return TailModel(values=tuple(quantiles), survival=survival, scale=float(beyond.mean()))


def flagged_share(duration_s, *, channels=1, files=2_000, rate=0.05, seed=1):
    """Share of bona fide files called spoof or mixed."""
    card, settings = gaussian_card(), Settings(max_false_alarm=rate)
    rng = np.random.default_rng(seed)
    speech = make_channel(np.zeros(windows_in(duration_s))).speech
    flagged = 0
    for _ in range(files):
        drawn = rng.standard_normal((channels, windows_in(duration_s)))
        made = [replace(make_channel(llrs), speech=speech) for llrs in drawn]
        flagged += decide(make_scores(*made, duration_s=duration_s), card, settings).verdict in ("spoof", "mixed")
    return flagged / files


@pytest.mark.parametrize("duration_s", [4, 60, pytest.param(600, marks=pytest.mark.slow)])
def test_no_more_bona_fide_files_are_flagged_than_accepted_however_long(duration_s):
    error = 3 * math.sqrt(0.05 * 0.95 / 2_000)
    assert flagged_share(duration_s) <= 0.05 + error


def test_the_promise_is_not_kept_by_flagging_nothing():
    assert flagged_share(4) >= 0.03
    assert flagged_share(60) >= 0.01


def test_the_promise_holds_for_several_channels():
    assert flagged_share(60, channels=3, files=700) <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 700)


@pytest.mark.parametrize(
    ("channels", "llrs", "share"), [(1, SHORT, 1), (4, SHORT, 1 / 4), (1, LONG, 1 / 2), (2, LONG, 1 / 4)]
)
def test_the_accepted_rate_is_shared_among_questions_and_channels(channels, llrs, share):
    point = judge(*[llrs] * channels).operating_point
    assert point.threshold_llr == pytest.approx(-math.log(0.01 * share))
    assert point.max_false_alarm == 0.01


@given(st.floats(1e-6, 0.5), st.floats(1e-6, 0.5))
def test_a_stricter_promise_never_flags_more(one, other):
    strict, loose = sorted((one, other))
    card = make_card()
    thresholds = [operating_point(card, Settings(max_false_alarm=rate)).threshold_llr for rate in (strict, loose)]
    assert thresholds[0] >= thresholds[1]


@pytest.mark.parametrize(("rate", "extrapolated"), [(0.2, False), (0.1, True)])  # the card's tail ends at exp(-2)
def test_a_promise_beyond_what_was_measured_says_so(rate, extrapolated):
    assert judge(SHORT, max_false_alarm=rate).operating_point.extrapolated is extrapolated


# Costs and priors


@pytest.mark.parametrize(("cost", "prior"), [(10, 0.5), (1, 0.1), (100, 0.3), (5, 0.5)])
def test_a_cost_sets_the_bayes_threshold(cost, prior):
    expected = math.log(cost * (1 - prior) / prior)
    point = judge(SHORT, false_alarm_cost=cost, prior=prior).operating_point
    assert point.threshold_llr == pytest.approx(expected)
    assert point.max_false_alarm == pytest.approx(math.exp(-expected))


@pytest.mark.parametrize("duration_s", [4, 60])
@pytest.mark.parametrize("cost", [5e-324, 1e-12, 1e12, 1e300])
@pytest.mark.parametrize("prior", [1e-300, 0.5, 1 - 1e-16])
def test_extreme_costs_and_priors_give_an_answer(duration_s, cost, prior):
    found = judge([1.0] * windows_in(duration_s), false_alarm_cost=cost, prior=prior)
    assert math.isfinite(found.operating_point.threshold_llr)
    assert 0 <= accepted_rate(make_card(), Settings(false_alarm_cost=cost, prior=prior)) <= 1


@pytest.mark.parametrize("rate", [5e-324, 1e-300])
def test_an_absurd_rate_gives_an_answer(rate):
    assert judge(spliced(60, 20, 30), max_false_alarm=rate).verdict in ("inconclusive", "bona_fide")


@given(st.floats(0.001, 0.999), st.floats(-8, 8))
def test_the_prior_moves_the_probability_and_nothing_else(prior, llr):
    neutral, moved = judge([llr]), judge([llr], prior=prior)
    assert (moved.verdict, moved.llr, moved.reasons) == (neutral.verdict, neutral.llr, neutral.reasons)
    odds = neutral.spoof_probability / (1 - neutral.spoof_probability) * prior / (1 - prior)
    assert moved.spoof_probability == pytest.approx(odds / (1 + odds))


# How sure


@given(st.floats(-8, 8), st.floats(0, 1), st.floats(0, 1))
def test_the_interval_holds_the_point_and_widens_with_what_is_unsure(llr, slope_sd, codec_sd):
    sure = judge([llr])
    unsure = judge([llr], card=make_card(calibration={"slope_sd": slope_sd, "offset_sd": 0.2}, codec_sd=codec_sd))
    assert sure.interval[0] <= sure.spoof_probability <= sure.interval[1]
    assert unsure.interval[0] < sure.interval[0]
    assert unsure.interval[1] > sure.interval[1]


def test_the_interval_of_an_uneven_file_is_wider():
    even, uneven = judge([1.0] * 57), judge([0.0, 2.0] * 28)
    assert even.interval[0] == pytest.approx(even.spoof_probability)
    assert uneven.interval[0] < even.interval[0]


def test_the_interval_is_ninety_per_cent_by_hand():
    found = judge([2.0], card=make_card(codec_sd=1.0))
    assert found.interval == pytest.approx([1 / (1 + math.exp(-2 + 1.645)), 1 / (1 + math.exp(-2 - 1.645))])


# Outside what the model was measured on


@pytest.mark.parametrize("llr", [-6.0, 9.0])
@pytest.mark.parametrize(
    ("quality", "expected"),
    [
        ({"snr_db": 2.9}, "noise"),
        ({"bandwidth_hz": 2_400.0}, "narrow_band"),
        ({"clipped": 0.06}, "overdriven"),
    ],
)
@pytest.mark.parametrize("duration_s", [4, 60])
def test_outside_the_regime_the_answer_is_inconclusive_with_the_reason(llr, quality, expected, duration_s):
    found = judge([llr] * windows_in(duration_s), quality=replace(CLEAN, **quality))
    assert (found.verdict, code(found)) == ("inconclusive", expected)
    assert found.llr == llr
    assert not any(segment.suspicious for segment in found.segments)


def test_all_reasons_are_given():
    found = judge([9.0], quality=replace(CLEAN, snr_db=0.0, bandwidth_hz=1_000.0, clipped=0.5))
    assert [reason.code for reason in found.reasons] == ["noise", "narrow_band", "overdriven"]


def test_with_too_little_speech_nothing_else_is_said():
    found = judge([9.0], speech_s=0.5, quality=replace(CLEAN, snr_db=-math.inf))
    assert [reason.code for reason in found.reasons] == ["too_little_speech"]
    assert found.verdict == "inconclusive"


@pytest.mark.parametrize(
    ("silent", "speech_s", "expected"),
    [(1.0, 0, "silence"), (0.1, 0, "no_speech"), (0.1, 2, "too_little_speech")],
)
def test_an_unscored_file_has_no_probability_and_says_why(silent, speech_s, expected):
    unscored = make_channel([math.nan] * 57, speech_s=speech_s, quality=replace(CLEAN, silent=silent))
    found = judge(replace(unscored, speech=unscored.speech if speech_s else np.zeros_like(unscored.speech)))
    assert (found.verdict, code(found)) == ("inconclusive", expected)
    assert (found.llr, found.spoof_probability, found.interval, found.segments) == (None, None, None, ())
    assert [(gap.start_s, gap.end_s) for gap in found.not_analysed] == [(0, 60)]


# Several channels


def silent_channel(windows):
    quality = replace(CLEAN, silent=1.0, level_db=-math.inf)
    made = make_channel([math.nan] * windows, quality=quality)
    return replace(made, speech=np.zeros_like(made.speech))


@pytest.mark.parametrize("llr", [-6.0, 1.0, 9.0])
@pytest.mark.parametrize("windows", [1, 57])
def test_an_empty_channel_does_not_drown_the_other(llr, windows):
    alone, beside = judge([llr] * windows), judge(make_channel([llr] * windows), silent_channel(windows))
    assert (beside.verdict, beside.llr) == (alone.verdict, alone.llr)
    assert {segment.channel for segment in beside.segments} == {0}
    assert [gap.text for gap in beside.not_analysed] == ["too little speech in channel 1"]


def test_empty_channels_alone_are_inconclusive():
    found = judge(silent_channel(57), silent_channel(57))
    assert (found.verdict, code(found), found.llr) == ("inconclusive", "silence", None)


def test_a_channel_that_speaks_but_cannot_be_judged_makes_the_file_inconclusive():
    noisy = make_channel([-6.0] * 57, quality=replace(CLEAN, snr_db=0.0))
    assert code(judge(make_channel([-6.0] * 57), noisy)) == "noise"


@pytest.mark.parametrize("order", [1, -1])
def test_the_worst_channel_decides(order):
    found = judge(*[[-6.0], [9.0]][::order])
    assert (found.verdict, found.llr) == ("spoof", 9.0)
    assert [timeline.channel for timeline in found.timeline] == [0, 1]


def test_one_channel_has_no_number():
    assert {segment.channel for segment in judge(LONG).segments} == {None}


def test_a_judgement_has_the_fields_of_a_result():
    assert set(vars(judge(SHORT))) <= set(ScanResult.model_fields)
