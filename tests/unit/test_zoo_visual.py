"""Architectures for pictures and videos: gradients, learning, export, transfer, one class, the figures they state."""

import inspect
import math
import sys

import numpy as np
import pytest

torch = pytest.importorskip("torch")
onnxruntime = pytest.importorskip("onnxruntime")
pytest.importorskip("onnx")

from safetensors.torch import save_file  # noqa: E402
from torch import nn  # noqa: E402

from assay.errors import TrainingError  # noqa: E402
from assay.metrics import auc  # noqa: E402
from assay.training.publish import traced  # noqa: E402
from assay.training.tensors import read_state  # noqa: E402
from assay.training.zoo import architecture, build, names  # noqa: E402
from assay.training.zoo.anomaly_ae import worst_blocks  # noqa: E402
from assay.training.zoo.counts import count  # noqa: E402
from assay.training.zoo.one_class import ErrorScale, OneClass  # noqa: E402
from assay.training.zoo.pixels import imagenet_normalise, planes  # noqa: E402
from assay.training.zoo.transfer import Pretrained  # noqa: E402

IMAGE = ("anomaly-ae", "attention-cnn", "denoising-ae", "efficientnet", "mobilenet", "picture-lite", "resnet", "vae")
VIDEO = ("frame-cnn", "frame-gru", "frame-hybrid", "frame-rnn")
VISUAL = (*IMAGE, *VIDEO)
TRANSFER = ("efficientnet", "mobilenet", "resnet")
ONE_CLASS = ("anomaly-ae", "denoising-ae", "vae")
BACKBONES = {"efficientnet": "_fc", "mobilenet": "classifier.1", "resnet": "fc"}  # layer of ImageNet's classes
BUDGET = 150e6
OVER_BUDGET = {"resnet", "picture-lite"}  # their docstrings say why
STEPS = 20  # of a toy task
SMALL = 32  # pixels, for what would be slow at full size


def small(name, size, side=SMALL, seed=0):
    """Made-up input of an architecture, pictures at a smaller side."""
    one = architecture(name)
    if one.media == "image":
        shape = (side, side, 3)
    elif one.integer:
        shape = (4, side, side, 3)
    else:
        shape = (4, *one.shape[1:])
    generator = torch.Generator().manual_seed(seed)
    if one.integer:
        return torch.randint(0, 256, (size, *shape), generator=generator, dtype=torch.uint8)
    return torch.randn((size, *shape), generator=generator)


def made(name, side=SMALL, **options):
    """The network with the same random weights every time, fit for pictures of that side."""
    torch.manual_seed(1)
    return build(name, **({"side": side} if name == "vae" else {}), **options)


def test_all_visual_architectures_are_registered():
    assert set(IMAGE) <= set(names("image"))
    assert set(VIDEO) <= set(names("video"))
    for name in VISUAL:
        assert architecture(name).one_class == (name in ONE_CLASS)
        assert isinstance(made(name), OneClass) == (name in ONE_CLASS)
        assert isinstance(made(name), Pretrained) == (name in {*TRANSFER, "picture-lite"})


@pytest.mark.parametrize("name", VISUAL)
def test_the_budget_holds_and_docstrings_count_variants(name):
    one = architecture(name)
    told = inspect.cleandoc(sys.modules[one.make.__module__].__doc__).replace("\n", " ")
    assert (count(build(name), one.example(1)).multiply_adds <= BUDGET) == (name not in OVER_BUDGET)
    for _, options in one.variants:
        found = count(one.make(**options), one.example(1))
        assert f" {found.parameters:,} parameters, {found.multiply_adds / 1e6:.1f} M multiply-adds" in told


@pytest.mark.parametrize("name", VISUAL)
def test_exported_graph_answers_as_the_network_at_any_batch(name):
    one = architecture(name)
    torch.manual_seed(2)
    net = build(name)
    with torch.no_grad():
        net(one.example(2, seed=1))  # moves the statistics of batch normalisation off their first values
    net.eval()
    model = traced(net, one.example(2), "media", ["logit"], {"media": {0: "n"}, "logit": {0: "n"}})
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    for size in (1, 3):
        given = one.example(size, seed=size)
        with torch.inference_mode():
            wanted = net(given).numpy()
        assert wanted.shape == (size,)
        assert wanted.dtype == np.float32
        np.testing.assert_allclose(session.run(["logit"], {"media": given.numpy()})[0], wanted, atol=1e-3, rtol=0)


