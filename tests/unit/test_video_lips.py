"""Lips and sound: lips that a sound drives with a known delay, lips that know nothing of it, and who speaks when."""

import numpy as np
import pytest

from assay.errors import InvalidArray
from assay.video import Level, agreement, speaking, speech_level

RATE = 16_000
FPS = 25.0


def smooth(values, width):
    return np.convolve(values, np.hanning(width) / np.hanning(width).sum(), "same")


def syllables(seconds, seed, *, rate=100):
    """A random envelope in [0, 1] that swells a few times a second, `rate` values a second."""
    rng = np.random.default_rng(seed)
    swell = smooth(rng.standard_normal(round(seconds * rate)), 15 * rate // 100)
    return np.clip(0.5 + 0.4 * swell / swell.std(), 0, 1)


def level_of(envelope, *, noise=0.0, seed=0):
    noisy = envelope + noise * np.random.default_rng(seed).standard_normal(envelope.size)
    return Level(np.arange(envelope.size) / 100, 40 * noisy - 60)


def lips_of(envelope, *, early=0.0, fps=FPS, noise=0.0, seed=0):
    """Times, and lips that do `early` seconds before the sound what it does then."""
    seconds = envelope.size / 100
    times = np.arange(round(seconds * fps)) / fps
    opening = 0.08 * np.interp(times + early, np.arange(envelope.size) / 100, envelope)
    return times, opening + noise * np.random.default_rng(seed).standard_normal(times.size)


def voice(envelope, seed=0, *, rate=RATE):
    """Noise in the band of voices that swells with an envelope of 100 values a second."""
    noise = np.random.default_rng(seed).standard_normal(envelope.size * rate // 100)
    spectrum = np.fft.rfft(noise)
    hz = np.fft.rfftfreq(noise.size, 1 / rate)
    spectrum[(hz < 300) | (hz > 3400)] = 0
    gain = np.interp(np.arange(noise.size) / rate, np.arange(envelope.size) / 100, 10 ** (2 * envelope - 2))
    return (0.1 * gain * np.fft.irfft(spectrum, noise.size)).astype(np.float32)


# The level


@pytest.mark.parametrize("rate", [8_000, 16_000, 44_100])
def test_the_level_follows_the_sound_at_100_a_second(rate):
    envelope = syllables(4, 1)
    level = speech_level(voice(envelope, rate=rate), rate, start_s=2.0)
    assert level.times_s[0] == 2.0
    np.testing.assert_allclose(np.diff(level.times_s), 0.01)
    assert abs(level.times_s[-1] - 6.0) <= 0.01
    heard = smooth(level.level_db[:400], 11)[10:-10]
    assert np.corrcoef(heard, smooth(envelope, 11)[10:-10])[0, 1] > 0.95


def test_twice_the_sound_is_six_decibels_and_hum_is_not_heard():
    sound = voice(syllables(2, 2))
    quiet, loud = speech_level(sound, RATE), speech_level(2 * sound, RATE)
    np.testing.assert_allclose(loud.level_db - quiet.level_db, 20 * np.log10(2), atol=1e-3)
    hum = (0.5 * np.sin(2 * np.pi * 50 * np.arange(2 * RATE) / RATE)).astype(np.float32)
    tone = (0.5 * np.sin(2 * np.pi * 1000 * np.arange(2 * RATE) / RATE)).astype(np.float32)
    assert np.median(speech_level(hum, RATE).level_db) < np.median(speech_level(tone, RATE).level_db) - 40


def test_silence_has_a_level_and_odd_rates_are_refused():
    assert np.isfinite(speech_level(np.zeros(RATE, np.float32), RATE).level_db).all()
    with pytest.raises(InvalidArray, match="resample to 16000"):
        speech_level(np.zeros(100, np.float32), 11_025.0 + 0.5)
    with pytest.raises(InvalidArray, match="resample to 16000"):
        speech_level(np.zeros(100, np.float32), 4_000)


# Agreement


@pytest.mark.parametrize("late", [-0.4, -0.2, 0.0, 0.08, 0.2, 0.4])
@pytest.mark.parametrize("fps", [25.0, 29.97])
def test_the_offset_is_found_within_20_ms(late, fps):
    envelope = syllables(20, 3)
    times, opening = lips_of(envelope, early=late, fps=fps, noise=0.004)
    found = agreement(times, opening, level_of(envelope, noise=0.05))
    assert found.offset_s == pytest.approx(late, abs=0.02)
    assert found.strength > 0.8
    assert found.p == pytest.approx(1 / (found.n + 1))


def test_the_offset_is_found_from_sound_not_only_from_its_envelope():
    envelope = syllables(15, 4)
    found = agreement(*lips_of(envelope, early=0.2), speech_level(voice(envelope), RATE))
    assert found.offset_s == pytest.approx(0.2, abs=0.02)
    assert found.p == pytest.approx(1 / (found.n + 1))


def test_the_level_may_start_earlier_and_end_later_than_the_face():
    envelope = syllables(20, 5)
    times, opening = lips_of(envelope, early=0.1)
    seen = (times > 5) & (times < 15)
    found = agreement(times[seen], opening[seen], level_of(envelope))
    assert found.offset_s == pytest.approx(0.1, abs=0.02)
    assert found.seconds == pytest.approx(10, abs=0.1)


def test_holes_in_the_track_do_not_matter():
    envelope = syllables(30, 6)
    times, opening = lips_of(envelope, early=-0.2)
    seen = (times < 8) | (times > 13)
    found = agreement(times[seen], opening[seen], level_of(envelope))
    assert found.offset_s == pytest.approx(-0.2, abs=0.02)
    assert found.seconds == pytest.approx(25, abs=0.3)


@pytest.mark.parametrize("seconds", [10, 20])
def test_lips_that_know_nothing_of_the_sound_are_right_by_chance(seconds):
    values = []
    for k in range(300):
        one, other = syllables(seconds, 2 * k), syllables(seconds, 2 * k + 1)
        values.append(agreement(*lips_of(one), level_of(other)).p)
    # p is uniform on steps of 1 / (n + 1): so many lie below, within three standard deviations of 300 trials.
    steps = agreement(*lips_of(one), level_of(other)).n + 1
    for wanted in (0.1, 0.2, 0.5, 0.8):
        share = np.floor(wanted * steps) / steps
        assert abs(np.mean(np.array(values) <= wanted) - share) < 3 * np.sqrt(share * (1 - share) / 300), wanted


def test_another_recording_of_the_same_voice_is_told_from_its_own():
    envelope = syllables(20, 7)
    own = agreement(*lips_of(envelope, noise=0.02), level_of(envelope, noise=0.2))
    other = agreement(*lips_of(np.roll(envelope, 700), noise=0.02), level_of(envelope, noise=0.2))
    assert own.p < 0.05
    assert own.strength > other.strength + 0.2
    assert other.p > 0.05


def test_a_mouth_that_does_not_move_agrees_with_nothing():
    envelope = syllables(20, 8)
    times, _ = lips_of(envelope)
    found = agreement(times, np.full(times.size, 0.02), level_of(envelope))
    assert (found.strength, found.p) == (pytest.approx(0, abs=1e-6), pytest.approx(1))


@pytest.mark.parametrize("seconds", [0.02, 5.9])
def test_too_short_is_no_answer(seconds):
    envelope = syllables(20, 9)
    times, opening = lips_of(envelope)
    seen = times < seconds
    assert agreement(times[seen], opening[seen], level_of(envelope)) is None


# Who speaks


def dialogue(seed=10):
    """Two persons: the first speaks from 0 to 8 s, the second from 10 to 18 s; each is still while the other speaks."""
    first, second = syllables(20, seed), syllables(20, seed + 1)
    t = np.arange(2000) / 100
    first, second = first * (t < 8), second * ((t >= 10) & (t < 18))
    return first, second, level_of(first + second)


def covered(spans, track):
    seconds = np.zeros(200, bool)
    for span in spans:
        if span.track == track:
            seconds[round(10 * span.start_s) : round(10 * span.end_s)] = True
    return seconds


def test_who_speaks_is_told_within_half_a_second():
    first, second, level = dialogue()
    spans = speaking([(7, *lips_of(first, noise=0.001)), (9, *lips_of(second, noise=0.001, seed=1))], level)
    for track, start, stop in ((7, 0, 80), (9, 100, 180)):
        seconds = covered(spans, track)
        assert seconds[start + 5 : stop - 5].mean() > 0.9
        assert not np.delete(seconds, slice(max(start - 5, 0), stop + 5)).any()


def test_lips_that_move_without_the_sound_lose_against_those_that_move_with_it():
    envelope = syllables(20, 12)
    chewing = syllables(20, 13)
    spans = speaking([(0, *lips_of(chewing)), (1, *lips_of(envelope))], level_of(envelope))
    assert covered(spans, 1).mean() > 3 * covered(spans, 0).mean()


def test_nobody_speaks_where_no_lips_move_or_no_sound_is():
    envelope = syllables(20, 14)
    still = lips_of(np.zeros(2000), noise=0.0005)
    assert speaking([(0, *still)], level_of(envelope)) == ()
    assert speaking([(0, *lips_of(envelope))], level_of(np.zeros(2000), noise=0.01)) == ()
    assert speaking([], level_of(envelope)) == ()


def test_a_face_that_is_not_seen_does_not_speak():
    envelope = syllables(20, 15)
    times, opening = lips_of(envelope)
    seen = times > 10
    spans = speaking([(0, times[seen], opening[seen])], level_of(envelope))
    assert spans
    assert min(span.start_s for span in spans) >= 10
