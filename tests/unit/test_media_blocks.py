"""Blocks: mixing, resampling, cutting."""

import numpy as np
import pytest
import signals
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.errors import DecodeError, SettingsError
from assay.media import blocks, header, open_media
from assay.settings import Settings

SETTINGS = Settings()


def decoded(source, **options):
    return np.concatenate(list(open_media(source, settings=SETTINGS).blocks(**options)), axis=1)


def level_db(samples):
    return 20 * np.log10(np.sqrt(np.mean(np.square(samples, dtype=float))) + 1e-12)


def test_mono_is_the_mean_of_stereo():
    stereo = signals.noise(channels=2)
    mixed = decoded((stereo, 16_000))
    assert np.array_equal(mixed[0], (stereo[:, 0] + stereo[:, 1]) / np.float32(2))


@pytest.mark.parametrize("channels", [3, 5, 16])
def test_the_mix_of_many_channels_is_their_mean(channels):
    sound = signals.noise(channels=channels)
    assert np.allclose(decoded((sound, 16_000))[0], sound.mean(axis=1, dtype=float), atol=1e-7)


def test_equal_channels_mix_to_one_of_them():
    mono = signals.noise()
    assert np.array_equal(decoded((np.stack([mono] * 4, axis=1), 16_000))[0], mono)


def test_each_channel_apart_is_that_channel_alone():
    stereo = signals.noise(rate=44_100, channels=2)
    apart = decoded((stereo, 44_100), channels="each")
    for n in range(2):
        assert np.allclose(apart[n], decoded((stereo[:, n], 44_100))[0], atol=1e-7)


def test_at_16_khz_nothing_is_changed():
    mono = signals.noise()
    assert np.array_equal(decoded((mono, 16_000))[0], mono)


def test_half_the_gain_halves_every_sample():
    sound = signals.noise(rate=44_100)
    assert np.array_equal(decoded((sound * np.float32(0.5), 44_100)), decoded((sound, 44_100)) / 2)


@pytest.mark.parametrize("rate", [8_000, 22_050, 44_100, 48_000, 96_000])
@pytest.mark.parametrize("hz", [100, 1_000, 3_400])
def test_resampling_keeps_frequency_and_level(rate, hz):
    # Whole periods and a middle part, so that neither the window nor the filter's edges count.
    samples = decoded((signals.sine(hz=hz, rate=rate, seconds=1.0), rate))[0]
    time = np.arange(len(samples)) / 16_000
    middle = slice(4_000, 12_000)
    expected = 0.5 * np.sin(2 * np.pi * hz * time)
    assert len(samples) == 16_000
    assert level_db(samples[middle] - expected[middle]) < -80


@pytest.mark.parametrize("hz", [8_800, 10_000, 15_000, 20_000])
@pytest.mark.parametrize("rate", [44_100, 48_000, 96_000])
def test_what_is_above_8_khz_leaves_no_alias(hz, rate):
    samples = decoded((signals.sine(hz=hz, rate=rate, seconds=1.0), rate))[0]
    assert level_db(samples[1_000:-1_000]) < -80


@pytest.mark.parametrize("rate", [8_000, 16_000, 44_100])
@pytest.mark.parametrize("channels", ["mix", "each"])
@pytest.mark.parametrize("name", ["wav", "flac", "mp3", "m4a"])
def test_reading_in_blocks_gives_the_samples_of_reading_whole(name, rate, channels, monkeypatch):
    data = signals.encoded(name, signals.noise(rate=rate, seconds=1.1, channels=2), rate)
    whole = decoded(data, channels=channels, block_s=100.0)
    for block_s in (1 / 16_000 * 997, 0.25, 1.0):
        assert np.array_equal(decoded(data, channels=channels, block_s=block_s), whole)
    monkeypatch.setattr("assay.media.decode_soundfile.piece_frames", lambda _: 1_234)
    assert np.array_equal(decoded(data, channels=channels), whole)


