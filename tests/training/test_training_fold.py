"""A folded network answers as the one it was folded from, in fewer steps."""

import pytest

pytest.importorskip("torch")

import torch
from torch import nn

from assay.training.audio_net import HOP_SAMPLES, VIEWS, WINDOW_SAMPLES, AudioResnet, Larger
from assay.training.fold import Difference, fold


@pytest.fixture(scope="module")
def net():
    """Random weights, with norms whose statistics are not those they start with."""
    torch.manual_seed(4)
    made = AudioResnet(tuple(VIEWS))
    with torch.no_grad():
        for _ in range(5):
            made(0.1 * torch.randn(2, WINDOW_SAMPLES))
        for branch in made.branches:
            branch.head.weight *= 50
    return made.eval()


def test_a_folded_network_gives_the_same_logits(net):
    samples = 0.1 * torch.randn(2, WINDOW_SAMPLES + 3 * HOP_SAMPLES, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        expected, found = net(samples), fold(net)(samples)
    assert expected[0].std() > 0.005
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, atol=1e-4, rtol=0)


def test_folding_leaves_the_network_as_it_was(net):
    before = {name: value.clone() for name, value in net.state_dict().items()}
    folded = fold(net)
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert [branch.spectrum.unit for branch in net.branches] == [0.25] * len(VIEWS)
    assert any(isinstance(layer, Larger) for layer in net.modules())
    assert not any(isinstance(layer, Larger) for layer in folded.modules())


def test_the_larger_of_two_maps_without_a_maximum():
    torch.manual_seed(2)
    larger = Larger(3, 5, 3, 2).eval()
    nn.init.normal_(larger.norm.weight)
    nn.init.normal_(larger.norm.bias)
    x = torch.randn(2, 3, 20, 16)
    with torch.inference_mode():
        torch.testing.assert_close(Difference(larger)(x), larger(x), atol=1e-5, rtol=0)
