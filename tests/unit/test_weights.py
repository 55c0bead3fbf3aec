"""The registry and its weights: what is altered, missing or malformed is refused with a reason."""

import hashlib
import json
import shutil

import pytest

from assay.errors import CardError, ModelError, ModelNotFound, WeightMismatch
from assay.models import weights
from assay.models.registry import detector_card, list_cards, load_card, model_names, weights_folder
from assay.models.weights import load_session, read_weight

NAME = "audio-resnet"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A copy of the weights that may be damaged."""
    copy = tmp_path / "weights"
    shutil.copytree(weights_folder(), copy)
    monkeypatch.setattr("assay.models.registry.weights_folder", lambda: copy)
    monkeypatch.setattr(weights, "weights_folder", lambda: copy)
    return copy


def change_card(folder, **fields):
    path = folder / f"{NAME}.json"
    card = json.loads(path.read_text())
    path.write_text(json.dumps(card | fields))


def test_an_untouched_copy_is_read(folder):
    assert read_weight(NAME) == (folder / f"{NAME}.onnx").read_bytes()


@pytest.mark.parametrize("place", [0, 1000, -1])
def test_one_changed_bit_is_refused(folder, place):
    path = folder / f"{NAME}.onnx"
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(data)
    with pytest.raises(WeightMismatch, match="not the one on its card") as caught:
        load_session(NAME)
    assert caught.value.context["expected"] == load_card(NAME).sha256


@pytest.mark.parametrize("damage", [b"", b"not a network"])
def test_another_file_is_refused(folder, damage):
    (folder / f"{NAME}.onnx").write_bytes(damage)
    with pytest.raises(WeightMismatch, match="refused"):
        read_weight(NAME)


def test_a_missing_weight_is_named(folder):
    (folder / f"{NAME}.onnx").unlink()
    with pytest.raises(WeightMismatch, match=rf"'{NAME}\.onnx' of '{NAME}' is missing"):
        read_weight(NAME)


def test_a_weight_that_the_runtime_does_not_understand_is_one_of_our_errors(folder):
    data = b"not a network"
    (folder / f"{NAME}.onnx").write_bytes(data)
    change_card(folder, sha256=hashlib.sha256(data).hexdigest())
    with pytest.raises(ModelError, match=r"ONNX Runtime .* cannot run"):
        load_session(NAME)


@pytest.mark.parametrize("name", ["no-such-model", "", "../weights/audio-resnet", "audio-resnet.json", "a\0b"])
def test_an_unknown_model_is_an_error_that_lists_the_known(name):
    with pytest.raises(ModelNotFound, match=r"audio-resnet, .*silero-vad"):
        load_card(name)


def test_a_model_without_its_card_is_unknown(folder):
    (folder / f"{NAME}.json").unlink()
    with pytest.raises(ModelNotFound, match=NAME):
        read_weight(NAME)


def test_a_model_that_is_no_detector_is_no_detector():
    with pytest.raises(
        ModelNotFound, match="is a speech-activity model and does not judge sound; these do: audio-resnet"
    ):
        detector_card("silero-vad")


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "3", '{"kind": []}', '{"kind": "other"}', "{}", "\ufeff{}"])
def test_a_malformed_card_is_refused(folder, text):
    (folder / f"{NAME}.json").write_text(text, encoding="utf-8")
    with pytest.raises(CardError, match=f"card of '{NAME}' is malformed"):
        load_card(NAME)


def test_a_card_that_is_not_utf_8_is_refused(folder):
    (folder / f"{NAME}.json").write_bytes(b"\xff\xfe")
    with pytest.raises(CardError, match="malformed"):
        load_card(NAME)


@pytest.mark.parametrize("missing", ["sha256", "limits", "calibration", "decision", "known_answer"])
def test_a_card_that_lacks_a_field_is_refused_by_name(folder, missing):
    path = folder / f"{NAME}.json"
    card = json.loads(path.read_text())
    del card[missing]
    path.write_text(json.dumps(card))
    with pytest.raises(CardError, match=missing):
        detector_card(NAME)


def test_a_card_with_infinite_numbers_is_refused(folder):
    card = json.loads((folder / f"{NAME}.json").read_text())
    change_card(folder, calibration=card["calibration"] | {"offset": float("inf")})
    with pytest.raises(CardError, match="offset"):
        load_card(NAME)


def test_cards_are_listed_by_name():
    names = [card.name for card in list_cards()]
    assert names == sorted(names) == model_names()
    assert {"audio-resnet", "silero-vad"} <= set(names)


def test_an_empty_installation_lists_nothing(folder):
    shutil.rmtree(folder)
    assert list_cards() == []
    with pytest.raises(ModelNotFound):
        load_card(NAME)