@pytest.mark.parametrize("name", VISUAL)
def test_gradients_reach_every_parameter_that_learns(name):
    net = made(name)
    logits = net(small(name, 4))
    assert logits.shape == (4,)
    (logits * torch.tensor([1.0, -1.0, 2.0, -0.5])).sum().backward()
    for path, value in net.named_parameters():
        if value.requires_grad:
            assert value.grad is not None, path
            assert torch.isfinite(value.grad).all(), path
            assert value.grad.abs().sum() > 0, path


@pytest.mark.parametrize("name", ["frame-rnn", "frame-gru"])
def test_only_what_the_softmax_takes_out_is_frozen_in_recurrent_networks(name):
    assert [path for path, value in made(name).named_parameters() if not value.requires_grad] == ["net.weight.bias"]


def toy(name, generator):
    """Eight spoofs (stripes, or a step in time of the features) and eight without, and the keys."""
    keys = torch.tensor([0.0, 1.0] * 8)
    if not architecture(name).integer:
        given = 0.5 * torch.randn((16, 4, 1280), generator=generator)
        given[keys == 1, 2:, :640] += 1
        return given, keys
    shape = (16, SMALL, SMALL, 3) if architecture(name).media == "image" else (16, 2, SMALL, SMALL, 3)
    given = 100 + 40 * torch.rand(shape, generator=generator)
    given[keys == 1, ..., ::2, :] += 60
    return given.round().to(torch.uint8), keys


def count_statistics_again(net, given):
    """Statistics of batch normalisation from one batch: those kept lag behind a few steps, not behind thousands."""
    for module in net.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.reset_running_stats()
            module.momentum = None
    with torch.no_grad():
        net(given)


@pytest.mark.parametrize("name", [name for name in VISUAL if name not in ONE_CLASS])
def test_learns_a_toy_task_and_tells_it_in_eval_mode(name):
    generator = torch.Generator().manual_seed(3)
    net = made(name)
    optimiser = torch.optim.Adam(net.parameters(), lr=2e-3)
    for _ in range(STEPS):
        given, keys = toy(name, generator)
        loss = nn.functional.binary_cross_entropy_with_logits(net(given), keys)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    count_statistics_again(net, toy(name, generator)[0])
    with torch.inference_mode():
        given, keys = toy(name, generator)
        logits = net.eval()(given)
    assert logits[keys == 1].min() > logits[keys == 0].max()


def smooth(size, generator):
    """Bona fide pictures of the toy world: a grey that changes slowly over the picture."""
    corners = torch.rand((size, 1, 2, 2), generator=generator) * 120 + 65
    return (
        nn.functional.interpolate(corners, size=(SMALL, SMALL), mode="bilinear").permute(0, 2, 3, 1).repeat(1, 1, 1, 3)
    )


@pytest.mark.parametrize("name", ONE_CLASS)
def test_anomalies_get_higher_logits_after_learning_from_bona_fide_alone(name):
    generator = torch.Generator().manual_seed(4)
    net = made(name)
    optimiser = torch.optim.Adam(net.parameters(), lr=4e-3)
    losses = []
    for _ in range(120):
        loss = net.reconstruction_loss(smooth(8, generator).to(torch.uint8))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] / 5
    net.eval()
    with torch.inference_mode():
        pictures = smooth(24, generator)
        bona_fide = net(pictures.to(torch.uint8))
        pictures[:, 8:24, 8:24:2] += 60  # stripes in the middle
        spoof = net(pictures.to(torch.uint8))
    assert (spoof > bona_fide).all()
    assert auc(bona_fide.numpy().astype(float), spoof.numpy().astype(float)) > 0.95
    assert abs(bona_fide.mean()) < 5  # deviations of training pictures


@pytest.mark.parametrize("name", ONE_CLASS)
def test_scoring_draws_nothing_and_leaves_the_scale_alone(name):
    net = made(name).eval()
    pixels = small(name, 3)
    before = {path: value.clone() for path, value in net.state_dict().items()}
    with torch.inference_mode():
        first, second = net(pixels), net(pixels)
        net.reconstruction_loss(pixels)
    assert torch.equal(first, second)
    assert all(torch.equal(value, before[path]) for path, value in net.state_dict().items())


