"""Conditions of videos on made ones: what a file holds afterwards, that nothing is left, and what is measured."""

import tempfile
from dataclasses import replace

import av
import movies
import numpy as np
import pytest
from video_cases import make_eyes

from assay import Detector
from assay.audio.deliveries import DELIVERIES, filtered
from assay.data import Trial
from assay.errors import DataError, DecodeError, MissingExtra
from assay.evaluate import ScoredTrial, scanned_conditions
from assay.media.videos import open_video
from assay.settings import Settings
from assay.video import conditions
from assay.video.conditions import CONDITIONS, Condition, add_noise, stored

BRIGHTNESS = np.array([0.2126, 0.7152, 0.0722])
ANEW = next(iter(CONDITIONS))
SOUNDS = [name for name, one in CONDITIONS.items() if not one.keeps_sound]


def opened(data, **settings):
    return open_video(data, settings=Settings(**settings))


def frames_of(video, **how):
    return list(video.frames(**{"fps": None, **how}))


def samples_of(video, channels="mix"):
    return np.concatenate(list(video.audio().blocks(channels=channels, block_s=0.7)), axis=1)


@pytest.fixture(scope="module")
def numbered():
    return movies.video(frames=30, rate=25, sound="aac")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Where temporary files go."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize("name", CONDITIONS)
def test_a_condition_gives_a_video_of_the_same_frames_and_nothing_is_left(numbered, name, folder):
    video, condition = opened(numbered), CONDITIONS[name]
    given = {frame.index: frame.time_s for frame in video.frames(fps=condition.fps)}
    with stored(video, condition) as file:
        assert file.is_file()
        found = opened(file)
        frames = frames_of(found)
        assert (found.info.codec, found.info.has_sound) == ("h264", name != "sound taken away")
        data = file.read_bytes()
    assert list(folder.iterdir()) == []
    assert [frame.time_s for frame in frames] == pytest.approx(list(given.values()), abs=0.001)
    if "cut off" not in name:  # numbers reach up to the edge
        assert [movies.number_of(frame.pixels) for frame in frames] == list(given)
    with stored(video, condition) as file:
        assert file.read_bytes() == data


def still(pixels, frames=3):
    return opened(movies.video("mkv-ffv1", [pixels] * frames, pixel_format="bgr0"))


def after(pixels, name):
    """The last frame of a still video after a condition."""
    with stored(still(pixels), CONDITIONS[name]) as file:
        return frames_of(opened(file))[-1].pixels


def test_pictures_become_what_the_names_say():
    scene = np.repeat(movies.texture(1, 320, 180)[..., :1], 3, 2)  # grey: colours are halved whatever the codec
    rng = np.random.default_rng(0)
    grain = np.clip(scene + rng.normal(0, 8, (180, 320, 1)), 0, 255).astype(np.uint8)
    assert after(scene, "half the size").shape == (90, 160, 3)
    assert after(scene, "a tenth cut off all around").shape == (144, 256, 3)
    assert np.abs(after(scene, ANEW).astype(float) - scene).mean() < 1
    losses = [np.abs(after(grain, name).astype(float) - grain).mean() for name in CONDITIONS if name.startswith("H.")]
    assert losses == sorted(losses)
    assert losses[-1] > 2 * np.abs(after(grain, ANEW).astype(float) - grain).mean()
    edge = np.zeros((64, 128, 3), np.uint8)
    edge[:, 64:] = 255
    ramp = after(edge, "blur of 1.5 pixels")[32, :, 1] / 255
    assert np.sum(np.diff(ramp) * (np.arange(127) - 63.0) ** 2) == pytest.approx(1.5**2, rel=0.25)
    assert after(np.full((32, 32, 3), 100, np.uint8), "levels times 1.2").mean() == pytest.approx(120, abs=1.5)


@pytest.mark.parametrize("size", [(96, 128), (720, 1280)])
def test_colours_stay_whatever_the_size(size):
    colour = (200, 60, 40)
    found = after(np.full((*size, 3), colour, np.uint8), ANEW)
    assert np.abs(found.mean((0, 1)) - colour).max() < 3


