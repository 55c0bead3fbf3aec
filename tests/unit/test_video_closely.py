"""A closer look at a part of a video: where it lies, what it tells, and that no score notices."""

import functools

import movies
import numpy as np
import pytest
from PIL import Image
from test_video_cues import OPEN, blinking, head, rotation
from test_video_cues import track as track_of
from video_cases import Answering, make_eyes, make_scores

from assay import Detector
from assay.errors import SettingsError
from assay.media import video_packets
from assay.media.video_sampling import Between, ChosenBetween, Grid
from assay.media.videos import open_video
from assay.models.registry import weights_folder
from assay.settings import Settings
from assay.video.closely import LOST_S, CloseLook, Closely
from assay.video.cues import all_cues, find_blinks
from assay.video.cues.series import second_differences
from assay.video.pace import CLOSE_FPS, DEEP_FPS, plan
from assay.video.seeking import SeekingDetector
from assay.video_persons import compare_lips, persons_of

RATE, SIDE = 25, 170  # of the drawn square; the face is half as wide


class Seeing(Answering):
    """A network whose answers depend on what it sees."""

    def run(self, names, feeds):
        self.asked += 1
        (values,) = feeds.values()
        means = values.reshape(len(values), -1).mean(axis=1).astype(np.float32)
        if "features" in feeds:
            return [means]
        logits = np.repeat(means[:, None] / 100 - 1, 3, axis=1)
        return [
            {"logit": logits, "features": np.outer(means, np.arange(1, 5, dtype=np.float32))}[name] for name in names
        ]


def watching(**settings):
    """A detector of a few settings whose networks answer by what they see."""
    found, eyes = Detector(**settings), make_eyes()
    eyes.pictures._session, eyes.detector._session = Seeing(0), Seeing(0)
    found._eyes = eyes
    return found


@functools.cache
def face(side=SIDE):
    drawn = Image.open(weights_folder() / "drawn-face.png").convert("RGB").resize((side, side))
    return np.asarray(drawn)


def room(seed=7):
    return movies.texture(seed, 320, 180, cells=6) // 2 + 64


def person(k, side=SIDE):
    """A drawn face that sways."""
    pixels, left = room(), 60 + round(4 * np.sin(k / 5))
    pixels[5 : 5 + side, left : left + side] = face(side)
    return pixels


@functools.cache
def video(*shots, rate=RATE, **how):
    """Shots of so many seconds: ``person`` or ``title``."""
    ends = np.cumsum([seconds for _, seconds in shots])
    frames = []
    for k in range(round(float(ends[-1]) * rate)):
        kind = shots[int(np.searchsorted(ends, k / rate, side="right"))][0]
        frames.append(person(k) if kind == "person" else room(1))
    return movies.video(frames=frames, rate=rate, gop=50, **how)


def finding(result, name):
    return next((one.value for one in result.findings if one.name == name), None)


def spans(result):
    """Of the first person, in seconds."""
    return [(one.start_s, one.end_s) for one in result.persons[0].closely]


def codes(result):
    return [gap.code for gap in result.not_analysed]


# What is told


def test_with_default_settings_blinks_lips_and_voice_are_told(examples):
    found = watching().scan(examples / "talking-drawing.mp4")
    (one,) = found.persons
    cues = {cue.name: cue.measured["value"] for cue in one.cues}
    assert cues["blink_rate"] == pytest.approx(60 * 4 / 8.2, rel=0.02)
    assert {"blink_width", "blink_opening_to_closing"} < set(cues)
    assert one.agreement.strength > 0.5
    assert abs(one.agreement.offset_s) < 0.08
    assert one.voice
    assert spans(found) == [(0, pytest.approx(8.2, abs=0.1))]
    assert finding(found, "close_look") == pytest.approx(8.2, abs=0.1)
    assert found.not_analysed == ()


def test_outside_the_close_stretch_nobody_is_called_silent(examples):
    found = watching(close_s=4.0).scan(examples / "talking-drawing.mp4")
    (one,) = found.persons
    assert one.voice
    assert max(span.end_s for span in one.speaking) <= spans(found)[-1][1] == pytest.approx(4, abs=0.1)
    assert "seen closely for 4" in one.no_agreement
    assert "no face was looked at closely for more than 4.0 s; blinks need 8" in next(
        gap.text for gap in found.not_analysed if gap.code == "movement"
    )
    quiet = video(("person", 7.0), sound="aac")  # a sine moves no lips
    assert watching().scan(quiet).persons[0].voice is False
    assert watching(close_s=6.2).scan(quiet).persons[0].voice is None


def test_who_is_not_in_the_close_stretch_has_neither_cues_nor_voice():
    scores = make_scores(-1.0).persons  # seen for the first four seconds
    closely = Closely(15.0, ((10.0, 22.0),))
    (one,) = persons_of(scores, compare_lips(scores, None, closely), flagged=frozenset(), prior=0.5, closely=closely)
    assert (one.closely, one.cues, one.speaking, one.voice, one.agreement) == ((), (), (), None, None)