def test_every_block_but_the_last_is_full():
    media = open_media((signals.noise(seconds=1.1), 16_000), settings=SETTINGS)
    assert [b.shape for b in media.blocks(block_s=0.5)] == [(1, 8_000), (1, 8_000), (1, 1_600)]
    assert [b.shape for b in media.blocks(block_s=0.55)] == [(1, 8_800), (1, 8_800)]
    assert all(b.flags.c_contiguous for b in media.blocks(channels="each"))


@settings(deadline=None, derandomize=True)
@given(lengths=st.lists(st.integers(0, 20), max_size=12), size=st.integers(1, 25))
def test_cutting_keeps_every_sample_in_order(lengths, size):
    whole = np.arange(sum(lengths) * 2, dtype=np.float32).reshape(-1, 2)
    pieces = np.split(whole, np.cumsum(lengths)[:-1]) if lengths else []
    made = list(blocks.cut(pieces, size))
    assert all(block.shape[1] == size for block in made[:-1])
    assert all(0 < block.shape[1] <= size for block in made)
    assert np.array_equal(np.concatenate([b.T for b in made] or [whole]), whole)


@given(lengths=st.lists(st.integers(1, 20), min_size=1, max_size=8), skipped=st.integers(0, 100))
def test_skipping_leaves_exactly_the_rest(lengths, skipped):
    whole = np.arange(sum(lengths), dtype=np.float32)[:, None]
    pieces = np.split(whole, np.cumsum(lengths)[:-1])
    left = list(blocks.behind(pieces, skipped))
    assert np.array_equal(np.concatenate([*left, whole[:0]]), whole[skipped:])


@pytest.mark.parametrize("block_s", [0, -1.0, float("nan"), float("inf"), 1e-6])
def test_an_impossible_block_length_is_refused_at_once(block_s):
    media = open_media((signals.sine(), 16_000), settings=SETTINGS)
    with pytest.raises(SettingsError, match="block_s"):
        media.blocks(block_s=block_s)


def test_an_unknown_channel_mode_is_refused_at_once():
    media = open_media((signals.sine(), 16_000), settings=SETTINGS)
    with pytest.raises(SettingsError, match="'mix' and 'each'"):
        media.blocks(channels="left")


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e30])
@pytest.mark.parametrize("rate", [16_000, 44_100])
@pytest.mark.parametrize("channels", ["mix", "each"])
def test_a_float_file_with_impossible_values_is_an_error(value, rate, channels):
    sound = signals.noise(rate=rate, channels=2)
    sound[777, 1] = value
    media = open_media(signals.wav(sound, rate, "FLOAT"), settings=SETTINGS, name="bad.wav")
    with pytest.raises(DecodeError, match=r"bad\.wav.*write it again"):
        list(media.blocks(channels=channels))


def test_a_double_too_large_for_float32_is_an_error():
    sound = signals.noise().astype(float)
    sound[5] = 1e200
    for source in ((sound, 16_000), signals.wav(sound, 16_000, "DOUBLE")):
        with pytest.raises(DecodeError, match="no sound"):
            decoded(source)


def test_values_above_full_scale_are_kept_and_noted():
    sound = signals.sine(level=2.5)
    media = open_media(signals.wav(sound, 16_000, "FLOAT"), settings=SETTINGS)
    assert media.notes == ()
    (block,) = media.blocks()
    assert np.array_equal(block[0], sound)
    assert media.notes == ("sample values reach 2.5, above full scale (1.0); they were used as they are",)


def test_notes_are_those_of_the_last_decoding():
    media = open_media((signals.sine(level=2.0), 16_000), settings=SETTINGS)
    for _ in range(2):
        list(media.blocks())
        assert len(media.notes) == 1


def test_a_piece_has_a_fixed_number_of_values():
    assert header.piece_frames(1) == 2**17
    assert header.piece_frames(64) * 64 == 2**17
    assert header.piece_frames(2**21) == 1
