"""Networks that were trained here: occlusion through ONNX, and Grad-CAM through torch and captum."""

import hashlib
import json

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("lightning")
pytest.importorskip("onnx")
pytest.importorskip("captum", reason="needs the extra 'explain'")

import torch
from safetensors.torch import save_file
from torch import nn

from assay.errors import ExplanationError, TrainingError
from assay.explain import grad_cam
from assay.explain.door import Explainer
from assay.explain.videos import _without
from assay.models.card import Calibration, KnownAnswer, ZooCard, ZooDecision
from assay.models.known import KNOWN_INPUT, known_input
from assay.training import attribution
from assay.training.zoo import export
from assay.training.zoo.registry import _KNOWN, Architecture, register

RATE = 16_000
SAMPLES = 16_000


class Listener(nn.Module):
    """Loudness over time: a filter that squares, and a convolution behind it."""

    def __init__(self):
        super().__init__()
        self.bank, self.trunk = nn.Conv1d(1, 2, 64, 64, bias=False), nn.Conv1d(2, 1, 5, 5)
        with torch.no_grad():
            self.bank.weight.copy_(torch.tensor([1.0, -1.0])[:, None, None] / 64)
            self.trunk.weight.fill_(0.2)
            self.trunk.bias.zero_()

    def forward(self, samples):
        return 50 * self.trunk(torch.relu(self.bank(samples[:, None]))).mean((1, 2)) - 1


class Watcher(nn.Module):
    """Brightness: a convolution and a mean."""

    def __init__(self):
        super().__init__()
        self.trunk = nn.Conv2d(3, 1, 4, 4)
        with torch.no_grad():
            self.trunk.weight.fill_(1 / 48)
            self.trunk.bias.zero_()

    def forward(self, pixels):
        return torch.relu(self.trunk(pixels.float().permute(0, 3, 1, 2))).mean((1, 2, 3)) / 32 - 1


class Deaf(nn.Module):
    """Without any convolution."""

    def __init__(self):
        super().__init__()
        self.dense = nn.Linear(SAMPLES, 1)

    def forward(self, samples):
        return self.dense(samples)[:, 0]


KINDS = {
    "explained-sound": ("audio", Listener, (SAMPLES,)),
    "explained-picture": ("image", Watcher, (64, 64, 3)),
    "explained-deaf": ("audio", Deaf, (SAMPLES,)),
}


@pytest.fixture(autouse=True, scope="module")
def known():
    for name, (media, make, shape) in KINDS.items():
        register(Architecture(name, media, make, shape, media == "image", "By hand."))
    yield
    for name in KINDS:
        del _KNOWN[name]


def write_run(folder, name):
    """A run folder with graph, card, weights and config."""
    media, make, shape = KINDS[name]
    torch.manual_seed(0)
    net, integer = make().eval(), media == "image"
    example = torch.zeros((2, *shape), dtype=torch.uint8 if integer else torch.float32)
    weight = export.graph(net, example)
    answer = net(torch.from_numpy(np.array(known_input(shape, integer=integer)))).detach()
    folder.mkdir()
    card = ZooCard(
        name=name,
        version="1",
        summary="By hand.",
        file="model.onnx",
        sha256=hashlib.sha256(weight).hexdigest(),
        size_bytes=len(weight),
        licence_weights="",
        origin="",
        limits=(),
        known_answer=KnownAnswer(sample=KNOWN_INPUT, values=(float(answer[0]),), tolerance=0.05),
        recipe="",
        commit="",
        calibration=Calibration(slope=1.0, offset=0.0, lowest=-99.0, highest=99.0),
        data=(),
        architecture=name,
        media=media,
        input="pixels" if integer else "samples",
        shape=shape,
        integer=integer,
        views=4,
        longest_s=0.0 if integer else 30.0,
        look="whole" if integer else "",
        stored_pixels=64 if integer else 0,
        parameters=1,
        parity=0.0,
        decision=ZooDecision(file=None, bona_fide_below_llr=-1.0, miss_rate=0.1, eer_llr=0.0),
    )
    (folder / "model.onnx").write_bytes(weight)
    (folder / "card.json").write_text(card.model_dump_json())
    (folder / "config.json").write_text(json.dumps({"model": name}))
    save_file({key: value.clone() for key, value in net.state_dict().items()}, folder / "weights.safetensors")
    return folder


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    return write_run(tmp_path_factory.mktemp("runs") / "sound", "explained-sound")


