"""Headers that lie and files that are cut off or damaged: what is there is decoded, and the rest is told."""

import struct
import tracemalloc

import numpy as np
import pytest
import signals

from assay.errors import DecodeError, EmptyMedia, MediaError
from assay.media import open_media
from assay.settings import Settings

SETTINGS = Settings()
SECONDS = 4.0


def decoded(data):
    media = open_media(data, settings=SETTINGS, name="it.bin")
    return media, np.concatenate(list(media.blocks()), axis=1)


def claiming(size, seconds=1.0, riff=None):
    """A WAV file of `seconds` whose data chunk claims `size` bytes."""
    data = bytearray(signals.wav(signals.noise(seconds=seconds)))
    at = data.index(b"data") + 4
    data[at : at + 4] = struct.pack("<I", size)
    data[4:8] = struct.pack("<I", size if riff is None else riff)
    return bytes(data)


@pytest.mark.parametrize("size", [0xFFFFFFFF, 0])
def test_a_wav_that_was_streamed_decodes_to_its_end(size):
    media, samples = decoded(claiming(size))
    assert np.array_equal(samples, decoded(signals.wav(signals.noise(seconds=1.0)))[1])
    assert media.notes == ()


def test_a_wav_that_claims_three_gigabytes_decodes_what_is_there_in_little_memory():
    data = claiming(3_000_000_000)
    tracemalloc.start()
    media, samples = decoded(data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert samples.shape == (1, 16_000)
    assert media.declared_duration_s == 93_750.0
    assert media.notes == ("the file is cut off or damaged: 1.0 s of 93750.0 s declared could be decoded",)
    assert peak < 20e6


@pytest.mark.parametrize("name", ["wav", "wav-u8", "wav-24", "wavex", "rf64", "aiff", "au", "caf", "flac", "mp3"])
def test_a_file_cut_in_half_decodes_and_says_so(name):
    whole = signals.encoded(name, signals.noise(seconds=SECONDS), 16_000)
    media, samples = decoded(whole[: len(whole) // 2])
    assert media.declared_duration_s == pytest.approx(SECONDS, abs=0.01)
    assert samples.shape[1] / 16_000 == pytest.approx(SECONDS / 2, rel=0.15)
    assert "cut off" in media.notes[-1]
    assert "of 4.0 s declared" in media.notes[-1]


@pytest.mark.parametrize("name", ["wav", "aiff", "au", "rf64"])
def test_what_is_left_of_a_cut_file_is_unchanged(name):
    whole = signals.encoded(name, signals.noise(seconds=SECONDS), 16_000)
    samples = decoded(whole[: len(whole) // 2])[1]
    assert np.array_equal(samples, decoded(whole)[1][:, : samples.shape[1]])


@pytest.mark.parametrize("name", ["ogg-vorbis", "ogg-opus"])
def test_an_ogg_without_its_end_says_so(name):
    whole = signals.encoded(name, signals.noise(seconds=2 * SECONDS), 48_000 if "opus" in name else 16_000)
    media, samples = decoded(whole[: len(whole) // 2])
    assert 0 < samples.shape[1] < 16_000 * SECONDS * 2
    assert media.notes == ("the Ogg stream has no end mark; the file may be cut off",)
    assert decoded(whole)[0].notes == ()


@pytest.mark.parametrize("name", ["m4a", "webm", "aac", "amr"])
def test_what_ffmpeg_decodes_of_a_cut_file_is_used_and_the_loss_noted(name):
    if not signals.has_encoder(name):
        pytest.skip(f"no encoder for {name} in this build")
    rate = 8_000 if name == "amr" else 16_000
    options = {"movflags": "faststart"} if name == "m4a" else {}
    whole = signals.encoded(name, signals.noise(rate=rate, seconds=SECONDS), rate, options=options)
    media, samples = decoded(whole[: len(whole) // 2 + 5])
    assert samples.shape[1] / 16_000 == pytest.approx(SECONDS / 2, rel=0.25)
    assert media.notes


def test_an_m4a_that_lost_its_index_is_an_error():
    whole = signals.encoded("m4a", signals.noise(seconds=SECONDS), 16_000)
    with pytest.raises(DecodeError, match=r"'it\.bin' is an MP4 file, of sound or pictures, but it is damaged"):
        decoded(whole[: len(whole) // 2])


def test_flac_damaged_in_the_middle_is_decoded_on_both_sides():
    signal = signals.noise(seconds=2 * SECONDS)
    data = bytearray(signals.encoded("flac", signal, 16_000))
    intact = decoded(bytes(data))[1]
    middle = len(data) // 2
    data[middle : middle + 500] = bytes(500)
    samples = decoded(bytes(data))[1]
    assert np.array_equal(samples[:, :40_000], intact[:, :40_000])
    assert samples.shape[1] > 1.5 * SECONDS * 16_000
    assert np.array_equal(samples[:, -20_000:], intact[:, -20_000:])


def test_a_damaged_mp3_is_decoded_on_both_sides():
    data = bytearray(signals.encoded("mp3", signals.noise(seconds=2 * SECONDS), 16_000))
    middle = len(data) // 2
    data[middle : middle + 1500] = np.random.default_rng(0).bytes(1500)
    assert decoded(bytes(data))[1].shape[1] > 1.4 * SECONDS * 16_000


def test_an_mp3_without_a_frame_count_is_decoded_to_its_end():
    data = signals.encoded("mp3", signals.noise(seconds=2 * SECONDS), 16_000)
    media, samples = decoded(data.replace(b"Xing", b"\0\0\0\0").replace(b"Info", b"\0\0\0\0"))
    assert media.declared_duration_s is None
    assert samples.shape[1] == pytest.approx(2 * SECONDS * 16_000, rel=0.05)


def test_an_mp3_with_junk_in_front_is_found():
    data = signals.encoded("mp3", signals.noise(seconds=1.0), 16_000)
    assert decoded(bytes(3_000) + data)[0].container == "mp3"


def test_an_mp3_of_a_few_bytes_is_an_error():
    data = signals.encoded("mp3", signals.noise(seconds=SECONDS), 16_000)
    with pytest.raises((DecodeError, EmptyMedia)):
        decoded(data[:150])


@pytest.mark.parametrize("name", ["wav", "wav-float", "aiff", "caf", "ogg-vorbis", "rf64"])
def test_a_file_with_a_header_and_no_samples_is_empty(name):
    with pytest.raises(EmptyMedia, match=r"'it\.bin' holds no samples"):
        decoded(signals.encoded(name, np.zeros(0, np.float32), 16_000))


def test_one_sample_at_a_high_rate_leaves_none_at_16_khz():
    with pytest.raises(EmptyMedia):
        decoded(signals.wav(np.zeros(1, np.float32), 96_000))


def test_text_inside_a_wav_header_is_an_error():
    with pytest.raises(DecodeError, match="is a WAV file, but it is damaged"):
        decoded(b"RIFF\x24\x00\x00\x00WAVE" + b"this is no header at all, only text " * 20)


@pytest.mark.parametrize("name", sorted(signals.seeds()))
def test_a_file_cut_inside_its_header_ends_in_an_error_of_ours(name):
    for length in (3, 8, 12):
        with pytest.raises(MediaError):
            decoded(signals.seeds()[name][:length])
