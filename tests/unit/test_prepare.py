"""Preparation of sound: rate, channels, silence, length and level."""

import numpy as np
import pytest
from toy_repositories import noise, sound_file

from assay.data.prepare import Prepared, Unfit, flac, prepare, trim
from assay.settings import Settings


def prepared(data, name="a.wav", max_seconds=12.0):
    return prepare(data, name, max_seconds=max_seconds, settings=Settings())


def test_what_is_already_right_stays_bit_by_bit():
    samples = np.round(noise() * 2**15).astype(np.int16)
    samples[[100, 200]] = -32_768, 32_767
    made = prepared(sound_file(samples))
    assert np.array_equal(made.samples, samples)
    assert (made.original_sample_rate, made.original_codec, made.duration_s) == (16_000, "wav pcm_16", 1.0)


@pytest.mark.parametrize(("form", "subtype", "codec"), [("FLAC", None, "flac pcm_16"), ("OGG", "VORBIS", "ogg vorbis")])
def test_other_rates_and_channels_become_one_channel_at_16_khz(form, subtype, codec):
    tone = np.sin(2 * np.pi * 440 * np.arange(44_100) / 44_100).astype(np.float32)
    made = prepared(sound_file(np.stack([tone, 0 * tone], axis=1), 44_100, form, subtype))
    assert made.original_codec == codec
    assert made.original_sample_rate == 44_100
    assert len(made.samples) == pytest.approx(16_000, abs=400)
    assert np.abs(made.samples).max() / 32_767 == pytest.approx(0.5, abs=0.03)
    assert np.argmax(np.abs(np.fft.rfft(made.samples[:16_000]))) == pytest.approx(440, abs=1)


def test_bare_gsm_frames_are_known_by_their_name():
    data = sound_file(noise(1.0, rate=8_000), 8_000, "RAW", "GSM610")
    made = prepared(data, "a.GSM")
    assert (made.original_sample_rate, made.original_codec) == (8_000, "gsm gsm")
    assert made.duration_s == pytest.approx(1.0, abs=0.03)


def test_a_name_in_gsm_does_not_make_a_wav_gsm():
    assert prepared(sound_file(noise()), "a.gsm").original_codec == "wav pcm_16"


def test_silence_at_both_ends_is_cut_to_its_margin():
    samples = np.concatenate([np.zeros(16_000), noise(), np.zeros(8_000), noise(), np.zeros(24_000)]).astype("float32")
    # The loud part begins and ends on a border of frames.
    assert len(trim(samples)) == 1_600 + 16_000 + 8_000 + 16_000 + 1_600


def test_faint_noise_counts_as_silence_and_quiet_speech_does_not():
    loud, faint, quiet = noise(), noise(level=0.0005), noise(level=0.005)
    assert len(trim(np.concatenate([faint, loud, faint]))) == 16_000 + 2 * 1_600
    assert len(trim(np.concatenate([quiet, loud, quiet]))) == 3 * 16_000


@pytest.mark.parametrize("samples", [np.zeros(16_000, "float32"), noise(level=1e-6), np.ones(1, "float32")])
def test_trimming_empties_nothing(samples):
    assert len(trim(samples)) == len(samples)


def test_no_level_changes_what_is_trimmed():
    samples = np.concatenate([np.zeros(8_000, "float32"), noise(), np.zeros(8_000, "float32")])
    assert len(trim(samples)) == len(trim(samples * np.float32(1e-3)))


def test_the_beginning_is_kept_up_to_the_limit():
    samples = noise(3.0)
    whole, short = (prepared(sound_file(samples), max_seconds=seconds) for seconds in (3.0, 1.5))
    assert np.array_equal(short.samples, whole.samples[:24_000])


def test_of_a_long_file_no_more_is_decoded_than_is_looked_at():
    samples = np.concatenate([noise(31.0), noise(5.0, level=0.9)])
    # The loud end would turn the beginning into silence.
    assert prepared(sound_file(samples * np.float32(0.01)), max_seconds=1.0).duration_s == 1.0


@pytest.mark.parametrize("sign", [1, -1])
def test_a_peak_over_full_scale_is_scaled_and_not_clipped(sign):
    samples = noise(level=0.3)
    samples[500] = 2.0 * sign
    made = prepared(sound_file(samples, subtype="FLOAT"))
    assert made.samples[500] == (32_767 if sign > 0 else -32_768)
    assert np.allclose(made.samples / 2**15, samples / 2, atol=1e-4)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "cannot be decoded"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 99, "cannot be decoded"),
        (sound_file(noise())[:40], "cannot be decoded"),
        (sound_file(np.array([np.nan] * 16_000), subtype="FLOAT"), "cannot be decoded"),
        (sound_file(noise(0.69)), "shorter than 0.7 s"),
        (sound_file(np.concatenate([noise(0.4), np.zeros(16_000)])), "shorter than 0.7 s"),
        (sound_file(np.zeros(16_000)), "digital silence"),
    ],
)
def test_what_is_unfit_says_why(data, reason):
    made = prepared(data)
    assert isinstance(made, Unfit)
    assert made.reason == reason


def test_the_file_is_flac_of_16_bit_and_holds_the_samples():
    import io

    import soundfile

    made = prepared(sound_file(noise()))
    assert isinstance(made, Prepared)
    with soundfile.SoundFile(io.BytesIO(flac(made.samples))) as file:
        assert (file.format, file.subtype, file.samplerate, file.channels) == ("FLAC", "PCM_16", 16_000, 1)
        assert np.array_equal(file.read(dtype="int16"), made.samples)
