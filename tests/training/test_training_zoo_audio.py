"""Architectures of sound: front ends give the public features, filters are where they say, counts are right by hand."""

import shutil
import sys

import numpy as np
import pytest

pytest.importorskip("torch")

import torch
from torch import nn

from assay.audio import features
from assay.errors import MissingExtra, TrainingError
from assay.training.zoo import Architecture, architecture, build, names, register
from assay.training.zoo._front import Cepstra, LogBands, Power, WithSlopes, at_one_level
from assay.training.zoo._layers import SelfAttention, Statistics
from assay.training.zoo._sinc import Sinc, responses
from assay.training.zoo.counts import Counts, count
from assay.training.zoo.ssl import SMALL

RATE = 16_000
SIZES = [(1024, 410), (512, 320), (512, 250), (512, 160)]  # samples of frame and hop that architectures use
FRAMED = ["cnn-bilstm", "hybrid", "mel-cnn", "mfcc-net", "voice-consistency"]


@pytest.fixture(scope="module")
def sound(speech):
    """Half a second of speech and half a second of noise at the same level, (2, 8000)."""
    rng = np.random.default_rng(0)
    said = speech(0.5, 3)
    return torch.from_numpy(np.stack([said, rng.standard_normal(8000).astype(np.float32) * said.std()]))


@pytest.mark.parametrize(("n_fft", "hop"), SIZES)
def test_power_is_the_squared_magnitude_of_the_public_transform(sound, n_fft, hop):
    power = Power(n_fft, hop)
    found = power(sound)[:, :, np.argsort(power.bins)].numpy()
    for row, samples in zip(found, sound.numpy(), strict=True):
        expected = np.abs(features.stft(samples, n_fft=n_fft, hop=hop)).T ** 2
        assert row.shape == expected.shape
        np.testing.assert_allclose(row, expected, rtol=1e-4, atol=1e-6 * expected.max())


@pytest.mark.parametrize(("n_fft", "hop"), SIZES)
def test_bands_are_the_public_log_mel(sound, n_fft, hop):
    found = LogBands(n_fft, hop, 40)(sound).numpy()
    for row, samples in zip(found, sound.numpy(), strict=True):
        expected = features.log_mel(samples, RATE, n_fft=n_fft, hop=hop, n_mels=40)
        np.testing.assert_allclose(row, expected, atol=0.01)


@pytest.mark.parametrize("scale", ["mel", "linear"])
def test_cepstra_and_slopes_are_the_public_ones(sound, scale):
    found = nn.Sequential(LogBands(512, 160, 40, scale), Cepstra(40, 13), WithSlopes())(sound).numpy()
    for row, samples in zip(found, sound.numpy(), strict=True):
        if scale == "mel":
            cepstra = features.mfcc(samples, RATE, n_fft=512, hop=160, n_mels=40)
        else:
            cepstra = features.lfcc(samples, RATE, n_lfcc=13, n_fft=512, hop=160, n_filters=40)
        expected = np.concatenate([cepstra, features.deltas(cepstra), features.deltas(cepstra, order=2)])
        np.testing.assert_allclose(row, expected, atol=0.02)


def test_the_features_of_the_rows_have_the_stated_sizes():
    samples = torch.zeros(1, 64_000)
    assert build("cnn-bilstm").front(samples).shape == (1, 128, 157)
    assert build("hybrid").front(samples).shape == (1, 2, 39, 256)
    assert build("mfcc-net").front(samples).shape == (1, 39, 401)


@pytest.mark.parametrize("name", [*FRAMED, "aasist", "sinc-lcnn"])
def test_gain_does_not_matter_and_silence_gives_a_finite_logit(name):
    torch.manual_seed(0)
    one = architecture(name)
    net = one.make().eval()
    x = one.example(1, small=True)
    with torch.no_grad():
        torch.testing.assert_close(net(0.2 * x), net(x), atol=2e-3, rtol=1e-2)
        assert torch.isfinite(net(0 * x)).all()