# Scores


@pytest.mark.parametrize("settings", [{}, {"fps": 3.0}, {"deep": True}, {"fps": 10.0}])
def test_no_score_notices_a_closer_look(settings):
    data = video(("title", 0.6), ("person", 4.0), ("title", 1.0), ("person", 2.0), sound="aac")
    usual = {name: value for name, value in settings.items() if name != "deep"}
    off, on = watching(**usual, close_s=0), watching(**settings, close_s=3.0)
    plain, close = off.scan(data), on.scan(data)
    assert finding(close, "frames_seen") > finding(plain, "frames_seen") + 10
    assert plain.persons
    assert (close.llr, close.fusion, close.faces) == (plain.llr, plain.fusion, plain.faces)
    seen = [
        [
            one.model_dump(exclude={"closely", "cues", "speaking", "voice", "agreement", "no_agreement"})
            for one in persons
        ]
        for persons in (plain.persons, close.persons)
    ]
    assert seen[0] == seen[1]
    asked = [one._eyes.pictures._session.asked for one in (off, on)]
    assert asked[0] == asked[1]


def test_a_closer_look_shows_more_frames_and_no_new_persons():
    found = watching().scan(video(("person", 3.0)))
    assert len(found.persons) == 1
    assert finding(found, "frames_seen") == pytest.approx(45, abs=2)


def test_landmarks_take_memory_only_where_faces_are_looked_at_closely():
    detector, kept = watching(close_s=1.0), []
    score = detector._eyes.detector.score
    detector._eyes.detector.score = lambda watched: kept.append(watched) or score(watched)
    detector.scan(video(("person", 4.0)))
    (series,) = kept[0].faces
    assert series.track.landmarks.shape == (20, 468, 3)
    assert np.isnan(series.track.landmarks).all()
    assert series.track.landmarks.strides[0] == 0  # one row for all
    assert len(series.close.times_s) == pytest.approx(16, abs=1)
    assert not np.isnan(series.close.landmarks).any()


# Where it lies


def test_a_title_card_wastes_nothing():
    found = watching(close_s=2.0).scan(video(("title", 3.0), ("person", 4.0)))
    ((start, end),) = spans(found)
    assert start == pytest.approx(3.0, abs=0.2)
    assert end - start == pytest.approx(2.0, abs=0.1)


def test_the_seconds_wait_while_nobody_is_there():
    found = watching(close_s=3.0).scan(video(("person", 1.4), ("title", 3.0), ("person", 4.0)))
    looked = spans(found)
    assert [round(start) for start, _ in looked] == [0, 4]
    assert sum(end - start for start, end in looked) == pytest.approx(3.0 - LOST_S, abs=0.25)
    assert finding(found, "close_look") == pytest.approx(3.0, abs=0.1)


def test_small_faces_are_looked_at_closely_only_where_everything_is():
    def small(k):
        pixels = room()
        pixels[40:140, 100:200] = face(100)
        return pixels

    data = movies.video(frames=[small(k) for k in range(40)])
    for settings, seconds in (({}, 0), ({"deep": True}, pytest.approx(1.6, abs=0.1))):
        found = watching(**settings).scan(data)
        assert found.persons
        assert finding(found, "close_look") == seconds
    assert "No face was large enough" in watching().scan(data).persons[0].no_agreement


def test_settings_turn_it_off():
    data = video(("person", 3.0))
    for settings, frames in (({"close_s": 0}, 15), ({"num_frames": 6}, 6), ({"fps": 12.5}, 38), ({"fps": 1.0}, 3)):
        found = watching(**settings).scan(data)
        assert finding(found, "frames_seen") == frames
        assert finding(found, "close_look") is None
    with pytest.raises(SettingsError, match="close_s"):
        Detector(close_s=-1.0)


def test_a_video_of_few_frames_a_second_is_looked_at_as_it_is():
    found = watching().scan(video(("person", 3.0), rate=5))
    assert finding(found, "frames_seen") == 15
    assert finding(found, "close_look") is None
    assert "movement" in codes(found)


def test_a_phone_that_turns_and_leaves_out_frames_is_looked_at_closely_too():
    rng = np.random.default_rng(3)
    times = np.cumsum(rng.choice([33, 33, 33, 67], 220))
    frames = [np.rot90(person(k)) for k in range(len(times))]  # stored lying, shown upright
    data = movies.video(frames=frames, times=list(times - times[0]), rotation=90)
    found = watching().scan(data)
    assert (found.width, found.height) == (320, 180)
    ((start, end),) = spans(found)
    assert (start, end) == (0, pytest.approx(found.duration_s, abs=0.2))
    assert "blink_rate" in {cue.name for cue in found.persons[0].cues}


