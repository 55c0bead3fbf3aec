"""End to end: a toy recipe and a toy protocol become a weight whose card tells the truth about it."""

import hashlib
import json
import logging

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("lightning")
pytest.importorskip("onnx")
pytest.importorskip("pyworld")

import onnx
import onnxruntime
import torch
from training_toys import RECIPE

from assay.errors import TrainingError
from assay.models.card import DetectorCard
from assay.models.registry import weights_folder
from assay.training.audio_net import HOP_SAMPLES, WINDOW_SAMPLES
from assay.training.members import load_network
from assay.training.run import train_audio

SIZES = {
    "train-a": (3, 2, 1.5),
    "train-b": (2, 2, 1.2),
    "dev-a": (30, 2, 4.096),  # two pretended recordings of a minute, and one: 21 stretches
    "dev-b": (15, 2, 4.096),
}


@pytest.fixture(scope="module")
def trained(write_protocol_of, tmp_path_factory):
    """The whole run, once: the folder and the card's path."""
    folder = tmp_path_factory.mktemp("run")
    protocol = write_protocol_of(folder / "data", SIZES)
    (folder / "toy.toml").write_text(RECIPE, encoding="utf-8")
    return folder, train_audio(folder / "toy.toml", [protocol], folder / "work", out=folder / "out")


def test_the_card_is_valid_and_names_the_weight_beside_it(trained):
    folder, path = trained
    card = DetectorCard.model_validate_json(path.read_text(encoding="utf-8"))
    weight = (folder / "out" / card.file).read_bytes()
    assert (card.name, card.version, card.recipe) == ("toy", "0.1", "toy.toml")
    assert card.sha256 == hashlib.sha256(weight).hexdigest()
    assert card.size_bytes == len(weight)
    assert sorted(path.name for path in (folder / "out").iterdir()) == ["toy.json", "toy.onnx"]


def test_the_card_travels_inside_the_weight(trained):
    folder, path = trained
    inside = {p.key: p.value for p in onnx.load(folder / "out" / "toy.onnx").metadata_props}
    card = json.loads(path.read_text(encoding="utf-8"))
    copied = json.loads(inside["assay_card"])
    assert copied.items() <= {name: card[name] for name in copied}.items()
    assert card.keys() - copied.keys() == {"sha256", "size_bytes", "schema_version", "measured"}


def test_the_card_counts_what_was_trained_on(trained):
    card = DetectorCard.model_validate_json(trained[1].read_text(encoding="utf-8"))
    counts = {row["source"]: (row["bona_fide"], row["spoof"]) for row in card.data}
    assert counts == {
        "made here: Griffin-Lim(own)": (0, 2),
        "made here: LPC(own)": (0, 2),
        "made here: WORLD(own)": (0, 2),
        "train-a": (3, 2),
        "train-b": (2, 2),
    }
    assert {row["licence"] for row in card.data} == {"CC0-1.0", "of the parent files"}


def test_the_weight_gives_the_known_answer_of_its_card(trained):
    import soundfile

    folder, path = trained
    card = DetectorCard.model_validate_json(path.read_text(encoding="utf-8"))
    session = onnxruntime.InferenceSession(folder / "out" / card.file, providers=["CPUExecutionProvider"])
    samples, _ = soundfile.read(weights_folder() / card.known_answer.sample, dtype="float32")
    whole = samples[: (len(samples) - WINDOW_SAMPLES) // HOP_SAMPLES * HOP_SAMPLES + WINDOW_SAMPLES]
    logits = np.concatenate(session.run(["logit", "part_logit"], {"samples": whole[None]}), axis=1)[0]
    np.testing.assert_allclose(logits, card.known_answer.values, atol=1e-4)


def test_a_second_run_makes_nothing_again_and_ends_the_same(trained, caplog):
    folder, path = trained
    before = path.read_bytes()
    made = {path: path.stat().st_mtime_ns for path in (folder / "work").glob("**/*.flac")}
    made |= {path: path.stat().st_mtime_ns for path in (folder / "work").glob("pack-*")}
    assert len(made) == 6 + 4
    caplog.set_level(logging.INFO, "assay.training")
    again = train_audio(folder / "toy.toml", [folder / "data/protocol.csv"], folder / "work", resume=True)
    assert again == folder / "work" / "toy.json"
    assert {path: path.stat().st_mtime_ns for path in made} == made
    assert again.read_bytes() == before
    assert "15 training clips, 6 of them made here; 49 for development" in caplog.text


def test_a_development_part_that_is_too_small_is_refused_before_anything_is_made(recipe, protocol, tmp_path):
    recipe()
    with pytest.raises(TrainingError, match="too few bona fide clips"):
        train_audio(tmp_path / "toy.toml", [protocol], tmp_path / "work")
    assert not (tmp_path / "work" / "fakes").exists()


def test_branches_of_an_ended_run_are_published_beside_its_own(trained):
    folder, path = trained
    (folder / "second.toml").write_text(RECIPE + '[network]\nviews = ["mels"]\n', encoding="utf-8")
    protocol = folder / "data" / "protocol.csv"
    second = train_audio(folder / "second.toml", [protocol], folder / "second", members=[folder / "work"])
    card = DetectorCard.model_validate_json(second.read_text(encoding="utf-8"))
    assert card.recipe == "toy.toml, second.toml"
    samples = 0.1 * np.random.default_rng(1).standard_normal((1, WINDOW_SAMPLES)).astype(np.float32)

    def answer(weight):
        session = onnxruntime.InferenceSession(weight, providers=["CPUExecutionProvider"])
        return session.run(["logit"], {"samples": samples})[0][0, 0]

    first, both = answer(path.with_suffix(".onnx")), answer(second.with_suffix(".onnx"))
    own, _ = load_network(folder / "second")
    with torch.inference_mode():
        last = own(torch.from_numpy(samples))[0][0, 0].item()
    assert both == pytest.approx((2 * first + last) / 3, abs=1e-4)  # of two branches and one
    assert abs(first - last) > 1e-3
