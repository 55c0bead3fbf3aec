"""The clips that a vocoder learns from: bona fide, evenly over sources, kept in memory as 16-bit samples."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from assay.data import Trial, read_protocol
from assay.errors import TrainingError
from assay.training.corpus import spread
from assay.training.fakes.pitch import pitch_hz
from assay.training.sound import SAMPLE_RATE_HZ, read_sound
from assay.training.vocoders.excitation import PITCH_HOP, excitation
from assay.training.vocoders.recipe import VocoderRecipe

LOUDNESS_DB = (-12.0, 3.0)  # a spoof's parent may be softer or louder than what was learnt from
log = logging.getLogger("assay.training.vocoders")


@dataclass(frozen=True)
class Clips:
    """Recordings in memory.

    Attributes:
        trials: One per recording.
        samples: 16 kHz, shape (n,) each; at least a segment and `PITCH_HOP` long.
        pitches: Pitch in Hz every `PITCH_HOP` samples, 0 where unvoiced, shape (1 + n // PITCH_HOP,) each.
    """

    trials: tuple[Trial, ...]
    samples: tuple[NDArray[np.int16], ...]
    pitches: tuple[NDArray[np.float32], ...]

    def wave(self, index: int) -> torch.Tensor:
        """One recording, shape (n,), float32 in [-1, 1]."""
        return torch.from_numpy(self.samples[index].astype(np.float32) / 32768)

    def batch(self, size: int, length: int, rng: np.random.Generator) -> tuple[torch.Tensor, torch.Tensor]:
        """Segments at random, each the louder of two places, as silence teaches little.

        Returns:
            Waves, shape (size, length), and their excitations, shape (size, 2, length).
        """
        chosen = [self._segment(length, rng) for _ in range(size)]
        rows = np.stack([wave for wave, _ in chosen]).astype(np.float32) / 32768
        gains = 10 ** (rng.uniform(*LOUDNESS_DB, size=(size, 1)) / 20)
        gains = np.minimum(gains, 0.99 / np.maximum(np.abs(rows).max(axis=1, keepdims=True), 1e-4))
        excited = np.stack([excitation(f0, length, rng) for _, f0 in chosen])
        return torch.from_numpy(rows * gains.astype(np.float32)), torch.from_numpy(excited)

    def _segment(self, length: int, rng: np.random.Generator) -> tuple[NDArray[np.int16], NDArray[np.float32]]:
        clip = int(rng.integers(len(self.samples)))
        samples = self.samples[clip]
        first, second = (int(at) for at in rng.integers((len(samples) - length) // PITCH_HOP + 1, size=2))
        start = max(first, second, key=lambda at: _loudness(samples[at * PITCH_HOP :][:length]))
        return samples[start * PITCH_HOP :][:length], self.pitches[clip][start:][: length // PITCH_HOP + 2]


def _loudness(samples: NDArray[np.int16]) -> float:
    return float(np.abs(samples.astype(np.float32)).mean())


def read_clips(protocols: Sequence[Path], recipe: VocoderRecipe) -> tuple[Clips, Clips]:
    """Clips to learn from, and clips held out, of the bona fide trials of the protocols' ``train`` partitions.

    Clips shorter than a segment, and silent ones, are passed over.

    Raises:
        TrainingError: If a source that the recipe leaves out is not there, a file cannot be read, or too few clips are
            left.
        ProtocolError: If a protocol is malformed.
    """
    trials = [trial for path in protocols for trial in read_protocol(path, partition="train")]
    unknown = set(recipe.left_out_sources) - {trial.source for trial in trials}
    if unknown:
        names = ", ".join(f"'{protocol}'" for protocol in protocols)
        raise TrainingError(f"Sources {sorted(unknown)} of the recipe are not in {names}.")
    left = [trial for trial in trials if trial.key == "bona_fide" and trial.source not in recipe.left_out_sources]
    chosen: list[Trial] = []
    samples: list[NDArray[np.int16]] = []
    for trial in spread(left, len(left), f"{recipe.seed}/vocoder"):
        if len(chosen) == recipe.clips:
            break
        wave = read_sound(trial.file)[: round(recipe.clip_seconds * SAMPLE_RATE_HZ)]
        if len(wave) >= recipe.segment_samples and np.abs(wave).max() > 0.01:
            chosen.append(trial)
            samples.append((np.clip(wave, -1, 32767 / 32768) * 32768).astype(np.int16))
    if len(chosen) < recipe.clips:
        raise TrainingError(f"The recipe asks for {recipe.clips} clips, but {len(chosen)} are fit to learn from.")
    log.info("%d clips, %.1f hours", len(chosen), sum(map(len, samples)) / SAMPLE_RATE_HZ / 3600)
    pitches = [pitch_hz((wave / np.float32(32768)).astype(np.float32))[0].astype(np.float32) for wave in samples]
    every = recipe.clips // recipe.held_out_clips
    held = {index * every for index in range(recipe.held_out_clips)}
    parts = ([i for i in range(recipe.clips) if i not in held], sorted(held))
    learnt, held_out = (
        Clips(tuple(chosen[i] for i in p), tuple(samples[i] for i in p), tuple(pitches[i] for i in p)) for p in parts
    )
    return learnt, held_out
