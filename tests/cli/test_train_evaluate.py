import csv
import json
import sys
from pathlib import Path
from types import ModuleType

import pytest

from assay.errors import ProtocolError


class FakeEvaluation:
    def to_dict(self):
        return {"eer": 0.25}

    def to_markdown(self):
        return "| EER |\n|---|\n| 25 % |"

    def write_scores(self, path):
        with path.open("w", newline="") as file:
            csv.writer(file).writerow(["path", "llr"])


@pytest.fixture
def calls(monkeypatch):
    """Calls of evaluate_protocol and train_audio, which are replaced."""
    seen = []

    def evaluate_protocol(protocol, **given):
        seen.append((protocol, given))
        if not protocol.exists():
            raise ProtocolError(f"The protocol '{protocol}' cannot be read.")
        given["progress"](1, 2)
        return FakeEvaluation()

    def train_audio(recipe, protocols, work, **given):
        seen.append((recipe, protocols, work, given))
        return work / "x.json"

    for name, function in (("assay.evaluate", evaluate_protocol), ("assay.training.run", train_audio)):
        module = ModuleType(name)
        setattr(module, function.__name__, function)
        monkeypatch.setitem(sys.modules, name, module)
    return seen


@pytest.fixture
def protocol(tmp_path):
    (tmp_path / "p.csv").write_text("path,key\na.wav,spoof\n")
    return Path("p.csv")


def test_evaluate_prints_markdown_and_writes_scores(run, calls, protocol, tmp_path):
    done = run("evaluate", protocol, "--partition", "eval", "--scores", "s.csv", "--model", "m", "--jobs", "2")
    assert "| 25 % |" in done.out
    assert (tmp_path / "s.csv").read_text() == "path,llr\r\n" or (tmp_path / "s.csv").read_text() == "path,llr\n"
    ((path, given),) = calls
    assert path == protocol
    assert given["partition"] == "eval"
    assert (given["settings"].audio_model, given["settings"].jobs) == ("m", 2)


def test_evaluate_writes_json_to_a_file(run, calls, protocol, tmp_path):
    done = run("evaluate", protocol, "--format", "json", "--output", "f.json")
    assert done.out == ""
    assert json.loads((tmp_path / "f.json").read_text()) == {"eer": 0.25}


def test_a_protocol_that_cannot_be_read_is_exit_2(run, calls):
    done = run("evaluate", "missing.csv")
    assert done.code == 2
    assert done.err.endswith("[bad_protocol]\n")


def test_train_hands_on_its_arguments_and_prints_the_card(run, calls, protocol):
    Path("r.toml").write_text("")
    done = run(*["train", "audio", "--recipe", "r.toml", "--data", "p.csv", "--work", "w", "--resume", "--jobs", "2"])
    assert done.out == f"{Path('w') / 'x.json'}\n"
    assert calls == [
        (Path("r.toml"), [protocol], Path("w"), {"resume": True, "jobs": 2, "start": None, "members": (), "out": None})
    ]


def test_training_without_torch_names_the_extra(run, protocol, monkeypatch):
    Path("r.toml").write_text("")
    for name in [name for name in sys.modules if name.startswith("assay.training")]:
        monkeypatch.delitem(sys.modules, name)
    for name in ("torch", "lightning"):
        monkeypatch.setitem(sys.modules, name, None)
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
