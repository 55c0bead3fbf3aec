"""The sample video: it is what its script draws, and a close look tells what was drawn; networks say what they like."""

import numpy as np
import pytest
from video_cases import make_eyes

from assay import Detector
from assay.media.videos import open_video
from assay.settings import Settings
from assay.video.cues import find_blinks, lip_opening

MOST_BYTES = 350_000  # it is cloned by everybody


@pytest.fixture(scope="module")
def script(request):
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(request.config.rootpath / "scripts"))
        import make_sample_video

        yield make_sample_video


@pytest.fixture(scope="module")
def sample(examples):
    return examples / "talking-drawing.mp4"


@pytest.fixture(scope="module")
def seen(sample):
    """What a scan of 25 frames a second tells, and the tracks behind it."""
    detector, eyes, kept = Detector(fps=25.0), make_eyes(), []
    score = eyes.detector.score
    eyes.detector.score = lambda watched: kept.append(watched) or score(watched)
    detector._eyes = eyes
    result = detector.scan(sample)
    return result, [one.track for one in kept[0].faces]


def test_the_pictures_are_those_that_the_script_draws(sample, script):
    video, moments, behind = open_video(sample, settings=Settings()), script.moments(), script.room()
    assert (video.info.width, video.info.height, video.info.fps) == (script.WIDTH, script.HEIGHT, script.FPS)
    assert sample.stat().st_size <= MOST_BYTES
    frames = list(video.frames(fps=25 / 20))
    assert len(frames) >= 10
    for frame in frames:
        drawn = script.draw(behind, moments[frame.index]).astype(float)
        error = np.abs(frame.pixels - drawn)
        assert error.mean() < 2
        assert np.percentile(error, 99) < 12  # of a frame 0.2 s away: 19 and more
    assert sum(1 for _ in video.frames(fps=None)) == len(moments)


def test_the_sound_is_the_voice(sample, script):
    media = open_video(sample, settings=Settings()).audio()
    heard = np.concatenate([block[0] for block in media.blocks()])
    spoken, rate = script.voice()
    assert media.sample_rate_hz == rate
    assert heard.size == pytest.approx(spoken.size, abs=0.1 * rate)
    count = min(heard.size, spoken.size)
    assert np.corrcoef(heard[:count], spoken[:count])[0, 1] > 0.95


def test_a_scan_shows_one_person_from_beginning_to_end_and_the_sound(seen, script):
    result, tracks = seen
    assert (result.media, result.container, result.codec) == ("video", "mp4", "h264")
    (person,), (track,) = result.persons, tracks
    assert person.start_s == 0
    assert person.seen_s == pytest.approx(script.SECONDS, abs=0.2)
    assert len(track) >= 0.98 * len(script.moments())
    assert (track.boxes[:, 2] - track.boxes[:, 0]).min() >= 100
    assert person.stretches
    assert {part.name for part in result.fusion.parts} == {"image", "video", "audio"}
    assert 5 < result.speech_s < script.SECONDS
    assert result.not_analysed == ()


def test_blinks_are_told_when_they_were_drawn(seen, script):
    result, (track,) = seen
    assert [blink.lowest_s for blink in find_blinks(track)] == pytest.approx(script.BLINKS_S, abs=0.05)
    cues = {cue.name: cue.measured for cue in result.persons[0].cues}
    assert cues["blink_rate"]["value"] == pytest.approx(60 * len(script.BLINKS_S) / script.SECONDS, rel=0.02)
    assert cues["blink_opening_to_closing"]["value"] > 1


def test_lips_are_open_as_drawn_and_agree_with_the_voice(seen, script):
    result, (track,) = seen
    drawn = np.array([moment.mouth for moment in script.moments()])[track.frames]
    assert np.corrcoef(lip_opening(track), drawn)[0, 1] > 0.9
    (person,) = result.persons
    assert person.agreement.strength > 0.5
    assert abs(person.agreement.offset_s) < 0.08
    assert person.voice
    spoken_s = sum(span.end_s - span.start_s for span in person.speaking)
    assert spoken_s == pytest.approx(script.SECONDS - 1, abs=1)
