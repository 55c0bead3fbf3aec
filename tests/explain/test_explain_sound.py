"""Hiding places of a recording, and what a network heard there."""

import numpy as np
import pytest

from assay.audio.detector import AudioDetector
from assay.explain.sound import Heard, explain_sound, heard_by_detector
from assay.explain.spectrogram import BINS, NYQUIST_HZ, Canvas
from assay.media import open_media
from assay.result import Segment
from assay.settings import Settings

RATE = 16_000


def level_db(samples):
    return 10 * np.log10(np.mean(np.square(samples, dtype=np.float64)) + 1e-20)


def band_db(samples, low_hz, high_hz):
    power = np.abs(np.fft.rfft(samples * np.hanning(samples.size))) ** 2
    hertz = np.fft.rfftfreq(samples.size, 1 / RATE)
    return 10 * np.log10(power[(hertz >= low_hz) & (hertz < high_hz)].sum() + 1e-20)


@pytest.fixture(scope="module")
def noise():
    return (0.1 * np.random.default_rng(1).standard_normal(4 * RATE)).astype(np.float32)


def test_outside_of_a_box_nothing_changes(noise):
    hidden = Canvas(noise).box(1.0, 2.0, 0.0, NYQUIST_HZ)
    edge = RATE // 20
    assert np.array_equal(hidden[: RATE - edge], noise[: RATE - edge])
    assert np.array_equal(hidden[2 * RATE + edge :], noise[2 * RATE + edge :])
    inside = slice(RATE + edge, 2 * RATE - edge)
    assert abs(np.corrcoef(hidden[inside], noise[inside])[0, 1]) < 0.1


def test_what_is_hidden_keeps_its_level_and_fades_without_a_click(noise):
    hidden = Canvas(noise).box(1.0, 2.0, 0.0, NYQUIST_HZ)
    for start in np.arange(0.9, 2.1, 0.05):
        part = slice(round(start * RATE), round((start + 0.05) * RATE))
        assert level_db(hidden[part]) == pytest.approx(level_db(noise[part]), abs=3)
    assert np.abs(np.diff(hidden)).max() < 1.5 * np.abs(np.diff(noise)).max()


