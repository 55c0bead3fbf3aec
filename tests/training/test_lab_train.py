"""A training from protocol to run folder, for each medium, and what its settings do."""

import csv
import json

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("lightning")
pytest.importorskip("onnx")

import lab_toys
import onnx
import onnxruntime
import torch
from safetensors.torch import load_file

from assay.errors import TrainingError
from assay.models.card import ZooCard
from assay.models.known import known_input
from assay.training.lab.config import Adversarial, Optimisation, Run, load_run, run_of
from assay.training.lab.losses import Criterion, attacked
from assay.training.lab.run import train
from assay.training.lab.weights import begin
from assay.training.recipe import read_tables
from assay.training.zoo import architecture

lab_toys.register_toys()
QUICK = (
    "optimisation.epochs=8",
    "data.batch_size=8",
    "optimisation.learning_rate=0.05",
    "data.augment=false",
    "machine.workers=0",
)


def trained(model, protocol, out, *changes, **given):
    """Train quickly; the run folder and its metrics."""
    folder = train(load_run(model, None, [*QUICK, *changes]), [protocol], out, **given)
    return folder, json.loads((folder / "metrics.json").read_text())


@pytest.fixture(scope="module")
def sounds(tmp_path_factory):
    return lab_toys.sounds(tmp_path_factory.mktemp("sounds"), partitions=("train", "dev", "train", "eval"), each=4)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    return lab_toys.pictures(tmp_path_factory.mktemp("pictures"))


@pytest.fixture(scope="module")
def run(sounds, tmp_path_factory):
    """One training of sounds with everything on: its folder and metrics."""
    settings = ("data.augment=true", "data.test=eval", "optimisation.epochs=10")
    return trained("toy-audio", sounds, tmp_path_factory.mktemp("runs"), *settings)


def test_a_run_folder_holds_all_that_describes_a_run(run):
    folder, metrics = run
    plots = {
        f"{name}.svg" for name in ("history", "confusion", "roc", "precision_recall", "det", "scores", "calibration")
    }
    found = {path.name for path in folder.iterdir()}
    assert found >= {
        "weights.safetensors",
        "model.onnx",
        "card.json",
        "metrics.json",
        "config.toml",
        "environment.json",
    }
    assert found >= {"scores.csv", "checkpoints", "tensorboard"}
    pytest.importorskip("matplotlib")
    assert found >= plots
    assert len(metrics["history"]) == metrics["training"]["epochs"] == 10
    assert metrics["training"]["trials"] == {"train": 16, "validation": 8, "test": 8}


def test_what_is_learnt_holds_on_data_that_nothing_was_chosen_on(run):
    assert run[1]["test"]["pooled"]["ranking"]["auc"] > 0.9
    assert run[1]["history"][-1]["val_loss"] < run[1]["history"][0]["val_loss"]


def test_the_settings_in_the_folder_make_the_run_again(run, sounds, tmp_path):
    folder, _ = run
    again = train(run_of(read_tables(folder / "config.toml")), [sounds], tmp_path)
    first, second = load_file(folder / "weights.safetensors"), load_file(again / "weights.safetensors")
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_the_card_tells_how_to_score_and_its_numbers_are_those_of_the_graph(run):
    folder, _ = run
    card = ZooCard.model_validate_json((folder / "card.json").read_text())
    session = onnxruntime.InferenceSession(folder / card.file, providers=["CPUExecutionProvider"])
    (logit,) = session.run(["logit"], {card.input: known_input(card.shape, integer=card.integer)})[0]
    assert logit == pytest.approx(card.known_answer.values[0], abs=card.known_answer.tolerance)
    inside = {p.key: p.value for p in onnx.load(folder / card.file).metadata_props}
    assert json.loads(inside["assay_card"])["calibration"] == card.calibration.model_dump()
    assert {row["source"]: row["licence"] for row in card.data} == {"source-0": "CC0-1.0", "source-2": "CC0-1.0"}
    assert card.parity < 1e-4


def test_scores_are_those_of_the_graph_and_llrs_those_of_the_card(run, sounds):
    import soundfile

    folder, _ = run
    card = ZooCard.model_validate_json((folder / "card.json").read_text())
    with (folder / "scores.csv").open() as stream:
        rows = {row["path"]: row for row in csv.DictReader(stream)}
    assert {row["partition"] for row in rows.values()} == {"validation", "test"}
    samples, _ = soundfile.read(sounds.parent / "s1-0.wav", dtype="float32")
    starts = np.round(np.linspace(0, len(samples) - 4000, 2)).astype(int)  # 6,400 samples make two views
    session = onnxruntime.InferenceSession(folder / "model.onnx", providers=["CPUExecutionProvider"])
    logits = session.run(["logit"], {"samples": np.stack([samples[s : s + 4000] for s in starts])})[0]
    assert float(rows["s1-0.wav"]["logit"]) == pytest.approx(float(logits.mean()), abs=1e-3)
    assert float(rows["s1-0.wav"]["llr"]) == pytest.approx(card.calibration.of(float(rows["s1-0.wav"]["logit"])))


