"""The network: what its docstring promises about windows, gain, size and the exported graph."""

import numpy as np
import pytest

pytest.importorskip("torch")

import torch
from torch.utils.flop_counter import FlopCounterMode

from assay.training.audio_net import HOP_SAMPLES, PART_HOPS, PART_SAMPLES, VIEWS, WINDOW_SAMPLES, AudioResnet, Spectrum


@pytest.fixture(scope="module")
def net():
    """A network with random weights whose logits differ by about one, as if trained."""
    torch.manual_seed(3)
    made = AudioResnet(tuple(VIEWS))
    with torch.no_grad():
        for _ in range(10):  # the norms' running statistics settle
            loudness = 1.1 + torch.sin(torch.arange(WINDOW_SAMPLES) * torch.rand(2, 1) / 1000)
            made(0.1 * torch.randn(2, WINDOW_SAMPLES) * loudness)
        for branch in made.branches:
            branch.head.weight *= 50
    return made.eval()


@pytest.fixture(scope="module")
def stretch():
    """Speech-like noise of 17 windows: loud and faint by turns, shape (1, samples)."""
    generator = torch.Generator().manual_seed(1)
    samples = torch.randn(1, WINDOW_SAMPLES + 16 * HOP_SAMPLES, generator=generator)
    time = torch.arange(samples.shape[1])
    return 0.1 * samples * (1.1 + torch.sin(time**1.2 / 30_000))


def woven(maps):
    """Maps of even and of odd bins as maps of all bins in order, (n, channels, frames, bins)."""
    return maps.unflatten(1, (2, -1)).permute(0, 2, 3, 4, 1).flatten(3)


def test_a_window_alone_scores_as_within_a_stretch(net, stretch):
    with torch.inference_mode():
        together = net(stretch)[0][0]
        alone = torch.stack(
            [net(stretch[:, k * HOP_SAMPLES : k * HOP_SAMPLES + WINDOW_SAMPLES])[0][0, 0] for k in range(17)]
        )
    assert together.shape == (17,)
    assert together.std() > 0.01
    torch.testing.assert_close(together, alone, atol=1e-4, rtol=0)


def test_a_part_alone_scores_as_within_a_stretch(net, stretch):
    with torch.inference_mode():
        together = net(stretch)[1][0]
        starts = [k * HOP_SAMPLES for k in range(17 + PART_HOPS)]
        alone = torch.cat([net.part_logits(stretch[:, s : s + PART_SAMPLES]).mean(0)[0] for s in starts])
    assert together.shape == (17 + PART_HOPS,)
    assert together.std() > 0.01
    torch.testing.assert_close(together, alone, atol=1e-4, rtol=0)


@pytest.mark.parametrize(("which", "length"), [(0, WINDOW_SAMPLES), (1, PART_SAMPLES)])
def test_what_lies_outside_a_window_or_part_cannot_move_its_logit(net, stretch, which, length):
    changed = stretch.clone()
    changed[:, length:] = 0
    with torch.inference_mode():
        before, after = net(stretch)[which][0], net(changed)[which][0]
    torch.testing.assert_close(before[0], after[0], atol=1e-4, rtol=0)
    assert abs(before[16] - after[16]) > 0.003


@pytest.mark.parametrize("gain", [0.1, 3.0])
def test_gain_does_not_matter(net, stretch, gain):
    with torch.inference_mode():
        torch.testing.assert_close(net(gain * stretch), net(stretch), atol=1e-3, rtol=0)


def test_silence_gives_a_finite_logit(net):
    with torch.inference_mode():
        assert all(torch.isfinite(logits).all() for logits in net(torch.zeros(1, WINDOW_SAMPLES)))


def test_hidden_bands_are_not_seen(net, stretch):
    nothing, half = torch.zeros(2, 256), torch.ones(2, 256)
    half[:, 100:] = 0
    waves = torch.cat([stretch[:, :WINDOW_SAMPLES], stretch[:, -WINDOW_SAMPLES:]])
    with torch.inference_mode():
        blind, halved, whole = (net.part_logits(waves, mask)[..., 0] for mask in (nothing, half, None))
    for place, view in enumerate(VIEWS[name] for name in net.views):
        if view.mels:  # sees all of them
            assert torch.equal(blind[place], whole[place])
        else:
            assert blind[place, 0] == pytest.approx(float(blind[place, 1]), rel=1e-5)
            assert (halved[place] - whole[place]).abs().min() > 1e-4


def test_gradients_reach_every_parameter():
    torch.manual_seed(0)
    net = AudioResnet(tuple(VIEWS))
    net.part_logits(0.1 * torch.randn(2, PART_SAMPLES)).sum().backward()
    idle = [name for name, value in net.named_parameters() if value.grad is None or not value.grad.abs().any()]
    assert idle == []


def test_the_network_is_small(net):
    for branch in net.branches:
        stored = sum(value.numel() * value.element_size() for value in branch.state_dict().values())
        assert stored < 3 * 2**20
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            branch.part_logits(torch.zeros(1, PART_SAMPLES))
        multiply_adds = counter.get_total_flops() / 2
        assert 10e6 < multiply_adds <= 150e6


def test_the_logit_is_the_mean_of_the_branches(net, stretch):
    with torch.inference_mode():
        apart = net.part_logits(stretch)
        torch.testing.assert_close(apart.mean(0), net(stretch)[1])
    assert apart.shape == (len(VIEWS), 1, 17 + PART_HOPS)
    assert (apart[0] - apart[1]).abs().max() > 0.03


