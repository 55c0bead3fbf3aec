"""The self-test: it passes as shipped, and whatever is damaged is reported and not raised."""

import json
import shutil

import pytest

from assay.errors import SelfTestFailed, WeightMismatch
from assay.models import weights
from assay.models.registry import load_card, weights_folder
from assay.selftest import check_known_answer, run_self_tests
from assay.settings import Settings

NAME, SPEECH = "audio-resnet", "silero-vad"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    copy = tmp_path / "weights"
    shutil.copytree(weights_folder(), copy)
    for module in ("assay.models.registry", "assay.selftest"):
        monkeypatch.setattr(f"{module}.weights_folder", lambda: copy)
    monkeypatch.setattr(weights, "weights_folder", lambda: copy)
    return copy


def change_answer(folder, **fields):
    path = folder / f"{NAME}.json"
    card = json.loads(path.read_text())
    card["known_answer"] |= fields
    path.write_text(json.dumps(card))


def outcomes():
    return {test.name: test for test in run_self_tests(Settings())}


def test_the_shipped_models_pass():
    found = outcomes()
    assert {NAME, SPEECH} <= set(found)
    assert all(test.passed for test in found.values())
    assert all("agree" in test.detail and test.duration_ms > 0 for test in found.values())


def test_an_altered_weight_fails_alone(folder):
    path = folder / f"{NAME}.onnx"
    path.write_bytes(path.read_bytes() + b" ")
    found = outcomes()
    assert not found[NAME].passed
    assert "refused" in found[NAME].detail
    assert found[SPEECH].passed
    with pytest.raises(WeightMismatch):
        check_known_answer(load_card(NAME))


def test_a_malformed_card_is_a_failure_that_names_it(folder):
    (folder / f"{NAME}.json").write_text("{}")
    found = outcomes()
    assert not found[NAME].passed
    assert f"'{NAME}' is malformed" in found[NAME].detail
    assert found[SPEECH].passed


@pytest.mark.parametrize("damage", ["missing", "broken"])
def test_a_damaged_sample_is_a_failure_that_names_it(folder, damage):
    sample = folder / load_card(NAME).known_answer.sample
    sample.unlink() if damage == "missing" else sample.write_bytes(b"no sound")
    found = outcomes()
    assert not found[NAME].passed
    assert sample.name in found[NAME].detail


def test_another_answer_fails_with_the_difference(folder):
    values = list(load_card(NAME).known_answer.values)
    values[0] += 0.5
    change_answer(folder, values=values)
    with pytest.raises(SelfTestFailed, match=r"differs from its known answer by 0\.5"):
        check_known_answer(load_card(NAME))


def test_another_number_of_values_fails(folder):
    change_answer(folder, values=[0.0])
    with pytest.raises(SelfTestFailed, match="its card states 1"):
        check_known_answer(load_card(NAME))
