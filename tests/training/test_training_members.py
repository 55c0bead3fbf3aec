"""Networks as files, and several runs' branches side by side."""

import pytest

pytest.importorskip("torch")
pytest.importorskip("safetensors")

import torch
from safetensors.torch import save_file

from assay.errors import TrainingError
from assay.training.audio_net import WINDOW_SAMPLES, AudioResnet
from assay.training.members import FILE, join, load_network, save_network


def network(seed, views):
    torch.manual_seed(seed)
    return AudioResnet(views).eval()


def samples():
    return 0.1 * torch.randn(2, WINDOW_SAMPLES, generator=torch.Generator().manual_seed(1))


def test_a_network_comes_back_as_it_was_with_its_views_and_recipe(tmp_path):
    net = network(1, ("pulses",))
    save_network(net, tmp_path, recipe="one.toml")
    again, recipe = load_network(tmp_path)
    assert (again.views, recipe) == (("pulses",), "one.toml")
    assert not again.training
    with torch.inference_mode():
        assert all(torch.equal(*logits) for logits in zip(net(samples()), again(samples()), strict=True))


def test_joined_networks_answer_with_the_mean_of_all_branches():
    first, second = network(1, ("harmonics", "pulses")), network(2, ("pulses",))
    with torch.inference_mode():
        apart = torch.cat([net.part_logits(samples()) for net in (first, second)])
        joined = join([first, second])
        torch.testing.assert_close(joined(samples())[1], apart.mean(0))
    assert joined.views == ("harmonics", "pulses", "pulses")


def test_what_is_no_network_of_ours_is_refused(tmp_path):
    with pytest.raises(TrainingError, match="no run was ended there"):
        load_network(tmp_path)
    (tmp_path / FILE).write_bytes(b"not this")
    with pytest.raises(TrainingError, match="not a network of this version"):
        load_network(tmp_path)
    save_file({"a": torch.zeros(1)}, tmp_path / FILE, metadata={"views": "pulses"})
    with pytest.raises(TrainingError, match="not a network of this version"):
        load_network(tmp_path)
    save_file({"a": torch.zeros(1)}, tmp_path / FILE, metadata={"views": "smells"})
    with pytest.raises(TrainingError, match="known are"):
        load_network(tmp_path)