@pytest.fixture(scope="module")
def picture(tmp_path_factory):
    return write_run(tmp_path_factory.mktemp("runs") / "picture", "explained-picture")


@pytest.fixture(scope="module")
def pulse():
    """Four seconds of speech-like hum, with an offset from 2 to 2.5 s that the network reacts to."""
    time = np.arange(4 * RATE) / RATE
    hum = 0.05 * np.sin(2 * np.pi * 150 * time) * np.sin(2 * np.pi * 2 * time)
    return (hum + np.where((time >= 2) & (time < 2.5), 0.3, 0)).astype(np.float32)


def heard_by(explainer, samples):
    from assay.explain.sound import Heard

    network = explainer.detector.networks["audio"]

    def llr(given):
        return network.card.calibration.of(network.logit(network.reader.sound(given, "by hand")))

    return network, Heard(samples, 0.0, llr)


def test_gradients_of_a_sound_point_to_the_time_that_counts(sound, pulse):
    network, heard = heard_by(Explainer(audio_model=str(sound), jobs=1), pulse)
    (values,) = grad_cam.sound_map(network, heard)
    assert values.shape == (16,)
    assert set(np.argsort(-values)[:2]) == {8, 9}
    assert np.abs(values).sum() == pytest.approx(abs(heard.llr(pulse)), rel=1e-6)


def test_a_recording_is_explained_by_both_methods(sound, examples):
    explainer = Explainer(audio_model=str(sound), jobs=1)
    hidden = explainer.explain(examples / "human.wav").explanation
    gradients = explainer.explain(examples / "human.wav", method="grad_cam").explanation
    assert (hidden.method, gradients.method) == ("occlusion", "grad_cam")
    assert hidden.model == gradients.model == "explained-sound"
    assert len(hidden.saliency[0].values) == 16
    assert len(gradients.saliency[0].values) == 1
    assert "Grad-CAM" in " ".join(gradients.sentences)


def test_a_picture_is_explained_by_both_methods(picture):
    pixels = np.full((128, 192, 3), 20, np.uint8)
    pixels[32:64, 96:128] = 250  # bright, in the middle square of 128
    explainer = Explainer(image_model=str(picture), jobs=1)
    import io

    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    values = explainer.explain(file.getvalue(), method="grad_cam").explanation.saliency[0].values
    row, column = np.unravel_index(values.argmax(), values.shape)
    assert 96 <= (column + 0.5) * 192 / values.shape[1] <= 128
    assert 32 <= (row + 0.5) * 128 / values.shape[0] <= 64
    assert explainer.explain(file.getvalue()).explanation.saliency[0].values.shape == values.shape


def test_a_network_without_places_is_refused(tmp_path):
    folder = write_run(tmp_path / "deaf", "explained-deaf")
    with pytest.raises(ExplanationError, match="occlusion"):
        attribution.over_time(folder, np.zeros((1, SAMPLES), np.float32))


def test_a_run_without_torch_weights_is_told(sound, tmp_path):
    with pytest.raises(TrainingError):
        attribution.over_time(tmp_path, np.zeros((1, SAMPLES), np.float32))


def test_frames_are_replaced_by_those_before_them():
    stored = np.arange(5)[:, None]
    assert _without(stored, np.array([0, 1, 1, 0, 1], bool))[:, 0].tolist() == [0, 0, 0, 3, 3]
    assert _without(stored, np.array([1, 0, 0, 0, 0], bool))[:, 0].tolist() == [1, 1, 2, 3, 4]
    assert _without(stored, np.ones(5, bool))[:, 0].tolist() == [0] * 5
