"""Raw sound: the laws of G.711, and bytes in any pieces."""

import contextlib
import io
import itertools
import struct

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from assay.errors import DecodeError, UnsupportedMedia
from assay.media.pcm import PcmFormat, PcmStream, alaw_values, decode, mulaw_values
from assay.media.wav_head import is_wav, read_head

EVERY_BYTE = bytes(range(256))


def pushed(data, form, cuts=()):
    stream = PcmStream(form)
    edges = [0, *sorted(cuts), len(data)]
    pieces = [stream.push(data[first:last]) for first, last in itertools.pairwise(edges)]
    return np.concatenate([*pieces, stream.finish()]), stream.odd_bytes


# The laws


def test_mulaw_is_table_2a_of_g711():
    # G.711, table 2a: code word sent, and the value at the decoder's output in 14 bits.
    table = {0x80: 8031, 0x8F: 4191, 0x9F: 2079, 0xAF: 1023, 0xBF: 495, 0xCF: 231, 0xDF: 99, 0xEF: 33, 0xFE: 2, 0xFF: 0}
    values = mulaw_values()
    assert {code: values[code] // 4 for code in table} == table
    assert [values[code & 0x7F] for code in table] == [-values[code] for code in table]


def test_alaw_is_table_1a_of_g711():
    # G.711, table 1a, in 13 bits: before every second bit is inverted, the largest is 1111 1111.
    table = {0xFF: 4032, 0xF0: 2112, 0xE0: 1056, 0xD0: 528, 0xC0: 264, 0xB0: 132, 0xA0: 66, 0x90: 33, 0x80: 1}
    values = alaw_values()
    assert {code: values[code ^ 0x55] // 8 for code in table} == table
    assert [values[code ^ 0x55 ^ 0x80] for code in table] == [-values[code ^ 0x55] for code in table]


@pytest.mark.parametrize(("encoding", "subtype"), [("mulaw", "ULAW"), ("alaw", "ALAW")])
def test_the_laws_are_those_of_libsndfile(encoding, subtype):
    options = {"samplerate": 8000, "channels": 1, "subtype": subtype, "format": "RAW"}
    want, _ = soundfile.read(io.BytesIO(EVERY_BYTE), dtype="float32", **options)
    np.testing.assert_array_equal(decode(EVERY_BYTE, encoding), want)


def test_sixteen_bits_have_full_scale_one():
    np.testing.assert_array_equal(decode(struct.pack("<3h", -32768, 0, 16384), "pcm16"), [-1.0, 0.0, 0.5])


# Streams


@given(st.lists(st.integers(0, 4000), max_size=6), st.sampled_from([(16_000, 1), (8_000, 1), (44_100, 2)]))
def test_the_samples_do_not_depend_on_how_the_bytes_are_cut(cuts, kind):
    data = np.random.default_rng(5).integers(-9000, 9000, 2000).astype("<i2").tobytes()
    form = PcmFormat("pcm16", *kind)
    whole, cut = pushed(data, form)[0], pushed(data, form, cuts)[0]
    np.testing.assert_allclose(cut, whole, atol=1e-6)


def test_the_rate_changes_the_number_of_samples_and_not_the_tone():
    for rate in (8_000, 11_025, 22_050, 44_100, 48_000):
        tone = np.round(8000 * np.sin(2 * np.pi * 440 * np.arange(2 * rate) / rate)).astype("<i2")
        heard, _ = pushed(tone.tobytes(), PcmFormat("pcm16", rate))
        assert abs(heard.size - 32_000) <= 1
        want = 8000 / 32768 * np.sin(2 * np.pi * 440 * np.arange(heard.size) / 16_000)
        assert np.abs(heard - want)[2000:-2000].max() < 1e-4


def test_channels_are_averaged_or_the_first_is_heard():
    data = np.array([[100, 300], [-100, 500]], "<i2").tobytes()
    np.testing.assert_array_equal(pushed(data, PcmFormat("pcm16", 16_000, 2))[0] * 32768, [200, 200])
    np.testing.assert_array_equal(pushed(data, PcmFormat("pcm16", 16_000, 2, "first"))[0] * 32768, [100, -100])


def test_what_begins_a_sample_waits_and_is_told_at_the_end():
    samples, odd = pushed(b"\x00\x40\x00\x40\x01", PcmFormat("pcm16", 16_000, 2))
    assert (samples.tolist(), odd) == ([0.5], 1)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (("opus", 16_000), "'opus'.*pcm16, mulaw, alaw"),
        (("pcm16", 7_999), "7999 Hz.*8000 to 48000"),
        (("pcm16", 48_001), "48001 Hz"),
        (("pcm16", 16_000, 0), "0 channels.*1 to 8"),
        (("pcm16", 16_000, 9), "9 channels"),
        (("pcm16", 16_000, 2, "left"), "'left'.*mean, first"),
    ],
)
def test_what_is_not_heard_is_said(given, words):
    with pytest.raises(UnsupportedMedia, match=words):
        PcmFormat(*given)