def test_level_is_one_and_silence_stays_silence():
    samples = torch.tensor([[0.3, -0.3, 0.3, -0.3], [0.0, 0.0, 0.0, 0.0]])
    torch.testing.assert_close(at_one_level(samples)[0].abs(), torch.ones(4), atol=1e-4, rtol=0)
    assert not at_one_level(samples)[1].any()


def test_a_filter_lets_its_band_through_and_little_else():
    sinc = Sinc(24)
    with torch.no_grad():
        sinc.low[5] = 970 / RATE  # edges at 1000 and 2000 Hz
        sinc.width[5] = 950 / RATE
    told = responses(sinc, points=801)  # every 10 Hz
    np.testing.assert_allclose(told.edges_hz[5], [1000, 2000], rtol=1e-5)
    gain = told.gain_db[5]
    assert np.abs(gain[120:181]).max() < 0.1  # 1.2 to 1.8 kHz
    assert gain[:80].max() < -40
    assert gain[221:].max() < -40
    np.testing.assert_allclose(gain[[100, 200]], -6, atol=0.5)  # half the amplitude at the edges


def test_filters_are_learnt_and_their_responses_follow():
    torch.manual_seed(0)
    net = build("sinc-lcnn")
    before = net.filter_responses().edges_hz
    assert (np.diff(before[:, 0]) > 0).all()
    assert before[0, 0] == pytest.approx(30)
    optimiser = torch.optim.Adam(net.parameters(), lr=1e-3)
    net(0.1 * torch.randn(4, 8000)).sum().backward()
    optimiser.step()
    after = net.filter_responses().edges_hz
    assert np.abs(after - before).max() > 1
    assert net.filter_responses(64).gain_db.shape == (48, 64)


def test_an_unchanging_voice_does_not_drift():
    net = build("voice-consistency")
    same = nn.functional.normalize(torch.ones(1, 9, 64), dim=2)
    torch.testing.assert_close(net.drift(same)[0], torch.tensor([1.0, 1, 0, 1, 1, 0, 1]), atol=1e-3, rtol=0)
    changed = same.clone()
    changed[:, 5:] *= torch.tensor([1.0, -1.0]).repeat(32)  # orthogonal from the sixth on
    mean, least, deviation, near, nearest, _, ends = net.drift(changed)[0]
    assert ends == pytest.approx(0, abs=1e-5)
    assert nearest == pytest.approx(0, abs=1e-5)
    assert near == pytest.approx(7 / 8)
    assert least < mean < 0.8
    assert deviation > 0.05


def test_embeddings_hear_their_stretch_alone():
    torch.manual_seed(0)
    net = build("voice-consistency").eval()
    # Without the level of the whole, which the end would move.
    samples = torch.randn(1, 64_000)
    other = samples.clone()
    other[:, 48_000:] = other[:, 48_000:].flip(1)
    with torch.no_grad():
        moved = (net.embeddings(samples) - net.embeddings(other)).abs().amax((0, 2))
    assert moved.shape == (9,)
    assert moved[:5].max() < 1e-3
    assert moved[-1] > 1e-3


def test_statistics_are_mean_and_deviation():
    x = torch.tensor([[[1.0, 3.0, 1.0, 3.0]]])
    torch.testing.assert_close(Statistics()(x), torch.tensor([[2.0, 1.0]]), atol=1e-4, rtol=0)


def test_attention_is_that_of_pytorch():
    torch.manual_seed(0)
    ours = SelfAttention(12, heads=3, width=4)
    theirs = nn.MultiheadAttention(12, 3, batch_first=True)
    with torch.no_grad():
        theirs.in_proj_weight.copy_(torch.cat([ours.query.weight, ours.key.weight, ours.value.weight]))
        theirs.in_proj_bias.zero_()
        theirs.out_proj.weight.copy_(ours.out.weight)
        theirs.out_proj.bias.copy_(ours.out.bias)
    x = torch.randn(2, 7, 12)
    torch.testing.assert_close(ours(x), ours.norm(x + theirs(x, x, x)[0]))