def test_logit_of_an_error_counts_deviations_of_its_logarithm():
    scale = ErrorScale()
    torch.testing.assert_close(scale(torch.tensor([math.e, 1.0])), torch.tensor([1.0, 0.0]))
    errors = torch.tensor([1.0, 3.0]).exp()  # logarithms of mean 2 and deviation 1
    scale.learn(errors)
    torch.testing.assert_close(scale(errors), torch.tensor([-1.0, 1.0]))
    scale.learn(errors)
    torch.testing.assert_close(scale(errors), torch.tensor([-1.0, 1.0]))
    rising = scale(torch.linspace(0.01, 50, 100))
    assert (rising.diff() > 0).all()


def test_worst_blocks_see_a_small_change_in_full():
    x = torch.zeros((2, 3, 128, 128))
    back = x.clone()
    back[0, :, :16, :16] = 1.0  # one of 64 blocks
    back[1, :, :32, :48] = 1.0  # the six that a tenth is
    torch.testing.assert_close(worst_blocks(back, x), torch.tensor([1 / 6, 1.0]))


def test_pixels_become_planes_in_their_order_and_range():
    pixels = torch.tensor([[[[0, 127, 255], [255, 0, 0]]]], dtype=torch.uint8)
    x = planes(pixels)
    assert x.shape == (1, 3, 1, 2)
    torch.testing.assert_close(x[0, :, 0, 0], torch.tensor([-1.0, 127 / 127.5 - 1, 1.0]))
    white = imagenet_normalise()(torch.full((1, 1, 1, 3), 255, dtype=torch.uint8)).flatten()
    torch.testing.assert_close(white, torch.tensor([0.515 / 0.229, 0.544 / 0.224, 0.594 / 0.225]))


def test_frames_of_frame_cnn_count_alike_in_any_order():
    net = made("frame-cnn").eval()
    frames = small("frame-cnn", 2)
    with torch.inference_mode():
        torch.testing.assert_close(net(frames), net(frames.flip(1)))
        single = torch.stack([net(frames[:, i : i + 1]) for i in range(4)])
        torch.testing.assert_close(net(frames), single.mean(0))


@pytest.mark.parametrize("name", ["frame-gru", "frame-hybrid", "frame-rnn"])
def test_order_of_frames_matters_to_models_over_time(name):
    net = made(name).eval()
    frames = small(name, 2)
    with torch.inference_mode():
        assert (net(frames) - net(frames.flip(1))).abs().max() > 1e-5


# Transfer


def published(name, seed=5, **options):
    """A made-up file of ImageNet weights: another random trunk, and a classifier of a thousand classes."""
    torch.manual_seed(seed)
    trunk = build(name, **options).trunk
    classes = nn.Linear(1280 if name != "resnet" else 512, 1000).state_dict()
    return {**trunk.state_dict(), **{f"{BACKBONES[name]}.{key}": value for key, value in classes.items()}}


