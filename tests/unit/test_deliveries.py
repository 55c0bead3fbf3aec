"""Deliveries on made signals: what each leaves and takes, that blocks do not matter, that memory stays flat."""

import tracemalloc

import numpy as np
import pytest
from signals import noise, sine

from assay.audio.deliveries import DELIVERIES, AtRate, Codec, Gain, Through, Trim, filtered
from assay.errors import MissingExtra

RATE = 16_000


def chirp(seconds=2.0):
    """A sweep through the band, whose place in time can be told."""
    time = np.arange(round(seconds * RATE)) / RATE
    return (0.3 * np.sin(2 * np.pi * (200 + 1_500 * time) * time)).astype(np.float32)


def in_blocks(samples, one, sizes):
    """The signal in blocks of these sizes, over and over."""
    out, first = [], 0
    while first < samples.size:
        for size in sizes:
            out.append(one.push(samples[first : first + size]))
            first += size
    return np.concatenate([*out, one.finish()])


def level(samples):
    return float(np.sqrt(np.mean(samples**2)))


class Made:
    """A recording that is made block by block."""

    def __init__(self, block, count):
        self.notes, self._block, self._count = ("a note",), block, count

    def blocks(self, *, channels="mix", block_s=30.0):
        for _ in range(self._count):
            yield self._block.copy()


@pytest.mark.parametrize("name", DELIVERIES)
def test_the_cut_into_blocks_does_not_matter(name):
    samples = chirp()
    whole = filtered(samples, DELIVERIES[name]())
    pieces = in_blocks(samples, DELIVERIES[name](), (1, 999, 0, 5_000, 37))
    assert pieces.dtype == np.float32
    assert np.array_equal(pieces, whole)


@pytest.mark.parametrize("name", [name for name in DELIVERIES if "cut" not in name])
@pytest.mark.parametrize("samples", [32_000, 12_345, 4_001])
def test_a_delivery_keeps_length_and_time(name, samples):
    samples = chirp()[:samples]
    out = filtered(samples, DELIVERIES[name]())
    assert abs(out.size - samples.size) <= 1
    shared = min(out.size, samples.size)
    size = 2 * shared
    product = np.fft.rfft(out[:shared], size) * np.conj(np.fft.rfft(samples[:shared], size))
    lag = int(np.argmax(np.fft.irfft(product)))
    assert min(lag, size - lag) <= 2


@pytest.mark.parametrize("name", DELIVERIES)
@pytest.mark.parametrize("samples", [0, 1, 2, 100])
def test_a_recording_of_hardly_any_samples_goes_through(name, samples):
    out = filtered(sine(seconds=1)[:samples], DELIVERIES[name]())
    assert out.size <= samples + 1
    assert np.isfinite(out).all()


@pytest.mark.parametrize("name", DELIVERIES)
def test_silence_stays_silent(name):
    assert np.abs(filtered(np.zeros(RATE, np.float32), DELIVERIES[name]())).max() < 1e-4


@pytest.mark.parametrize("name", DELIVERIES)
def test_a_tone_in_the_telephone_band_comes_through_at_its_level(name):
    out = filtered(sine(hz=1_000, seconds=2, level=0.4), DELIVERIES[name]())
    expected = 0.25 if "gain" in name else 1
    assert level(out[4_000:-4_000]) == pytest.approx(expected * 0.4 / np.sqrt(2), rel=0.1)


@pytest.mark.parametrize(
    ("name", "last_hz"),
    [("telephone (µ-law, 8 kHz)", 4_000), ("sample rate 11.025 kHz", 5_512.5), ("gain -12 dB", 8_000)],
)
def test_what_lies_above_half_of_the_rate_is_gone(name, last_hz):
    out = filtered(noise(seconds=2), DELIVERIES[name]())
    power = np.abs(np.fft.rfft(out[: 2 * RATE - 2])) ** 2
    hertz = np.fft.rfftfreq(2 * RATE - 2, 1 / RATE)
    assert power[hertz > last_hz].sum() < 1e-4 * power.sum()
    assert power[(hertz > 0.75 * last_hz) & (hertz < 0.9 * last_hz)].sum() > 0.1 * power.sum()


@pytest.mark.parametrize("name", ["Opus 24 kbit/s", "MP3 64 kbit/s", "telephone (µ-law, 8 kHz)"])
def test_a_lossy_codec_loses_something(name):
    samples = noise(seconds=1) + sine(hz=440, seconds=1)
    out = filtered(samples, DELIVERIES[name]())
    assert level(out[: samples.size - 1] - samples[:-1]) > 0.005


def test_gain_is_exact():
    samples = noise()
    assert np.array_equal(filtered(samples, Gain(0.25)) * 4, samples)


def test_trim_cuts_the_beginning_off():
    samples = noise(seconds=2)
    assert np.array_equal(filtered(samples, Trim(0.5)), samples[RATE // 2 :])


@pytest.mark.parametrize("seconds", [0.1, 0.5])
def test_a_recording_no_longer_than_the_cut_is_left_whole(seconds):
    samples = noise(seconds=seconds)
    assert np.array_equal(in_blocks(samples, Trim(0.5), (700,)), samples)


def test_values_above_full_scale_are_clipped_by_a_codec_and_not_wrapped():
    out = filtered(sine(hz=500, level=4.0), AtRate(8_000, Codec("pcm_mulaw", "pcm_mulaw", rate_hz=8_000, form="s16")))
    loud = sine(hz=500, level=4.0)[: out.size] > 2
    assert out[: loud.size][loud].min() > 0.5


def test_each_channel_has_a_filter_of_its_own():
    block = np.stack([sine(hz=300), sine(hz=700)])
    out = np.concatenate(list(Through(Made(block, 2), DELIVERIES["MP3 64 kbit/s"]).blocks()), axis=1)
    for row, lone in zip(out, block, strict=True):
        assert np.array_equal(row, filtered(np.tile(lone, 2), DELIVERIES["MP3 64 kbit/s"]()))


def test_a_recording_through_a_filter_can_be_read_again_and_keeps_its_notes():
    through = Through(Made(noise()[None], 3), lambda: Trim(0.1))
    first, second = (np.concatenate(list(through.blocks()), axis=1) for _ in range(2))
    assert np.array_equal(first, second)
    assert through.notes == ("a note",)


def test_there_is_at_least_one_sample():
    class Nothing(Gain):
        def push(self, samples):
            return samples[:0]

    (block,) = Through(Made(noise()[None], 1), lambda: Nothing(1)).blocks()
    assert block.shape == (1, 1)


@pytest.mark.parametrize("name", DELIVERIES)
def test_memory_stays_flat(name):
    def peak(count):
        tracemalloc.start()
        for _ in Through(Made(np.zeros((1, 2 * RATE), np.float32), count), DELIVERIES[name]).blocks():
            pass
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    peak(2)  # what is imported at the first call
    assert peak(60) < 1.2 * peak(6) + 100_000


@pytest.mark.parametrize(("encoder", "decoder"), [("no-such", "pcm_mulaw"), ("pcm_mulaw", "no-such")])
def test_a_codec_that_ffmpeg_lacks_is_named_with_the_way_out(encoder, decoder):
    with pytest.raises(MissingExtra, match=r"no-such.*PyAV"):
        Codec(encoder, decoder, rate_hz=8_000, form="s16")
