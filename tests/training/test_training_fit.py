"""The run itself: an interruption changes nothing, and what does not belong together is refused."""

import copy
import logging

import pytest

pytest.importorskip("torch")
pytest.importorskip("lightning")

import torch

from assay.errors import TrainingError
from assay.training import fit as fit_module
from assay.training.audio_net import PART_SAMPLES, AudioResnet
from assay.training.augment import Channel
from assay.training.corpus import pack, read_recipe_trials
from assay.training.fit import AudioTraining, fit


class Stopped(Exception):
    """The power cut."""


@pytest.fixture
def train(protocol, recipe, tmp_path):
    """Fit the toy corpus, one codec version: ``train("folder", resume=True, plan=recipe(...))``."""
    plan = recipe()
    parts = [
        pack(trials, tmp_path, versions=1, seed=plan.seed, jobs=1) for trials in read_recipe_trials([protocol], plan)
    ]
    channel = Channel(plan.augmentation, samples=PART_SAMPLES, noises=None, rooms=None, seed=plan.seed)

    def run(folder, *, resume=False, plan=plan, start=None):
        return fit(plan, parts[0], parts[1], channel, tmp_path / folder, start=start, resume=resume)

    return run


@pytest.fixture
def stop_at(monkeypatch):
    """Cut the power when a step begins: ``stop_at(3)``; ``stop_at(None)`` brings it back."""
    step = AudioTraining.training_step

    def cut(at):
        def training_step(self, batch, batch_index):
            if self.global_step == at:
                raise Stopped
            return step(self, batch, batch_index)

        monkeypatch.setattr(AudioTraining, "training_step", training_step)

    return cut


def checkpoint(tmp_path, folder, name="last"):
    return torch.load(tmp_path / folder / "checkpoints" / f"{name}.ckpt", weights_only=True)


def assert_same(found, expected):
    assert found.keys() == expected.keys()
    assert [name for name in expected if not torch.equal(found[name], expected[name])] == []


def test_an_interrupted_run_ends_with_the_same_weights(train, stop_at, tmp_path):
    # Checks after steps 2 and 4; the cut comes inside the second stretch, when one of its steps is done.
    whole = train("whole").state_dict()
    stop_at(3)
    with pytest.raises(Stopped):
        train("cut")
    at_cut = checkpoint(tmp_path, "cut")
    assert at_cut["global_step"] == 2
    stop_at(None)
    resumed = train("cut", resume=True).state_dict()
    assert_same(resumed, whole)
    last = [checkpoint(tmp_path, folder) for folder in ("cut", "whole")]
    assert [one["global_step"] for one in last] == [4, 4]
    for part in ("state_dict", "current_model_state", "averaging_state"):
        assert_same(last[0][part], last[1][part])
    moved = [name for name, value in at_cut["current_model_state"].items() if name.endswith("weight")]
    assert all(not torch.equal(at_cut["current_model_state"][n], last[0]["current_model_state"][n]) for n in moved)


def test_a_finished_run_resumed_gives_its_weights_again(train, stop_at):
    first = copy.deepcopy(train("done").state_dict())
    stop_at(4)
    assert_same(train("done", resume=True).state_dict(), first)


def test_the_end_of_the_schedule_is_returned_with_statistics_measured_anew(train, recipe, tmp_path):
    plan = recipe(("steps = 4", "steps = 3"), ("evaluate_every = 2", "evaluate_every = 1"), ("_size = 8", "_size = 4"))
    net = train("run", plan=plan)
    last = checkpoint(tmp_path, "run")
    assert last["global_step"] == 3
    returned, kept = net.state_dict(), {k.removeprefix("net."): v for k, v in last["state_dict"].items()}
    statistics = {name for name in returned if "running_" in name or "num_batches" in name}
    assert_same({k: returned[k] for k in returned.keys() - statistics}, {k: kept[k] for k in kept.keys() - statistics})
    means = [name for name in statistics if name.endswith("running_mean")]
    assert any(not torch.equal(returned[name], kept[name]) for name in means)
    counts = {int(returned[name]) for name in statistics if name.endswith("num_batches_tracked")}
    assert counts == {fit_module.REFRESH_BATCHES}


def test_resuming_another_recipe_is_refused_but_an_unsigned_checkpoint_is_taken(train, recipe, tmp_path):
    short = recipe(("steps = 4", "steps = 1"), ("evaluate_every = 2", "evaluate_every = 1"), ("_size = 8", "_size = 4"))
    train("run", plan=short)
    other = short.model_copy(update={"augmentation": short.augmentation.model_copy(update={"noise": 0.1})})
    with pytest.raises(TrainingError, match="belongs to another recipe"):
        train("run", resume=True, plan=other)
    assert train("run", resume=True, plan=short.model_copy(update={"version": "0.2"}))
    path = tmp_path / "run" / "checkpoints" / "last.ckpt"
    unsigned = {name: value for name, value in checkpoint(tmp_path, "run").items() if not name.startswith("assay")}
    torch.save(unsigned, path)
    assert train("run", resume=True, plan=other)


def test_a_run_that_diverges_says_so(train, recipe):
    with pytest.raises(TrainingError, match=r"not a number at step \d\. Lower 'learning_rate'"):
        train("run", plan=recipe(("learning_rate = 1e-3", "learning_rate = 1e30")))


def test_a_run_logs_its_progress_and_is_silent_otherwise(train, recipe, caplog, capfd):
    plan = recipe(("steps = 4", "steps = 2"), ("evaluate_every = 2", "evaluate_every = 1"), ("_size = 8", "_size = 4"))
    caplog.set_level(logging.WARNING, "assay")
    train("quiet", plan=plan)
    assert capfd.readouterr() == ("", "")
    assert caplog.messages == []
    caplog.set_level(logging.INFO, "assay")
    train("talkative", plan=plan)
    said = [record.getMessage() for record in caplog.records if record.name == "assay.training.fit"]
    assert any(line.startswith("step 1 of 2, loss ") for line in said)
    assert sum("dev_eer" in line for line in said) == 2


def test_the_trained_network_is_ready_to_answer(train, recipe):
    plan = recipe(("steps = 4", "steps = 1"), ("_size = 8", "_size = 4"))
    net = train("run", plan=plan)
    assert not net.training
    assert {value.device.type for value in net.state_dict().values()} == {"cpu"}
    assert torch.isfinite(net.part_logits(torch.zeros(1, PART_SAMPLES))).all()


def test_a_run_begins_with_the_weights_it_is_given(train, recipe):
    plan = recipe(
        ("steps = 4", "steps = 1"), ("_size = 8", "_size = 4"), ("learning_rate = 1e-3", "learning_rate = 1e-9")
    )
    torch.manual_seed(5)
    given = AudioResnet(plan.network.views)
    before = {name: value.clone() for name, value in given.named_parameters()}
    after = dict(train("run", plan=plan, start=given).named_parameters())
    for name, value in before.items():
        torch.testing.assert_close(after[name], value, atol=1e-6, rtol=0)


def test_weights_for_other_views_are_refused(train):
    with pytest.raises(TrainingError, match=r"views \('harmonics',\), the recipe"):
        train("run", start=AudioResnet(("harmonics",)))
