import json
import sys

import pytest

from assay.errors import CardError
from assay.selftest import SelfTest

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


def test_models_lists_every_card(run):
    from assay.models.registry import list_cards

    names = [card.name for card in list_cards()]
    assert [card["name"] for card in json.loads(run("models", "--format", "json").out)] == names
    rows = run("models").out.splitlines()[1:]
    assert all(any(row.startswith(name) for row in rows) for name in names)


def test_a_card_is_shown_whole(run):
    text = run("models", "silero-vad").out
    card = json.loads(run("models", "silero-vad", "--format", "json").out)
    assert all(name.replace("_", " ") in text for name, value in card.items() if value)
    assert card["sha256"] in text
    assert all(f"- {limit}" in text for limit in card["limits"])


def test_the_card_of_the_detector_is_readable(run, real_detector):
    lines = run("models", "audio-resnet").out.splitlines()
    assert "calibration:" in lines
    assert max(map(len, lines)) < 1_000  # long lists of numbers are summed up


def test_an_unknown_model_is_exit_3_and_lists_the_known(run):
    done = run("models", "no-such-model")
    assert done.code == 3
    assert "silero-vad" in done.err


def test_config_shows_every_setting_with_origin_and_meaning(run, monkeypatch, tmp_path):
    from assay.settings import Settings

    (tmp_path / "assay.toml").write_text("prior = 0.25\n")
    monkeypatch.setenv("ASSAY_JOBS", "3")
    monkeypatch.setenv("ASSAY_PROFILE", "prod")
    lines = {line.split(" = ")[0]: line for line in run("config").out.splitlines()}
    assert set(lines) == set(Settings.model_fields)
    assert all(Settings.model_fields[name].description in line for name, line in lines.items())
    for name, value, origin in [
        ("prior", "0.25", "file"),
        ("jobs", "3", "environment"),
        ("log_json", "true", "profile"),
        ("threads", "1", "default"),
    ]:
        assert lines[name].startswith(f"{name} = {value} ")
        assert f"# {origin}: " in lines[name]


def test_config_json_holds_value_origin_and_description(run):
    found = json.loads(run("config", "--format", "json").out)
    assert found["max_false_alarm"]["value"] == 0.01
    assert found["max_false_alarm"]["origin"] == "default"
    assert "bona fide" in found["max_false_alarm"]["description"]


def test_config_toml_kept_as_a_file_gives_the_same_settings(run, monkeypatch, tmp_path):
    from assay.settings import load_settings

    monkeypatch.setenv("ASSAY_LOG_LEVELS", '{"media": "DEBUG", "odd \\"name\\"": "INFO"}')
    monkeypatch.setenv("ASSAY_LOG_FILE", 'C:\\logs\\"x".log')
    monkeypatch.setenv("ASSAY_MAX_DURATION_S", "1e9")
    monkeypatch.chdir(tmp_path)
    before = load_settings()
    text = run("config", "--format", "toml").out
    assert tomllib.loads(text)["max_duration_s"] == 1e9
    for name in ("LOG_LEVELS", "LOG_FILE", "MAX_DURATION_S"):
        monkeypatch.delenv(f"ASSAY_{name}")
    (tmp_path / "assay.toml").write_text(text, encoding="utf-8")
    assert load_settings() == before


def test_a_wrong_setting_of_the_environment_is_exit_2(run, monkeypatch):
    monkeypatch.setenv("ASSAY_PRIOR", "7")
    done = run("config")
    assert done.code == 2
    assert "prior" in done.err


def test_doctor_tells_versions_and_passes_on_this_installation(run):
    done = run("doctor", "--format", "json")
    found = json.loads(done.out)
    assert found["passed"] is (done.code == 0)
    assert done.code == 0
    assert {"assay", "python", "libsndfile", "ffmpeg", "providers", "numpy"} <= set(found["versions"])
    assert "silero-vad" in {check["name"] for check in found["checks"]}


@pytest.mark.parametrize("form", ["text", "json"])
def test_doctor_ends_with_3_when_a_self_test_fails(run, monkeypatch, form):
    tests = [SelfTest("good", True, "fine", 1.0), SelfTest("bad", False, "the weight was altered", 1.0)]
    monkeypatch.setattr("assay.selftest.run_self_tests", lambda settings: tests)
    done = run("doctor", "--format", form)
    assert done.code == 3
    assert "the weight was altered" in done.out
    if form == "text":
        assert "FAIL bad: " in done.out
        assert "ok   good: " in done.out


@pytest.mark.parametrize("error", [CardError("The card is malformed."), ImportError("libfoo.so is missing")])
def test_doctor_reports_what_keeps_models_from_loading(run, monkeypatch, error):
    def broken(settings):
        raise error

    monkeypatch.setattr("assay.selftest.run_self_tests", broken)
    done = run("doctor")
    assert done.code == 3
    assert f"FAIL models: {error}" in done.out


def test_doctor_refuses_altered_weights(run, monkeypatch, tmp_path):
    import shutil

    from assay.models import registry

    shutil.copytree(registry.weights_folder(), tmp_path / "weights")
    weight = tmp_path / "weights" / "silero-vad.onnx"
    data = bytearray(weight.read_bytes())
    data[len(data) // 2] ^= 1
    weight.write_bytes(data)
    for module in ("assay.models.registry", "assay.models.weights", "assay.selftest"):
        monkeypatch.setattr(f"{module}.weights_folder", lambda: tmp_path / "weights")
    done = run("doctor")
    assert done.code == 3
    assert "is not the one on its card" in done.out
