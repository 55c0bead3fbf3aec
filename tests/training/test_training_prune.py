"""Pruning: what is cut is what is smallest, a dead channel leaves without a trace, and what is left is counted."""

import pytest

pytest.importorskip("torch")

import torch
from torch import nn
from zoo_toys import ToyPicture, ToySound

from assay.errors import TrainingError
from assay.training.prune import prune, shrink_to


def line():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 10, 3), nn.BatchNorm2d(10), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(10, 12, 3), nn.ReLU()
    ).eval()


def test_channels_without_weights_leave_and_nothing_changes():
    net = line()
    with torch.no_grad():
        for dead in (1, 4, 7):
            for parameter in (net[0].weight, net[0].bias, net[1].weight, net[1].bias):
                parameter[dead] = 0
    inputs = torch.randn(2, 3, 16, 16)
    before = net(inputs)
    found = prune(net, 0.3)
    assert torch.allclose(net(inputs), before, atol=1e-6)
    assert (found.kind, dict(found.channels)) == ("channels", {"0": 7})
    assert net[0].weight.shape == (7, 3, 3, 3)
    assert net[4].weight.shape == (12, 7, 3, 3)
    assert found.parameters_after == sum(p.numel() for p in net.parameters()) < found.parameters_before


def test_the_last_layer_keeps_its_outputs():
    net = line()
    prune(net, 0.9)
    assert net[4].weight.shape[0] == 12
    assert net[0].weight.shape[0] == 4  # never fewer


def test_a_fresh_network_can_be_cut_to_fit():
    torch.manual_seed(1)
    net = ToySound(16).eval()
    found = prune(net, 0.5)
    assert dict(found.channels) == {"trunk.0": 8}
    fresh = ToySound(16).eval()
    shrink_to(fresh, found.channels)
    fresh.load_state_dict(net.state_dict())
    inputs = 0.1 * torch.randn(2, 8_000)
    assert torch.equal(fresh(inputs), net(inputs))


@pytest.mark.parametrize("channels", [{"trunk.9": 4}, {"trunk.0": 0}, {"trunk.0": 99}])
def test_a_cut_that_does_not_fit_is_refused(channels):
    with pytest.raises(TrainingError, match=r"no layer 'trunk\.\d'"):
        shrink_to(ToySound(16), channels)


def test_where_nothing_stands_in_line_the_smallest_weights_become_zero():
    torch.manual_seed(2)
    net = ToyPicture()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    found = prune(net, 0.4)
    weights = torch.cat([layer.weight.flatten() for layer in (net.first, net.second, net.head)])
    assert float((weights == 0).float().mean()) == pytest.approx(0.4, abs=0.01)
    assert (found.kind, found.channels) == ("weights", {})
    assert found.zeros == pytest.approx(int((weights == 0).sum()) / found.parameters_after)
    assert found.removed == pytest.approx(found.zeros)
    limit = weights[weights != 0].abs().min()
    for name, value in net.state_dict().items():
        kept = value != 0
        assert torch.equal(value[kept], before[name][kept])
        if "weight" in name and not kept.all():
            assert before[name][~kept].abs().max() < limit


def test_grouped_convolutions_and_branches_stay_whole():
    grouped = nn.Sequential(nn.Conv2d(4, 8, 1), nn.Conv2d(8, 8, 3, groups=8), nn.Conv2d(8, 4, 1))
    assert prune(grouped, 0.5).kind == "weights"
    flat = nn.Sequential(nn.Conv2d(3, 8, 1), nn.Flatten(), nn.Linear(8, 1))
    assert prune(flat, 0.5).kind == "weights"

    class Residual(nn.Sequential):
        def forward(self, x):
            return x + super().forward(x)

    assert prune(Residual(nn.Conv2d(8, 8, 1), nn.Conv2d(8, 8, 1)), 0.5).kind == "weights"


@pytest.mark.parametrize("share", [0.0, 1.0, -1.0, 2.0])
def test_a_share_out_of_range_is_refused(share):
    with pytest.raises(TrainingError, match="between 0 and 1"):
        prune(line(), share)


def test_a_network_without_layers_is_refused():
    with pytest.raises(TrainingError, match="no convolution"):
        prune(nn.LayerNorm(4), 0.5)