# Heads of WAV streams


def wav(tag=1, channels=1, rate=16_000, bits=16, before=b"", size=0xFFFFFFFF, more=b""):
    body = struct.pack("<HHIIHH", tag, channels, rate, rate * channels * bits // 8, channels * bits // 8, bits) + more
    fmt = b"fmt " + struct.pack("<I", len(body)) + body
    return b"RIFF\xff\xff\xff\xffWAVE" + before + fmt + b"data" + struct.pack("<I", size)


def head(data):
    assert is_wav(data[:12])
    pipe = io.BytesIO(data + b"SOUND")
    pipe.read(12)
    form = read_head(pipe)
    assert pipe.read() == b"SOUND"
    return form


def test_the_head_of_a_stream_says_what_it_is():
    assert head(wav()) == PcmFormat("pcm16", 16_000)
    assert head(wav(7, 2, 8_000, 8, size=0)) == PcmFormat("mulaw", 8_000, 2)
    assert head(wav(6, 1, 8_000, 8)) == PcmFormat("alaw", 8_000)
    assert head(wav(before=b"LIST\x05\x00\x00\x00INFO!\x00")) == PcmFormat("pcm16", 16_000)
    extensible = struct.pack("<HHIHH", 22, 16, 4, 1, 0) + b"\x00" * 12
    assert head(wav(0xFFFE, more=extensible)) == PcmFormat("pcm16", 16_000)


def test_a_file_of_the_standard_library_has_such_a_head(speech):
    samples, rate = speech
    file = io.BytesIO()
    soundfile.write(file, samples, rate, format="WAV", subtype="PCM_16")
    file.seek(12)
    assert read_head(file) == PcmFormat("pcm16", rate)
    assert len(file.read()) == 2 * samples.size


@pytest.mark.parametrize(
    ("data", "error", "words"),
    [
        (wav(3, bits=32), UnsupportedMedia, "32-bit float.*ffmpeg"),
        (wav(85, bits=0), UnsupportedMedia, "0-bit MP3"),
        (wav(bits=24), UnsupportedMedia, "24-bit PCM"),
        (wav(rate=96_000), UnsupportedMedia, "96000 Hz"),
        (wav()[:30], DecodeError, "ends before its first sample"),
        (b"RIFF\x00\x00\x00\x00WAVEdata\x00\x00\x00\x00", DecodeError, "no format before"),
        (wav(before=b"JUNK\xff\xff\xff\x7f"), DecodeError, "2,147,483,647 bytes"),
        (b"RIFF\x00\x00\x00\x00WAVEfmt \x04\x00\x00\x00abcd", DecodeError, "shorter than 16"),
    ],
)
def test_a_broken_head_is_an_error(data, error, words):
    pipe = io.BytesIO(data)
    pipe.read(12)
    with pytest.raises(error, match=words):
        read_head(pipe)


@given(st.binary(max_size=120))
def test_any_head_is_read_or_refused(data):
    with contextlib.suppress(DecodeError, UnsupportedMedia):
        read_head(io.BytesIO(data))
