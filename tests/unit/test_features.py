"""Features: numbers worked out by hand, and relations that must hold whatever librosa does."""

import logging

import numpy as np
import pytest
import scipy.fft
import scipy.signal

from assay.audio import features
from assay.audio.features import spectra
from assay.errors import InvalidArray, SettingsError

RATE = 16_000


def sine(hz, seconds=1.0, rate=RATE):
    return np.sin(2 * np.pi * hz * np.arange(int(seconds * rate)) / rate).astype(np.float32)


def noise(seconds=1.0):
    return np.random.default_rng(0).normal(0, 0.1, int(seconds * RATE)).astype(np.float32)


EVERY_FEATURE = [
    features.log_mel,
    features.mfcc,
    features.lfcc,
    features.chroma,
    features.spectral_centroid,
    lambda samples, rate: features.stft(samples),
]


def test_window_is_a_periodic_hann():
    assert spectra.hann_window(4).tolist() == [0, 0.5, 1, 0.5]


def test_cosine_on_a_bin_gives_a_quarter_of_the_frame_and_minus_an_eighth_beside_it():
    # Hann is 1/2 - 1/4 (e^iθ + e^-iθ): a cosine on bin 8 of 64 gives 64/4 there and -64/8 on both sides
    cosine = np.cos(2 * np.pi * 8 * np.arange(640) / 64).astype(np.float32)
    frame = features.stft(cosine, n_fft=64, hop=64)[:, 5]
    expected = np.zeros(33)
    expected[7:10] = -8, 16, -8
    assert np.allclose(frame, expected, atol=1e-5)


def test_frame_is_centred_on_its_sample():
    click = np.zeros(1_000, np.float32)
    click[500] = 1
    loudness = np.abs(features.stft(click, n_fft=128, hop=50)).sum(axis=0)
    assert loudness.argmax() == 10


@pytest.mark.parametrize(("samples", "frames"), [(1, 1), (99, 1), (100, 2), (1_000, 11)])
def test_frames_are_one_more_than_whole_hops(samples, frames):
    assert features.stft(np.ones(samples, np.float32), n_fft=64, hop=100).shape == (33, frames)


def test_answer_does_not_depend_on_the_size_of_the_blocks(monkeypatch):
    expected = [feature(noise(), RATE) for feature in EVERY_FEATURE]
    monkeypatch.setattr(spectra, "BLOCK_SAMPLES", 3 * 2048)
    for feature, answer in zip(EVERY_FEATURE, expected, strict=True):
        assert np.allclose(feature(noise(), RATE), answer, rtol=1e-4, atol=1e-4)


def test_linear_filters_are_triangles_that_add_up_to_one_between_the_outer_peaks():
    bank = features.linear_filter_bank(8_000, n_fft=80, n_filters=3)  # bins each 100 Hz, peaks at 1, 2, 3 kHz
    assert bank.argmax(axis=1).tolist() == [10, 20, 30]
    assert bank[1, [10, 15, 20, 25, 30]] == pytest.approx([0, 0.5, 1, 0.5, 0], abs=1e-6)
    assert np.allclose(bank[:, 10:31].sum(axis=0), 1)


def test_htk_filters_peak_where_the_formula_says():
    # four filters up to 8 kHz: 2595 log10(1 + 8000/700) = 2840.02 mel, peaks at its fifths
    bank = features.mel_filter_bank(RATE, n_fft=16_000, n_mels=4, htk=True, norm=None)
    peaks = [700 * (10 ** (2840.0230 * i / 5 / 2595) - 1) for i in range(1, 5)]
    assert bank.argmax(axis=1) == pytest.approx(peaks, abs=0.51)


def test_slaney_filters_have_the_area_one():
    bank = features.mel_filter_bank(RATE, n_fft=16_000, n_mels=20)  # bins of 1 Hz
    assert np.allclose(bank.sum(axis=1), 1, atol=1e-3)


def test_filter_between_two_bins_is_reported(caplog):
    with caplog.at_level(logging.WARNING, logger="assay.audio.features"):
        features.mel_filter_bank(RATE, n_fft=256, n_mels=128)
    assert "lie between two bins" in caplog.text


def test_bank_is_shared_and_cannot_be_written():
    bank = features.mel_filter_bank(RATE)
    assert features.mel_filter_bank(RATE) is bank
    with pytest.raises(ValueError, match="read-only"):
        bank[0, 0] = 1


def test_half_the_amplitude_is_six_decibels_less():
    loud, soft = (features.log_mel(gain * noise(), RATE) for gain in (1, 0.5))
    assert np.allclose(loud - soft, 6.0206, atol=1e-3)


def test_silence_is_the_floor_of_minus_a_hundred_decibels():
    assert np.allclose(features.log_mel(np.zeros(RATE, np.float32), RATE), -100, rtol=0, atol=1e-4)


def test_log_mel_spans_no_more_than_the_decibels_asked_for():
    level = features.log_mel(sine(440), RATE, top_db=40)
    assert np.ptp(level) == pytest.approx(40, abs=1e-4)


def test_mfcc_is_the_cosine_transform_of_log_mel():
    level = features.log_mel(noise(), RATE)
    expected = scipy.fft.dct(level.astype(float), axis=0, norm="ortho")[:13]
    assert np.allclose(features.mfcc(noise(), RATE), expected, atol=1e-3)