# Which frames


@pytest.mark.parametrize(
    ("rate", "most_fps", "steps"),
    [(24, DEEP_FPS, {1}), (25, DEEP_FPS, {1}), (30, DEEP_FPS, {1}), (30, CLOSE_FPS, {2}), (60, DEEP_FPS, {2}),
     (60, CLOSE_FPS, {4}), (50, DEEP_FPS, {2}), (25, CLOSE_FPS, {1, 2})],
)  # fmt: skip
def test_frames_between_are_evenly_spread(rate, most_fps, steps):
    between = Between(most_fps)
    between.wanted = True
    chosen = ChosenBetween(Grid(0.0, 5.0), 0.0, 99.0, between, foreseen=False)
    taken = [k for k in range(10 * rate) if chosen.takes(k / rate)]
    assert set(np.diff(taken).tolist()) == steps


@pytest.mark.parametrize("frames", [1, 1000])
def test_what_is_chosen_does_not_depend_on_how_far_ahead_packets_are_read(monkeypatch, frames):
    monkeypatch.setattr(video_packets, "_MOST_PACKETS", frames)  # 1: every packet is decoded as it comes
    opened = open_video(video(("person", 6.0)), settings=Settings())

    def chosen(between):
        for frame in opened.frames(fps=5.0, between=between):
            between.wanted = 1.0 <= frame.time_s < 3.0
            between.over = frame.time_s >= 3.0
            yield frame.index

    expected = [k for k in range(150) if k % 5 == 0 or (25 < k < 76 and (k % 10) in (2, 4, 7, 9))]
    assert list(chosen(Between(CLOSE_FPS))) == expected


def test_once_it_is_over_frames_nobody_needs_are_not_decoded(monkeypatch):
    opened, looked = open_video(video(("title", 10.0)), settings=Settings()), {}
    for over in (False, True):
        between = Between(CLOSE_FPS)
        between.over, looked[over] = over, []
        monkeypatch.setattr(video_packets.Feed, "appeared", lambda *_, over=over: looked[over].append(1))
        list(opened.frames(fps=5.0, between=between))
    assert len(looked[False]) > 1.3 * len(looked[True])


def test_a_face_that_turns_away_for_a_moment_is_waited_for():
    class Seen:
        width = 100.0

    between = Between(CLOSE_FPS)
    look = CloseLook(between, 10.0)
    wanted = []
    for time_s in np.arange(0, 4, 0.1):
        look.saw(time_s, [] if 1.05 < time_s < 1.35 or time_s > 2.05 else [Seen()])
        wanted.append(between.wanted)
    assert wanted == [time_s <= 2.05 + LOST_S for time_s in np.arange(0, 4, 0.1)]
    ((start, end),) = look.told().spans
    assert (start, end) == (0, pytest.approx(2.6))
    assert look.told().fps == pytest.approx(10)


def test_in_between_nobody_new_is_searched_for():
    seeking = SeekingDetector()
    pixels = movies.texture(1, 1280, 720)
    seeking.detect(pixels)
    asked = []
    seeking._tile = lambda *_: asked.append(1) or []
    seeking.newcomers = False
    seeking.detect(pixels)
    assert asked == []


def test_a_plan_says_what_is_needed():
    info = open_video(video(("person", 3.0)), settings=Settings()).info
    assert plan(info, Settings(), 5.0).seconds == 12.0
    assert plan(info, Settings(fps=12.5), 5.0).between is None
    assert plan(info, Settings(fps=12.5), 5.0).scored_fps == 5.0
    assert plan(info, Settings(deep=True, close_s=0), 5.0).between.step_s == 1 / DEEP_FPS
    assert not plan(info, Settings(num_frames=9), 5.0).eyes


# Series whose steps differ


def test_blinks_are_counted_where_a_frame_is_missing_now_and_then():
    times = np.arange(300) / 30
    opening = blinking(times, [1.0, 2.5, 4.0, 5.5, 7.0], 0.1, 0.2)
    thinned = track_of(head(300, opening=opening)[0], fps=30.0, keep=np.arange(300) % 6 != 3)  # 25 a second of 30
    assert len(find_blinks(thinned)) == 5
    assert thinned.seen_s == pytest.approx(10, abs=0.1)
    assert list(thinned.runs()) == [slice(0, 250)]


def test_motion_is_not_shaking_where_a_frame_is_missing():
    turned = rotation(np.linspace(-20, 20, 300), 0, 0)  # evenly
    seen = track_of(head(300, opening=OPEN)[0], fps=30.0, turned=turned, keep=np.arange(300) % 6 != 3)
    jitter = {cue.name: cue.value for cue in all_cues(seen)}["head_jitter"]
    assert jitter < 0.01
    assert len(second_differences(seen, np.zeros((len(seen), 1)))) == pytest.approx(0.6 * len(seen), abs=3)
