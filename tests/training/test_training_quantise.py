"""Eight-bit publication: close to floats, front end untouched, no saturation, kept only if the error rate holds."""

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("onnx")

import onnx
import torch
from training_toys import voiced

from assay.data import Trial
from assay.training import publish
from assay.training.audio_net import WINDOW_SAMPLES, AudioResnet
from assay.training.corpus import Corpus
from assay.training.fold import fold
from assay.training.publish import Answerer, choose_precision, export
from assay.training.quantise import quantise


@pytest.fixture(scope="module")
def corpus():
    """Four voices and four of them in noise, as if spoofed."""
    clips = [voiced(4.096, seed) for seed in range(4)]
    rng = np.random.default_rng(0)
    clips += [clip + 0.05 * rng.standard_normal(clip.size).astype(np.float32) for clip in clips]
    trials = tuple(Trial(path=str(i), key="spoof" if i > 3 else "bona_fide", source="s") for i in range(8))
    samples = (np.concatenate(clips) * 16_384).astype(np.int16)
    lengths = np.full(8, clips[0].size)
    return Corpus(trials, (np.arange(8) * clips[0].size)[:, None], lengths, samples)


@pytest.fixture(scope="module")
def models(corpus):
    """The same network in floats and in integers."""
    torch.manual_seed(3)
    net = AudioResnet()
    with torch.no_grad():
        for _ in range(3):
            net(torch.from_numpy(np.stack([corpus.clip(i) for i in range(8)])))
        for branch in net.branches:
            branch.head.weight *= 20
    floats = export(fold(net))
    return floats, quantise(floats, corpus, WINDOW_SAMPLES)


def test_integers_answer_nearly_as_floats_do(models, corpus):
    floats, integers = (Answerer(model).clips(corpus, 0) for model in models)
    assert np.abs(floats - integers).max() < 0.25 * floats.std() + 0.05


def test_the_front_end_and_the_first_layers_stay_in_float(models):
    made = {tensor: node for node in onnx.load_from_string(models[1]).graph.node for tensor in node.output}
    convolutions = [node for node in made.values() if node.op_type == "Conv"]
    kinds = {node.name: made[node.input[0]].op_type for node in convolutions}
    floats = {name for name in kinds if "trunk.0" in name}
    assert len(floats) == 3  # one of one branch; of the other two, which make one layer
    assert not any("Quantize" in kinds[name] for name in floats)
    integers = [kind for name, kind in kinds.items() if "trunk" in name and name not in floats]
    assert len(integers) == 26
    assert set(integers) == {"DequantizeLinear"}


def test_weights_have_seven_bits(models):
    model = onnx.load_from_string(models[1])
    weights = [onnx.numpy_helper.to_array(t) for t in model.graph.initializer if t.data_type == onnx.TensorProto.INT8]
    large = [weight for weight in weights if weight.ndim == 4]
    assert len(large) == 26
    assert all(np.abs(weight.astype(int)).max() <= 64 for weight in large)
    assert len(models[1]) < 0.6 * len(models[0])


def test_integers_are_kept_only_if_the_error_rate_holds(monkeypatch, corpus):
    spoof = np.arange(8) > 3
    good, bad = spoof.astype(float), -spoof.astype(float)

    class Fake:
        def __init__(self, model):
            self.model = model

        def clips(self, corpus, version):
            return {b"good": good, b"bad": bad}[self.model]

    monkeypatch.setattr(publish, "Answerer", Fake)
    kept, said = choose_precision(b"good", b"good", corpus)
    assert (kept, said["kept"]) == (b"good", "int8")
    kept, said = choose_precision(b"good", b"bad", corpus)
    assert (kept, said) == (b"good", {"kept": "float32", "eer_float32": 0.0, "eer_int8": 1.0})