def test_a_tone_in_a_band_becomes_noise_and_one_outside_stays():
    time = np.arange(2 * RATE) / RATE
    low, high = 0.2 * np.sin(2 * np.pi * 500 * time), 0.2 * np.sin(2 * np.pi * 5000 * time)
    hidden = Canvas((low + high).astype(np.float32)).box(0.0, 2.0, 4000.0, 6000.0)
    middle = slice(RATE // 4, -RATE // 4)
    assert np.abs(np.correlate(hidden[middle], high[middle].astype(np.float32))[0]) < 0.2 * np.sum(high[middle] ** 2)
    assert np.correlate(hidden[middle], low[middle].astype(np.float32))[0] == pytest.approx(
        np.sum(low[middle] ** 2), rel=0.02
    )
    assert band_db(hidden, 4000, 6000) == pytest.approx(band_db((low + high), 4000, 6000), abs=3)


def test_cells_of_a_grid_hide_what_boxes_hide(noise):
    canvas = Canvas(noise)
    marked = np.zeros((4, 8), bool)
    marked[1, 2] = True
    from_cells, from_box = canvas.cells(marked), canvas.box(1.0, 1.5, 2000.0, 4000.0)
    assert np.abs(from_cells - from_box).max() < 0.1 * np.abs(noise).max()
    assert np.array_equal(canvas.cells(np.zeros((4, 8), bool)), noise)


@pytest.mark.parametrize("size", [1, 100, 511, 513, 5000])
def test_any_length_and_silence_can_be_hidden(size):
    canvas = Canvas(np.zeros(size, np.float32))
    hidden = canvas.hidden(np.ones((canvas.frames, BINS), np.float32))
    assert hidden.shape == (size,)
    assert np.abs(hidden).max() < 1e-6


def ringing(samples):
    """An llr that rises with a tone of 3 kHz between 1 and 1.5 s."""
    part = samples[RATE : RATE * 3 // 2]
    time = np.arange(part.size) / RATE
    return 40.0 * float(np.abs(np.mean(part * np.exp(-2j * np.pi * 3000 * time))))


@pytest.fixture(scope="module")
def ringed(noise):
    time = np.arange(noise.size) / RATE
    tone = np.where((time >= 1) & (time < 1.5), 0.2 * np.sin(2 * np.pi * 3000 * time), 0)
    return (0.2 * noise + tone).astype(np.float32)


def test_a_sound_that_the_network_waits_for_is_found(ringed):
    found = explain_sound(Heard(ringed, 10.0, ringing))
    (when,), (what,) = found.ranges, found.bands
    assert 10.9 <= when.start_s < when.end_s <= 11.6
    assert 2500 <= what.low_hz < what.high_hz <= 3500
    assert 1.0 < when.llr <= ringing(ringed)
    assert found.faithfulness.holds
    assert found.coverage < 0.05
    values, saliency = found.saliency.values, found.saliency
    assert values.shape == (16, 16)
    row, column = np.unravel_index(values.argmax(), values.shape)
    assert (row, column // 2) in ((5, 2), (6, 2))
    assert (saliency.start_s, saliency.end_s, saliency.low_hz, saliency.high_hz) == (10.0, 14.0, 0.0, 8000.0)


def test_the_same_recording_gets_the_same_explanation_on_any_number_of_threads(ringed):
    first, second = explain_sound(Heard(ringed, 0.0, ringing)), explain_sound(Heard(ringed, 0.0, ringing, threads=4))
    assert np.array_equal(first.saliency.values, second.saliency.values)
    assert (first.ranges, first.faithfulness) == (second.ranges, second.faithfulness)


def test_a_given_map_is_tested_and_told_as_it_is(ringed):
    given = np.zeros((1, 16))
    given[0, 5] = 2.0
    found = explain_sound(Heard(ringed, 0.0, ringing), given)
    assert np.array_equal(found.saliency.values, given)
    assert found.bands == ()
    assert [(one.start_s, one.end_s) for one in found.ranges] == [(1.25, 1.5)]


@pytest.fixture(scope="module")
def detector():
    return AudioDetector("audio-resnet")


def test_what_is_explained_is_the_score_of_the_scan(detector, speech):
    samples, rate = speech
    settings = Settings()
    media = open_media((samples[: 5 * rate], rate), settings=settings)
    heard = heard_by_detector(detector, media, settings)
    scores = detector.score(media).channels[0].llrs
    assert heard.whole
    assert heard.llr(heard.samples) == pytest.approx(np.nanmean(scores), abs=1e-4)


def test_of_a_long_recording_the_stretch_with_most_evidence_is_explained(detector, speech):
    samples, rate = speech
    long = np.resize(samples, 40 * rate)
    settings = Settings()
    media = open_media((long, rate), settings=settings)
    heard = heard_by_detector(detector, media, settings)
    scores = detector.score(media).channels[0].llrs
    first, count = round(heard.start_s / 0.256), round((heard.samples.size / RATE - 4.096) / 0.256) + 1
    assert not heard.whole
    assert heard.samples.size <= 16.1 * RATE
    assert heard.llr(heard.samples) == pytest.approx(np.nanmean(scores[first : first + count]), abs=0.02)
    sums = [np.nansum(scores[k : k + count]) for k in range(scores.size - count + 1)]
    assert first == int(np.argmax(sums))


def test_of_a_part_that_stands_out_that_part_is_explained(detector, speech):
    samples, rate = speech
    long = np.resize(samples, 40 * rate)
    settings = Settings()
    media = open_media((long, rate), settings=settings)
    span = Segment(start_s=30.0, end_s=32.0, spoof_probability=0.9, llr=2.0, suspicious=True)
    heard = heard_by_detector(detector, media, settings, [span])
    parts = detector.score(media).channels[0].part_llrs
    middles = np.arange(parts.size) * 0.256 + 1.024
    assert heard.partial
    assert heard.start_s < 30 < 32 < heard.start_s + heard.samples.size / RATE
    wanted = (middles >= 30) & (middles <= 32) & ~np.isnan(parts)
    assert heard.llr(heard.samples) == pytest.approx(parts[wanted].mean(), abs=0.02)


def test_silence_has_nothing_to_explain(detector):
    settings = Settings()
    media = open_media((np.zeros(6 * RATE, np.float32), RATE), settings=settings)
    assert heard_by_detector(detector, media, settings) is None


def test_of_channels_scored_apart_the_one_with_most_evidence_is_explained(detector, speech, examples):
    import soundfile

    vocoded, rate = soundfile.read(examples / "vocoded.wav", dtype="float32")
    both = np.stack([speech[0][: vocoded.size], vocoded], axis=1)
    settings = Settings(channels="each")
    heard = heard_by_detector(detector, open_media((both, rate), settings=settings), settings)
    alone = heard_by_detector(detector, open_media((vocoded, rate), settings=settings), settings)
    assert heard.label == "channel 1"
    assert alone.label == ""
    assert heard.llr(heard.samples) == pytest.approx(alone.llr(alone.samples), abs=1e-4)
