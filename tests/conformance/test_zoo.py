"""What every architecture of the zoo must do, whoever wrote it: shapes, gradients, learning, export, integers, counts.

Each check runs over all registered names; none is left out. One that needs an extra is skipped, visibly, where that is
not installed. Training takes the smaller network that an architecture names (`small`, `small_shape`) and a toy task
that any detector of its medium can learn: a tone in the second half, a chequered pattern, flicker.
"""

import copy
import importlib.util
import re
import sys
import time
import warnings

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("onnx")

import onnxruntime
import torch
from torch import nn

from assay.training.zoo import architecture, names
from assay.training.zoo.counts import count
from assay.training.zoo.export import graph, input_name, integer_graph

EACH = 4  # toy examples of each key
STEPS = 16
PACKAGES = {"ssl": "transformers"}  # behind an extra
COUNTS = re.compile(r"([\d,]+)\s+parameters,\s+([\d.]+)\s+([MG])\s+multiply-adds")
WORDS = {
    "convolution": (nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.ConvTranspose1d, nn.ConvTranspose2d),
    "dense|attention": (nn.Linear,),
    "LSTM": (nn.LSTM,),
    "GRU": (nn.GRU,),
}


def needs_extra(one):
    """Skip what cannot be built here."""
    if one.extra and importlib.util.find_spec(PACKAGES.get(one.extra, one.extra)) is None:
        pytest.skip(f"needs the extra '{one.extra}'")


def made(one, seed=0, *, small=True):
    """A network with random weights that depend on the seed alone; what needs an extra is always small."""
    torch.manual_seed(seed)
    return one.make(**(dict(one.small) if small or one.extra else {}))


