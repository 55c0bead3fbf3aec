"""Noise reduction: what it takes, that blocks do not matter, and that the result says it was there."""

import math
import sys
import tracemalloc

import numpy as np
import pytest

from assay import Detector
from assay.audio.deliveries import filtered
from assay.audio.denoise import CONTEXT, FADE, PIECE, NoiseReducer
from assay.errors import MissingExtra

noisereduce = pytest.importorskip("noisereduce")

RATE = 16_000


def hiss(samples, seed=0):
    return (0.01 * np.random.default_rng(seed).standard_normal(samples)).astype(np.float32)


def bursts(seconds):
    """A short tone every second, in noise."""
    time = np.arange(seconds * RATE) / RATE
    tone = 0.3 * np.sin(2 * np.pi * 700 * time) * (time % 1 < 0.15)
    return tone.astype(np.float32) + hiss(time.size)


def level(samples):
    return float(np.sqrt(np.mean(samples**2)))


@pytest.fixture(scope="module")
def long():
    return bursts(50)


def test_the_cut_into_blocks_does_not_matter(long):
    one = NoiseReducer()
    pieces = [one.push(block) for block in np.split(long, [1, 1, 70_000, 300_001, 700_000])]
    assert np.array_equal(np.concatenate([*pieces, one.finish()]), filtered(long, NoiseReducer()))


def test_in_pieces_it_is_what_the_package_makes_of_the_whole(long):
    whole = noisereduce.reduce_noise(long, RATE, prop_decrease=0.8, chunk_size=None, padding=CONTEXT)
    out = filtered(long, NoiseReducer())
    assert level(out - whole) < 0.01 * level(whole)
    for seam in range(PIECE, long.size, PIECE):
        around = slice(seam - 8, seam + 8)
        assert np.abs(np.diff(out[around] - whole[around])).max() < 0.01 * level(whole)


def test_noise_in_pauses_is_weakened_more_than_what_stands_above_it(long):
    out = filtered(long, NoiseReducer())
    time = np.arange(long.size) / RATE % 1
    pause, tone = (time > 0.4) & (time < 0.8), time < 0.15
    assert level(out[pause]) < 0.5 * level(long[pause])
    assert level(out[tone]) > 1.5 * level(out[pause]) / level(long[pause]) * level(long[tone])


@pytest.mark.parametrize("samples", [0, 1, 255, FADE - 1, RATE, PIECE - 1, PIECE, PIECE + 1, PIECE + CONTEXT + 77])
def test_length_is_kept(samples):
    out = filtered(hiss(samples), NoiseReducer())
    assert (out.size, out.dtype) == (samples, np.float32)
    assert np.isfinite(out).all()


def test_digital_silence_stays_what_it_is(long):
    assert not filtered(np.zeros(2 * PIECE, np.float32), NoiseReducer()).any()
    both = filtered(np.concatenate([np.zeros(2 * PIECE, np.float32), long[:RATE]]), NoiseReducer())
    assert np.isfinite(both).all()
    assert both[-RATE:].any()


def test_memory_stays_flat():
    def peak(seconds):
        one = NoiseReducer()
        tracemalloc.start()
        for seed in range(seconds):
            one.push(hiss(RATE, seed))
        one.finish()
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    assert peak(100) < 1.1 * peak(40)


def test_the_result_says_that_noise_was_reduced(speech):
    plain, reduced = Detector().scan(speech), Detector(denoise=True).scan(speech)
    assert (plain.operating_point.denoised, reduced.operating_point.denoised) == (False, True)
    assert [r.code for r in plain.reasons].count("denoised") == 0
    assert reduced.reasons[-1].code == "denoised"
    assert "without" in reduced.reasons[-1].text
    assert reduced.duration_s == plain.duration_s
    assert reduced.llr != plain.llr
    assert reduced.timings_ms["denoise"] > 0


def test_what_kind_of_recording_it_is_is_told_of_the_recording_as_it_came(speech):
    samples, rate = speech
    drowned = samples + level(samples) * 2 * hiss(samples.size) / np.float32(0.01)
    plain, reduced = Detector().scan((drowned, rate)), Detector(denoise=True).scan((drowned, rate))
    for name in ("bandwidth", "clipped"):
        (before,), (after,) = ([f.value for f in r.findings if f.name == name] for r in (plain, reduced))
        assert before == after
    assert reduced.verdict == plain.verdict == "inconclusive"


def test_silence_with_noise_reduction_is_silence():
    found = Detector(denoise=True).scan((np.zeros(3 * RATE, np.float32), RATE))
    assert [r.code for r in found.reasons] == ["silence", "denoised"]


def test_channels_apart_are_reduced_apart(speech):
    samples, rate = speech
    apart = Detector(denoise=True, channels="each").scan((np.stack([np.zeros_like(samples), samples], 1), rate))
    assert math.isclose(apart.llr, Detector(denoise=True).scan(speech).llr, abs_tol=1e-3)


def test_without_the_package_the_extra_is_named_before_any_file(monkeypatch):
    monkeypatch.setitem(sys.modules, "noisereduce", None)
    with pytest.raises(MissingExtra, match=r"assay\[denoise\]"):
        Detector(denoise=True)
    Detector()
