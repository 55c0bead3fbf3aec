"""Every speech engine that is installed says a sentence, the same one again from the same seed; the others say so."""

import shutil

import numpy as np
import pytest

pytest.importorskip("torch")

from assay.errors import MissingExtra, TrainingError
from assay.training.fakes.engines import ENGINES, festival, rhvoice
from assay.training.fakes.engines.engine import from_wav
from assay.training.fakes.engines.phonemes import CLAUSE
from assay.training.fakes.installed import program, run, wheel
from assay.training.fakes.texts import read_texts


@pytest.fixture(params=sorted(ENGINES))
def engine(request):
    try:
        ENGINES[request.param].languages()
    except MissingExtra as error:
        pytest.skip(error.message)
    return ENGINES[request.param]


def test_it_speaks_and_can_say_it_again(engine):
    languages = engine.languages()
    language = "en" if "en" in languages else languages[0]
    text = read_texts()[language][1]
    first, again, other = (engine.speak(text, language, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert first.samples.dtype == np.float32
    assert 0.5 < len(first.samples) / 16_000 < 15
    assert np.isfinite(first.samples).all()
    assert np.abs(first.samples).max() > 0.05
    assert first.voice == again.voice
    np.testing.assert_array_equal(first.samples, again.samples)
    assert len(first.samples) != len(other.samples) or not np.allclose(first.samples, other.samples)


def test_it_has_sentences_of_ours_in_every_language(engine):
    assert set(engine.languages()) <= set(read_texts())


def test_engines_go_by_their_name_and_tell_their_generator_and_licence():
    assert all(name == engine.name and engine.generator and engine.licence for name, engine in ENGINES.items())
    assert len({engine.generator for engine in ENGINES.values()}) == len(ENGINES)


def test_a_program_or_wheel_that_is_missing_is_named():
    with pytest.raises(MissingExtra, match=r"Debian's package.*the-package"):
        program("no-such-program-here", "the-package")
    with pytest.raises(MissingExtra, match="pip install --no-deps the-wheel"):
        wheel("no_such_module_here", "the-wheel")


def test_an_engine_without_voices_counts_as_not_installed(monkeypatch, tmp_path):
    for module in (festival, rhvoice):
        monkeypatch.setattr(module, "program", lambda name, package: name)
    monkeypatch.setattr(rhvoice, "INSTALLED", tmp_path)
    monkeypatch.setattr(festival, "_installed", dict)
    for module in (festival, rhvoice):
        with pytest.raises(MissingExtra, match="no voices"):
            module.ENGINE.languages()


def test_a_program_that_fails_or_writes_no_sound_is_told():
    shell = shutil.which("sh")
    if shell is None:
        pytest.skip("there is no sh")
    with pytest.raises(TrainingError, match="the reason"):
        run([shell, "-c", "echo the reason >&2; exit 3"])
    with pytest.raises(TrainingError, match="no sound"):
        from_wav(b"nothing")


def test_marks_within_a_number_close_no_clause():
    assert CLAUSE.findall("At 7:45, it costs 1,250.50; why? Well…") == [
        "At 7:45,",
        " it costs 1,250.50;",
        " why?",
        " Well…",
    ]