def test_noise_has_its_size_and_is_another_one_in_each_frame():
    grey = np.full((90, 160, 3), 128, np.uint8)
    one, other = add_noise(5.0, grey, 0), add_noise(5.0, grey, 1)
    assert one.std() == pytest.approx(5, rel=0.05)
    assert abs(np.corrcoef(one.ravel(), other.ravel())[0, 1]) < 0.05
    assert np.array_equal(add_noise(5.0, grey, 1), other)
    name = next(name for name in CONDITIONS if name.startswith("noise"))
    left = after(grey, name) @ BRIGHTNESS
    assert left.std() == pytest.approx(5 * float(np.linalg.norm(BRIGHTNESS)), rel=0.25)


def test_fewer_frames_a_second_are_fewer():
    with stored(opened(movies.video(frames=50, rate=25)), CONDITIONS["12 frames a second"]) as file:
        times = [frame.time_s for frame in frames_of(opened(file))]
    assert len(times) == 24
    assert np.diff(times).min() >= 0.04 - 1e-6


@pytest.mark.parametrize("size", [(17, 33), (91, 161)])
def test_any_size_passes(size):
    assert after(np.full((*size, 3), 90, np.uint8), "half the size").shape[0] % 2 == 0


# Sound


def test_sound_stays_to_the_last_bit(numbered):
    video = opened(numbered)
    before = samples_of(video)
    with stored(video, CONDITIONS["H.264 CRF 38"]) as file:
        assert np.array_equal(samples_of(opened(file)), before)


def test_sound_goes_through_its_codec(numbered, monkeypatch):
    video = opened(numbered)
    telephone = DELIVERIES["telephone (µ-law, 8 kHz)"]
    with stored(video, Condition(sound=telephone)) as file:
        found = samples_of(opened(file))[0]
    expected = filtered(samples_of(video)[0], telephone())
    assert np.array_equal(found, expected)
    with stored(video, CONDITIONS["sound in MP3 32 kbit/s"]) as file:
        assert not np.array_equal(samples_of(opened(file))[0], samples_of(video)[0])
    assert SOUNDS == ["sound in MP3 32 kbit/s", "sound taken away"]


class Recorded:
    """Sound of so many channels, each at a level of its own."""

    notes = ()

    def __init__(self, channels, seconds=1.3, fails_at_s=None):
        self._channels, self._blocks, self._fails_at_s = channels, seconds, fails_at_s

    def blocks(self, *, channels="mix", block_s=30.0):
        count, made = round(16_000 * self._blocks), 0
        levels = np.linspace(0.1, 0.5, self._channels, dtype=np.float32)[:, None]
        while made < count:
            if self._fails_at_s is not None and made >= 16_000 * self._fails_at_s:
                raise DecodeError("The sound breaks off.")
            size = min(5_000, count - made)
            block = np.repeat(levels, size, 1)
            yield block.mean(0, keepdims=True) if channels == "mix" else block
            made += size


@pytest.mark.parametrize("channels", [1, 2, 3, 9, 64])
def test_channels_stay_apart_where_they_are_scored_apart(numbered, channels, monkeypatch):
    video = opened(numbered)
    monkeypatch.setattr(type(video), "audio", lambda self: Recorded(channels))
    with stored(video, CONDITIONS[ANEW], channels="each") as each, stored(video, CONDITIONS[ANEW]) as mixed:
        monkeypatch.undo()
        found = samples_of(opened(each), channels="each")
        assert opened(mixed).audio().channels == 1
    assert found.shape == (channels, round(16_000 * 1.3))
    assert np.array_equal(found[:, 0], np.linspace(0.1, 0.5, channels, dtype=np.float32))


@pytest.mark.parametrize("starts_s", [-0.4, 0.0, 0.4])
def test_sound_that_begins_earlier_or_later_still_does(numbered, starts_s):
    video = opened(numbered)
    moved = replace(video, info=replace(video.info, sound_starts_s=starts_s))
    with stored(moved, CONDITIONS[ANEW]) as file:
        found = opened(file)
        assert found.info.sound_starts_s == pytest.approx(starts_s, abs=0.002)
        assert frames_of(found)[0].time_s == 0
        assert np.array_equal(samples_of(found), samples_of(video))