def test_only_the_first_mfcc_knows_the_gain():
    loud, soft = (features.mfcc(gain * noise(), RATE) for gain in (1, 0.5))
    assert np.allclose((loud - soft)[0], 6.0206 * np.sqrt(128), atol=1e-2)
    assert np.allclose((loud - soft)[1:], 0, atol=1e-2)


def test_lfcc_agrees_with_another_formulation():
    """The bands summed bin by bin, over scipy's spectrum, then scipy's DCT."""
    n_fft, hop, filters = 512, 160, 20
    window = scipy.signal.get_window("hann", n_fft)
    padded = np.pad(noise().astype(float), n_fft // 2)
    starts = range(0, padded.size - n_fft + 1, hop)
    power = np.array([np.abs(np.fft.rfft(padded[s : s + n_fft] * window)) ** 2 for s in starts])
    spacing = RATE / 2 / (filters + 1)
    bands = np.zeros((len(power), filters))
    for band in range(filters):
        for k in range(n_fft // 2 + 1):
            bands[:, band] += power[:, k] * max(0.0, 1 - abs(k * RATE / n_fft / spacing - (band + 1)))
    level = 10 * np.log10(np.maximum(bands, 1e-10))
    level = np.maximum(level, level.max() - 80)
    expected = scipy.fft.dct(level, axis=1, norm="ortho").T
    ours = features.lfcc(noise(), RATE, n_lfcc=20, n_filters=20, n_fft=n_fft, hop=hop)
    np.testing.assert_allclose(ours, expected, rtol=1e-5, atol=5e-4)


def test_delta_of_a_ramp_is_its_slope_everywhere():
    ramp = 3 * np.arange(20, dtype=np.float32)[None] + 7
    assert np.allclose(features.deltas(ramp), 3, atol=1e-5)
    assert np.allclose(features.deltas(ramp, order=2), 0, atol=1e-5)


def test_second_delta_of_a_parabola_is_its_curvature_everywhere():
    parabola = 0.5 * np.arange(20, dtype=np.float32)[None] ** 2
    assert np.allclose(features.deltas(parabola, order=2), 1, atol=1e-5)


def test_delta_of_three_frames_is_half_the_difference_of_the_neighbours():
    row = np.array([[0, 4, 2, 8]], np.float32)
    assert features.deltas(row, width=3).tolist() == [[1, 1, 2, 2]]


def test_tone_has_its_pitch_class_and_its_octave_has_the_same():
    for hz, pitch_class in [(440, 9), (880, 9), (261.63, 0), (523.25, 0)]:
        assert features.chroma(sine(hz), RATE)[:, 16].argmax() == pitch_class


def test_chroma_is_one_for_the_strongest_class_and_zero_in_silence():
    strength = features.chroma(np.concatenate([noise(), np.zeros(RATE, np.float32)]), RATE)
    assert np.allclose(strength[:, :25].max(axis=0), 1)
    assert np.all(strength[:, 40:] == 0)


def test_centroid_of_a_tone_is_its_frequency():
    assert features.spectral_centroid(sine(1_000), RATE)[0, 16] == pytest.approx(1_000, abs=1)


def test_centroid_ignores_the_gain_and_silence_has_none():
    loud, soft = (features.spectral_centroid(gain * noise(), RATE) for gain in (1, 0.5))
    assert np.allclose(loud, soft, rtol=1e-5)
    assert np.all(features.spectral_centroid(np.zeros(RATE, np.float32), RATE) == 0)


@pytest.mark.parametrize("feature", EVERY_FEATURE)
def test_doubles_give_what_floats_give(feature):
    assert np.array_equal(feature(noise().astype(np.float64), RATE), feature(noise(), RATE))


@pytest.mark.parametrize("feature", EVERY_FEATURE)
@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (np.zeros((2, 100), np.float32), "one channel"),
        (np.zeros(100, np.int16), "int16"),
        ([0.0, 0.1], "list"),
        (np.zeros(0, np.float32), "empty"),
        (np.array([0, np.nan]), "Sample 1 is nan"),
        (np.array([np.inf, 0]), "Sample 0 is inf"),
        (np.array([0, 0, 1e300]), "Sample 2 is inf"),
    ],
)
def test_anything_but_a_row_of_finite_floats_is_an_error(feature, wrong, message):
    with pytest.raises(InvalidArray, match=message):
        feature(wrong, RATE)


@pytest.mark.parametrize("rate", [0, -1, float("nan"), float("inf")])
def test_rate_that_is_not_positive_is_an_error(rate):
    with pytest.raises(InvalidArray, match="sample rate"):
        features.log_mel(noise(), rate)


@pytest.mark.parametrize(
    "setting",
    [
        {"n_fft": 1},
        {"hop": 0},
        {"n_mels": 0},
        {"fmin_hz": -1.0},
        {"fmax_hz": 8_001.0},
        {"fmin_hz": 500.0, "fmax_hz": 500.0},
        {"n_mfcc": 0},
        {"n_mfcc": 129},
    ],
)
def test_setting_out_of_range_is_an_error(setting):
    with pytest.raises(SettingsError, match="give"):
        features.mfcc(noise(), RATE, **setting)


def test_deltas_of_too_few_frames_or_of_a_wrong_window_are_errors():
    with pytest.raises(InvalidArray, match="9 frames or more"):
        features.deltas(np.zeros((13, 8), np.float32))
    with pytest.raises(SettingsError, match="odd width"):
        features.deltas(np.zeros((13, 80), np.float32), width=4)
    with pytest.raises(SettingsError, match="order 1 or 2"):
        features.deltas(np.zeros((13, 80), np.float32), order=3)
