"""Conditions of sounds and pictures: blocks do not matter, each does what its name says, the same each time."""

import io

import numpy as np
import pytest
from PIL import Image

from assay.audio.conditions import CONDITIONS, Chain, Convolved, Noise, band, level_of, room
from assay.audio.deliveries import Gain, filtered
from assay.image.conditions import CONDITIONS as PICTURES

RATE = 16_000


def sound(seconds=2.5, seed=0):
    rng = np.random.default_rng(seed)
    time = np.arange(round(seconds * RATE)) / RATE
    return (0.2 * np.sin(2 * np.pi * 440 * time) + 0.02 * rng.standard_normal(time.size)).astype(np.float32)


def in_blocks(samples, one, size):
    parts = [one.push(samples[start : start + size]) for start in range(0, samples.size, size)]
    return np.concatenate([*parts, one.finish()])


def level(samples):
    return float(np.sqrt(np.mean(np.square(samples, dtype=np.float64))))


@pytest.mark.parametrize("name", CONDITIONS)
def test_the_cut_into_blocks_does_not_matter(name):
    samples = sound()
    whole = filtered(samples, CONDITIONS[name](level(samples)))
    assert np.array_equal(in_blocks(samples, CONDITIONS[name](level(samples)), 777), whole)
    assert whole.dtype == np.float32
    assert np.isfinite(whole).all()


@pytest.mark.parametrize("name", [name for name in CONDITIONS if "cut" not in name])
def test_length_and_time_are_kept(name):
    time = np.arange(30_011) / RATE
    samples = (0.3 * np.sin(2 * np.pi * (200 + 1_500 * time) * time)).astype(np.float32)
    out = filtered(samples, CONDITIONS[name](level(samples)))
    assert abs(out.size - samples.size) <= 1
    shared = min(out.size, samples.size)
    size = 2 * shared
    product = np.fft.rfft(out[:shared], size) * np.conj(np.fft.rfft(samples[:shared], size))
    lag = int(np.argmax(np.fft.irfft(product)))
    assert min(lag, size - lag) <= 2


@pytest.mark.parametrize("name", CONDITIONS)
@pytest.mark.parametrize("count", [0, 1, 300])
def test_hardly_any_samples_go_through(name, count):
    out = filtered(sound()[:count], CONDITIONS[name](0.1))
    assert out.size <= count + 1
    assert np.isfinite(out).all()


@pytest.mark.parametrize("snr_db", [20, 10])
def test_noise_stands_at_its_distance(snr_db):
    samples = sound()
    out = filtered(samples, CONDITIONS[f"noise at {snr_db} dB"](level(samples)))
    assert 20 * np.log10(level(samples) / level(out - samples)) == pytest.approx(snr_db, abs=0.2)


def test_silence_gets_no_noise():
    silent = np.zeros(RATE, np.float32)
    assert not filtered(silent, CONDITIONS["noise at 10 dB"](level(silent))).any()


@pytest.mark.parametrize("count", [1, 100, 8_192, 8_193, 30_000])
@pytest.mark.parametrize("delay", [0, 255, 9_000])
def test_a_convolution_is_a_convolution(count, delay):
    rng = np.random.default_rng(1)
    samples, response = rng.standard_normal(count).astype(np.float32), rng.standard_normal(700)
    expected = np.convolve(samples, response)
    expected = np.pad(expected, (0, count + delay))[delay : delay + count]
    found = in_blocks(samples, Convolved(response, delay), 1_234)
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() < 1e-4


def test_a_room_decays_and_keeps_the_energy():
    response = room(0.4)
    assert response.size == round(0.4 * RATE)
    assert np.sum(response**2) == pytest.approx(1)
    early, late = response[: RATE // 10], response[-RATE // 10 :]
    assert level(late) < 0.02 * level(early)
    assert np.array_equal(room(0.4), response)


def test_a_band_lets_its_middle_through_and_little_else():
    answer = np.abs(np.fft.rfft(band(300, 3_400), RATE))
    assert answer[1_000] == pytest.approx(1, abs=0.02)
    assert answer[50] < 0.02
    assert answer[6_000] < 0.01


def test_a_replay_takes_the_highest_frequencies_away():
    rng = np.random.default_rng(2)
    samples = (0.1 * rng.standard_normal(2 * RATE)).astype(np.float32)
    out = filtered(samples, CONDITIONS["replay (loudspeaker, room, microphone)"](level(samples)))
    power = np.abs(np.fft.rfft(out)) ** 2
    edges = [round(hertz / RATE * samples.size) for hertz in (1_000, 3_000, 7_000, 8_000)]
    assert power[edges[2] : edges[3]].mean() < 0.02 * power[edges[0] : edges[1]].mean()


def test_a_chain_hands_on_what_its_parts_still_hold():
    samples = sound()
    chained = in_blocks(samples, Chain([Convolved(band(300, 3_400), 255), Gain(2.0)]), 500)
    assert np.allclose(chained, 2 * filtered(samples, Convolved(band(300, 3_400), 255)), atol=1e-6)


def test_noise_is_the_same_for_all():
    assert np.array_equal(filtered(sound(), Noise(0.1)) - sound(), filtered(sound(), Noise(0.1)) - sound())


class Made:
    notes = ()

    def blocks(self, *, channels="mix", block_s=30.0):
        yield np.full((1, 3), 0.5, np.float32)
        yield np.zeros((1, 9), np.float32)


def test_the_level_is_that_of_the_whole_recording():
    assert level_of(Made()) == pytest.approx(0.25)


def picture(height=96, width=120):
    rng = np.random.default_rng(0)
    return np.clip(rng.normal(128, 30, (height, width, 3)), 0, 255).astype(np.uint8)


def read(data):
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image.convert("RGB")), image.format


@pytest.mark.parametrize("name", PICTURES)
def test_a_condition_of_pictures_gives_a_file_and_the_same_again(name):
    data = PICTURES[name](picture())
    pixels, _ = read(data)
    assert pixels.dtype == np.uint8
    assert PICTURES[name](picture()) == data
    assert read(PICTURES[name](picture(2, 2)))[0].size


def test_conditions_of_pictures_do_what_they_say():
    pixels = picture()
    assert np.array_equal(read(PICTURES["PNG without metadata"](pixels))[0], pixels)
    assert read(PICTURES["JPEG 75"](pixels))[1] == "JPEG"
    assert read(PICTURES["WebP 75"](pixels))[1] == "WEBP"
    assert read(PICTURES["half the size"](pixels))[0].shape == (48, 60, 3)
    assert read(PICTURES["half the size, JPEG 75"](pixels))[0].shape == (48, 60, 3)
    assert read(PICTURES["half as large again"](pixels))[0].shape == (144, 180, 3)
    assert read(PICTURES["a tenth cut off all around"](pixels))[0].shape == (76, 96, 3)
    assert read(PICTURES["blur of 1.5 pixels"](pixels))[0].std() < 0.5 * pixels.std()
    noise = read(PICTURES["noise of 5 levels"](np.full((200, 200, 3), 128, np.uint8)))[0].astype(float) - 128
    assert noise.std() == pytest.approx(5, rel=0.03)
    brighter = read(PICTURES["levels times 1.2"](np.full((4, 4, 3), 100, np.uint8)))[0]
    assert (brighter == 120).all()
