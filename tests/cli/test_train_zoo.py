"""`assay train audio|image|video MODEL`, `all` and `search` hand on what they are given."""

from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("lightning")
pytest.importorskip("onnx")

from torch import nn

import assay.training.lab.every
import assay.training.lab.run
import assay.training.lab.search
from assay.training.zoo import registry
from assay.training.zoo.registry import Architecture, register


@pytest.fixture
def calls(monkeypatch):
    """Calls of the trainer, which is replaced; an architecture to name."""
    if "cli-toy" not in registry.names():
        register(Architecture("cli-toy", "audio", nn.Identity, (4000,), False, "A toy."))
    seen = []
    for module, name in (
        (assay.training.lab.run, "train"),
        (assay.training.lab.every, "train_all"),
        (assay.training.lab.search, "search"),
    ):
        monkeypatch.setattr(module, name, lambda *given, **named: seen.append((given, named)) or Path("made"))
    Path("p.csv").write_text("path,key\na.wav,spoof\n")
    return seen


def test_a_model_is_trained_with_the_settings_given(run, calls):
    changes = ["--set", "optimisation.loss=focal", "--set", "data.batch_size=16", "--epochs", "3", "--folds", "5"]
    others = ["--devices", "2", "--on-error", "skip", "--start", "w.safetensors", "--no-fine-tune", "--resume"]
    done = run("train", "audio", "cli-toy", "--data", "p.csv", *changes, *others, "--jobs", "2", "--out", "o")
    assert done.out == "made\n"
    (((plan, protocols, out), named),) = calls
    assert (plan.model, plan.optimisation.loss, plan.optimisation.epochs) == ("cli-toy", "focal", 3)
    assert (plan.data.batch_size, plan.data.on_error, plan.folds, plan.machine.devices) == (16, "skip", 5, 2)
    assert (plan.start, plan.fine_tune) == ("w.safetensors", False)
    assert (protocols, out, named) == ([Path("p.csv")], Path("o"), {"resume": True, "jobs": 2})


def test_a_recipe_gives_what_options_do_not(run, calls):
    Path("r.toml").write_text("[optimisation]\nepochs = 9\npatience = 4\n")
    run("train", "audio", "cli-toy", "--data", "p.csv", "--recipe", "r.toml", "--epochs", "2")
    plan = calls[0][0][0]
    assert (plan.optimisation.epochs, plan.optimisation.patience, plan.fine_tune) == (2, 4, True)


def test_a_model_of_another_medium_is_refused(run, calls):
    done = run("train", "image", "cli-toy", "--data", "p.csv")
    assert done.code == 2
    assert "'cli-toy' is for audio; for image there are:" in done.err
    assert calls == []


def test_an_unknown_model_is_told_with_those_that_there_are(run, calls):
    done = run("train", "audio", "no-such", "--data", "p.csv")
    assert done.code == 2
    assert "There is no architecture 'no-such'" in done.err


@pytest.mark.parametrize(("command", "lacking"), [("audio", "--work"), ("image", "--imagenet"), ("video", "--recipe")])
def test_without_a_model_a_recipe_is_needed_with_all_that_goes_with_it(run, calls, command, lacking):
    Path("r.toml").write_text("")
    given = {"audio": ["--recipe", "r.toml"], "image": ["--recipe", "r.toml", "--work", "w"], "video": ["--work", "w"]}
    done = run("train", command, "--data", "p.csv", *given[command])
    assert done.code == 2
    assert f"Missing option '{lacking}'" in done.err
    assert "MODEL" in done.err


def test_options_of_our_own_detectors_do_not_go_with_a_model(run, calls):
    done = run("train", "audio", "cli-toy", "--data", "p.csv", "--work", "w")
    assert done.code == 2
    assert "'--work' is for recipes" in done.err


def test_all_and_search_hand_on_their_arguments(run, calls):
    assert run("train", "all", "--media", "audio", "--data", "p.csv", "--epochs", "2", "--variants").out == "made\n"
    assert run("train", "search", "cli-toy", "--data", "p.csv", "--work", "w", "--trials", "7").out == "made\n"
    (plan, media, protocols, out), named = calls[0]
    assert (plan.optimisation.epochs, media, protocols, out) == (2, "audio", [Path("p.csv")], Path("runs"))
    assert (named["variants"], named["resume"]) == (True, False)
    (plan, protocols, work), named = calls[1]
    assert (plan.model, protocols, work, named["trials"]) == ("cli-toy", [Path("p.csv")], Path("w"), 7)