@pytest.mark.parametrize("model", ["toy-picture", "toy-ae"])
def test_pictures_are_learnt_from_pixels_also_from_bona_fide_ones_alone(model, pictures, tmp_path):
    folder, metrics = trained(model, pictures, tmp_path, "data.augment=true" if model == "toy-picture" else "seed=1")
    card = ZooCard.model_validate_json((folder / "card.json").read_text())
    assert (card.input, card.stored_pixels, card.integer) == ("pixels", 64, True)
    assert sum(row["spoof"] for row in card.data) == (0 if model == "toy-ae" else 9)
    if model == "toy-picture":
        assert metrics["validation"]["pooled"]["ranking"]["auc"] > 0.9
    else:
        assert metrics["history"][-1]["loss"] < metrics["history"][0]["loss"]


def test_videos_are_learnt_from_frames(tmp_path):
    protocol = lab_toys.videos(tmp_path / "data")
    folder, metrics = trained("toy-video", protocol, tmp_path, "data.augment=true", "data.batch_size=4")
    card = ZooCard.model_validate_json((folder / "card.json").read_text())
    assert (card.input, card.shape) == ("frames", (4, 32, 32, 3))
    assert metrics["history"][-1]["val_loss"] < metrics["history"][0]["val_loss"]


def test_videos_without_a_face_are_no_sequences_of_features(tmp_path):
    protocol = lab_toys.videos(tmp_path / "data", sources=1)
    with pytest.raises(Exception, match="shows no face that is large enough"):
        trained("toy-features", protocol, tmp_path)


def test_training_ends_early_where_checks_gain_nothing(sounds, tmp_path):
    frozen = ("optimisation.learning_rate=1e-12", "optimisation.patience=2", "optimisation.epochs=50")
    _, metrics = trained("toy-audio", sounds, tmp_path, *frozen, "optimisation.weight_decay=0", "options.norm=false")
    assert metrics["training"]["epochs"] < 10


def test_the_rate_falls_on_a_plateau_and_by_steps(sounds, tmp_path):
    flat = ("optimisation.scheduler=plateau", "optimisation.plateau_patience=0", "optimisation.learning_rate=1e-9")
    _, metrics = trained("toy-audio", sounds, tmp_path, *flat, "optimisation.epochs=6", "optimisation.monitor=auc")
    rates = [row["rate"] for row in metrics["history"]]
    assert rates[-1] < 0.1 * rates[0]
    steps = ("optimisation.scheduler=step", "optimisation.step_epochs=2", "optimisation.warm_up=0")
    _, metrics = trained("toy-audio", sounds, tmp_path, *steps, "optimisation.epochs=5", "optimisation.factor=0.1")
    # Two batches an epoch; a rate is told after the step that it is set for.
    assert [row["rate"] for row in metrics["history"]] == pytest.approx([0.05, 0.005, 0.005, 0.0005, 0.0005])


@pytest.mark.parametrize(
    "changes",
    [
        ("optimisation.loss=focal", "optimisation.class_weights=balanced", "data.balance=none"),
        ("adversarial.method=pgd", "optimisation.optimiser=sgd", "data.balance=source"),
        ("optimisation.precision=bf16", "optimisation.accumulate=2", "optimisation.optimiser=adam"),
    ],
)
def test_other_ways_to_train_learn_too(changes, sounds, tmp_path):
    _, metrics = trained("toy-audio", sounds, tmp_path, *changes, "options.dropout=0.0")
    losses = [row["val_loss"] for row in metrics["history"]]
    assert min(losses) < losses[0]


def test_a_loss_that_is_no_number_stops_the_run(sounds, tmp_path):
    with pytest.raises(TrainingError, match=r"Lower optimisation\.learning_rate"):
        trained("toy-audio", sounds, tmp_path, "optimisation.learning_rate=1e30", "optimisation.gradient_clip=0")


def test_finished_runs_are_not_repeated_and_other_settings_not_resumed(sounds, tmp_path):
    folder, _ = trained("toy-audio", sounds, tmp_path, "optimisation.epochs=1")
    again, _ = trained("toy-audio", sounds, tmp_path, "optimisation.epochs=1", resume=True)
    assert again == folder
    (folder / "metrics.json").unlink()
    with pytest.raises(TrainingError, match="belongs to other settings or other data"):
        trained("toy-audio", sounds, tmp_path, "optimisation.epochs=2", resume=True)


