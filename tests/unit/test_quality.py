"""Quality figures: hand-computed levels, and that gain and cutting change what they should and nothing else."""

import numpy as np
import pytest
import soxr
from hypothesis import given
from hypothesis import strategies as st

from assay.audio.quality import QualityMeter
from assay.audio.speech import CHUNK, SAMPLE_RATE_HZ

RNG = np.random.default_rng(3)
NOISE = (0.05 * RNG.standard_normal(2 * SAMPLE_RATE_HZ)).astype(np.float32)


def measure(samples, speech=None, *, blocks=()):
    meter = QualityMeter()
    for block in np.split(samples, np.minimum(np.cumsum(blocks, dtype=int), samples.size)):
        meter.push(block)
    chunks = -(-samples.size // CHUNK)
    return meter.finish(np.ones(chunks, bool) if speech is None else speech)


def sine(level, hz=1_000, seconds=1.0):
    time = np.arange(round(seconds * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    return (level * np.sin(2 * np.pi * hz * time)).astype(np.float32)


@pytest.mark.parametrize(("level", "expected_db"), [(1.0, -3.01), (0.5, -9.03), (0.001, -63.01)])
def test_the_level_of_a_sine_is_its_rms(level, expected_db):
    assert measure(sine(level)).level_db == pytest.approx(expected_db, abs=0.05)


def test_the_level_is_that_of_speech_alone():
    loud, quiet = sine(0.5, seconds=1.024), sine(0.005, seconds=1.024)
    speech = np.arange(64) < 32
    found = measure(np.concatenate([loud, quiet]), speech)
    assert found.level_db == pytest.approx(-9.03, abs=0.05)
    assert found.snr_db == pytest.approx(40.0, abs=0.1)


@given(st.lists(st.integers(0, 9_000), max_size=8))
def test_cutting_changes_nothing(blocks):
    assert vars(measure(NOISE, blocks=blocks)) == pytest.approx(vars(measure(NOISE)), rel=1e-5)


@pytest.mark.parametrize("gain_db", [-24, -12, 6])
def test_gain_moves_the_level_and_neither_distance_nor_band(gain_db):
    samples = np.concatenate([NOISE, 0.1 * NOISE]).astype(np.float32)
    before, after = measure(samples), measure((samples * 10 ** (gain_db / 20)).astype(np.float32))
    assert after.level_db - before.level_db == pytest.approx(gain_db, abs=0.01)
    assert after.snr_db == pytest.approx(before.snr_db, abs=0.01)
    assert after.bandwidth_hz == before.bandwidth_hz


@pytest.mark.parametrize("limit_hz", [1_500, 2_000, 4_000])
def test_a_band_limit_is_found(limit_hz, speech):
    samples, rate = speech
    narrow = soxr.resample(soxr.resample(samples, rate, 2 * limit_hz), 2 * limit_hz, rate)
    assert 0.8 * limit_hz <= measure(narrow).bandwidth_hz <= limit_hz
    assert measure(samples).bandwidth_hz > 5_000


def test_every_second_of_real_speech_has_its_band(speech):
    # Vowels hold little power above 2.5 kHz; that is no band limit.
    samples, rate = speech
    found = [measure(samples[first : first + rate]).bandwidth_hz for first in range(0, samples.size - rate, rate)]
    assert min(found) > 2_500


def test_hum_and_offset_do_not_hide_the_band(speech):
    samples, _ = speech
    hum = 0.3 + sine(0.3, hz=50, seconds=samples.size / SAMPLE_RATE_HZ)[: samples.size]
    assert measure(samples + hum).bandwidth_hz == pytest.approx(measure(samples).bandwidth_hz, abs=500)


def test_shares_are_counted():
    samples = np.zeros(100 * CHUNK, np.float32)
    samples[: 10 * CHUNK] = 1.0
    samples[10 * CHUNK : 30 * CHUNK] = 0.5
    found = measure(samples)
    assert found.clipped == pytest.approx(0.1)
    assert found.silent == pytest.approx(0.7)


@pytest.mark.parametrize("sign", [-1, 1])
def test_both_signs_clip(sign):
    assert measure(np.full(CHUNK, sign, np.float32)).clipped == 1.0


@pytest.mark.parametrize("size", [0, 1, CHUNK - 1])
def test_less_than_a_chunk_is_silent_and_without_speech(size):
    found = measure(np.full(size, 0.1, np.float32))
    assert (found.silent, found.bandwidth_hz) == (1.0, 0.0)
    assert found.level_db == -np.inf


def test_nobody_speaking_has_no_level():
    assert measure(NOISE, np.zeros(63, bool)).level_db == -np.inf


def test_silence_is_silent():
    found = measure(np.zeros(SAMPLE_RATE_HZ, np.float32))
    assert (found.silent, found.clipped, found.bandwidth_hz) == (1.0, 0.0, 0.0)


def test_absurdly_large_samples_stay_finite():
    found = measure(np.full(SAMPLE_RATE_HZ, 2.0**31, np.float32) * np.sign(NOISE[:SAMPLE_RATE_HZ]))
    assert np.isfinite([found.level_db, found.snr_db, found.bandwidth_hz]).all()
    assert found.clipped == 1.0
