"""Muon: orthogonal steps for what is marked, AdamW for the rest, and a state that survives."""

import copy

import pytest

pytest.importorskip("torch")

import torch

from assay.training.muon import Muon, orthogonal


@pytest.mark.parametrize("shape", [(8, 40), (40, 8), (16, 16)])
def test_an_orthogonal_matrix_keeps_its_directions_and_evens_their_sizes(shape):
    matrix = torch.randn(shape, generator=torch.Generator().manual_seed(1))
    made = orthogonal(matrix)
    left, sizes, right = torch.linalg.svd(matrix, full_matrices=False)
    turned = left.T @ made @ right.T
    assert sizes.max() / sizes.min() > 1.3
    torch.testing.assert_close(turned - torch.diag(torch.diagonal(turned)), torch.zeros_like(turned), atol=1e-3, rtol=0)
    assert 0.6 < torch.diagonal(turned).min() <= torch.diagonal(turned).max() < 1.3


def made(muon):
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.Tanh(), torch.nn.Flatten(), torch.nn.Linear(4, 4))
    convolution, rest = [net[0].weight], [net[0].bias, *net[3].parameters()]
    marked = {"params": convolution, "muon": muon, "weight_decay": 0.1, "lr": 0.02}
    return net, Muon([{"params": rest}, marked], lr=1e-3)


def train(net, optimiser, steps):
    generator = torch.Generator().manual_seed(3)
    for _ in range(steps):

        def closure():
            optimiser.zero_grad()
            given = torch.randn(16, 3, 3, 3, generator=generator)
            loss = (net(given) - given[:, 0, 0].repeat(1, 2)[:, :4]).square().mean()
            loss.backward()
            return loss

        loss = optimiser.step(closure)
    return loss.item()


def test_only_marked_groups_are_turned():
    (net, optimiser), (plain, adam) = made(True), made(False)
    before = net[0].weight.detach().clone()
    train(net, optimiser, 1)
    train(plain, adam, 1)
    torch.testing.assert_close(net[3].weight, plain[3].weight)
    moved = (net[0].weight - before * (1 - 0.02 * 0.1)).detach().reshape(4, -1)
    sizes = torch.linalg.svdvals(moved) / 0.02
    assert 0.6 < sizes.min() <= sizes.max() < 1.3
    assert (moved - (plain[0].weight - before).detach().reshape(4, -1)).abs().max() > 1e-3


def test_it_learns_and_goes_on_from_its_state():
    net, optimiser = made(True)
    first = train(net, optimiser, 1)
    assert train(net, optimiser, 200) < 0.8 * first
    again, resumed = made(True)
    again.load_state_dict(copy.deepcopy(net.state_dict()))
    resumed.load_state_dict(copy.deepcopy(optimiser.state_dict()))
    train(net, optimiser, 5)
    train(again, resumed, 5)
    torch.testing.assert_close(net[0].weight, again[0].weight)