# Weights that training begins with


def test_training_goes_on_from_given_weights_and_leaves_the_trunk_as_it_is(run, sounds, tmp_path):
    folder, _ = run
    plan = load_run("toy-audio", None, [*QUICK, f"start={folder}", "fine_tune=false", "optimisation.epochs=2"])
    after = load_file(train(plan, [sounds], tmp_path) / "weights.safetensors")
    before = load_file(folder / "weights.safetensors")
    assert torch.equal(after["trunk.weight"], before["trunk.weight"])
    assert not torch.equal(after["head.weight"], before["head.weight"])


def test_what_is_frozen_by_name_keeps_its_statistics_too(run, sounds, tmp_path):
    folder, _ = run
    plan = load_run("toy-audio", None, [*QUICK, f"start={folder}", "freeze=['norm','trunk']", "optimisation.epochs=1"])
    after = load_file(train(plan, [sounds], tmp_path) / "weights.safetensors")
    before = load_file(folder / "weights.safetensors")
    assert torch.equal(after["norm.running_mean"], before["norm.running_mean"])
    assert not torch.equal(after["head.weight"], before["head.weight"])


def test_weights_that_fit_in_part_are_taken_in_part(run):
    folder, _ = run
    net = begin(architecture("toy-audio"), Run(model="toy-audio", start=str(folder / "weights.safetensors")))
    assert torch.equal(net.trunk.weight, load_file(folder / "weights.safetensors")["trunk.weight"])
    with pytest.raises(TrainingError, match="fits 1% of this network"):
        begin(
            architecture("toy-audio"),
            Run(model="toy-audio", options={"width": 8}, start=str(folder / "weights.safetensors")),
        )


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        (["fine_tune=false"], "name its weights with --start"),
        (["freeze=['nothing']"], r"No parameter .* begins with 'nothing'; its parts are \['trunk'"),
        (["options.depth=3"], r"cannot be made with the options .*It takes \['dropout', 'norm', 'width'\]"),
        (["start=missing.safetensors"], "cannot be read as weights"),
    ],
)
def test_what_does_not_fit_the_network_is_told(changes, told):
    with pytest.raises(TrainingError, match=told):
        begin(architecture("toy-audio"), load_run("toy-audio", None, changes))


def test_a_file_of_anything_but_tensors_is_refused_and_nothing_in_it_runs(tmp_path):
    import pickle

    class Trap:
        def __reduce__(self):
            return (open, (str(tmp_path / "sprung"), "w"))

    (tmp_path / "w.pth").write_bytes(pickle.dumps(Trap(), protocol=2))
    with pytest.raises(TrainingError, match="cannot be read as weights"):
        begin(architecture("toy-audio"), Run(model="toy-audio", start=str(tmp_path / "w.pth")))
    assert not (tmp_path / "sprung").exists()


# Losses


def test_losses_are_those_worked_out_by_hand():
    logits, spoof = torch.tensor([0.0, 0.0, np.log(3.0)]), torch.tensor([1.0, 0.0, 1.0])  # p = 1/2, 1/2, 3/4
    half, quarter = np.log(2), np.log(4 / 3)
    bce = Criterion(Optimisation(), 0.5)(logits, spoof)
    assert float(bce) == pytest.approx((2 * half + quarter) / 3)
    weighted = Criterion(Optimisation(class_weights=(1.0, 3.0)), 0.5)(logits, spoof)
    assert float(weighted) == pytest.approx((3 * half + half + 3 * quarter) / 3)
    focal = Criterion(Optimisation(loss="focal", focal_gamma=2, focal_alpha=0.25), 0.5)(logits, spoof)
    assert float(focal) == pytest.approx((0.25 * half / 4 + 0.75 * half / 4 + 0.25 * quarter / 16) / 3)
    assert Criterion(Optimisation(class_weights="balanced"), 0.8).weights == pytest.approx((2.5, 0.625))


@pytest.mark.parametrize("method", ["fgsm", "pgd"])
def test_attacked_inputs_raise_the_loss_and_stay_near_and_in_range(method):
    weight = torch.tensor([1.0, -2.0, 0.5])
    inputs = torch.tensor([[0.5, -0.5, 0.999], [0.1, 0.2, 0.3]])

    def harm(x):
        return (x @ weight).sum()

    moved = attacked(inputs, harm, Adversarial(method=method, share=0.5, epsilon=0.01), "audio")
    assert torch.equal(moved[1], inputs[1])  # half of the batch
    assert moved[0].tolist() == pytest.approx([0.51, -0.51, 1.0], abs=1e-6)  # up its slope, down its slope, to the edge
