"""Videos through the public door: made on the spot, real face finder, networks that always say the same."""

import functools
import json
import tempfile
from fractions import Fraction
from pathlib import Path

import av
import movies
import numpy as np
import pytest
import signals
import video_cases
from PIL import Image
from video_cases import Answering, make_card, make_eyes

from assay import Detector, ScanFailure, ScanResult
from assay.cli.sinks import COLUMNS, row
from assay.errors import DecodeError, ModelNotFound, SettingsError, WeightMismatch
from assay.image.detector import PictureDetector
from assay.image.faces import FaceFinder
from assay.media.videos import open_video
from assay.models.registry import model_names, weights_folder
from assay.report import describe, describe_summary, summarise
from assay.settings import Settings
from assay.video import speech_level
from assay.video.closely import Closely
from assay.video.detector import VideoDetector
from assay.video.hearing import LevelMeter
from assay.video.seeking import SeekingDetector
from assay.video_eyes import Eyes
from assay.video_line import examine
from assay.video_persons import MOST_PERSONS, compare_lips, persons_of, shown_persons
from assay.video_sound import Ear

RATE, SECONDS = 10, 3.0


@functools.cache
def face(side=140):
    drawn = Image.open(weights_folder() / "drawn-face.png").convert("RGB").resize((side, side))
    return np.asarray(drawn)


def scene(k, *, people=1, side=140, size=(270, 480)):
    """A frame in which drawn faces sway a little, each before a colour of its own."""
    pixels = movies.texture(7, size[1], size[0], cells=6) // 2 + 64
    for number in range(people):
        top, left = 60, 40 + 220 * number + round(3 * np.sin(k / 3 + number))
        pixels[max(0, top - 30) : top + side + 60, max(0, left - 25) : left + side + 25] = (60, 120, 200 - 150 * number)
        pixels[top : top + side, left : left + side] = face(side)
    return pixels


@functools.cache
def talk(people=1, *, sound="aac", seconds=SECONDS, rate=RATE, container="mp4"):
    """A video of drawn people, with a sine for a voice."""
    frames = (scene(k, people=people) for k in range(round(seconds * rate)))
    return movies.video(container, frames, rate=rate, sound=sound)


@pytest.fixture(scope="module")
def detector():
    found = Detector(jobs=1)
    found._eyes = make_eyes()
    return found


def watching(**settings):
    found = Detector(**settings)
    found._eyes = make_eyes()
    return found


def codes(result):
    return [gap.code for gap in result.not_analysed]


def finding(result, name):
    return next(one.value for one in result.findings if one.name == name)


# What a result says


def test_a_video_is_a_result_like_any_other(detector):
    found = detector.scan(talk())
    assert (found.media, found.container, found.codec) == ("video", "mp4", "h264")
    assert (found.width, found.height, found.sample_rate_hz, found.channels) == (480, 270, 16_000, 1)
    assert found.duration_s == pytest.approx(SECONDS, abs=0.05)
    assert finding(found, "frames_seen") == 30  # all ten a second, for there is a face
    assert (finding(found, "frame_rate"), finding(found, "rotation")) == (RATE, 0)
    assert 0 <= found.interval[0] <= found.spoof_probability <= found.interval[1] <= 1
    assert (found.model.name, found.verdict) == ("by-hand", "bona_fide")
    assert found.evidence
    assert found.provenance.state == "absent"
    assert ScanResult.model_validate_json(found.model_dump_json()) == found
    assert {"open", "forensics", "provenance", "watch", "sound", "network", "decide", "total"} == set(found.timings_ms)


def test_the_person_is_seen_from_first_to_last_and_has_a_score_of_each_kind(detector):
    found = detector.scan(talk())
    (person,), (shown,) = found.persons, found.faces
    assert (person.id, person.start_s) == (0, 0)
    assert person.end_s == pytest.approx(2.8)
    assert person.seen_s == pytest.approx(SECONDS)
    assert person.llr == pytest.approx(-2.0)
    assert (person.frame_llr, person.temporal_llr) == (pytest.approx(-2.0), pytest.approx(-2.0))
    assert [(one.start_s, one.end_s) for one in person.stretches] == [(0, 1.4), (0.8, 2.2)]
    assert (shown.track_id, shown.start_s, shown.end_s, shown.llr) == (0, 0, person.end_s, person.llr)
    left, top, right, bottom = shown.box
    assert 30 < left < right < 190
    assert 50 < top < bottom < 210
    assert 0 <= shown.box_s <= person.end_s


