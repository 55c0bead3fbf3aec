"""Run folders read back, measured and exported: each form answers as the network does, or is not written."""

import hashlib
import json
import sys
import tempfile
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("onnx")

import movies
import onnx
import torch
from torch import nn
from zoo_toys import (
    SAMPLES,
    ToyPicture,
    ToySound,
    fit,
    forget_toys,
    know_toys,
    write_protocol,
    write_run,
)

from assay.data import read_protocol
from assay.errors import MissingExtra, ModelNotFound, ProtocolError, TrainingError
from assay.training.export import export_model, graph
from assay.training.export import run as export_run
from assay.training.export.graph import Graph, check_parity, to_onnx
from assay.training.export.integers import learnt_nodes, refuse_loss, to_integers
from assay.training.export.run import rows
from assay.training.export.shipped import export_shipped
from assay.training.inputs import Inputs
from assay.training.measure import conditions, score_trials
from assay.training.publish import traced
from assay.training.trained import Trained, read_trained
from assay.training.zoo import architecture
from assay.video.conditions import CONDITIONS as VIDEO_CONDITIONS


@pytest.fixture(scope="module", autouse=True)
def toys():
    know_toys()
    yield
    forget_toys()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Runs and protocols of the two toys."""
    root = tmp_path_factory.mktemp("toys")
    torch.manual_seed(0)
    write_run(root / "sound", "exported-sound", fit(ToySound(16), "audio"), width=16)
    write_run(root / "picture", "exported-picture", fit(ToyPicture(), "image"))
    write_protocol(root / "sounds", "audio")
    write_protocol(root / "pictures", "image")
    return root


@pytest.fixture
def trained(folder):
    return read_trained(folder / "sound")


@pytest.fixture
def sounds(folder):
    return folder / "sounds" / "protocol.csv"


def test_a_run_folder_gives_the_network_back(folder, trained):
    torch.manual_seed(0)
    assert trained.options == {"width": 16}
    assert not trained.net.training
    inputs = trained.architecture.example(3)
    again = read_trained(folder / "sound").logits(inputs)
    assert np.array_equal(trained.logits(inputs), again)


def test_toml_and_the_other_name_are_read_too(folder, tmp_path):
    run = tmp_path / "run"
    run.mkdir()
    (run / "weights.safetensors").write_bytes((folder / "sound" / "weights.safetensors").read_bytes())
    (run / "config.toml").write_text('architecture = "exported-sound"\n[options]\nwidth = 16\n')
    assert read_trained(run).options == {"width": 16}


@pytest.mark.parametrize(
    ("config", "match"),
    [
        (None, "no run folder"),
        ("{", "cannot be read"),
        ("[]", "no table"),
        ("{}", "names no architecture"),
        ('{"model": "no-such"}', "no architecture 'no-such'"),
        ('{"model": "exported-sound", "options": {"depth": 3}}', "It takes: width"),
        ('{"model": "exported-sound", "options": {"width": 4}}', "do not fit 'exported-sound'"),
        ('{"model": "exported-sound", "options": {"width": 16}, "pruned": {"trunk.7": 2}}', "no layer 'trunk.7'"),
    ],
)
def test_a_run_folder_that_is_none_is_told(folder, tmp_path, config, match):
    (tmp_path / "weights.safetensors").write_bytes((folder / "sound" / "weights.safetensors").read_bytes())
    if config is not None:
        (tmp_path / "config.json").write_text(config)
    with pytest.raises(TrainingError, match=match):
        read_trained(tmp_path)


def test_weights_that_are_a_pickle_are_refused(folder, tmp_path):
    torch.save({"a": torch.zeros(1)}, tmp_path / "weights.safetensors")
    (tmp_path / "config.json").write_text('{"model": "exported-sound"}')
    with pytest.raises(TrainingError, match="must be safetensors"):
        read_trained(tmp_path)


def test_files_are_scored_and_lost_ones_named(trained, sounds, tmp_path):
    trials = read_protocol(sounds)
    lost = replace(trials[0], path="absent.wav")
    steps = []
    found = score_trials(trained, [*trials, lost], progress=lambda done, of: steps.append((done, of)))
    spoof = [one.score for one, trial in zip(found, trials, strict=False) if trial.key == "spoof"]
    others = [one.score for one, trial in zip(found, trials, strict=False) if trial.key == "bona_fide"]
    assert min(spoof) > max(others)
    assert (found[-1].score, found[-1].reason) == (None, "not_found")
    assert steps[-1] == (13, 13)


@pytest.fixture(scope="module")
def moving(folder):
    """A run for videos, untrained, and two videos."""
    torch.manual_seed(0)
    write_run(folder / "video", "frame-cnn", architecture("frame-cnn").make())
    rows = ["path,key"]
    for number, key in enumerate(("bona_fide", "spoof")):
        frames = [movies.texture(number, 384, 216) for _ in range(20)]
        (folder / f"{number}.mp4").write_bytes(movies.video("mp4", frames, rate=10, sound="aac"))
        rows.append(f"{number}.mp4,{key}")
    (folder / "videos.csv").write_text("\n".join(rows) + "\n")
    return read_trained(folder / "video"), read_protocol(folder / "videos.csv")


def test_conditions_of_videos_are_files_of_which_nothing_is_left(moving, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    network, trials = moving
    lost = replace(trials[0], path="absent.mp4")
    steps = []
    found = dict(conditions(network, [*trials, None, lost], progress=lambda done, of: steps.append((done, of))))
    seen = [name for name, one in VIDEO_CONDITIONS.items() if one.keeps_sound]
    assert list(found) == [*seen, "FGSM, 2 levels", "PGD, 2 levels, 10 steps"]
    assert "sound taken away" not in found
    assert steps[-1] == (len(found), len(found))
    assert list(tmp_path.iterdir()) == []
    assert all(np.isfinite(scores[:2]).all() and scores[2:] == [None, None] for scores in found.values())
    clean = [one.score for one in score_trials(network, trials)]
    moves = {name: [abs(a - b) for a, b in zip(scores[:2], clean, strict=True)] for name, scores in found.items()}
    anew, brighter = moves["stored anew, H.264 CRF 12"], moves["levels times 1.2"]
    assert all(2 * little < much for little, much in zip(anew, brighter, strict=True))
    for name in (name for name in found if name.startswith("PGD")):
        assert found[name][0] > clean[0]
        assert found[name][1] < clean[1]


def test_networks_for_features_of_videos_are_not_attacked(moving, monkeypatch):
    _, trials = moving
    kind = architecture("frame-gru")
    network = Trained(kind, kind.make().eval(), Inputs(kind))
    monkeypatch.setattr(Inputs, "of", lambda self, trial, change=None: np.zeros((1, *kind.shape), np.float32))
    found = dict(conditions(network, trials[:1]))
    assert list(found) == [name for name, one in VIDEO_CONDITIONS.items() if one.keeps_sound]


@pytest.mark.parametrize(("run", "protocol"), [("sound", "sounds"), ("picture", "pictures")])
def test_conditions_and_attacks_score_every_file(folder, run, protocol):
    network = read_trained(folder / run)
    trials = read_protocol(folder / protocol / "protocol.csv")[:2]
    found = dict(conditions(network, [*trials, None]))
    assert {"FGSM", "PGD"} <= {name.partition(",")[0] for name in found}
    for scores in found.values():
        assert scores[2] is None
        assert np.isfinite(scores[:2]).all()
    clean = [one.score for one in score_trials(network, trials)]
    signs = [1 if trial.key == "spoof" else -1 for trial in trials]
    for name in (name for name in found if name.startswith("PGD")):
        assert all(s * a < s * c for s, a, c in zip(signs, found[name], clean, strict=False))


def test_every_form_is_written_compared_and_timed(trained, sounds, tmp_path):
    found = export_model(trained, tmp_path, forms=["onnx", "int8", "safetensors"], calibrate=sounds, partition="eval")
    names = {"onnx": "exported-sound.onnx", "int8": "exported-sound.int8.onnx", "safetensors": "weights.safetensors"}
    for one in found.forms:
        assert one.file == tmp_path / names[one.form]
        assert one.file.stat().st_size == one.size_bytes
        assert one.milliseconds > 0
        assert one.eer == 0
    differences = {one.form: one.difference for one in found.forms}
    assert differences["onnx"] < 1e-3
    assert 0 < differences["int8"] < 0.5
    assert differences["safetensors"] == 0
    assert found.eer_before == 0
    assert json.dumps(found.to_dict())
    assert [row[0] for row in rows(found)] == ["onnx", "int8", "safetensors"]
    assert not list(tmp_path.glob("*.part"))


def test_the_exported_folder_is_a_run_folder_again(trained, sounds, tmp_path):
    found = export_model(trained, tmp_path, forms=["safetensors"], share=0.5, calibrate=sounds)
    assert found.pruning.kind == "channels"
    again = read_trained(tmp_path)
    assert again.pruned == {"trunk.0": 8}
    inputs = again.architecture.example(2)
    assert np.array_equal(again.logits(inputs), trained.logits(inputs))
    assert "EER 0.0000 before" in found.told_of_pruning()


def test_weights_that_became_zero_are_told(folder, tmp_path):
    found = export_model(read_trained(folder / "picture"), tmp_path, share=0.2)
    assert found.pruning.kind == "weights"
    assert found.forms[0].eer is None
    assert "are zero now" in found.told_of_pruning()
    assert rows(found)[0][-1] == "–"


def test_the_graph_takes_any_number_of_inputs(trained):
    answer = Graph(to_onnx(trained))
    inputs = np.asarray(trained.architecture.example(5))
    assert np.allclose(answer(inputs), trained.logits(inputs), atol=1e-4)
    assert answer(inputs[:1]).shape == (1,)


def test_the_front_end_and_the_first_layer_stay_in_floats(trained, sounds):
    model = onnx.load_from_string(to_onnx(trained)).graph
    chosen = learnt_nodes(model, trained.net)
    layers = {node.name for node in model.node if node.op_type in ("Conv", "Gemm", "MatMul")}
    assert {"/bank/Conv", "/trunk/trunk.0/Conv"} == layers - set(chosen)
    small = onnx.load_from_string(
        to_integers(to_onnx(trained), [np.asarray(trained.architecture.example(1))], trained.net)
    )
    made = {tensor: node.op_type for node in small.graph.node for tensor in node.output}
    inputs = {node.name: made.get(node.input[0], "") for node in small.graph.node if node.op_type == "Conv"}
    assert "Quantize" not in inputs["/bank/Conv"]
    assert [kind for name, kind in inputs.items() if "trunk.3" in name] == ["DequantizeLinear"]


@pytest.mark.parametrize(
    ("name", "layers"),
    [("mel-cnn", 5), ("sinc-lcnn", 3), ("mobilenet", 52)],  # all that hold weights of their own, but the first
)
def test_layers_in_lists_within_lists_are_learnt_layers(name, layers):
    one = architecture(name)
    net = one.make(**dict(one.small)).eval()
    model = traced(net, one.example(1, small=True), "x", ["logit"], {"x": {0: "n"}, "logit": {0: "n"}})
    graph = onnx.load_from_string(model).graph
    kinds = {node.name: node.op_type for node in graph.node}
    assert sum(kinds[name] in ("Conv", "Gemm", "MatMul") for name in learnt_nodes(graph, net)) == layers


def test_integers_that_err_more_leave_no_file(trained, sounds, tmp_path, monkeypatch):
    spoilt = to_onnx(replace(trained, net=_Turned(trained.net).eval()))
    monkeypatch.setattr(export_run, "to_integers", lambda *_: spoilt)
    with pytest.raises(TrainingError, match=r"rises from 0\.0000 to 1\.0000, by more than 0\.005; the file is not"):
        export_model(trained, tmp_path, forms=["onnx", "int8"], calibrate=sounds)
    assert [path.name for path in tmp_path.iterdir()] == ["exported-sound.onnx"]


class _Turned(nn.Module):
    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, samples):
        return -self.net(samples)


@pytest.mark.parametrize(("integers", "kept"), [(0.1, True), (0.1049, True), (0.1051, False), (0.05, True)])
def test_half_a_point_is_what_integers_may_cost(integers, kept):
    if kept:
        refuse_loss(0.1, integers)
    else:
        with pytest.raises(TrainingError, match="not written"):
            refuse_loss(0.1, integers)


def test_a_graph_that_answers_otherwise_is_not_written(trained, sounds, tmp_path, monkeypatch):
    spoilt = to_onnx(replace(trained, net=_Turned(trained.net).eval()))
    monkeypatch.setattr(export_run, "to_onnx", lambda _: spoilt)
    with pytest.raises(TrainingError, match="differs from the trained one"):
        export_model(trained, tmp_path / "out", forms=["onnx"])
    assert not list((tmp_path / "out").iterdir())


def test_a_batch_size_frozen_into_the_graph_is_found(trained):
    name = graph.INPUTS["audio"]
    example = trained.architecture.example(2)
    frozen = traced(trained.net, example, name, ["logit"], {})
    with pytest.raises(Exception, match="Got invalid dimensions"):
        check_parity(trained, Graph(frozen), np.asarray(trained.architecture.example(4)))


@pytest.mark.parametrize(
    ("given", "match"),
    [
        ({"forms": ["pickle"]}, "no form 'pickle'; there are onnx"),
        ({"forms": []}, "there are onnx"),
        ({"forms": ["int8"]}, "--calibrate"),
        ({"share": 1.5}, "between 0 and 1"),
    ],
)
def test_what_cannot_be_done_is_told(trained, tmp_path, given, match):
    with pytest.raises(TrainingError, match=match):
        export_model(trained, tmp_path, **given)


def test_files_that_cannot_be_read_measure_nothing(trained, tmp_path):
    path = tmp_path / "p.csv"
    path.write_text("path,key\na.wav,spoof\nb.wav,bona_fide\n")
    with pytest.raises(ProtocolError, match="no readable files of both keys"):
        export_model(trained, tmp_path, forms=["int8"], calibrate=path)


def test_integers_of_integers_are_refused(trained):
    small = to_integers(to_onnx(trained), [np.asarray(trained.architecture.example(1))], trained.net)
    with pytest.raises(TrainingError, match="already"):
        to_integers(small, [])


def test_shipped_detectors_in_integers_say_so(sounds, tmp_path):
    with pytest.raises(TrainingError, match="'audio-resnet' computes in integers already"):
        export_shipped("audio-resnet", tmp_path, calibrate=sounds)
    with pytest.raises(TrainingError, match="only detectors of sounds or pictures"):
        export_shipped("silero-vad", tmp_path, calibrate=sounds)
    with pytest.raises(TrainingError, match="it can only become int8"):
        export_shipped("audio-resnet", tmp_path, formats="litert", calibrate=sounds)
    with pytest.raises(TrainingError, match="--calibrate"):
        export_shipped("audio-resnet", tmp_path)
    with pytest.raises(ModelNotFound):
        export_shipped("no-such", tmp_path, calibrate=sounds)
    assert not list(tmp_path.iterdir())


def test_litert_without_its_package_names_the_extra(trained, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "litert_torch", None)
    with pytest.raises(MissingExtra, match=r"assay\[litert\]"):
        export_model(trained, tmp_path, forms=["litert"])
    assert not list(tmp_path.iterdir())


def test_litert_answers_as_the_network_does(trained, sounds, tmp_path):
    pytest.importorskip("litert_torch", reason="needs the extra litert")
    found = export_model(trained, tmp_path, forms=["litert"], calibrate=sounds)
    assert found.forms[0].difference < 1e-2
    assert found.forms[0].eer == 0


def test_a_shipped_detector_in_floats_becomes_integers(sounds, tmp_path, monkeypatch):
    from assay.models import registry, weights

    folder = tmp_path / "weights"
    folder.mkdir()
    torch.manual_seed(0)
    net = fit(ToySound(16), "audio")
    axes = {"samples": {0: "n", 1: "samples"}, "logit": {0: "n"}}
    weight = traced(net, torch.randn(1, SAMPLES), "samples", ["logit"], axes)
    card = json.loads((registry.weights_folder() / "audio-resnet.json").read_text())
    card |= {"name": "floats", "file": "floats.onnx", "sha256": hashlib.sha256(weight).hexdigest()}
    (folder / "floats.onnx").write_bytes(weight)
    (folder / "floats.json").write_text(json.dumps(card))
    for module in (registry, weights):
        monkeypatch.setattr(module, "weights_folder", lambda: folder)
    (found,) = export_shipped("floats", tmp_path / "out", calibrate=sounds, partition="eval").forms
    assert found.file == tmp_path / "out" / "floats.int8.onnx"
    assert (found.form, found.eer) == ("int8", 0)
    assert 0 < found.difference < 1
    made = onnx.load(found.file)
    assert any(node.op_type == "QuantizeLinear" for node in made.graph.node)
