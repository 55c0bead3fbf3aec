"""Networks in folders of their own: found by one rule, refused when altered, and no card reaches beyond its folder."""

import json

import pytest
from zoo_cases import FEATURES, FRAMES, PIXELS, WEIGHT, make_zoo_card, write_run

from assay import Detector
from assay.errors import CardError, ModelError, ModelNotFound, SettingsError, WeightMismatch
from assay.models.card import MOST_VALUES
from assay.models.runs import MOST_CARD_BYTES, find_run, read_run, run_names, setting_of
from assay.settings import load_settings


@pytest.fixture
def models(tmp_path, monkeypatch):
    """A folder of models, and an empty working folder beside it."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    (tmp_path / "models").mkdir()
    return tmp_path / "models"


def test_a_shipped_name_is_the_shipped_model_whatever_else_is_called_so(models):
    write_run(models / "audio-resnet")
    assert find_run("audio-resnet", models) is None


def test_a_name_is_a_folder_of_models_dir(models):
    write_run(models / "mine")
    assert find_run("mine", models).folder == models / "mine"


def test_an_architecture_is_its_newest_run_that_has_a_card(models):
    for stamp in ("20260101T000000", "20260301T000000", "20260301T000000-2", "20260301T000000-10"):
        write_run(models / f"aasist-{stamp}")
    (models / "aasist-20270101T000000").mkdir()  # not finished
    write_run(models / "aasist-wide-20280101T000000")  # another model
    assert find_run("aasist", models).folder.name == "aasist-20260301T000000-10"
    assert find_run("aasist-20260101T000000", models).folder.name == "aasist-20260101T000000"
    write_run(models / "aasist")
    assert find_run("aasist", models).folder.name == "aasist"


def test_names_are_no_patterns(models):
    write_run(models / "abc-20260101T000000")
    for name in ("a*", "a.c", "[a]bc", "abc-"):
        with pytest.raises(ModelNotFound):
            find_run(name, models)


def test_a_path_is_a_run_folder_with_and_without_models_dir(models, tmp_path):
    folder = write_run(tmp_path / "runs" / "mine")
    for name in (str(folder), "../runs/mine"):
        for place in (None, models):
            assert find_run(name, place).card.name == "by-hand"


def test_models_dir_goes_before_the_working_folder(models, tmp_path):
    write_run(tmp_path / "here" / "mine")
    assert find_run("mine", models).folder.parent.name != "models"
    write_run(models / "mine")
    assert find_run("mine", models).folder == models / "mine"
    assert find_run("./mine", models).folder.resolve() == tmp_path / "here" / "mine"


@pytest.mark.parametrize("name", ["../secret", "sub/../../secret", "..", ".", "", "a\0b", "x" * 5000, "..\\secret"])
def test_no_name_reaches_outside_models_dir(models, tmp_path, name):
    write_run(tmp_path / "secret")  # beside the folder of models; from the working folder it is ../secret, too
    (tmp_path / "here" / "deeper").mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path / "here" / "deeper")
        with pytest.raises(ModelNotFound):
            find_run(name, models)


def test_an_unknown_name_lists_what_there_is(models):
    write_run(models / "mine")
    (models / "notes").mkdir()
    with pytest.raises(ModelNotFound, match=r"no model 'no-such'.*audio-resnet.*there are: mine\.") as caught:
        find_run("no-such", models)
    assert "notes" not in str(caught.value)
    with pytest.raises(ModelNotFound, match=r"audio-resnet.*models_dir"):
        Detector(audio_model="no-such")


def test_a_folder_of_models_that_is_none_is_a_wrong_setting(tmp_path):
    with pytest.raises(SettingsError, match=r"models_dir.*cannot be listed"):
        run_names(tmp_path / "absent")
    assert run_names(None) == []


def test_a_variable_that_is_set_to_nothing_names_no_folder(monkeypatch):
    monkeypatch.setenv("ASSAY_MODELS_DIR", "")
    assert load_settings().models_dir is None


def test_an_unfinished_run_says_so(tmp_path):
    (tmp_path / "run").mkdir()
    with pytest.raises(ModelNotFound, match=r"no card\.json.*no finished run"):
        find_run(str(tmp_path / "run"), None)


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "{}", "[" * 100_000, '{"kind": "zoo-detector"}', "\xff" * 9, " " * (MOST_CARD_BYTES + 1)]
)
def test_a_card_that_is_none_is_refused(tmp_path, text):
    folder = write_run(tmp_path / "run")
    (folder / "card.json").write_text(text, encoding="latin-1")
    with pytest.raises(CardError):
        read_run(folder)


@pytest.mark.parametrize(
    ("base", "fields"),
    [
        ({}, {"file": "../model.onnx"}),
        ({}, {"file": "/etc/passwd"}),
        ({}, {"file": "..\\model.onnx"}),
        ({}, {"shape": (MOST_VALUES + 1,)}),
        ({}, {"shape": (1 << 20,), "views": 1000}),
        ({}, {"shape": (0,)}),
        ({}, {"shape": ()}),
        ({}, {"shape": (32, 32, 3)}),
        ({}, {"integer": True}),
        ({}, {"look": "whole"}),
        ({}, {"longest_s": 0.0}),
        ({}, {"longest_s": float("inf")}),
        ({}, {"views": 10**9}),
        ({}, {"kind": "audio-detector"}),
        ({}, {"more": "than is known"}),
        (PIXELS, {"shape": (32, 33, 3)}),
        (PIXELS, {"shape": (32, 32, 4)}),
        (PIXELS, {"stored_pixels": 31}),
        (PIXELS, {"stored_pixels": 10**6}),
        (PIXELS, {"look": ""}),
        (PIXELS, {"longest_s": 1.0}),
        (FRAMES, {"shape": (8, 1280)}),
        (FRAMES, {"features_sha256": "1" * 64}),
        (FEATURES, {"features_sha256": ""}),
    ],
)
def test_what_a_card_asks_for_is_bounded_and_fits_together(base, fields):
    make_zoo_card(**base)
    with pytest.raises(ValueError, match=r"validation error|should"):
        make_zoo_card(**base | fields)


def test_an_altered_weight_is_refused_and_a_missing_one(tmp_path):
    folder = write_run(tmp_path / "run")
    assert read_run(folder).weight() == WEIGHT
    (folder / "model.onnx").write_bytes(WEIGHT + b"!")
    with pytest.raises(WeightMismatch, match="not the one on its card"):
        Detector(audio_model=str(folder))
    (folder / "model.onnx").unlink()
    with pytest.raises(WeightMismatch, match="is missing"):
        read_run(folder).weight()


def test_a_weight_that_is_no_graph_is_a_model_error(tmp_path):
    with pytest.raises(ModelError, match="cannot run 'by-hand'"):
        Detector(audio_model=str(write_run(tmp_path / "run")))


def test_features_of_another_picture_detector_are_refused(tmp_path):
    folder = write_run(tmp_path / "run", **FEATURES)
    with pytest.raises(WeightMismatch, match=r"not installed \(SHA-256 1111.*picture-lite"):
        Detector(video_model=str(folder))


def test_a_network_for_another_medium_is_told_where_it_goes(tmp_path):
    folder = write_run(tmp_path / "run", **PIXELS)
    with pytest.raises(ModelNotFound, match="judges pictures, not sound; it goes into image_model"):
        Detector(audio_model=str(folder))


def test_a_model_goes_into_the_setting_of_its_medium(models, tmp_path):
    write_run(models / "sees", **PIXELS)
    folder = write_run(tmp_path / "watches", **FRAMES)
    given = ("audio-resnet", "picture-lite", "video-lite", "sees", str(folder), "no-such", "silero-vad")
    fields = [setting_of(name, models) for name in given]
    pictures, videos = "image_model", "video_model"
    assert fields == ["audio_model", pictures, videos, pictures, videos, "audio_model", "audio_model"]


def test_cards_are_what_was_written(tmp_path):
    folder = write_run(tmp_path / "run")
    assert json.loads((folder / "card.json").read_text())["kind"] == read_run(folder).card.kind == "zoo-detector"