def test_parts_and_how_they_moved_the_answer_are_in_the_result(detector):
    found = detector.scan(talk(sound=None))
    assert [(one.name, one.weight) for one in found.fusion.parts] == [("image", 0.5), ("video", 0.5)]
    assert found.fusion.llr == found.llr == pytest.approx(-2.0)
    assert found.operating_point.max_false_alarm == 0.01


def test_a_face_that_stands_out_is_told_with_its_time(detector):
    eyes = make_eyes(temporal=9.0, pictures=9.0)
    eyes.pictures.whole_logit = lambda pixels: -3.0
    suspicious = Detector(jobs=1)
    suspicious._eyes = eyes
    found = suspicious.scan(talk(sound=None))
    assert (found.verdict, found.reasons[0].code) == ("mixed", "face_stands_out")
    assert [(one.start_s, one.suspicious) for one in found.suspicious] == [(0, True), (0.8, True)]
    text = describe(found)
    assert "Suspicious: 0:00–0:03." in text
    assert "1 person in it: number 0 at 0:00–0:03 (probability" in text
    assert "whole frames -3.00 (weight 0.50" in text
    assert "bona fide videos" in text
    assert row(found)[COLUMNS.index("suspicious_spans")] == "0.000-1.400 0.800-2.200"


def test_two_persons_are_two(detector):
    found = detector.scan(talk(people=2))
    assert [person.id for person in found.persons] == [0, 1] == [shown.track_id for shown in found.faces]
    first, second = (shown.box for shown in found.faces)
    assert first[2] < second[0] or second[2] < first[0]
    assert "2 persons in it" in describe(found)


def test_without_faces_whole_frames_are_judged(detector):
    found = detector.scan(movies.video(frames=[movies.texture(1, 320, 240)] * 30, rate=10))
    assert (found.persons, found.faces) == ((), ())
    assert [part.name for part in found.fusion.parts] == ["image"]
    assert "No face was followed." in describe(found)


def test_path_bytes_and_file_give_one_answer(detector, tmp_path):
    path = tmp_path / "talk.mov"
    path.write_bytes(talk())
    with path.open("rb") as file:
        found = [detector.scan(source) for source in (path, path.read_bytes(), file)]
    assert len({(one.sha256, one.llr, one.persons, one.fusion) for one in found}) == 1


# Sound


def test_a_sine_is_no_speech_and_does_not_count(detector):
    found = detector.scan(talk())
    assert "sound" in codes(found)
    assert [part.name for part in found.fusion.parts] == ["image", "video"]
    assert (found.speech_s, found.segments) == (0.0, ())


def test_no_sound_is_said(detector):
    found = detector.scan(talk(sound=None))
    assert set(codes(found)) == {"no_sound", "movement"}
    assert (found.sample_rate_hz, found.speech_s, found.timeline) == (None, None, ())


def test_speech_counts_and_is_shown_by_the_clock_of_the_frames(detector, speech):
    samples, rate = speech
    found = detector.scan(with_sound(samples, rate))
    alone = detector.scan((samples, rate))
    part = next(one for one in found.fusion.parts if one.name == "audio")
    assert part.llr == pytest.approx(alone.llr, abs=1.0)  # but for what AAC does
    assert part.weight == pytest.approx(0.2)
    assert found.speech_s == pytest.approx(alone.speech_s, abs=0.5)
    assert found.segments[-1].end_s == pytest.approx(found.duration_s, abs=0.3)


@functools.cache
def voiced(key, rate):
    """A video of one drawn person with samples, given as their bytes, for a voice."""
    samples = np.frombuffer(key, np.float32)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "made"
        with av.open(str(path), "w", format="mp4") as file:
            stream = file.add_stream("libx264", rate=RATE, options={"x264-params": "log-level=none:threads=1"})
            stream.width, stream.height, stream.pix_fmt = 480, 270, "yuv420p"
            track = file.add_stream("aac", rate=rate, layout="mono")
            for k in range(round(samples.size / rate * RATE)):
                frame = av.VideoFrame.from_ndarray(scene(k), format="rgb24")
                frame.pts, frame.time_base = k, Fraction(1, RATE)
                file.mux(stream.encode(frame))
            file.mux(stream.encode())
            signals._encode_sound(file, track, samples[:, None], rate, "mono")
        return path.read_bytes()


def with_sound(samples, rate):
    return voiced(samples.tobytes(), rate)


def test_a_container_with_nothing_but_sound_stays_a_recording(detector):
    for data in (movies.sound_only("avi"), movies.with_cover()):
        assert detector.scan(data).media == "audio"


