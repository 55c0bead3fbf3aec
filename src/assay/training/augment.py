"""What happens to a recording on its way, done to a whole batch at once and to both keys alike.

In this order: a cheap chain's non-linear filters and crackle (`_boost`), a loudspeaker (`_loudspeaker`), the room, the
noise in it, the microphone's band, overdrive.

All filters work on one spectrum of the whole window, so rooms, noise and bands cost two transforms together.
Convolution is therefore circular, which fits windows that are padded by repetition. Every parameter is drawn from a
passed generator, once per group: a spoof and its parent form a group and get the very same treatment. All of it runs
on the processor, also where a GPU trains, so that both see the same draws.

Sources: RawBoost (Tak et al., ICASSP 2022) for non-linear convolutive and impulsive, signal-dependent noise.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from assay.training.recipe import Augmentation
from assay.training.sound import SAMPLE_RATE_HZ, read_sound


class Channel:
    """Distortion, replay, room, noise, band and overdrive for a batch of windows.

    Args:
        settings: Chances of each part.
        samples: Length of a window.
        noises: Folder of noise recordings (FLAC), or None for made noise only.
        rooms: Folder of room impulse responses (FLAC), or None for made ones only.
        seed: Decides the made noises and rooms.
    """

    def __init__(
        self, settings: Augmentation, *, samples: int, noises: Path | None, rooms: Path | None, seed: int
    ) -> None:
        self.settings = settings
        self.samples = samples
        self.frequencies = torch.fft.rfftfreq(samples, 1 / SAMPLE_RATE_HZ)
        generator = torch.Generator().manual_seed(seed)
        self.noise_spectra = _unit(torch.fft.rfft(_noise_bank(noises, samples, generator)))
        self.room_spectra = torch.fft.rfft(_room_bank(rooms, generator), n=samples)

    def __call__(self, waves: torch.Tensor, groups: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Treat a batch.

        Args:
            waves: Shape (n, samples), float32.
            groups: Shape (n,), int64; members of a group get the same treatment.
            generator: Source of all draws.

        Returns:
            Shape (n, samples), at peak 0.5; silence stays silence.
        """
        count = int(groups.max()) + 1

        def chance(probability: float) -> torch.Tensor:
            return torch.rand(count, generator=generator) < probability

        power = waves.square().mean(1, keepdim=True)
        boosted, replayed = chance(self.settings.boost), chance(self.settings.replay)
        waves = self._treated(waves, boosted, groups, generator, self._boost)
        waves = self._treated(waves, replayed, groups, generator, self._loudspeaker)
        spectra = torch.fft.rfft(waves)
        in_room = (chance(self.settings.room) | replayed)[groups]
        if in_room.any():
            pick = torch.randint(len(self.room_spectra), (count,), generator=generator)[groups]
            spectra[in_room] *= self.room_spectra[pick[in_room]]
        pick = torch.randint(len(self.noise_spectra), (count,), generator=generator)[groups]
        loud = 5 + 35 * torch.rand(count, generator=generator)
        faint = 45 + 30 * torch.rand(count, generator=generator)
        snr_db = torch.where(chance(self.settings.noise), loud, faint)[groups, None]
        now = spectra.abs().square().mean(1, keepdim=True)
        spectra += self.noise_spectra[pick] * (now * 10 ** (-snr_db / 10)).sqrt()
        banded = chance(self.settings.band)
        gains = torch.where(banded[:, None], self._bands(count, generator), torch.ones(()))
        waves = torch.fft.irfft(spectra * gains[groups], n=self.samples)
        waves = waves / waves.abs().amax(1, keepdim=True).clamp_min(1e-9)
        drive = 1 + 5 * torch.rand(count, generator=generator)
        drive = torch.where(chance(self.settings.clip), drive, torch.ones(()))[groups, None]
        clipped = torch.where(drive > 1, (waves * drive).clamp(-1, 1), waves)
        return torch.where(power > 0, 0.5 * clipped, waves)

    def _treated(
        self,
        waves: torch.Tensor,
        chosen: torch.Tensor,
        groups: torch.Tensor,
        generator: torch.Generator,
        treat: Callable[[torch.Tensor, torch.Tensor, int, torch.Generator], torch.Tensor],
    ) -> torch.Tensor:
        """`treat` the members of chosen groups, `chosen` of shape (groups,), and leave the others alone."""
        count, rows = int(chosen.sum()), chosen[groups]
        if not count:
            return waves
        place = (chosen.cumsum(0) - 1)[groups[rows]]
        treated = waves.clone()
        treated[rows] = treat(waves[rows], place, count, generator)
        return treated

    def _boost(self, waves: torch.Tensor, groups: torch.Tensor, count: int, generator: torch.Generator) -> torch.Tensor:
        """Filtered powers of the signal added to it, and gains of their own for single samples."""
        unit = waves / waves.abs().amax(1, keepdim=True).clamp_min(1e-9)
        added = torch.zeros(len(waves), len(self.frequencies), dtype=torch.complex64)
        for power in (2, 3, 4):
            gain_db = -15 - 20 * torch.rand(count, 1, generator=generator)
            gains = 10 ** ((gain_db + self._curve_db(count, 6.0, generator)) / 20)
            added += torch.fft.rfft(unit**power) * gains[groups]
        crackling = torch.rand(count, 1, generator=generator) < 0.5
        share = 0.05 * torch.rand(count, 1, generator=generator) * crackling
        struck = torch.rand(count, self.samples, generator=generator) < share
        strength = 0.5 * torch.rand(count, 1, generator=generator)
        crackle = 1 + struck * strength * torch.randn(count, self.samples, generator=generator)
        bent: torch.Tensor = unit + torch.fft.irfft(added, n=self.samples)
        return bent * crackle[groups]

    def _loudspeaker(
        self, waves: torch.Tensor, groups: torch.Tensor, count: int, generator: torch.Generator
    ) -> torch.Tensor:
        """A small loudspeaker: uneven, without bass, driven into saturation. The room and its noise come after it."""
        bass = 80 + 320 * torch.rand(count, 1, generator=generator)
        gains = 10 ** (self._curve_db(count, 5.0, generator) / 20) * torch.sigmoid((self.frequencies - bass) / 40)
        drive = 0.3 + 1.7 * torch.rand(count, 1, generator=generator)
        played = torch.fft.irfft(torch.fft.rfft(waves) * gains[groups], n=self.samples)
        return torch.tanh(drive[groups] * played / played.abs().amax(1, keepdim=True).clamp_min(1e-9))

    def _curve_db(self, count: int, deviation_db: float, generator: torch.Generator) -> torch.Tensor:
        """Smooth random equaliser in dB, shape (count, bins)."""
        knots = deviation_db * torch.randn(count, 1, 10, generator=generator)
        return torch.nn.functional.interpolate(knots, len(self.frequencies), mode="linear")[:, 0]

    def _bands(self, count: int, generator: torch.Generator) -> torch.Tensor:
        """Smooth equaliser times low-pass times high-pass, shape (count, bins)."""
        curve_db = self._curve_db(count, 4.0, generator)
        telephone = torch.rand(count, 1, generator=generator) < 0.25
        upper = torch.where(telephone, torch.tensor(3500.0), 3400 + 5200 * torch.rand(count, 1, generator=generator))
        lower = 20 + 330 * torch.rand(count, 1, generator=generator) ** 2
        width = 20 + 300 * torch.rand(count, 1, generator=generator)
        floor_db = -40 - 40 * torch.rand(count, 1, generator=generator)
        low_pass = torch.sigmoid((upper - self.frequencies) / width)
        high_pass = torch.sigmoid((self.frequencies - lower) / (0.2 * lower))
        floor = 10 ** (floor_db / 20)
        return 10 ** (curve_db / 20) * (floor + (1 - floor) * low_pass) * high_pass


