"""From the parts of a video to a verdict, with scores that are made up and cards worked out by hand."""

import math

import policy_cases as sound_cases
import pytest
from hypothesis import given
from hypothesis import strategies as st
from video_cases import BELOW, make_card, make_scores

from assay.evidence import posterior
from assay.result import Fusion
from assay.settings import load_settings
from assay.video_policy import MIN_BITS_PER_PIXEL, RULE, WEIGHTS, Track, decide_video

CARD = make_card()
LLRS = st.floats(-6, 9)


def heard(*llrs, **options):
    """A sound track of these window llrs."""
    return Track(sound_cases.make_scores(list(llrs), **options), sound_cases.make_card())


def judge(scores, track=None, *, duration_s=4.0, bits_per_pixel=0.1, declared=False, **settings):
    return decide_video(
        scores,
        CARD,
        load_settings(**settings),
        track=track,
        duration_s=duration_s,
        bits_per_pixel=bits_per_pixel,
        declared=declared,
    )


def code(judgement):
    return judgement.reasons[0].code


def part(judgement, name):
    return next(one for one in judgement.fusion.parts if one.name == name)


# Shares of the accepted rate


def test_the_rate_is_shared_among_the_parts_that_are_present():
    alone = judge(make_scores(whole=0.0)).fusion.parts
    assert [one.name for one in alone] == ["image"]
    assert alone[0].threshold_llr == pytest.approx(-math.log(0.01))
    two = judge(make_scores(0.0, whole=0.0))
    assert part(two, "image").threshold_llr == pytest.approx(-math.log(0.005))
    three = judge(make_scores(0.0, whole=0.0), heard(0.0, 0.0))
    assert part(three, "image").threshold_llr == pytest.approx(-math.log(0.01 / 3))
    assert part(three, "audio").threshold_llr == pytest.approx(-math.log(0.01 / 3))
    assert three.operating_point.max_false_alarm == 0.01


def test_sound_that_cannot_be_judged_takes_no_share():
    found = judge(make_scores(0.0, whole=0.0), heard(math.nan, duration_s=4, speech_s=0.0))
    assert [one.name for one in found.fusion.parts] == ["image", "video"]
    assert part(found, "image").threshold_llr == pytest.approx(-math.log(0.005))
    assert [gap.code for gap in found.not_analysed] == ["sound"]
    assert "speech" in found.not_analysed[0].text


@pytest.mark.parametrize("count", [1, 2, 10])
def test_a_crowd_is_not_accused_for_its_size(count):
    found = part(judge(make_scores(*[-1.0] * count, whole=None)), "video")
    assert 1 - (1 - math.exp(-found.threshold_llr)) ** count == pytest.approx(0.01)


def test_one_llr_stands_out_alone_and_not_in_a_crowd():
    llr = -math.log(0.004)
    assert judge(make_scores(llr)).verdict == "mixed"
    assert judge(make_scores(llr, *[-1.0] * 9)).verdict == "inconclusive"


def test_everybody_who_stands_out_is_named_and_the_reason_tells_when():
    found = judge(make_scores(-2.0, 8.5, 8.0))
    assert found.flagged == {1, 2}
    assert code(found) == "face_stands_out"
    assert "person 1, one of 3, seen from 0.0 to 3.8 s" in found.reasons[0].text


# Verdicts


def test_all_parts_lean_one_way_and_one_stands_out():
    found = judge(make_scores(1.0, whole=8.0), heard(1.0, 1.0))
    assert (found.verdict, code(found)) == ("spoof", "frames_stand_out")
    assert found.llr == pytest.approx(0.4 * 1 + 0.4 * 8 + 0.2 * 1)


@pytest.mark.parametrize(
    ("scores", "track", "reason", "llr"),
    [
        (make_scores(8.0, whole=-2.0), heard(-3.0, -3.0), "face_stands_out", 8.0),
        (make_scores(-2.0, whole=8.0), heard(-3.0, -3.0), "frames_stand_out", 8.0),
        (make_scores(-2.0, whole=-2.0), heard(7.5, 7.5), "sound_stands_out", 7.5),
        (make_scores(8.0, whole=7.0), heard(-3.0, -3.0), "frames_stand_out", 8.0),
    ],
)
def test_a_part_that_the_others_do_not_go_with_makes_it_mixed(scores, track, reason, llr):
    found = judge(scores, track)
    assert (found.verdict, code(found)) == ("mixed", reason)
    assert found.llr == pytest.approx(llr)  # the evidence of the suspicious part
    assert found.fusion.llr < llr


def test_a_part_of_the_sound_stands_out_in_a_long_recording():
    windows = sound_cases.spliced(60, 20, 30)
    found = judge(make_scores(-2.0, whole=-2.0), heard(*windows))
    assert (found.verdict, code(found)) == ("mixed", "sound_stands_out")
    assert any(segment.suspicious for segment in found.sound.segments)


