"""`assay train vocoder`: from a recipe and protocols to weights with their card."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from assay.training.sound import SAMPLE_RATE_HZ
from assay.training.vocoders.clips import Clips, read_clips
from assay.training.vocoders.excitation import excitation
from assay.training.vocoders.fit import fit_vocoder
from assay.training.vocoders.generator import Generator
from assay.training.vocoders.losses import mel_of
from assay.training.vocoders.recipe import Features, load_vocoder_recipe
from assay.training.vocoders.weights import generator_from, sources_of, weights_of, write_vocoder

log = logging.getLogger("assay.training.vocoders")


def train_vocoder(
    recipe: Path, protocols: Sequence[Path], work: Path, *, resume: bool = False, out: Path | None = None
) -> Path:
    """Train a vocoder and write it with its card.

    Args:
        recipe: TOML file; see `assay.training.vocoders.recipe`.
        protocols: CSV files; the bona fide trials of their ``train`` partitions are used together.
        work: Folder for the checkpoint; created.
        resume: Go on from the last checkpoint in `work`, if there is one.
        out: Folder for ``<name>.safetensors`` and ``<name>.json``; `work` if None.

    Returns:
        Path of the card.

    Raises:
        TrainingError: If recipe, protocols and what `work` holds do not fit together.
        ProtocolError: If a protocol is malformed.
    """
    plan = load_vocoder_recipe(recipe)
    learnt, held_out = read_clips(protocols, plan)
    work.mkdir(parents=True, exist_ok=True)
    weights = weights_of(fit_vocoder(plan, learnt, work, resume=resume))
    generator = generator_from(weights, plan)  # what is measured is what is written: half precision
    error = mel_error(generator, held_out, plan.features)
    log.info("mel error %.3f on %d held-out clips", error, len(held_out.samples))
    card = {
        "parameters": sum(value.numel() for value in generator.parameters()),
        "steps": plan.training.steps,
        "sample_rate_hz": SAMPLE_RATE_HZ,
        "mel_error": round(error, 4),
        "held_out_clips": len(held_out.samples),
        "data": sources_of(learnt.trials),
    }
    return write_vocoder(weights, card, plan, out or work)


def mel_error(generator: Generator, clips: Clips, features: Features) -> float:
    """Mean absolute difference of log mel magnitudes (nepers) between clips and their copies; 0 is perfect."""
    errors = []
    with torch.inference_mode():
        for index in range(len(clips.samples)):
            wave = clips.wave(index)[None]
            mel = mel_of(wave, features)
            excited = excitation(clips.pitches[index], wave.shape[1], np.random.default_rng(index))
            made = generator(mel, torch.from_numpy(excited)[None])
            errors.append(float((mel_of(made, features) - mel).abs().mean()))
    return sum(errors) / len(errors)
