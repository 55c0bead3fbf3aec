"""The training benchmark: its data, the loop that training is held against, and how it is told."""

import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("lightning")

import torch

from assay.data import read_protocol


@pytest.fixture(autouse=True)
def _scripts(monkeypatch, request):
    monkeypatch.syspath_prepend(str(request.config.rootpath / "benchmarks"))


@pytest.fixture
def made(tmp_path, monkeypatch):
    """Data of every kind, as little as there can be, without the shared folder: what the script prints."""
    import training_data

    monkeypatch.setattr(training_data, "MANY_S", 1.0)
    return training_data.make(tmp_path, train=8, dev=4, most=8, shared=tmp_path / "nowhere")


def loaded(made, data="sounds"):
    from load import Load

    return Load([made["protocols"][data]], 1, 1)


def test_data_are_made_where_there_are_none_and_the_same_in_plain_wav(made):
    assert made["made"]
    assert sum(made["kinds"].values()) == 12
    assert set(made["kinds"]) == {"wav", "flac", "mp3"}
    protocols = {name: read_protocol(Path(path)) for name, path in made["protocols"].items()}
    for name, trials in protocols.items():
        keys = [(trial.partition, trial.key) for trial in trials]
        assert {keys.count((part, key)) for part in ("train",) for key in ("bona_fide", "spoof")} in ({4}, {1}), name
        assert all(trial.file.exists() for trial in trials)
    assert len(protocols["many"]) == 12
    assert len(protocols["fewer"]) == 6
    plain = [(trial.partition, trial.key) for trial in protocols["sounds-wav"]]
    assert plain == [(trial.partition, trial.key) for trial in protocols["sounds"]]


def test_shared_recordings_are_drawn_evenly_and_none_twice(tmp_path):
    import training_data

    rows = ["path,key,partition,source"]
    rows += [f"{n}.ogg,{'spoof' if n % 3 else 'bona_fide'},{'train' if n < 60 else 'eval'},s" for n in range(70)]
    (tmp_path / "protocol.csv").write_text("\n".join(rows) + "\n")
    found = training_data.drawn(tmp_path / "protocol.csv", {"train": 20, "dev": 8})
    assert [trial.partition for trial in found].count("dev") == 8
    assert [trial.key for trial in found].count("spoof") == 14
    numbers = {int(trial.file.stem): trial.key for trial in found}
    assert len(numbers) == 28
    assert max(numbers) < 60
    assert all((number % 3 > 0) == (key == "spoof") for number, key in numbers.items())


@pytest.mark.parametrize("model", ["mel-cnn", "mfcc-net"])
def test_the_loop_learns_with_the_layers_of_the_zoo_on_features_of_the_same_shape(model):
    pytest.importorskip("librosa")
    from training_loop import FEATURES, Body

    from assay.training.zoo import architecture
    from assay.training.zoo._front import at_one_level

    samples = architecture(model).example(2)
    body = Body(model).eval()
    front = body.net.front(at_one_level(samples))
    assert FEATURES[model](samples[0].numpy()).shape == front.shape[1:]
    assert torch.equal(body(front), body.net(samples))


def test_noise_and_gain_are_drawn_for_half_of_the_files():
    from training_loop import augmented

    samples = (0.1 * np.random.default_rng(0).standard_normal(4000)).astype(np.float32)
    rng = np.random.default_rng(1)
    made = [augmented(samples, rng) for _ in range(200)]
    same = sum(np.array_equal(one, samples) for one in made)
    assert 30 < same < 70  # a quarter of 200
    assert all(one.dtype == np.float32 and np.abs(one).max() <= 1 for one in made)


@pytest.mark.filterwarnings("ignore:.*slated for removal:DeprecationWarning")  # what librosa.load imports
def test_both_train_from_files_to_weights_and_tell_the_same_things(made, monkeypatch):
    pytest.importorskip("librosa")
    import training_lab
    import training_loop

    for module in (training_lab, training_loop):
        monkeypatch.setattr(module, "BATCH", 4)
    monkeypatch.setattr(training_lab, "FLOOR_EPOCHS", 2)
    subjects = [
        training_lab.Lab(loaded(made), "mel-cnn", augmented=True, epochs=2),
        training_loop.Loop(loaded(made), "mel-cnn", augmented=True, epochs=2, workers=0),
        training_lab.Steps(loaded(made), "mel-cnn"),
    ]
    for subject in subjects:
        subject()
        (told,) = json.loads(json.dumps(subject.facts()))["passes"]
        assert told["examples"] == 8
        assert len(told["epochs_s"]) == 2
        assert min(told["epochs_s"]) > 0
        assert told["total_s"] >= sum(told["epochs_s"])


