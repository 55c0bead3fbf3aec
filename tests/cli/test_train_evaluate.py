import sys
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture
def calls(monkeypatch):
    """Calls of train_audio, which is replaced."""
    seen = []

    def train_audio(recipe, protocols, work, **given):
        seen.append((recipe, protocols, work, given))
        return work / "x.json"

    module = ModuleType("assay.training.run")
    module.train_audio = train_audio
    monkeypatch.setitem(sys.modules, "assay.training.run", module)
    return seen


@pytest.fixture
def protocol(tmp_path):
    (tmp_path / "p.csv").write_text("path,key\na.wav,spoof\n")
    return Path("p.csv")


def test_train_hands_on_its_arguments_and_prints_the_card(run, calls, protocol):
    Path("r.toml").write_text("")
    done = run(*["train", "audio", "--recipe", "r.toml", "--data", "p.csv", "--work", "w", "--resume", "--jobs", "2"])
    assert done.out == f"{Path('w') / 'x.json'}\n"
    assert calls == [
        (Path("r.toml"), [protocol], Path("w"), {"resume": True, "jobs": 2, "start": None, "members": (), "out": None})
    ]


def test_training_without_torch_names_the_extra(run, protocol, untrained):
    Path("r.toml").write_text("")
    done = run(*["train", "audio", "--recipe", "r.toml", "--data", "p.csv", "--work", "w"])
    assert done.code == 2
    assert "pip install 'assay[train]'" in done.err


def test_train_needs_a_recipe_that_exists(run, protocol):
    done = run(*["train", "audio", "--recipe", "missing.toml", "--data", "p.csv", "--work", "w"])
    assert done.code == 2
    assert "missing.toml" in done.err


def test_train_autoencoder_hands_on_its_arguments(run, monkeypatch, protocol):
    seen = []
    module = ModuleType("assay.training.fakes.pictures.autoencoder_room")
    module.train_autoencoder = lambda *given: seen.append(given) or Path("engines") / "a.json"
    monkeypatch.setitem(sys.modules, module.__name__, module)
    Path("r.toml").write_text("")
    done = run("train", "autoencoder", "--recipe", "r.toml", "--data", "p.csv", "--out", "engines")
    assert done.out == f"{Path('engines') / 'a.json'}\n"
    assert seen == [(Path("r.toml"), [protocol], Path("engines"))]
