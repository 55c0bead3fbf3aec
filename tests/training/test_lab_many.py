"""Many trainings: cross-validation, search, and every architecture of a medium."""

import csv
import json

import pytest

pytest.importorskip("torch")
pytest.importorskip("lightning")
pytest.importorskip("onnx")

import lab_toys

from assay.errors import MissingExtra, TrainingError
from assay.training.lab import every
from assay.training.lab.config import load_run
from assay.training.lab.every import train_all
from assay.training.lab.folds import parts_of
from assay.training.lab.run import train
from assay.training.lab.search import search
from assay.training.lab.setting import ready
from assay.training.recipe import read_tables

lab_toys.register_toys()
QUICK = ["optimisation.epochs=3", "data.batch_size=8", "optimisation.learning_rate=0.05", "data.augment=false"]


@pytest.fixture(scope="module")
def protocol(tmp_path_factory):
    return lab_toys.sounds(tmp_path_factory.mktemp("sounds"), sources=6, each=2)


def test_no_group_stands_in_two_parts_of_a_fold_and_every_trial_is_measured_once(protocol, tmp_path):
    run = load_run("toy-audio", None, [*QUICK, "folds=3"])
    setting = ready(run, [protocol], tmp_path, jobs=1)
    items, measured = setting.parts["train"], []
    for number in range(3):
        parts = parts_of(items, setting, number)
        sources = [{item.trial.source for item in parts[role]} for role in ("train", "validation", "test")]
        assert sum(map(len, sources)) == len(set.union(*sources)) == 6
        assert sum(map(len, parts.values())) == len(items)
        measured += [item.trial.path for item in parts["test"]]
    assert sorted(measured) == sorted(item.trial.path for item in items)


def test_cross_validation_pools_what_every_fold_says_of_media_it_never_saw(protocol, tmp_path):
    run = load_run("toy-audio", None, [*QUICK, "folds=2"])
    folder = train(run, [protocol], tmp_path)
    metrics = json.loads((folder / "metrics.json").read_text())
    with (folder / "scores.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert len({row["path"] for row in rows}) == len(rows) == 24
    assert metrics["out_of_fold"]["counts"] == {"bona_fide": 12, "spoof": 12}
    assert len(metrics["spread"]["eer"]["folds"]) == 2
    for number in (1, 2):
        card = json.loads((folder / f"fold-{number}" / "card.json").read_text())
        learnt = {row["source"] for row in card["data"]}
        assert not learnt & {row["source"] for row in rows if row["partition"] == f"fold-{number}"}


def test_a_search_tries_its_space_and_writes_the_best_as_a_recipe(protocol, tmp_path):
    pytest.importorskip("optuna")
    space = "search={'optimisation.learning_rate'={low=1e-8,high=0.1,log=true},options={width=[2,4]}}"
    run = load_run("toy-audio", None, [*QUICK, space])
    best = search(run, [protocol], tmp_path / "search", trials=4, caches=tmp_path / "cache")
    with (tmp_path / "search" / "trials.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == 4
    winner = min(rows, key=lambda row: float(row["loss"]))
    tables = read_tables(best)
    assert tables["optimisation"]["learning_rate"] == float(winner["optimisation.learning_rate"])
    assert tables["options"]["width"] == int(winner["options.width"])
    assert load_run("toy-audio", best).optimisation.epochs == 3


def test_a_space_that_cannot_be_searched_is_told(protocol, tmp_path):
    pytest.importorskip("optuna")
    run = load_run("toy-audio", None, [*QUICK, "search={seed=7}"])
    with pytest.raises(TrainingError, match="space of 'seed' is 7; it takes a list of choices, or low and high"):
        search(run, [protocol], tmp_path / "search", trials=1)


def test_a_search_without_optuna_names_the_extra(protocol, tmp_path, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(MissingExtra, match=r"assay\[train\]"):
        search(load_run("toy-audio", None, QUICK), [protocol], tmp_path / "search", trials=1)


def test_every_architecture_gets_the_same_budget_and_one_that_fails_stops_no_other(protocol, tmp_path, monkeypatch):
    monkeypatch.setattr(every, "names", lambda media: ("toy-picture", "toy-audio"))  # no picture is a recording
    table = train_all(load_run("toy-audio", None, QUICK), "audio", [protocol], tmp_path, variants=True)
    with table.open() as stream:
        rows = list(csv.DictReader(stream))
    assert [(row["model"], row["variant"], row["steps"]) for row in rows] == [
        ("toy-picture", "", ""),
        ("toy-audio", "", "9"),
        ("toy-audio", "wide", "9"),
    ]
    assert "cannot be decoded" in rows[0]["error"]
    assert rows[1]["error"] == ""
    assert 0 <= float(rows[2]["validation_auc"]) <= 1
    assert int(rows[2]["parameters"]) > int(rows[1]["parameters"])