def test_every_subject_that_is_measured_has_a_name_that_a_worker_knows():
    from subjects import SUBJECTS
    from training import QUICK, Plan
    from training_subjects import SHARES

    for plan in (QUICK, Plan()):
        wanted = {f"train:{model}" for model in plan.shares} | {f"export:{model}" for model in plan.shares}
        for _, model, kind in plan.cases:
            wanted |= {f"{name}{kind}:{model}" for name in ("lab", "single", "loop")} | {f"steps:{model}"}
        assert {*wanted, "memory:mel-cnn"} <= set(SUBJECTS)
        assert set(plan.shares) <= set(SHARES)


def told(lab_s, share, grown):
    """Groups of a run that took so long, spent that share and grew by so many bytes."""
    from measure import Series

    def passes(total_s):
        one = {"prepared_s": 1.0, "epochs_s": [total_s / 4] * 2, "total_s": total_s, "examples": 100}
        return Series(facts={"passes": [one] * 3, "workers": 1})

    shares = {"share": share, "epochs": [share], "step_s": 0.1, "training_s": 3.2, "whole_s": 9.0}
    memory = {"media": 4, "decoded_bytes": 2e9, "allowed_bytes": 8e8, "reader_bytes": 3e8, "fits": False, "steps": 1}
    forms = {"onnx": {"bytes": 4e5, "difference": 1e-6, "eer": 0.25, "ms": [1.0, 2.0, 3.0]}}
    forms |= {"int8": {"refused": "errs more"}, "litert": {"missing": "Needs the extra 'litert'."}}
    return {
        "sounds-wav, mel-cnn-augmented": {
            "lab": passes(lab_s),
            "single": passes(2 * lab_s),
            "loop": passes(30.0),
            "steps": passes(8.0),
        },
        "shares": {"mel-cnn": Series(facts=shares)},
        "memory": {
            "fewer": Series(facts={**memory, "grown_bytes": 1e8}),
            "many": Series(facts={**memory, "grown_bytes": grown}),
        },
        "forms": {"mel-cnn": Series(facts={"forms": forms}), "resnet": Series(facts={"forms": forms})},
    }


def test_the_table_of_training_tells_whether_the_promises_were_kept(request):
    import training_report

    found = {"date": "", "commit": "", "processor": "", "instructions": "", "cores": 2, "load_before": 0.0}
    found |= {"packages": {"torch": "2"}, "kinds": {"wav": 3}, "train": 100, "dev": 10}
    kept = training_report.markdown(told(10.0, 0.95, 1.05e8), found)
    assert "the same as 16 kHz WAV: at least 2 times the usual loop | 3.00 times (mel-cnn, augmented) | met |" in kept
    assert "| 95.0% (mel-cnn) to 95.0% | met |" in kept
    assert "| 105 MB against 100 MB | met |" in kept
    assert "**not met**" not in kept
    assert "| mel-cnn, ONNX, float32 | 0.40 | 2.00 (1.00–3.00) | 1e-06 | 0.250 |" in kept
    assert kept.count("Not there: Needs the extra 'litert'.") == 1
    assert "Not there: resnet, ONNX, INT8 (QDQ): errs more" in kept
    assert training_report.markdown(told(16.0, 0.85, 1.2e8), found).count("**not met**") == 3
    assert "busy with something else" in training_report.markdown(told(1.0, 1.0, 0.0), {**found, "load_before": 2.0})
    readme = (request.config.rootpath / "benchmarks" / "README.md").read_text(encoding="utf-8")
    assert readme.count(training_report.BEGIN) == readme.count(training_report.END) == 1


def test_speeds_are_those_worked_out_by_hand():
    import training_report

    one = {"prepared_s": 1.0, "epochs_s": [3.0, 2.0, 2.0], "total_s": 10.0, "examples": 20}
    assert training_report.first(one) == 5.0
    assert training_report.later(one) == 10.0
    assert training_report.whole(one) == 6.0
