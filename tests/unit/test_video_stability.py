"""Whether a verdict on a video holds: made videos, real face finder, networks that answer by what can be worked out."""

import functools
import math

import movies
import numpy as np
import pytest
import video_cases
from PIL import Image
from video_cases import make_eyes

from assay import Detector, ScanResult
from assay.audio.deliveries import Through
from assay.errors import MissingExtra
from assay.image.detector import PictureDetector
from assay.models.registry import weights_folder
from assay.report import describe
from assay.video.deliveries import WAYS
from assay.video_stability import CUT_OUT, LONGEST_S, Rescoring, excerpt_of

RATE = 10
NAMES = list(WAYS)
HALF = next(name for name in NAMES if "half" in name)
SMALLER = 300  # pixels: the videos here are wider, half of them is not


@functools.cache
def face(side=160):
    return np.asarray(Image.open(weights_folder() / "drawn-face.png").convert("RGB").resize((side, side)))


@functools.cache
def talk(seconds=2.0, *, sound=None):
    """A drawn face that sways a little."""

    def drawn():
        for k in range(round(seconds * RATE)):
            pixels = movies.texture(7, 480, 270, cells=6) // 2 + 64
            left = 140 + round(3 * np.sin(k / 3))
            pixels[30:260, left - 25 : left + 185] = (60, 120, 200)
            pixels[60:220, left : left + 160] = face()
            yield pixels

    return movies.video("mp4", drawn(), rate=RATE, sound=sound)


@functools.cache
def scenery(*lengths):
    """No people; dark, then bright, then dark for so many seconds each."""
    levels = [40 + 100 * (k % 2) for k, seconds in enumerate(lengths) for _ in range(round(seconds * RATE))]
    texture = movies.texture(1, 320, 180) // 4
    return movies.video("mp4", [texture + np.uint8(level) for level in levels], rate=RATE)


def watching(eyes=None, *, stability=True, **settings):
    found = Detector(stability=stability, **settings)
    found._eyes = eyes or make_eyes()
    return found


def answering(whole, **eyes):
    """Eyes that answer of whole frames what a function of their pixels says."""
    made = make_eyes(**eyes)
    made.pictures.whole_logit = whole
    return made


def by_size(large, small):
    return lambda pixels: large if pixels.shape[1] > SMALLER else small


def gaps(result):
    return [gap.text for gap in result.not_analysed if gap.code == "no_stability"]


def test_a_verdict_that_holds_is_left_as_it_is():
    plain, checked = watching(stability=False).scan(talk()), watching().scan(talk())
    assert (plain.stability, gaps(plain)) == (None, [])
    assert (checked.verdict, checked.llr, checked.reasons) == (plain.verdict, plain.llr, plain.reasons)
    assert (checked.persons, checked.fusion, checked.evidence) == (plain.persons, plain.fusion, plain.evidence)
    assert checked.stability.verdict == plain.verdict == "bona_fide"
    assert [one.delivery for one in checked.stability.deliveries] == NAMES
    assert {one.verdict for one in checked.stability.deliveries} == {"bona_fide"}
    assert checked.stability.llr_spread == pytest.approx(0)
    assert gaps(checked) == []
    assert checked.timings_ms["total"] > checked.timings_ms["stability"] > 0
    assert ScanResult.model_validate_json(checked.model_dump_json()) == checked
    assert "The verdict held in all 3 other deliveries" in describe(checked)


@pytest.mark.parametrize(("large", "small", "first"), [(8.0, -4.0, "spoof"), (-4.0, 8.0, "bona_fide")])
def test_a_verdict_that_turns_round_is_inconclusive_and_names_the_delivery(large, small, first):
    found = watching(answering(by_size(large, small))).scan(scenery(2))
    assert (found.verdict, found.stability.verdict) == ("inconclusive", first)
    assert found.reasons[0].code == "unstable"
    assert HALF in found.reasons[0].text
    assert NAMES[0] not in found.reasons[0].text
    assert "as the video came" in found.reasons[0].text
    assert len(found.reasons) > 1
    assert found.llr == pytest.approx(large)
    assert found.stability.llr_spread == pytest.approx(12)
    assert "The verdict does not hold" in describe(found)


def test_evidence_that_only_gets_weak_does_not_take_a_verdict_back():
    found = watching(answering(by_size(8.0, 1.0))).scan(scenery(2))
    assert (found.verdict, found.reasons[0].code) == ("spoof", "frames_stand_out")
    assert {one.delivery: one.verdict for one in found.stability.deliveries}[HALF] == "inconclusive"


def test_nobody_stands_out_once_a_verdict_is_taken_back(monkeypatch):
    describe_faces = PictureDetector.describe

    def blind_to_small(self, pixels, faces):
        return describe_faces(self, pixels, faces) if pixels.shape[1] > SMALLER else [None] * len(faces)

    monkeypatch.setattr(PictureDetector, "describe", blind_to_small)
    eyes = functools.partial(answering, lambda pixels: -3.0, temporal=9.0, pictures=9.0)
    plain = watching(eyes(), stability=False).scan(talk())
    assert (plain.verdict, len(plain.suspicious) > 0) == ("mixed", True)
    found = watching(eyes()).scan(talk())
    assert (found.verdict, found.stability.verdict, found.suspicious) == ("inconclusive", "mixed", ())
    assert found.persons[0].llr == plain.persons[0].llr


