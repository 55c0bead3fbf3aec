"""The channel: the same for a group, the same from the same generator, and harmless to shape and silence."""

import numpy as np
import pytest
import soundfile

pytest.importorskip("torch")

import torch

from assay.training.augment import Channel, band_masks
from assay.training.recipe import Augmentation

SAMPLES = 16_384
EVERYTHING = Augmentation(room=1, noise=1, band=1, clip=1, mask=1, replay=1, boost=1)
NOTHING = Augmentation(room=0, noise=0, band=0, clip=0, mask=0)


def channel(settings, **given):
    return Channel(settings, samples=SAMPLES, **{"noises": None, "rooms": None, "seed": 1, **given})


def treat(settings, waves, groups, seed=5, **given):
    return channel(settings, **given)(waves, torch.tensor(groups), torch.Generator().manual_seed(seed))


def noise(count, seed=0):
    return 0.1 * torch.randn(count, SAMPLES, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("settings", [EVERYTHING, Augmentation()], ids=["everything", "default"])
def test_members_of_a_group_get_the_same_treatment(settings):
    one = noise(1)
    treated = treat(settings, one.repeat(8, 1), [0, 1, 2, 3, 0, 1, 2, 3])
    torch.testing.assert_close(treated[:4], treated[4:], atol=1e-6, rtol=0)
    assert (treated[:4].std(0).max()) > 1e-2  # and groups differ


def test_a_channel_is_decided_by_its_generator():
    waves = noise(4)
    first, again = (treat(EVERYTHING, waves, [0, 1, 2, 3]) for _ in range(2))
    torch.testing.assert_close(first, again, atol=0, rtol=0)
    assert (first - treat(EVERYTHING, waves, [0, 1, 2, 3], seed=6)).abs().max() > 1e-2


def test_a_channel_leaves_its_input_alone_and_keeps_the_shape():
    waves = noise(3)
    before = waves.clone()
    treated = treat(EVERYTHING, waves, [0, 1, 2])
    assert torch.equal(waves, before)
    assert treated.shape == waves.shape
    assert treated.dtype == torch.float32
    torch.testing.assert_close(treated.abs().amax(1), torch.full((3,), 0.5), atol=1e-5, rtol=0)


def test_silence_stays_silence_and_finite():
    waves = torch.cat([torch.zeros(1, SAMPLES), noise(1)])
    treated = treat(EVERYTHING, waves, [0, 0])
    assert torch.isfinite(treated).all()
    assert treated[0].abs().max() == 0


def test_without_any_chance_only_faint_noise_and_gain_remain():
    waves = noise(1)
    treated = treat(NOTHING, waves, [0])
    wanted = 0.5 * waves / waves.abs().max()
    error_db = 10 * torch.log10((treated - wanted).square().mean() / wanted.square().mean())
    assert error_db < -35


@pytest.mark.parametrize("part", ["boost", "replay"])
def test_distortion_bends_the_signal_beyond_what_a_filter_does(part):
    """A tone gets overtones: power outside its own bin, far above the faint noise."""
    time = torch.arange(SAMPLES) / 16_000
    tone = 0.3 * torch.sin(2 * torch.pi * 500 * time)[None]
    plain, bent = (treat(settings, tone, [0]) for settings in (NOTHING, NOTHING.model_copy(update={part: 1.0})))
    shares = []
    for wave in (plain, bent):
        power = torch.fft.rfft(wave[0] * torch.hann_window(SAMPLES)).abs().square()
        shares.append(float(power[1000:1600].sum() / power.sum()))  # second and third overtone: 1 and 1.5 kHz
    assert shares[1] > 30 * shares[0]


def test_recorded_noises_and_rooms_join_the_banks_whatever_their_rate_and_channels(tmp_path):
    soundfile.write(tmp_path / "hall.flac", 0.1 * np.random.default_rng(1).standard_normal((44_100, 2)), 44_100)
    made, joined = channel(NOTHING), channel(NOTHING, noises=tmp_path, rooms=tmp_path)
    # One second at 16 kHz is one window of 16,384 samples, by repetition.
    assert len(joined.noise_spectra) == len(made.noise_spectra) + 1
    assert len(joined.room_spectra) == len(made.room_spectra) + 1
    energy = torch.fft.irfft(joined.room_spectra, n=SAMPLES).square().sum(1)
    torch.testing.assert_close(energy, torch.ones_like(energy), atol=1e-4, rtol=0)


def test_masks_hide_up_to_two_bands_of_48_bins():
    masks = band_masks(200, 1.0, torch.Generator().manual_seed(1))
    hidden = (masks == 0).sum(1)
    assert masks.shape == (200, 256)
    assert 48 < hidden.max() <= 96
    edges = (masks.diff(dim=1) < 0).sum(1) + (masks[:, 0] == 0)
    assert edges.max() <= 2
    assert band_masks(50, 0.0, torch.Generator()).min() == 1
