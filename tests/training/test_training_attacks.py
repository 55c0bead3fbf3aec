"""Adversarial changes on networks whose gradient is known: the right direction, within bounds, nothing else touched."""

import pytest

pytest.importorskip("torch")

import torch
from torch import nn
from zoo_toys import ToyPicture, ToySound, stripes

from assay.errors import TrainingError
from assay.training.attacks import fgsm, pgd
from assay.training.measure import attacks_of


class Weighted(nn.Module):
    """Logit = weights times inputs, so the gradient's sign is that of the weights."""

    def __init__(self, weights):
        super().__init__()
        self.weights = nn.Parameter(torch.tensor(weights))

    def forward(self, inputs):
        return (inputs.float() * self.weights).sum(1)


NET = Weighted([1.0, -2.0, 0.0])


def test_one_step_goes_along_the_sign_to_the_wrong_side():
    inputs = torch.tensor([[0.1, 0.1, 0.1], [0.1, 0.1, 0.1]])
    changed = fgsm(NET, inputs, torch.tensor([1.0, 0.0]), 0.05)
    # The loss of a spoof grows as its logit falls, that of a bona fide as it rises.
    assert torch.allclose(changed, torch.tensor([[0.05, 0.15, 0.1], [0.15, 0.05, 0.1]]))


def test_samples_stay_within_full_scale_and_levels_within_255():
    samples = torch.tensor([[0.99, -0.99, 0.0]])
    assert torch.allclose(fgsm(NET, samples, torch.tensor([0.0]), 0.05), torch.tensor([[1.0, -1.0, 0.0]]))
    pixels = torch.tensor([[254, 1, 7]], dtype=torch.uint8)
    changed = fgsm(NET, pixels, torch.tensor([0.0]), 4)
    assert changed.dtype == torch.uint8
    assert changed.tolist() == [[255, 0, 7]]


@pytest.mark.parametrize("net", [ToySound(), ToyPicture()])
@pytest.mark.parametrize("epsilon", [0.5, 2.0])
def test_pgd_stays_within_epsilon_and_does_no_worse_than_one_step(net, epsilon):
    torch.manual_seed(0)
    net.eval()
    if isinstance(net, ToySound):
        epsilon, inputs = epsilon / 1_000, 0.1 * torch.randn(4, 8_000)
    else:
        inputs = torch.stack([torch.from_numpy(stripes(bool(i % 2), i, side=32)) for i in range(4)])
        epsilon = max(1.0, epsilon)
    spoof = torch.tensor([0.0, 1.0, 0.0, 1.0])
    sign = 2 * spoof - 1
    clean = (net(inputs) * sign).detach()
    one, many = fgsm(net, inputs, spoof, epsilon), pgd(net, inputs, spoof, epsilon, steps=20)
    for changed in (one, many):
        assert (changed.float() - inputs.float()).abs().max() <= epsilon + 1e-6
        assert ((net(changed) * sign).detach() < clean).all()
    assert (net(many) * sign).sum() <= (net(one) * sign).sum() + 0.05 * (net(one) * sign).sum().abs()


def test_the_same_seed_gives_the_same_and_the_network_stays_as_it_is():
    net = ToySound().eval()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    inputs = 0.1 * torch.randn(2, 8_000)
    spoof = torch.tensor([0.0, 1.0])
    assert torch.equal(pgd(net, inputs, spoof, 0.01, seed=3), pgd(net, inputs, spoof, 0.01, seed=3))
    assert not torch.equal(pgd(net, inputs, spoof, 0.01, seed=3), pgd(net, inputs, spoof, 0.01, seed=4))
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert all(parameter.grad is None for parameter in net.parameters())


def test_a_network_that_is_very_sure_is_attacked_all_the_same():
    inputs = torch.tensor([[0.5, -0.5, 0.0]])
    sure = Weighted([200.0, -200.0, 0.0])  # a logit of 200, where float32 knows no cross-entropy
    assert torch.allclose(fgsm(sure, inputs, torch.tensor([1.0]), 0.1), torch.tensor([[0.4, -0.4, 0.0]]))


def test_attacks_work_where_gradients_are_off():
    with torch.no_grad():
        changed = fgsm(NET, torch.zeros(1, 3), torch.tensor([1.0]), 0.1)
    assert changed.tolist() == [[pytest.approx(-0.1), pytest.approx(0.1), 0.0]]


class Deaf(nn.Module):
    """Answers the same to everything."""

    def __init__(self):
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(1))

    def forward(self, inputs):
        return self.bias.expand(len(inputs))


class Rounding(nn.Module):
    """Goes through integers, where no gradient passes."""

    def forward(self, inputs):
        return inputs.to(torch.int64).sum(1).float()


@pytest.mark.parametrize("net", [Deaf(), Rounding()])
def test_a_network_without_a_gradient_is_told(net):
    with pytest.raises(TrainingError, match="No gradient reaches"):
        fgsm(net, torch.zeros(1, 3), torch.tensor([1.0]), 0.1)


@pytest.mark.parametrize("epsilon", [0.0, -1.0, float("nan")])
def test_an_epsilon_that_is_none_is_refused(epsilon):
    with pytest.raises(TrainingError, match="epsilon"):
        pgd(NET, torch.zeros(1, 3), torch.tensor([1.0]), epsilon)
    with pytest.raises(TrainingError, match="0 steps"):
        pgd(NET, torch.zeros(1, 3), torch.tensor([1.0]), 0.1, steps=0)


def test_attacks_are_small_by_medium():
    assert list(attacks_of("audio")) == ["FGSM, 0.001", "PGD, 0.001, 10 steps"]
    assert list(attacks_of("image")) == ["FGSM, 2 levels", "PGD, 2 levels, 10 steps"]
