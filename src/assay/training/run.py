"""`assay train audio`: from a recipe and a protocol to a weight with its card, in one command that can be interrupted.

Every stage leaves its product in the work folder and is skipped when that is there already: spoofs, packed clips,
checkpoints.
"""

from __future__ import annotations

import logging
from pathlib import Path

from assay.training.audio_net import WINDOW_SAMPLES
from assay.training.augment import Channel
from assay.training.corpus import pack, read_recipe_trials, recipe_fakes
from assay.training.fit import fit
from assay.training.publish import publish
from assay.training.recipe import load_recipe

log = logging.getLogger("assay.training.run")


def train_audio(
    recipe: Path, protocol: Path, work: Path, *, resume: bool = False, jobs: int = 1, out: Path | None = None
) -> Path:
    """Train, calibrate and export a detector of synthetic speech.

    Args:
        recipe: TOML file; see `assay.training.recipe`.
        protocol: CSV whose ``train`` partition is used. Folders ``noise`` and ``rir`` beside it, if present, hold
            recordings for augmentation.
        work: Folder for everything in between; created.
        resume: Go on from the last checkpoint in `work`.
        jobs: Processes for spoofs and codecs.
        out: Folder for ``<name>.onnx`` and ``<name>.json``; `work` if None.

    Returns:
        Path of the card.

    Raises:
        TrainingError: If recipe, protocol and methods do not fit together.
        ProtocolError: If the protocol is malformed.
    """
    plan = load_recipe(recipe)
    train, development = read_recipe_trials(protocol, plan)
    work.mkdir(parents=True, exist_ok=True)
    made = recipe_fakes(plan, train, work, jobs=jobs)
    log.info(
        "%d training clips, %d of them made here; %d for development",
        len(train) + len(made),
        len(made),
        len(development),
    )
    packs = [
        pack(trials, work, versions=plan.codec_versions, seed=plan.seed, jobs=jobs)
        for trials in ([*train, *made], development)
    ]
    folders = [folder if folder.is_dir() else None for folder in (protocol.parent / "noise", protocol.parent / "rir")]
    channel = Channel(plan.augmentation, samples=WINDOW_SAMPLES, noises=folders[0], rooms=folders[1], seed=plan.seed)
    net = fit(plan, packs[0], packs[1], channel, work, resume=resume)
    return publish(net, plan, recipe=recipe, train=packs[0], development=packs[1], folder=out or work)