def test_sound_that_cannot_be_decoded_does_not_lose_the_pictures(detector):
    video = open_video(talk(), settings=detector.settings)

    def broken(recording):
        raise DecodeError("'x' breaks off.")

    ear = Ear(broken, detector.model.card)
    found = examine(video, detector.video_models, ear, detector.settings, started=0.0)
    assert found.llr == pytest.approx(-2.0)
    assert "breaks off" in next(gap.text for gap in found.not_analysed if gap.code == "no_sound")


@pytest.mark.parametrize("block_s", [0.015, 0.5, 1.3, 16.0])
def test_a_level_that_is_measured_in_blocks_is_that_of_the_whole(speech, block_s):
    samples, rate = speech
    meter, step = LevelMeter(rate, start_s=0.5), round(block_s * rate)
    for first in range(0, samples.size, step):
        meter.push(samples[first : first + step])
    found, whole = meter.finish(), speech_level(samples, rate, start_s=0.5)
    np.testing.assert_allclose(found.level_db, whole.level_db, atol=1e-3)
    np.testing.assert_allclose(found.times_s, whole.times_s)
    assert LevelMeter(rate).finish() is None


# How closely it is looked at


def test_at_five_frames_a_second_movement_and_lips_are_said_to_be_left_out():
    found = watching(close_s=0).scan(talk())
    (person,) = found.persons
    assert (person.closely, person.cues, person.voice, person.agreement) == ((), (), None, None)
    assert "at least 12 are needed" in person.no_agreement
    assert "movement" in codes(found)


def test_more_frames_tell_of_movement_and_lips_and_ask_the_network_no_more_often():
    data = talk(seconds=7.0, rate=25, sound="aac")
    close, usual = watching(fps=25.0), watching()
    dense, sparse = close.scan(data), usual.scan(data)
    assert finding(dense, "frames_seen") == 175
    (person,) = dense.persons
    assert {cue.name for cue in person.cues} >= {"head_jitter", "inner_jitter"}
    assert all((cue.strength or 0) <= 0.25 for cue in person.cues)
    assert person.voice is not None
    assert person.agreement is not None
    assert person.no_agreement is None
    assert person.temporal_llr == sparse.persons[0].temporal_llr
    assert len(person.stretches) == len(sparse.persons[0].stretches)
    asked = [one._eyes.pictures._session.asked for one in (close, usual)]
    assert abs(asked[0] - asked[1]) <= 1  # whole frames are a second apart, or nearly
    assert "movement" not in codes(dense)


def test_a_deep_look_is_a_close_one():
    assert finding(watching(deep=True).scan(talk(sound=None, seconds=1.2, rate=25)), "frames_seen") == 30


def test_too_few_frames_a_second_leave_the_course_of_time_out():
    found = watching(num_frames=6).scan(talk())
    assert finding(found, "frames_seen") == 6
    assert found.persons[0].temporal_llr is None
    assert "temporal" in codes(found)
    assert found.persons[0].llr is not None


def test_too_short_a_video_is_not_judged(detector):
    found = detector.scan(talk(seconds=0.8, sound=None))
    assert (found.verdict, found.reasons[0].code) == ("inconclusive", "too_short")


def test_heavy_compression_is_not_judged(detector):
    data = movies.video(frames=[np.full((720, 1280, 3), 90, np.uint8)] * 40, rate=25, options={"crf": "50"})
    found = detector.scan(data)
    assert (found.verdict, found.reasons[0].code) == ("inconclusive", "heavy_compression")


def test_a_rotated_video_is_upright(detector):
    found = detector.scan(movies.video(frames=[movies.texture(1, 320, 240)] * 12, rate=10, rotation=90))
    assert (found.width, found.height, finding(found, "rotation")) == (240, 320, 90)


def test_of_a_crowd_the_most_suspicious_are_listed():
    scores = video_cases.make_scores(*np.linspace(-3, 3, MOST_PERSONS + 5))
    kept = [one.series.track.id for one in shown_persons(scores)]
    assert kept == list(range(5, MOST_PERSONS + 5))


@pytest.mark.parametrize("values", [{"fps": 0.0}, {"num_frames": 0}])
def test_odd_numbers_of_frames_are_refused(values):
    with pytest.raises(SettingsError, match=next(iter(values))):
        Detector(**values)


# Faces from frame to frame


