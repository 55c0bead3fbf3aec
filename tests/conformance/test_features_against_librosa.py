"""Our features are librosa's, within 1e-4 absolute plus 1e-5 relative."""

import librosa
import numpy as np
import pytest

from assay.audio import features

TOLERANCE = {"rtol": 1e-5, "atol": 1e-4}


def chirp(rate):
    time = np.arange(2 * rate) / rate
    return (0.5 * np.sin(2 * np.pi * (100 + 0.2 * rate * time / 2) * time)).astype(np.float32)


def noise(rate):
    return np.random.default_rng(0).normal(0, 0.1, rate + 77).astype(np.float32)


def tones(rate):
    time = np.arange(rate) / rate
    chord = sum(np.sin(2 * np.pi * f * time) / 6 for f in (261.63, 329.63, 392.0))
    return np.concatenate([chord, np.zeros(rate // 2)]).astype(np.float32)


def click(rate):
    samples = np.zeros(rate // 2, np.float32)
    samples[rate // 4] = 1
    return samples


@pytest.fixture(params=[chirp, noise, tones, click], ids=lambda make: make.__name__)
def signal(request):
    return request.param


@pytest.fixture(params=[(16_000, 2048, 512), (16_000, 400, 160), (22_050, 1024, 256), (8_000, 511, 100)], ids=str)
def frames(request):
    return request.param


@pytest.fixture
def case(signal, frames):
    """Samples, rate, and the frames in our words and in librosa's."""
    rate, n_fft, hop = frames
    return signal(rate), rate, {"n_fft": n_fft, "hop": hop}, {"n_fft": n_fft, "hop_length": hop}


def same(ours, theirs, **tolerance):
    assert ours.shape == theirs.shape
    np.testing.assert_allclose(ours, theirs, **{**TOLERANCE, **tolerance})


def test_stft(case):
    samples, _, ours, theirs = case
    same(features.stft(samples, **ours), librosa.stft(samples, **theirs))


@pytest.mark.parametrize("htk", [False, True])
@pytest.mark.parametrize("norm", ["slaney", None])
@pytest.mark.parametrize("band", [(0.0, None), (300.0, 3_400.0)])
def test_mel_filter_bank(htk, norm, band):
    ours = features.mel_filter_bank(16_000, n_fft=2048, n_mels=40, fmin_hz=band[0], fmax_hz=band[1], htk=htk, norm=norm)
    theirs = librosa.filters.mel(sr=16_000, n_fft=2048, n_mels=40, fmin=band[0], fmax=band[1], htk=htk, norm=norm)
    same(ours, theirs, atol=1e-7)


@pytest.mark.parametrize(("rate", "n_fft"), [(16_000, 2048), (22_050, 1024), (8_000, 256)])
def test_chroma_filter_bank(rate, n_fft):
    same(
        features.chroma_filter_bank(rate, n_fft=n_fft),
        librosa.filters.chroma(sr=rate, n_fft=n_fft),
        atol=1e-6,
    )


@pytest.mark.parametrize("top_db", [80.0, 30.0])
def test_log_mel(case, top_db):
    samples, rate, ours, theirs = case
    expected = librosa.feature.melspectrogram(y=samples, sr=rate, n_mels=32, **theirs)
    same(
        features.log_mel(samples, rate, n_mels=32, top_db=top_db, **ours),
        librosa.power_to_db(expected, top_db=top_db),
    )


def test_log_mel_that_is_not_clipped():
    # not for the chirp: 80 dB below the loudest band, float32 leaves only rounding to compare
    ours = features.log_mel(noise(16_000), 16_000, top_db=None)
    same(ours, librosa.power_to_db(librosa.feature.melspectrogram(y=noise(16_000), sr=16_000), top_db=None))


def test_log_mel_with_the_defaults(signal):
    samples = signal(22_050)
    expected = librosa.power_to_db(librosa.feature.melspectrogram(y=samples, sr=22_050))
    same(features.log_mel(samples, 22_050), expected)
    assert len(expected) == 128


def test_mfcc(case):
    samples, rate, ours, theirs = case
    expected = librosa.feature.mfcc(y=samples, sr=rate, n_mfcc=13, n_mels=32, **theirs)
    same(features.mfcc(samples, rate, n_mels=32, **ours), expected)


def test_mfcc_with_the_defaults_and_htk(signal):
    samples = signal(16_000)
    same(features.mfcc(samples, 16_000), librosa.feature.mfcc(y=samples, sr=16_000, n_mfcc=13))
    same(
        features.mfcc(samples, 16_000, htk=True),
        librosa.feature.mfcc(y=samples, sr=16_000, n_mfcc=13, htk=True),
    )


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("width", [3, 9])
@pytest.mark.parametrize("count", [9, 40])
def test_deltas(order, width, count):
    rows = np.random.default_rng(0).normal(0, 20, (13, count)).astype(np.float32)
    same(features.deltas(rows, order=order, width=width), librosa.feature.delta(rows, order=order, width=width))


def test_chroma(case):
    samples, rate, ours, theirs = case
    same(
        features.chroma(samples, rate, **ours),
        librosa.feature.chroma_stft(y=samples, sr=rate, tuning=0, **theirs),
    )


def test_spectral_centroid(case):
    samples, rate, ours, theirs = case
    expected = librosa.feature.spectral_centroid(y=samples, sr=rate, **theirs)
    same(features.spectral_centroid(samples, rate, **ours), expected)