@pytest.mark.parametrize(
    ("layer", "shape", "parameters", "multiply_adds"),
    [
        (nn.Linear(3, 5), (1, 7, 3), 3 * 5 + 5, 7 * 3 * 5),
        (nn.Conv1d(4, 8, 3, groups=2), (1, 4, 9), 8 * 2 * 3 + 8, 7 * 8 * 2 * 3),
        (nn.Conv2d(2, 6, (3, 5), stride=2, bias=False), (2, 2, 11, 13), 6 * 2 * 15, 5 * 5 * 6 * 2 * 15),
        (nn.LSTM(8, 16, bidirectional=True), (5, 1, 8), 2 * (64 * 24 + 128), 2 * 5 * 64 * 24),
        (nn.GRU(8, 16), (5, 1, 8), 48 * 24 + 96, 5 * 48 * 24),
        (SelfAttention(8, 2, 4), (1, 6, 8), 3 * 64 + 72 + 16, 6 * 4 * 64 + 2 * 6 * 6 * 8),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, nn.Module) else "",
)
def test_counts_are_those_worked_out_by_hand(layer, shape, parameters, multiply_adds):
    if isinstance(layer, nn.LSTM | nn.GRU):  # (steps, n, width): the batch is not first
        shape = (shape[1], shape[0], shape[2])
        layer.batch_first = True
    assert count(layer, torch.zeros(shape)) == Counts(parameters, multiply_adds)


def test_fused_attention_and_frozen_parameters_are_counted_rightly():
    class Fused(nn.Module):
        def __init__(self):
            super().__init__()
            self.frozen = nn.Linear(4, 4).requires_grad_(False)

        def forward(self, x):
            return nn.functional.scaled_dot_product_attention(x, x, self.frozen(x))

    assert count(Fused(), torch.zeros(1, 2, 6, 4)) == Counts(0, 2 * 6 * 4 * 4 + 2 * (2 * 6 * 6 * 4))


def test_counting_keeps_the_mode():
    net = nn.Sequential(nn.Linear(2, 2), nn.Dropout()).train()
    count(net, torch.zeros(1, 2))
    assert net.training


def test_the_relu_variant_counts_as_its_docstring_says():
    import assay.training.zoo.sinc_lcnn as module

    counts = count(build("sinc-lcnn", unit="relu"), torch.zeros(1, 64_000))
    assert f"{counts.parameters:,} parameters, {counts.multiply_adds / 1e6:.1f} M" in module.__doc__


def test_all_of_the_row_are_there():
    row = {"sinc-lcnn", "cnn-bilstm", "hybrid", "mel-cnn", "mfcc-net", "voice-consistency", "aasist", "ssl"}
    assert row | {"audio-resnet"} <= set(names("audio"))
    for name in row:
        assert architecture(name).make.__module__ == f"assay.training.zoo.{name.replace('-', '_')}"


def test_the_front_end_stays_in_float_when_the_rest_becomes_integers():
    onnx = pytest.importorskip("onnx")
    from assay.training.zoo.export import graph, integer_graph

    torch.manual_seed(0)
    one = architecture("mel-cnn")
    x = one.example(2, small=True)
    model = onnx.load_from_string(integer_graph(graph(one.make(), x), [x[:1], x[1:]]))
    made = {name: node for node in model.graph.node for name in node.output}

    def is_integer(node):
        return "DequantizeLinear" in {made[name].op_type for name in node.input if name in made}

    products = [node for node in model.graph.node if node.op_type in ("MatMul", "Conv", "Gemm")]
    front = [node for node in products if "/front/" in node.name]
    assert len(front) == 5  # four transforms and the bank
    assert not any(is_integer(node) for node in front)
    assert all(is_integer(node) for node in products if node not in front)


def test_one_name_is_given_once():
    with pytest.raises(ValueError, match="two architectures named 'hybrid'"):
        register(Architecture("hybrid", "audio", nn.Identity, (1,), False, ""))
    with pytest.raises(TrainingError, match="no architecture 'hybird'; there are aasist"):
        build("hybird")