def test_searching_where_faces_were_finds_what_searching_everywhere_finds():
    frames = [scene(k, people=2, side=140, size=(720, 1280)) for k in range(6)]
    seeking, thorough = FaceFinder(SeekingDetector(), irises=False), FaceFinder(irises=False)
    for pixels in frames:
        found, expected = (sorted(finder.find(pixels), key=lambda one: one.box) for finder in (seeking, thorough))
        assert len(found) == len(expected) == 2
        for one, other in zip(found, expected, strict=True):
            assert np.abs(np.subtract(one.box, other.box)).max() < 0.2 * one.width


def test_whoever_comes_into_view_is_found_soon():
    empty = scene(0, people=0, size=(720, 1280))
    seeking = FaceFinder(SeekingDetector(), irises=False)
    assert seeking.find(empty) == ()
    small = empty.copy()
    small[500:600, 900:1000] = face(100)
    assert any(seeking.find(small) for _ in range(12))
    assert seeking.find(small)


# Bad input


def test_without_the_weight_a_video_ends_in_a_named_error_and_the_rest_goes_on(tmp_path, examples):
    (tmp_path / "a.mp4").write_bytes(talk())
    (tmp_path / "b.wav").write_bytes((examples / "human.wav").read_bytes())
    first, second = Detector(video_model="no-such").scan_many([tmp_path])
    assert first.error.code == ModelNotFound.code
    assert isinstance(second, ScanResult)


def test_a_picture_model_that_the_video_model_does_not_know_is_refused(monkeypatch):
    card = make_card(features_sha256="1" * 64)
    monkeypatch.setattr("assay.video_eyes.VideoDetector", lambda *_, **__: VideoDetector("v", session=0, card=card))
    pictures = PictureDetector("picture-lite", session=Answering(0.0))
    with pytest.raises(WeightMismatch, match="another version"):
        Eyes.load(Settings(), pictures)


@pytest.mark.skipif("video-lite" not in model_names(), reason="the weight is being trained")
def test_the_packaged_weight_answers():
    found = Detector().scan(talk())
    assert found.model.name == "video-lite"
    assert found.llr is not None


def test_broken_videos_in_a_batch_are_failures_in_their_place(detector, tmp_path):
    whole = talk(sound=None)
    files = {
        "a-empty.mp4": b"",
        "b-header.mp4": whole[:40],
        "c-cut.mkv": talk(container="mkv")[:-2000],
        "d-good.mp4": whole,
        "e-text.mp4": b"no video at all",
        "f-flash.flv": b"FLV\x01" + bytes(200),
    }
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    found = list(detector.scan_many(sorted(tmp_path.iterdir())))
    assert [one.path.rpartition("/")[2] for one in found] == sorted(files)
    kinds = [one.error.code if isinstance(one, ScanFailure) else one.media for one in found]
    assert kinds == ["empty", kinds[1], "video", "video", "unsupported", "unsupported"]
    assert kinds[1] not in ("video", "audio", "image")
    assert all(one.error.message for one in found if isinstance(one, ScanFailure))


def test_folders_list_videos(detector, tmp_path):
    (tmp_path / "talk.bin").write_bytes(talk(sound=None))
    (one,) = detector.scan_many([tmp_path])
    assert one.media == "video"
    text = describe_summary(summarise([one, one]), wall_s=2.0)
    assert "0:06 of video in 2.0 s." in text


def test_a_result_of_a_video_is_json(detector):
    found = json.loads(detector.scan(talk()).model_dump_json())
    assert found["persons"][0]["id"] == found["faces"][0]["track_id"] == 0
    assert found["fusion"]["rule"] == "weighted-0.40-0.40-0.20"


def test_flagged_persons_have_suspicious_stretches():
    scores = video_cases.make_scores(3.0, -3.0)
    lips = compare_lips(scores.persons, None, Closely(5.0))
    first, second = persons_of(scores.persons, lips, flagged=frozenset({0}), prior=0.5, closely=Closely(5.0))
    assert [one.suspicious for one in first.stretches] == [True, True]
    assert not any(one.suspicious for one in second.stretches)


def test_mutants_of_videos_end_in_a_result_or_in_an_error_of_media(detector):
    rng = np.random.default_rng(5)
    ends = {"result": 0, "error": 0}
    for data in movies.seeds().values():
        for _ in range(8):
            broken = bytearray(data)
            for at in rng.integers(0, len(broken), rng.integers(1, 20)):
                broken[at] = rng.integers(256)
            cut = bytes(broken[: rng.integers(1, len(broken) + 1)])
            (outcome,) = detector.scan_many([cut], expanded=True)
            ends["error" if isinstance(outcome, ScanFailure) else "result"] += 1
    assert min(ends.values()) > 10
