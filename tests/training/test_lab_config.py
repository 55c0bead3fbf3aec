"""A run's settings: put together, written, read again, and refused where they are wrong."""

import pytest

pytest.importorskip("torch")
pytest.importorskip("lightning")

from assay.errors import TrainingError
from assay.training.lab.config import Run, changed, load_run, run_of, to_toml
from assay.training.recipe import read_tables


def test_options_win_over_changes_and_these_over_the_recipe(tmp_path):
    recipe = tmp_path / "r.toml"
    recipe.write_text('seed = 3\n[optimisation]\nepochs = 4\nlearning_rate = 0.5\nloss = "focal"\n')
    run = load_run("m", recipe, ["optimisation.learning_rate=1e-2", "optimisation.epochs=5"], optimisation__epochs=6)
    assert (run.seed, run.optimisation.epochs, run.optimisation.learning_rate) == (3, 6, 0.01)
    assert run.optimisation.loss == "focal"


def test_changes_are_toml_values_or_plain_text():
    changes = ["data.group_by=['speaker','parent']", "optimisation.loss=focal", "options.width=8", "data.augment=false"]
    run = load_run("m", None, changes)
    assert run.data.group_by == ("speaker", "parent")
    assert run.optimisation.loss == "focal"
    assert run.options == {"width": 8}
    assert run.data.augment is False


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("optimisation.lr=1", r"optimisation\.lr: Extra inputs are not permitted \(given: 1\)"),
        ("data.batch_size=3", "multiple of 2"),
        ("folds=1", "give 2 or more"),
        ("optimisation.class_weights=[1.0,0.0]", "weights must be above 0"),
        ("nonsense", "write key=value"),
        ("seed.x=1", r"seed"),
    ],
)
def test_wrong_settings_are_named(change, told):
    with pytest.raises(TrainingError, match=told):
        load_run("m", None, [change])


def test_a_run_written_as_toml_is_the_same_run_when_read(tmp_path):
    run = load_run("m", None, ["optimisation.class_weights=[1.0,2.0]", 'options.name="a \\"b\\""', "start=x/y"])
    (tmp_path / "c.toml").write_text(to_toml(run.model_dump()))
    assert run_of(read_tables(tmp_path / "c.toml")) == run


def test_a_run_is_known_by_what_its_weights_depend_on():
    run = Run(model="m")
    assert changed(run, {"machine.workers": 3, "version": "2"}).fingerprint() == run.fingerprint()
    assert changed(run, {"seed": 1}).fingerprint() != run.fingerprint()
    assert changed(run, {"machine.devices": 2}).fingerprint() != run.fingerprint()