def test_every_part_must_be_low_for_no_sign():
    low = judge(make_scores(BELOW, BELOW - 1, whole=BELOW), heard(-2.0, -2.0))
    assert (low.verdict, code(low)) == ("bona_fide", "below_threshold")
    for scores, track in (
        (make_scores(BELOW + 0.1, whole=BELOW), heard(-2.0, -2.0)),
        (make_scores(BELOW, whole=BELOW + 0.1), heard(-2.0, -2.0)),
        (make_scores(BELOW, whole=BELOW), heard(-0.5, -0.5)),
    ):
        found = judge(scores, track)
        assert (found.verdict, code(found)) == ("inconclusive", "near_threshold")


@pytest.mark.parametrize(
    ("given", "reason"),
    [({"duration_s": 0.9}, "too_short"), ({"bits_per_pixel": MIN_BITS_PER_PIXEL / 2}, "heavy_compression")],
)
def test_what_lies_outside_is_not_judged_and_still_scored(given, reason):
    found = judge(make_scores(8.0, whole=8.0), **given)
    assert (found.verdict, code(found), found.llr) == ("inconclusive", reason, pytest.approx(8.0))


def test_what_is_not_judged_accuses_nobody():
    found = judge(make_scores(8.0), heard(*sound_cases.spliced(60, 20, 30)), bits_per_pixel=0.0)
    assert found.flagged == frozenset()
    assert not any(segment.suspicious for segment in found.sound.segments)


def test_nothing_to_look_at_and_nothing_to_hear():
    found = judge(make_scores(None, whole=None))
    assert (found.verdict, code(found)) == ("inconclusive", "too_small")
    assert (found.llr, found.spoof_probability, found.interval, found.fusion) == (None, None, None, None)


def test_sound_alone_is_enough():
    found = judge(make_scores(None, whole=None), heard(8.0, 8.0))
    assert (found.verdict, found.llr) == ("spoof", pytest.approx(8.0))
    assert found.fusion.parts[0].weight == 1


def test_a_video_that_names_its_generator_is_not_called_free_of_signs():
    low = judge(make_scores(-2.0, whole=-2.0), heard(-2.0, -2.0), declared=True)
    assert (low.verdict, code(low), low.llr) == ("inconclusive", "declared_synthetic", pytest.approx(-2.0))
    assert judge(make_scores(8.0, whole=8.0), declared=True).verdict == "spoof"


# Fusion


@given(image=LLRS, video=LLRS, audio=LLRS)
def test_weights_add_up_and_each_part_moves_the_answer_by_what_it_adds(image, video, audio):
    fusion = judge(make_scores(video, whole=image), heard(audio, audio)).fusion
    assert isinstance(fusion, Fusion)
    assert fusion.rule == RULE
    assert sum(one.weight for one in fusion.parts) == pytest.approx(1)
    llrs = {one.name: one.llr for one in fusion.parts}
    assert fusion.llr == pytest.approx(sum(WEIGHTS[name] * llr for name, llr in llrs.items()))
    without_video = (0.4 * llrs["image"] + 0.2 * llrs["audio"]) / 0.6
    moved = {one.name: one.moved for one in fusion.parts}
    assert moved["video"] == pytest.approx(fusion.llr - without_video)


def test_weights_are_renormalised_over_what_is_present():
    fusion = judge(make_scores(whole=1.0), heard(-2.0, -2.0)).fusion
    assert [one.weight for one in fusion.parts] == pytest.approx([2 / 3, 1 / 3])
    assert fusion.llr == pytest.approx(0.0)
    alone = judge(make_scores(whole=1.0)).fusion.parts[0]
    assert (alone.weight, alone.moved) == (1, 1.0)


@given(image=LLRS, video=LLRS)
def test_the_interval_holds_the_probability(image, video):
    found = judge(make_scores(video, whole=image))
    low, high = found.interval
    assert low < found.spoof_probability < high
    assert found.spoof_probability == pytest.approx(posterior(found.llr, 0.5))


def test_prior_and_cost_move_what_they_should():
    scores = make_scores(1.0, whole=1.0)
    even, rare = judge(scores), judge(scores, prior=0.01)
    assert rare.spoof_probability < even.spoof_probability
    assert (rare.verdict, rare.llr) == (even.verdict, even.llr)
    dear = judge(scores, heard(0.0, 0.0), false_alarm_cost=1000.0).operating_point
    assert dear.max_false_alarm == pytest.approx(1 / 1000)
    assert dear.threshold_llr > even.operating_point.threshold_llr
    cheap = judge(scores, false_alarm_cost=1e-6)  # a rate of 1: all that is likelier spoof stands out
    assert cheap.verdict == "spoof"