def normed(prefix):
    return {f"{prefix}.{key}" for key in ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")}


@pytest.mark.parametrize(("depth", "blocks", "size"), [(18, (2, 2, 2, 2), 11_689_512), (34, (3, 4, 6, 3), 21_797_672)])
def test_resnet_has_the_names_and_the_size_that_torchvision_documents(depth, blocks, size):
    trunk = build("resnet", depth=depth).trunk
    wanted = {"conv1.weight"} | normed("bn1")
    for layer, repetitions in enumerate(blocks, 1):
        for block in range(repetitions):
            here = f"layer{layer}.{block}"
            wanted |= {f"{here}.conv1.weight", f"{here}.conv2.weight"} | normed(f"{here}.bn1") | normed(f"{here}.bn2")
        if layer > 1:
            wanted |= {f"layer{layer}.0.downsample.0.weight"} | normed(f"layer{layer}.0.downsample.1")
    assert set(trunk.state_dict()) == wanted
    assert sum(value.numel() for value in trunk.parameters()) + 512 * 1000 + 1000 == size


def test_mobilenet_has_the_names_and_the_size_that_torchvision_documents():
    trunk = build("mobilenet").trunk
    wanted = {"features.0.0.weight", "features.18.0.weight"} | normed("features.0.1") | normed("features.18.1")
    wanted |= {"features.1.conv.0.0.weight", "features.1.conv.1.weight"}
    wanted |= normed("features.1.conv.0.1") | normed("features.1.conv.2")
    for block in range(2, 18):
        here = f"features.{block}.conv"
        wanted |= {f"{here}.0.0.weight", f"{here}.1.0.weight", f"{here}.2.weight"}
        wanted |= normed(f"{here}.0.1") | normed(f"{here}.1.1") | normed(f"{here}.3")
    assert set(trunk.state_dict()) == wanted
    assert sum(value.numel() for value in trunk.parameters()) + 1280 * 1000 + 1000 == 3_504_872


def test_efficientnet_has_the_size_of_the_published_network():
    trunk = build("efficientnet").trunk
    assert sum(value.numel() for value in trunk.parameters()) + 1280 * 1000 + 1000 == 4_652_008


@pytest.mark.parametrize("ending", ["safetensors", "pth"])
@pytest.mark.parametrize("name", [*TRANSFER, "picture-lite"])
def test_transfer_begins_with_the_weights_of_the_file(tmp_path, name, ending):
    state = published("efficientnet" if name == "picture-lite" else name)
    path = tmp_path / f"weights.{ending}"
    save_file(state, path) if ending == "safetensors" else torch.save(state, path)
    net = made(name)
    net.load_imagenet(path)
    for key, value in net.trunk.state_dict().items():
        assert torch.equal(value, state[key]), key


def test_weights_without_counters_are_taken_as_older_files_have_none(tmp_path):
    state = {key: value for key, value in published("resnet").items() if not key.endswith("num_batches_tracked")}
    torch.save(state, tmp_path / "old.pth")
    net = build("resnet")
    net.load_imagenet(tmp_path / "old.pth")
    assert torch.equal(net.trunk.state_dict()["bn1.running_mean"], state["bn1.running_mean"])


def test_weights_of_another_network_are_refused_and_nothing_is_loaded(tmp_path):
    path = tmp_path / "other.safetensors"
    save_file(published("mobilenet"), path)
    net = made("resnet")
    before = {key: value.clone() for key, value in net.state_dict().items()}
    with pytest.raises(TrainingError, match=r"conv1.weight is missing; .* and \d+ more"):
        net.load_imagenet(path)
    state = published("resnet")
    state["layer4.1.conv2.weight"] = state["layer4.1.conv2.weight"][:1].clone()
    save_file(state, path)
    with pytest.raises(
        TrainingError, match=r"layer4.1.conv2.weight has shape \(1, 512, 3, 3\), not \(512, 512, 3, 3\)"
    ):
        net.load_imagenet(path)
    save_file(published("resnet", depth=34), path)
    with pytest.raises(TrainingError, match=r"layer1.2.bn1.bias is not known|layer1.2.\S+ is not known"):
        net.load_imagenet(path)
    assert all(torch.equal(value, before[key]) for key, value in net.state_dict().items())


class Program:
    """What a pickle can hold beside tensors."""


def test_a_file_with_anything_but_tensors_runs_nothing_and_is_refused(tmp_path):
    torch.save({"conv1.weight": Program()}, tmp_path / "program.pth")
    torch.save({"epoch": 3, "state_dict": {}}, tmp_path / "checkpoint.pth")
    (tmp_path / "broken.safetensors").write_bytes(b"no weights")
    for name, match in (
        ("program.pth", "cannot be read as weights"),
        ("checkpoint.pth", "something other than tensors by name"),
        ("broken.safetensors", "cannot be read as weights"),
        ("absent.safetensors", "cannot be read as weights"),
        ("absent.pth", "cannot be read as weights"),
    ):
        with pytest.raises(TrainingError, match=match):
            read_state(tmp_path / name)


@pytest.mark.parametrize("name", TRANSFER)
def test_a_frozen_trunk_stays_as_it_was_while_the_head_learns(name):
    net = made(name, fine_tune=False, dropout=0.0).train()
    trunk = {key: value.clone() for key, value in net.trunk.state_dict().items()}
    head = net.head.weight.detach().clone()
    optimiser = torch.optim.SGD([value for value in net.parameters() if value.requires_grad], lr=0.1)
    for _ in range(2):
        optimiser.zero_grad()
        net(small(name, 4)).square().mean().backward()
        optimiser.step()
    assert all(torch.equal(value, trunk[key]) for key, value in net.trunk.state_dict().items())
    assert not torch.equal(net.head.weight, head)
    assert [path for path, value in net.named_parameters() if value.requires_grad] == ["head.weight", "head.bias"]


def test_a_resnet_of_another_depth_is_refused():
    with pytest.raises(TrainingError, match="give 18 or 34"):
        build("resnet", depth=50)
