"""From looks at a picture to a verdict, with scores that are made up and the packaged card."""

import dataclasses

import pytest

from assay.image.detector import LookScore, PictureScores, fused
from assay.image.looks import Square
from assay.models import picture_card
from assay.picture_policy import MAX_FLAT, MIN_QUALITY, decide_picture
from assay.settings import load_settings

SQUARE = Square(0, 0, 224)


@pytest.fixture(scope="module")
def card():
    return picture_card("picture-lite")


def scores(llr, *, faces=(), detail=5.0, flat=0.05):
    looks = [LookScore("face", SQUARE, one, one, place) for place, one in enumerate(faces)]
    return PictureScores((*looks, LookScore("whole", SQUARE, 0.0, 0.0)), llr, detail, flat, ())


def judge(card, given, quality=None, **settings):
    return decide_picture(given, card, load_settings(**settings), quality=quality)


def test_thresholds_part_the_verdicts(card):
    point = judge(card, scores(0.0)).operating_point
    found = [
        judge(card, scores(llr)).verdict
        for llr in (point.threshold_llr, point.threshold_llr - 0.01, point.bona_fide_below_llr)
    ]
    assert found == ["spoof", "inconclusive", "bona_fide"]
    assert point.threshold_llr == pytest.approx(card.decision.file.threshold(0.01))


def test_faces_take_half_of_the_accepted_rate(card):
    with_face = judge(card, scores(0.0, faces=[0.0])).operating_point
    assert with_face.threshold_llr == pytest.approx(card.decision.file.threshold(0.005))


def test_a_face_stands_out_by_itself_and_less_so_in_a_crowd(card):
    one = card.decision.face.threshold(0.004)
    alone, crowd = judge(card, scores(-2.0, faces=[one])), judge(card, scores(-2.0, faces=[one] + [-2.0] * 9))
    assert (alone.verdict, alone.reasons[0].code, alone.llr) == ("mixed", "face_stands_out", pytest.approx(one))
    assert crowd.verdict == "bona_fide"


@pytest.mark.parametrize(
    ("given", "quality", "code"),
    [
        (scores(9.0, detail=0.1), None, "no_detail"),
        (scores(9.0, flat=MAX_FLAT + 0.01), None, "graphic"),
        (scores(9.0), MIN_QUALITY - 1, "heavy_compression"),
    ],
)
def test_what_lies_outside_is_not_judged_and_still_scored(card, given, quality, code):
    found = judge(card, given, quality)
    assert (found.verdict, found.llr, [reason.code for reason in found.reasons]) == ("inconclusive", 9.0, [code])
    assert found.spoof_probability > 0.9


def test_a_file_that_names_its_generator_is_not_called_free_of_signs(card):
    low, high = (decide_picture(scores(llr), card, load_settings(), quality=None, declared=True) for llr in (-3.0, 9.0))
    assert (low.verdict, low.llr, low.reasons[0].code) == ("inconclusive", -3.0, "declared_synthetic")
    assert high.verdict == "spoof"


def test_nothing_to_look_at(card):
    found = judge(card, PictureScores((), None, 0.0, 1.0, ()))
    assert (found.verdict, found.llr, found.interval) == ("inconclusive", None, None)
    assert found.reasons[0].code == "too_small"


def test_prior_and_cost_move_what_they_should(card):
    even, rare = (judge(card, scores(1.0), prior=prior) for prior in (0.5, 0.01))
    assert rare.spoof_probability < even.spoof_probability
    assert rare.verdict == even.verdict
    dear = judge(card, scores(1.0), false_alarm_cost=1000.0).operating_point
    assert dear.threshold_llr > even.operating_point.threshold_llr


def test_a_picture_counts_each_look_once_however_many_there_are(card):
    one = (LookScore("piece", SQUARE, 1.0, 1.0),)
    assert fused(one, card) == pytest.approx(fused(one * 5, card))
    whole = (LookScore("whole", SQUARE, 1.0, 1.0),)
    assert fused((*one, *whole), card) > fused(one, card)


def test_a_card_without_faces_has_no_second_question(card):
    blind = card.model_copy(update={"decision": card.decision.model_copy(update={"face": None})})
    assert judge(blind, scores(-2.0, faces=[5.0])).verdict == "bona_fide"


def test_scores_by_look():
    given = scores(0.0, faces=[1.0, 2.0])
    assert [one.llr for one in given.of("face")] == [1.0, 2.0]
    assert dataclasses.replace(given, looks=()).of("face") == ()
