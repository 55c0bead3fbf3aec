"""From a recipe and protocols to an autoencoder's weights with their card: a few minutes on one core."""

from __future__ import annotations

import hashlib
import logging
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import nn

from assay.data import Trial, read_protocol
from assay.errors import TrainingError
from assay.training.corpus import spread
from assay.training.fakes.pictures.autoencoder_recipe import AutoencoderRecipe, load_autoencoder_recipe
from assay.training.fakes.pictures.autoencoders import (
    LICENCE,
    AutoencoderCard,
    autoencoder_from,
    weights_of,
    write_autoencoder,
)
from assay.training.fakes.pictures.method import Pixels
from assay.training.fakes.pictures.storing import read_pixels
from assay.training.pictures.autoencoders import fit_autoencoder
from assay.training.vocoders.weights import sources_of

log = logging.getLogger("assay.training.fakes")


def train_autoencoder(recipe: Path, protocols: Sequence[Path], out: Path) -> Path:
    """Train an autoencoder and write it with its card.

    Args:
        recipe: TOML file; see `autoencoder_recipe`.
        protocols: CSV files; the bona fide pictures of their ``train`` partitions are used together.
        out: Folder for ``<name>.safetensors`` and ``<name>.json``; created.

    Returns:
        Path of the card.

    Raises:
        TrainingError: If recipe and protocols do not fit together.
        ProtocolError: If a protocol is malformed.
        MediaError: If a picture cannot be read.
    """
    plan = load_autoencoder_recipe(recipe)
    trials, pictures = _read(protocols, plan)
    held = plan.held_out_pictures
    rng = np.random.default_rng(plan.seed)

    def batch() -> torch.Tensor:
        chosen = rng.integers(held, len(pictures), size=plan.batch_size)
        return _crops([pictures[i] for i in chosen], plan.crop, rng)

    net, _ = fit_autoencoder(
        plan.shape, batch, device=torch.device("cpu"), seconds=math.inf, seed=plan.seed, most_steps=plan.steps
    )
    weights = weights_of(net)
    net = autoencoder_from(weights, plan)  # what is measured is what is written: half precision
    psnr_db = error_db(net, pictures[:held], plan)
    log.info("'%s': %.2f dB on %d held-out pictures", plan.name, psnr_db, held)
    card = AutoencoderCard(
        name=plan.name,
        version=plan.version,
        licence=LICENCE,
        sha256=hashlib.sha256(weights).hexdigest(),
        parameters=sum(value.numel() for value in net.parameters()),
        psnr_db=round(psnr_db, 2),
        held_out_pictures=held,
        data=sources_of(trials[held:]),
        recipe=plan,
    )
    return write_autoencoder(weights, card, out)


def error_db(net: nn.Module, pictures: Sequence[Pixels], plan: AutoencoderRecipe) -> float:
    """Peak signal-to-noise ratio in dB of the round trips of one crop of each picture."""
    rng = np.random.default_rng(plan.seed)
    with torch.inference_mode():
        errors = [
            float((net(x).clamp(-1, 1) - x).square().mean()) for x in (_crops([p], plan.crop, rng) for p in pictures)
        ]
    return -10 * math.log10(max(sum(errors) / len(errors) / 4, 1e-10))


def _read(protocols: Sequence[Path], plan: AutoencoderRecipe) -> tuple[list[Trial], list[Pixels]]:
    """Trials and their pictures, those held out first; smaller ones than a crop are passed over."""
    trials = [trial for path in protocols for trial in read_protocol(path, partition="train")]
    fit = [trial for trial in trials if trial.key == "bona_fide" and trial.source not in plan.left_out_sources]
    chosen: list[Trial] = []
    pictures: list[Pixels] = []
    for trial in spread(fit, len(fit), f"{plan.seed}/autoencoder"):
        if len(chosen) == plan.pictures:
            break
        pixels = read_pixels(trial.file, plan.max_side)
        if min(pixels.shape[:2]) >= plan.crop:
            chosen.append(trial)
            pictures.append(pixels)
    if len(chosen) < plan.pictures:
        raise TrainingError(f"The recipe asks for {plan.pictures} pictures, but {len(chosen)} are fit to learn from.")
    return chosen, pictures


def _crops(pictures: Sequence[Pixels], side: int, rng: np.random.Generator) -> torch.Tensor:
    """A square of each at random, shape (n, 3, side, side), -1 to 1."""
    squares = []
    for pixels in pictures:
        top, left = (int(rng.integers(size - side + 1)) for size in pixels.shape[:2])
        squares.append(pixels[top : top + side, left : left + side])
    stack = torch.from_numpy(np.stack(squares)).permute(0, 3, 1, 2).float()
    return (stack / 127.5 - 1).contiguous(memory_format=torch.channels_last)