def band_masks(count: int, chance: float, generator: torch.Generator) -> torch.Tensor:
    """Hide one or two bands of up to 48 of 256 bins (SpecAugment, Park et al., 2019), shape (count, 256)."""
    bins = torch.arange(256)
    mask = torch.ones(count, 256)
    for _ in range(2):
        width = (48 * torch.rand(count, 1, generator=generator)) * (torch.rand(count, 1, generator=generator) < chance)
        start = (256 - width) * torch.rand(count, 1, generator=generator)
        mask[(bins >= start) & (bins < start + width)] = 0
    return mask


def _unit(spectra: torch.Tensor) -> torch.Tensor:
    unit: torch.Tensor = spectra / spectra.abs().square().mean(1, keepdim=True).sqrt().clamp_min(1e-9)
    return unit


def _noise_bank(folder: Path | None, samples: int, generator: torch.Generator) -> torch.Tensor:
    """48 coloured noises and every recorded one, cut or repeated to the window, shape (noises, samples)."""
    white = torch.fft.rfft(torch.randn(48, samples, generator=generator))
    slope = torch.linspace(0, 2, 48)[:, None]
    ramp = torch.arange(1, white.shape[1] + 1).float()
    bank = [torch.fft.irfft(white * ramp ** (-slope / 2), n=samples)]
    for path in sorted(folder.glob("*.flac")) if folder else ():
        recorded = read_sound(path)
        cuts = range(0, max(1, len(recorded) - samples // 2), samples)
        bank.append(torch.from_numpy(np.stack([np.resize(recorded[cut : cut + samples], samples) for cut in cuts])))
    return torch.cat(bank)


def _room_bank(folder: Path | None, generator: torch.Generator) -> torch.Tensor:
    """32 exponentially decaying noises (0.15 to 0.8 s) and every recorded room, unit energy, shape (rooms, 16384)."""
    length = 16_384
    time_s = torch.arange(length) / SAMPLE_RATE_HZ
    decay_s = torch.linspace(0.15, 0.8, 32)[:, None]
    tail = torch.randn(32, length, generator=generator) * torch.exp(-3 * math.log(10) * time_s / decay_s)
    tail[:, 0] = 0
    direct_to_tail = 10 ** (torch.linspace(-3, 12, 32)[torch.randperm(32, generator=generator)][:, None] / 20)
    tail = tail / tail.norm(dim=1, keepdim=True)
    tail[:, 0] = direct_to_tail[:, 0]
    bank = [tail]
    for path in sorted(folder.glob("*.flac")) if folder else ():
        recorded = read_sound(path)
        recorded = recorded[max(0, int(np.abs(recorded).argmax()) - 16) :][:length]
        bank.append(torch.from_numpy(np.pad(recorded, (0, length - len(recorded))))[None])
    rooms = torch.cat(bank)
    unit: torch.Tensor = rooms / rooms.norm(dim=1, keepdim=True)
    return unit