def test_sound_that_breaks_is_left_out(numbered, monkeypatch):
    video = opened(numbered)
    monkeypatch.setattr(type(video), "audio", lambda self: Recorded(1, fails_at_s=0.5))
    with stored(video, CONDITIONS[ANEW]) as file:
        found = opened(file)
        assert (found.info.has_sound, len(frames_of(found))) == (False, 30)


def test_where_nobody_listens_there_is_no_sound(numbered):
    with stored(opened(numbered), CONDITIONS[ANEW], silent=True) as file:
        assert not opened(file).info.has_sound


# What goes wrong


def test_nothing_is_left_when_the_video_breaks_or_the_caller_fails(numbered, folder, monkeypatch):
    video = opened(numbered)

    frames = frames_of(video)

    def breaking(self, **how):
        yield from frames[:5]
        raise DecodeError("It breaks off.")

    with monkeypatch.context() as patch:
        patch.setattr(type(video), "frames", breaking)
        with pytest.raises(DecodeError, match="breaks off"), stored(video, CONDITIONS[ANEW]):
            pytest.fail("there is no file")
    assert list(folder.iterdir()) == []
    with pytest.raises(KeyboardInterrupt), stored(video, CONDITIONS[ANEW]):
        raise KeyboardInterrupt
    assert list(folder.iterdir()) == []


def test_a_full_disk_is_told(numbered, folder, monkeypatch):
    def full(*args, **options):
        raise av.error.OSError(28, "No space left on device")

    monkeypatch.setattr(conditions, "_picture_stream", full)
    with pytest.raises(DataError, match=r"No space left on device.*TMPDIR"), stored(opened(numbered), Condition()):
        pass
    assert list(folder.iterdir()) == []


def test_a_lacking_encoder_is_named(numbered, folder, monkeypatch):
    def absent(*args, **options):
        raise av.codec.codec.UnknownCodecError("libx264")

    monkeypatch.setattr(conditions, "_picture_stream", absent)
    with pytest.raises(MissingExtra, match="libx264"), stored(opened(numbered), Condition()):
        pass


def test_no_more_than_a_few_frames_are_held(monkeypatch):
    """However long the video: what was taken is encoded before the next frame is."""
    video = opened(movies.video(frames=60, rate=25))
    encoded = []
    convert = conditions.in_yuv

    def counting(*args):
        encoded.append(len(taken))
        return convert(*args)

    taken = []
    frames = type(video).frames

    def watched(self, **how):
        for frame in frames(self, **how):
            taken.append(frame.index)
            yield frame

    monkeypatch.setattr(conditions, "in_yuv", counting)
    monkeypatch.setattr(type(video), "frames", watched)
    with stored(video, Condition()):
        pass
    assert encoded == list(range(1, 61))


# Measured by the shipped line


def test_both_keys_go_through_every_condition_of_the_same_scan(monkeypatch, tmp_path, folder):
    chosen = {name: CONDITIONS[name] for name in (ANEW, "half the size", "sound taken away")}
    monkeypatch.setattr(conditions, "CONDITIONS", chosen)
    eyes = make_eyes()
    eyes.pictures.whole_logit = lambda pixels: 3.0 if pixels.shape[1] > 200 else -3.0  # goes by size
    monkeypatch.setattr(Detector, "video_models", eyes)
    scene = [movies.texture(1, 320, 180) for _ in range(10)]
    (tmp_path / "a.mp4").write_bytes(movies.video("mp4", scene, rate=10, sound="aac"))
    (tmp_path / "b.mp4").write_bytes(movies.video("mp4", scene, rate=10))
    clean = [
        ScoredTrial(Trial("a.mp4", "bona_fide", root=tmp_path), 3.0),
        ScoredTrial(Trial("b.mp4", "spoof", root=tmp_path), 3.0),
        ScoredTrial(Trial("c.mp4", "spoof", root=tmp_path), None, reason="not_found"),
    ]
    steps = []
    found = dict(
        scanned_conditions(clean, "video", Settings(close_s=0), progress=lambda done, of: steps.append((done, of)))
    )
    assert list(found) == list(chosen)
    assert found["half the size"] == [pytest.approx(-3.0), pytest.approx(-3.0), None]
    assert found[ANEW][1] == found["sound taken away"][1] == pytest.approx(3.0)
    assert steps[-1] == (3, 3)
    assert {path.name for path in folder.iterdir()} == {"a.mp4", "b.mp4"}