# Which part


def test_of_a_longer_video_what_is_cut_out_is_judged_first():
    found = watching(answering(lambda pixels: 8.0)).scan(scenery(9))
    assert [one.delivery for one in found.stability.deliveries] == [CUT_OUT, *NAMES]
    assert found.verdict == "spoof"


def test_a_part_that_does_not_bear_the_verdict_out_ends_the_check():
    # The first 8 of 14 s, without a sign, are what would be sent; bright frames behind it make the verdict.
    eyes = answering(lambda pixels: 9.0 if pixels.mean() > 110 else -1.0)
    found = watching(eyes, max_false_alarm=0.2).scan(scenery(8, 6))
    assert (found.verdict, found.stability) == ("spoof", None)
    assert "from 0.0 to 8.0 s" in gaps(found)[0]
    assert "no sign of synthesis found" in gaps(found)[0]


def test_the_part_lies_around_the_most_suspicious_stretch():
    scores = video_cases.make_scores(1.0, 3.0)
    at = functools.partial(excerpt_of, scores, fps=5.0)
    assert (at(LONGEST_S).whole, at(LONGEST_S + 0.1).whole) == (True, False)
    assert at(3.0).start_s == 0
    late = video_cases.VideoScores((video_cases.make_person(3.0, 0, start_s=30.0),), -1.0, 200, 60.0)
    part = excerpt_of(late, 60.0, 5.0)
    worst = max(late.persons[0].stretches, key=lambda one: one.llr)
    assert part.end_s - part.start_s == pytest.approx(LONGEST_S)
    assert (part.start_s + part.end_s) / 2 == pytest.approx((worst.start_s + worst.end_s) / 2, abs=0.2)
    assert part.start_s * 5 == pytest.approx(round(part.start_s * 5))
    assert excerpt_of(late, 33.0, 5.0).end_s == pytest.approx(33.0, abs=0.2)


def test_without_a_scored_face_the_part_begins_with_the_first_face_or_the_video():
    unscored = video_cases.VideoScores((video_cases.make_person(None, 0, start_s=20.0),), -1.0, 200, 60.0)
    assert excerpt_of(unscored, 60.0, 5.0).start_s == 20.0
    assert excerpt_of(video_cases.VideoScores((), -1.0, 200, 60.0), 60.0, 5.0).start_s == 0


@pytest.mark.parametrize(
    ("settings", "fps"),
    [
        ({}, 5.0),
        ({"fps": 2.0}, 2.0),
        ({"fps": 25.0}, 5.0),
        ({"fps": 2.0, "deep": True}, 5.0),
        ({"num_frames": 40}, 4.0),
    ],
)
def test_no_more_frames_are_looked_at_than_the_model_knows(settings, fps):
    found = watching(**settings)
    again = Rescoring(None, found._eyes, None, found.settings, None, None, 10.0, None)
    assert again._looks_fps() == fps


# Sound


def test_the_sound_goes_through_the_codec_of_each_way_once(speech):
    import test_video_line as line

    samples, rate = speech
    found = watching()
    score, heard = found.model.score, []

    def scoring(recording, **how):
        heard.append(recording)
        return score(recording, **how)

    found.model.score = scoring
    result = found.scan(line.with_sound(samples, rate))
    assert [isinstance(one, Through) for one in heard] == [False] + [True] * len({way.sound for way in WAYS.values()})
    plain = watching(stability=False).scan(line.with_sound(samples, rate))
    assert (result.segments, result.timeline) == (plain.segments, plain.timeline)
    assert all(math.isfinite(one.llr) for one in result.stability.deliveries)


def test_sound_alone_can_turn_a_verdict_round(speech):
    import test_video_line as line

    samples, rate = speech
    found = watching()
    score = found.model.score

    def scoring(recording, **how):
        scores = score(recording, **how)
        shift = 12.0 if isinstance(recording, Through) else -12.0
        for channel in scores.channels:
            for llrs in (channel.llrs, channel.part_llrs):
                llrs[:] = np.clip(shift, -6, 9)
        return scores

    found.model.score = scoring
    result = found.scan(line.with_sound(samples, rate))
    assert (result.verdict, result.stability.verdict) == ("inconclusive", "bona_fide")
    assert all(one.verdict in ("spoof", "mixed") for one in result.stability.deliveries)


def test_without_the_encoder_the_check_is_left_out_and_says_why(monkeypatch):
    def lacking(*args):
        raise MissingExtra("FFmpeg lacks its encoder 'libx264' here.")

    monkeypatch.setattr("assay.video.deliveries._context", lacking)
    found = watching().scan(talk())
    assert (found.verdict, found.stability) == ("bona_fide", None)
    assert "libx264" in gaps(found)[0]
