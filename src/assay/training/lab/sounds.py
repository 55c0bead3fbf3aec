"""What happens to recordings in training: a batch of windows at once, replayable from its seed.

In this order: codec, stretch, pitch, speed, then `assay.training.augment.Channel` (distortion, loudspeaker, room,
noise, band, overdrive), the level it had, gain, blank bands and a blank stretch (SpecAugment, Park et al., 2019, on the
wave, since front ends lie inside the networks). Time shift is the place of the window. Spoof and bona fide windows that
stand side by side are treated alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import soxr
import torch
from numpy.typing import NDArray

from assay.media import SAMPLE_RATE_HZ
from assay.training.augment import Channel
from assay.training.batches import repeat_pad
from assay.training.codecs import CODECS, transcode
from assay.training.fakes.phase_vocoder import stretch
from assay.training.lab.config import Sound

WIDEST_HZ = 1500.0  # of a blank band
LONGEST_BLANK_S = 0.3
N_FFT = 512  # of what stretches
Floats = NDArray[np.float32]


class SoundTreatment:
    """Treats batches of windows.

    Args:
        settings: Chances.
        samples: Length of a window.
        seed: Decides the made noises and rooms.
    """

    def __init__(self, settings: Sound, samples: int, seed: int) -> None:
        self.settings, self.samples = settings, samples
        noises, rooms = (Path(name) if name else None for name in (settings.noises, settings.rooms))
        self._channel = Channel(settings, samples=samples, noises=noises, rooms=rooms, seed=seed)
        self._frequencies = torch.fft.rfftfreq(samples, 1 / SAMPLE_RATE_HZ)

    def __call__(self, waves: Floats, *, paired: bool, seed: Sequence[int]) -> torch.Tensor:
        """Treat a batch.

        Args:
            waves: Shape (n, samples), float32 in [-1, 1].
            paired: Whether neighbours (0 and 1, 2 and 3 ...) are treated alike.
            seed: Decides everything.

        Returns:
            Shape (n, samples), in [-1, 1].
        """
        rng = np.random.default_rng([*seed, 2])
        groups = np.arange(len(waves)) // (2 if paired else 1)
        moved = torch.from_numpy(self._one_by_one(waves, groups, rng))
        generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
        rows = torch.from_numpy(groups)
        count = int(groups[-1]) + 1
        peaks = moved.abs().amax(1, keepdim=True)
        treated = self._channel(moved, rows, generator)
        treated = treated / treated.abs().amax(1, keepdim=True).clamp_min(1e-9) * peaks
        louder = torch.rand(count, generator=generator) < self.settings.gain
        gain_db = torch.where(louder, -12 + 18 * torch.rand(count, generator=generator), torch.zeros(()))
        treated = treated * 10 ** (gain_db[rows, None] / 20)
        treated = self._banded(treated, rows, count, generator)
        return self._blanked(treated, rows, count, generator).clamp(-1, 1)

    def _one_by_one(self, waves: Floats, groups: NDArray[np.int64], rng: np.random.Generator) -> Floats:
        """What has to be done for each window apart, to those that draw it."""
        settings, count = self.settings, int(groups[-1]) + 1
        codecs = np.where(rng.random(count) < settings.codec, rng.integers(len(CODECS), size=count), -1)
        factors = np.where(rng.random(count) < settings.stretch, rng.uniform(0.9, 1.1, count), 1.0)
        semitones = np.where(rng.random(count) < settings.pitch, rng.uniform(-2, 2, count), 0.0)
        paces = np.where(rng.random(count) < settings.speed, rng.uniform(0.9, 1.1, count), 1.0)
        made = waves.copy()
        for row, group in enumerate(groups):
            wave = waves[row]
            if codecs[group] >= 0:
                wave = transcode(wave, CODECS[codecs[group]])
            if factors[group] != 1:
                wave = stretch(wave, float(factors[group]), N_FFT)
            if semitones[group]:
                ratio = float(2 ** (semitones[group] / 12))
                wave = _resampled(stretch(wave, ratio, N_FFT), ratio)
            if paces[group] != 1:
                wave = _resampled(wave, float(paces[group]))
            if wave is not waves[row]:
                made[row] = repeat_pad(wave, self.samples)
        return made

    def _banded(self, waves: torch.Tensor, rows: torch.Tensor, count: int, generator: torch.Generator) -> torch.Tensor:
        """One or two bands taken out of some."""
        keep = torch.ones(count, len(self._frequencies))
        for _ in range(2):
            chosen = torch.rand(count, 1, generator=generator) < self.settings.mask
            width = WIDEST_HZ * torch.rand(count, 1, generator=generator) * chosen
            low = (SAMPLE_RATE_HZ / 2 - width) * torch.rand(count, 1, generator=generator)
            keep[(self._frequencies >= low) & (self._frequencies < low + width)] = 0
        touched = (keep == 0).any(1)[rows]
        if not touched.any():
            return waves
        made = waves.clone()
        spectra = torch.fft.rfft(waves[touched]) * keep[rows[touched]]
        made[touched] = torch.fft.irfft(spectra, n=self.samples)
        return made

    def _blanked(self, waves: torch.Tensor, rows: torch.Tensor, count: int, generator: torch.Generator) -> torch.Tensor:
        """A stretch of some is silent."""
        chosen = torch.rand(count, 1, generator=generator) < self.settings.blank
        width = LONGEST_BLANK_S * SAMPLE_RATE_HZ * torch.rand(count, 1, generator=generator) * chosen
        start = (self.samples - width).clamp_min(0) * torch.rand(count, 1, generator=generator)
        at = torch.arange(self.samples)
        return waves * ~((at >= start) & (at < start + width))[rows]


def _resampled(wave: Floats, pace: float) -> Floats:
    """Played `pace` times as fast, pitch with it."""
    return np.asarray(soxr.resample(wave, SAMPLE_RATE_HZ * pace, SAMPLE_RATE_HZ, quality="MQ"), np.float32)
