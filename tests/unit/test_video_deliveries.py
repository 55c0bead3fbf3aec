"""Deliveries of pictures on made videos: what comes out when, of what size and colour, and how much is held."""

import math

import av
import movies
import numpy as np
import pytest

from assay.audio.deliveries import DELIVERIES
from assay.errors import MissingExtra
from assay.media.video_sampling import Chosen, Grid
from assay.media.videos import Frame, open_video
from assay.settings import Settings
from assay.video.deliveries import WAYS, Sent, Way

HALF = next(name for name in WAYS if "half" in name)


def frames_of(pixels, fps=25.0):
    return [Frame(k, k / fps, np.ascontiguousarray(one)) for k, one in enumerate(pixels)]


def sent(frames, way=None, fps=None):
    """What arrives, and how it was sent."""
    way = way or Way("Opus 24 kbit/s")
    how = Sent(frames, way, Chosen(Grid(0.0, fps) if fps else None, 0.0, math.inf))
    return list(how), how


@pytest.mark.parametrize("name", WAYS)
def test_frames_arrive_in_order_with_their_numbers_and_times(name):
    video = open_video(movies.video(frames=50, rate=25), settings=Settings())
    way = WAYS[name]
    given = {frame.index: frame.time_s for frame in video.frames(fps=way.fps)}
    out, _ = sent(video.frames(fps=way.fps), way)
    assert [frame.index for frame in out] == list(given)
    assert [frame.time_s for frame in out] == list(given.values())
    assert [movies.number_of(frame.pixels) for frame in out] == list(given)
    scale = 0.5 if name == HALF else 1
    assert {frame.pixels.shape for frame in out} == {(64 * scale, 128 * scale, 3)}
    assert (len(out) < 50) == (way.fps < 25)


@pytest.mark.parametrize("name", WAYS)
def test_the_sound_of_every_way_has_a_delivery(name):
    assert WAYS[name].sound in DELIVERIES
    assert WAYS[name].sound in name


def test_all_frames_are_encoded_and_those_looked_at_come_out():
    frames = frames_of([movies.numbered(k) for k in range(50)])
    out, how = sent(frames, fps=5.0)
    every, same = sent(frames)
    assert [frame.index for frame in out] == list(range(0, 50, 5))
    assert how.bits_per_pixel == same.bits_per_pixel > 0
    assert all(np.array_equal(one.pixels, every[one.index].pixels) for one in out)
    assert not out[0].pixels.flags.writeable


@pytest.mark.parametrize("colour", [(200, 40, 40), (40, 160, 60), (30, 60, 220), (128, 128, 128), (250, 250, 250)])
@pytest.mark.parametrize("size", [(96, 128), (720, 1280)])
def test_colours_stay_whatever_the_size(colour, size):
    (out,), _ = sent(frames_of([np.full((*size, 3), colour, np.uint8)]))
    assert np.abs(out.pixels.mean((0, 1)) - colour).max() < 3


def test_detail_is_lost_and_the_picture_stays():
    rng = np.random.default_rng(0)
    scene = movies.texture(1, 320, 180)
    noisy = [np.clip(scene + rng.normal(0, 4, scene.shape), 0, 255).astype(np.uint8) for _ in range(10)]
    out, how = sent(frames_of(noisy))
    last = out[-1].pixels.astype(float)
    assert 0.5 < np.abs(last - noisy[-1]).mean() < 6
    assert np.abs(np.diff(last.mean(2))).mean() < 0.7 * np.abs(np.diff(noisy[-1].mean(2))).mean()
    assert 0.005 < how.bits_per_pixel < 1


def test_the_same_comes_out_every_time():
    frames = frames_of([movies.texture(k, 160, 90) for k in range(8)])
    first, second = sent(frames)[0], sent(frames)[0]
    assert all(np.array_equal(one.pixels, other.pixels) for one, other in zip(first, second, strict=True))


@pytest.mark.parametrize("size", [(1, 1), (17, 33), (91, 161)])
@pytest.mark.parametrize("name", WAYS)
def test_any_size_passes(size, name):
    out, _ = sent(frames_of([np.full((*size, 3), 90, np.uint8)] * 3), WAYS[name])
    assert len(out) == 3
    assert all(side % 2 == 0 and side >= 16 for frame in out for side in frame.pixels.shape[:2])


def test_sizes_may_change_within_a_video():
    pixels = [movies.numbered(k, 128 if k < 5 else 256, 64 if k < 5 else 128) for k in range(10)]
    out, how = sent(frames_of(pixels))
    assert [frame.pixels.shape[1] for frame in out] == [128] * 5 + [256] * 5
    assert [movies.number_of(frame.pixels) for frame in out] == list(range(10))
    assert how.bits_per_pixel > 0


def test_no_frames_give_none():
    out, how = sent([])
    assert (out, how.bits_per_pixel) == ([], None)


def test_no_more_than_a_frame_or_two_are_held():
    taken = 0

    def drawn():
        nonlocal taken
        for frame in frames_of([movies.numbered(k) for k in range(60)]):
            taken += 1
            yield frame

    for count, _ in enumerate(Sent(drawn(), Way("Opus 24 kbit/s"), Chosen(None, 0.0, math.inf)), 1):
        assert taken <= count + 2


def test_a_lacking_encoder_is_named(monkeypatch):
    def lacking(name, mode):
        raise av.codec.codec.UnknownCodecError(name)

    monkeypatch.setattr(av.CodecContext, "create", lacking, raising=False)
    with pytest.raises(MissingExtra, match="libx264"):
        sent(frames_of([movies.numbered(0)]))