def toy(one):
    """Inputs and keys, bona fide first; the keys differ by far more than inputs of one key do."""
    shape = one.small_shape or one.shape
    spoof = torch.arange(2 * EACH) >= EACH
    generator = torch.Generator().manual_seed(7)
    noise = torch.randn((2 * EACH, *shape), generator=generator)
    if one.media == "audio":
        time_s = torch.arange(shape[0]) / 16_000
        tone = (2 * torch.pi * 2000 * time_s).sin() * (time_s > time_s[-1] / 2)
        x = 0.02 * noise + 0.1 * tone * spoof[:, None]
    elif len(shape) == 2:
        flicker = torch.where(torch.arange(shape[0]) % 2 == 0, 2.0, -1.0)
        x = noise + flicker[:, None] * spoof[:, None, None]
    else:
        rows, columns = torch.arange(shape[-3])[:, None, None], torch.arange(shape[-2])[None, :, None]
        pattern = torch.where((rows // 2 + columns // 2) % 2 == 0, 60.0, -60.0)
        if one.media == "video":
            pattern = pattern * torch.where(torch.arange(shape[0]) % 2 == 0, 1.5, 0.5)[:, None, None, None]
        wave = 40 * (rows / 9 + torch.rand(2 * EACH, *[1] * len(shape), generator=generator) * 6).sin()
        x = 120 + wave + 4 * noise + pattern * spoof.reshape(-1, *[1] * len(shape))
    return (x.clamp(0, 255).to(torch.uint8) if one.integer else x), spoof.float()


def loss_of(one, net, x, spoof):
    """What training lowers; what is one-class sees bona fide media alone."""
    if one.one_class:
        return net.reconstruction_loss(x[spoof == 0])
    return nn.functional.binary_cross_entropy_with_logits(net(x), spoof)


def step(one, net, optimiser, x, spoof):
    """One step of training; gives the loss before it."""
    optimiser.zero_grad()
    loss = loss_of(one, net, x, spoof)
    loss.backward()
    optimiser.step()
    return loss.item()


def steps(one, net, count):
    """Losses of some steps on the toy task."""
    optimiser = torch.optim.AdamW(net.parameters(), lr=3e-3)
    x, spoof = toy(one)
    net.train()
    return [step(one, net, optimiser, x, spoof) for _ in range(count)]


def settle(net, x):
    """Take the running statistics of norms anew: a few steps are too few for them."""
    norms = [layer for layer in net.modules() if isinstance(layer, nn.modules.batchnorm._BatchNorm)]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None
    with torch.no_grad():
        net.train()
        for _ in range(2):
            net(x)
    return net.eval()


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """Times that are recorded and runs that are compared want one number of threads."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module", params=names())
def one(request):
    found = architecture(request.param)
    needs_extra(found)
    return found


@pytest.fixture(scope="module")
def full(one):
    """The network in full, in evaluation mode; what needs an extra, the small one."""
    return made(one, small=False).eval()


@pytest.fixture(scope="module")
def learnt(one):
    """The small network after some steps on the toy task, their losses, and its logits."""
    net = made(one)
    losses = steps(one, net, STEPS)
    x, _ = toy(one)
    settle(net, x)
    with torch.no_grad():
        return net, losses, net(x).numpy()


@pytest.fixture(scope="module")
def exported(one, learnt):
    return graph(learnt[0], toy(one)[0])


def answers(model, x):
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    return session.run(["logit"], {input_name(x): x.numpy()})[0]


def test_a_batch_gives_one_finite_logit_each_and_its_time_is_recorded(one, full, record_testsuite_property):
    x = one.example(2, small=bool(one.extra))
    with torch.no_grad():
        logits = full(x)
        begin = time.perf_counter()
        alone = full(x[:1])
        record_testsuite_property(f"ms_per_input_{one.name}", round(1000 * (time.perf_counter() - begin), 1))
    assert logits.shape == (2,)
    assert logits.dtype == torch.float32
    assert torch.isfinite(logits).all()
    torch.testing.assert_close(logits[:1], alone, atol=1e-4, rtol=1e-4)


def test_the_docstring_names_the_layers_and_counts_rightly(one, full):
    text = sys.modules[one.make.__module__].__doc__
    assert "Layers" in text
    for word, kinds in WORDS.items():
        if any(isinstance(layer, kinds) for layer in full.modules()):
            assert re.search(word, text, re.IGNORECASE), f"{one.name}: no word of {word}"
    counts = count(full, one.example(1, small=bool(one.extra)))
    parameters, multiply_adds, unit = COUNTS.search(text).groups()
    assert int(parameters.replace(",", "")) == counts.parameters
    size = {"M": 1e6, "G": 1e9}[unit]
    assert multiply_adds == f"{counts.multiply_adds / size:.1f}", f"{counts.multiply_adds:,}"


def test_gradients_reach_every_parameter(one, full):
    net = copy.deepcopy(full).train()
    loss_of(one, net, one.example(4, small=bool(one.extra)), torch.tensor([0.0, 0, 0, 1])).backward()
    untouched = [
        name
        for name, values in net.named_parameters()
        if values.requires_grad and (values.grad is None or not values.grad.abs().sum() > 0)
    ]
    assert untouched == []


def test_variants_answer_too(one):
    for name, options in one.variants:
        net = one.make(**options).eval()
        with torch.no_grad():
            logits = net(one.example(1, small=True))
        assert logits.shape == (1,), name
        assert torch.isfinite(logits).all(), name


def test_it_learns_a_toy_task_and_logits_rise_for_spoof(one, learnt):
    _, losses, logits = learnt
    assert np.isfinite(losses).all()
    assert np.mean(losses[-3:]) < 0.7 * losses[0], losses
    assert logits[EACH:].min() > logits[:EACH].max()


def test_training_is_the_same_under_a_seed(one):
    runs = []
    for _ in range(2):
        net = made(one, seed=3)
        runs.append((steps(one, net, 2), net.state_dict()))
    assert runs[0][0] == runs[1][0]
    for name, values in runs[0][1].items():
        assert torch.equal(values, runs[1][1][name]), name
    assert made(one, seed=4).state_dict().keys() == runs[0][1].keys()


@pytest.mark.parametrize("size", [1, 3])
def test_the_exported_graph_answers_as_the_network_whatever_the_batch(one, learnt, exported, size):
    x = toy(one)[0][EACH - 1 : EACH - 1 + size]
    with torch.no_grad():
        expected = learnt[0](x).numpy()
    logits = answers(exported, x)
    assert logits.shape == (size,)
    np.testing.assert_allclose(logits, expected, atol=1e-3, rtol=1e-3)


def test_integers_keep_the_toy_task_apart(one, learnt, exported):
    x, _ = toy(one)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the runtime's tool, about itself
        integers = integer_graph(exported, [x[i : i + 1] for i in range(len(x))])
    logits, floats = answers(integers, x), learnt[2]
    gap = floats[EACH:].mean() - floats[:EACH].mean()
    assert np.abs(logits - floats).max() < gap / 2
    assert b"QuantizeLinear" in integers