def test_audio_resnet_is_the_shipped_network():
    torch.manual_seed(0)
    one = architecture("audio-resnet")
    net = one.make().eval()
    x = torch.cat([one.example(1), 0.1 * torch.randn(1, 4096)], 1)
    with torch.no_grad():
        windows, _ = net.net(x)
        torch.testing.assert_close(net(x), windows.mean(1))
        parts = net.net.part_logits(x[:, :32_768])
        torch.testing.assert_close(net(x[:, :32_768]), parts.mean((0, 2)))


def test_an_encoder_without_its_extra_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(MissingExtra, match=r"pip install 'assay\[ssl\]'"):
        build("ssl", weights="facebook/wav2vec2-base")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A tiny encoder with its weights as safetensors, as the hub lays it out."""
    transformers = pytest.importorskip("transformers")
    place = tmp_path_factory.mktemp("encoder")
    config = transformers.AutoConfig.for_model(**SMALL)
    torch.manual_seed(1)
    transformers.AutoModel.from_config(config).save_pretrained(place)
    transformers.Wav2Vec2FeatureExtractor(do_normalize=False).save_pretrained(place)
    return place


@pytest.fixture
def offline(monkeypatch):
    pytest.importorskip("transformers")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)


def test_an_encoder_of_a_folder_has_its_weights_and_its_normalisation(folder):
    one, other = (build("ssl", weights=str(folder)) for _ in range(2))
    assert not one.normalise
    for name, values in one.encoder.state_dict().items():
        assert torch.equal(values, other.encoder.state_dict()[name])
    assert build("ssl", config=SMALL).normalise


def test_an_encoder_can_be_left_as_it_is(folder):
    tuned, frozen = (build("ssl", weights=str(folder), fine_tune=choice) for choice in (True, False))
    assert any(values.requires_grad for values in tuned.encoder.parameters())
    assert not any(values.requires_grad for values in frozen.encoder.parameters())
    assert all(values.requires_grad for values in frozen.dense.parameters())
    assert not any(values.requires_grad for values in tuned.encoder.feature_extractor.parameters())


def test_an_encoder_gives_the_same_frames_in_training(folder):
    """Nothing is masked or left out at random but by dropout, which this encoder has none of."""
    nothing_dropped = dict.fromkeys(
        ("hidden_dropout", "attention_dropout", "feat_proj_dropout", "activation_dropout"), 0.0
    )
    net = build("ssl", config={**SMALL, **nothing_dropped})
    net.dropout.p = 0.0
    x = 0.1 * torch.randn(2, 16_000)
    with torch.no_grad():
        torch.testing.assert_close(net.train()(x), net.eval()(x))


def test_an_encoder_in_a_pickle_is_refused(folder, tmp_path, offline):
    place = shutil.copytree(folder, tmp_path / "pickled")
    (place / "model.safetensors").unlink()
    torch.save({}, place / "pytorch_model.bin")
    with pytest.raises(TrainingError, match=r"holds no weights as safetensors.*model\.safetensors"):
        build("ssl", weights=str(place))


def test_an_encoder_that_is_not_there_is_said(tmp_path, offline):
    with pytest.raises(TrainingError, match="cannot be loaded"):
        build("ssl", weights=str(tmp_path / "nowhere"))
    with pytest.raises(TrainingError, match="needs an encoder: give weights"):
        build("ssl")


def test_an_encoder_of_another_kind_is_refused(offline):
    with pytest.raises(TrainingError, match="kind 'bert'; known are wav2vec2, wavlm, hubert"):
        build("ssl", config={"model_type": "bert"})


@pytest.mark.parametrize("kind", ["wavlm", "hubert"])
def test_other_encoders_of_speech_answer_too(kind, offline):
    net = build("ssl", config={**SMALL, "model_type": kind}).eval()
    with torch.no_grad():
        assert torch.isfinite(net(0.1 * torch.randn(2, 16_000))).all()