def test_a_window_is_judged_by_what_is_pooled_over_it_and_by_its_parts(stretch):
    torch.manual_seed(1)
    branch = AudioResnet(("pulses",)).eval().branches[0]
    with torch.inference_mode():
        windows, parts = branch(stretch)
        pooled = branch.head(branch.pool(branch.frames(stretch), branch.lengths[:1])[0]).squeeze(-1)
    within = torch.stack([parts[:, k : k + PART_HOPS + 1].mean(1) for k in range(17)], 1)
    torch.testing.assert_close(windows, (pooled + within) / 2)


def test_a_spectrum_is_that_of_the_fourier_transform(net, stretch):
    for branch in net.branches:
        view = branch.spectrum.view
        if view.mels:
            continue
        frames = stretch.unfold(1, view.frame, view.step) * torch.hann_window(view.frame)
        power = torch.fft.rfft(frames).abs().square()[0, :, :-1]
        power[:, :2] = 0
        level = power.mean(1).unfold(0, view.level_frames, 1).mean(1)
        edge = view.level_frames // 2
        expected = (power[edge:-edge] / level[:, None] + 1e-6).log() / 4 + 1.5
        torch.testing.assert_close(woven(branch.spectrum(stretch))[0, 0], expected, atol=1e-3, rtol=0)


@pytest.mark.parametrize("name", [name for name, view in VIEWS.items() if view.phase])
def test_turns_are_those_of_the_fourier_transform(name, stretch):
    view = VIEWS[name]
    size, step, edge = view.frame, view.step, view.level_frames // 2
    spectra = torch.stft(stretch[0], size, step, window=torch.hann_window(size), center=False, return_complex=True)
    spectra = spectra[:-1].T / spectra[:-1].T.abs()
    quarters = torch.exp(-0.5j * torch.pi * torch.arange(size // 2))
    frequency = (spectra[1:] * spectra[:-1].conj() * quarters)[edge - 1 : -edge, 2:]
    delay = -(spectra[:, 1:] * spectra[:, :-1].conj())[edge:-edge, 2:]
    found = woven(Spectrum(view)(stretch))[0]
    expected = [frequency.real, frequency.imag, delay.real, delay.imag]
    for channel, (wanted, first) in enumerate(zip(expected, (2, 2, 3, 3), strict=True), start=1):
        loud = found[1:3, :, first:].square().sum(0) > 0.99  # faint bins shrink
        assert loud.float().mean() > 0.9
        assert (found[channel, :, first:] - wanted)[loud].abs().quantile(0.99) < 0.02
        assert not found[channel, :, :first].any()


def test_phases_see_a_steady_tone_stand_still_and_a_click_in_the_middle_of_its_frame():
    view = VIEWS["pulses-phase"]
    tone = torch.sin(2 * torch.pi * 40 / view.frame * torch.arange(PART_SAMPLES))[None]
    torch.testing.assert_close(woven(Spectrum(view)(tone))[0, 1, :, 40], torch.ones(445), atol=1e-3, rtol=0)
    clicks = torch.zeros(1, PART_SAMPLES)
    clicks[:, :: view.step * 8] = 1.0
    click = woven(Spectrum(view)(clicks))[0, 3]
    centred = (torch.arange(445) + view.level_frames // 2) % 8 == 6  # starts half a frame before a click
    torch.testing.assert_close(click[centred][:, 3:], torch.ones(int(centred.sum()), 125), atol=1e-2, rtol=0)


def test_mel_bands_gather_power_by_weights_that_sum_to_one(stretch):
    view = VIEWS["mels"]
    spectrum = Spectrum(view)
    torch.testing.assert_close(spectrum.mel.sum(0), torch.ones(view.mels))
    plain = Spectrum(VIEWS["harmonics"])  # the same frames
    power = torch.exp(4 * (plain(stretch)[0] - 1.5)) - 1e-6
    expected = (torch.cat([*power], -1) @ spectrum.mel + 1e-6).log() / 4 + 1.5
    torch.testing.assert_close(spectrum(stretch)[0, 0], expected, atol=1e-3, rtol=0)


def test_an_offset_of_the_recorder_does_not_matter(net, stretch):
    with torch.inference_mode():
        torch.testing.assert_close(net(stretch + 0.05), net(stretch), atol=1e-3, rtol=0)


@pytest.mark.parametrize(("count", "windows"), [(1, 1), (3, 1), (1, 17), (3, 17)])
def test_the_exported_graph_answers_as_torch_does(net, exported, count, windows):
    generator = torch.Generator().manual_seed(count + windows)
    samples = 0.1 * torch.randn(count, WINDOW_SAMPLES + (windows - 1) * HOP_SAMPLES, generator=generator)
    with torch.inference_mode():
        expected = [logits.numpy() for logits in net(samples)]
    found = exported.run(["logit", "part_logit"], {"samples": samples.numpy()})
    assert [logits.shape for logits in found] == [(count, windows), (count, windows + PART_HOPS)]
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-4)


def test_the_exported_graph_takes_raw_samples_and_names_its_axes(exported):
    (given,), answers = exported.get_inputs(), exported.get_outputs()
    assert (given.name, given.type, given.shape) == ("samples", "tensor(float)", ["n", "samples"])
    named = [(answer.name, answer.shape) for answer in answers]
    assert named == [("logit", ["n", "windows"]), ("part_logit", ["n", "parts"])]


@pytest.fixture(scope="module")
def exported(net):
    """The network in ONNX Runtime."""
    pytest.importorskip("onnx")
    from assay.training.fold import fold
    from assay.training.publish import Answerer, export

    return Answerer(export(fold(net))).session
