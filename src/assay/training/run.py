"""`assay train audio`: from a recipe and protocols to a weight with its card, in one command that can be interrupted.

Spoofs and packed clips stay in the work folder and are not made again by the next run; checkpoints are gone on from if
`resume` says so. What would stop the last stage, a development part that no card can be measured on, is found first.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from assay.training.audio_net import PART_SAMPLES
from assay.training.augment import Channel
from assay.training.corpus import pack, read_recipe_trials, recipe_fakes
from assay.training.development import check_development
from assay.training.fit import fit
from assay.training.members import join, load_network, save_network
from assay.training.publish import publish
from assay.training.recipe import load_recipe

log = logging.getLogger("assay.training.run")


def train_audio(
    recipe: Path,
    protocols: Sequence[Path],
    work: Path,
    *,
    resume: bool = False,
    jobs: int = 1,
    start: Path | None = None,
    members: Sequence[Path] = (),
    out: Path | None = None,
) -> Path:
    """Train, calibrate and export a detector of synthetic speech.

    Args:
        recipe: TOML file; see `assay.training.recipe`.
        protocols: CSV files whose ``train`` partitions are used together. Folders ``noise`` and ``rir`` beside the
            first one, if present, hold FLAC recordings for augmentation.
        work: Folder for everything in between; created.
        resume: Go on from the last checkpoint in `work`, if there is one.
        jobs: Processes for spoofs and codecs.
        start: Work folder of an ended run whose weights training begins with; random ones if None.
        members: Work folders of ended runs; what is published is their branches and this run's side by side.
        out: Folder for ``<name>.onnx`` and ``<name>.json``; `work` if None.

    Returns:
        Path of the card.

    Raises:
        TrainingError: If recipe, protocols, methods and what `work` holds do not fit together.
        MissingExtra: If a method needs a package that is not installed.
        ProtocolError: If a protocol is malformed.
    """
    plan = load_recipe(recipe)
    begun = load_network(start)[0] if start else None
    others = [load_network(folder) for folder in members]
    train, development = read_recipe_trials(protocols, plan)
    work.mkdir(parents=True, exist_ok=True)
    packed = partial(pack, work=work, versions=plan.codec_versions, seed=plan.seed, jobs=jobs)
    held_out = packed(development)
    check_development(held_out.trials, held_out.lengths.tolist())
    made = recipe_fakes(plan, train, work, jobs=jobs)
    clips = len(train) + len(made)
    log.info("%d training clips, %d of them made here; %d for development", clips, len(made), len(development))
    learnt = packed([*train, *made])
    beside = protocols[0].parent
    folders = [folder if folder.is_dir() else None for folder in (beside / "noise", beside / "rir")]
    channel = Channel(plan.augmentation, samples=PART_SAMPLES, noises=folders[0], rooms=folders[1], seed=plan.seed)
    net = fit(plan, learnt, held_out, channel, work, start=begun, resume=resume)
    save_network(net, work, recipe=recipe.name)
    joined = join([*(other for other, _ in others), net])
    recipes = [name for _, name in others] + [recipe.name]
    return publish(joined, plan, recipes=recipes, train=learnt, development=held_out, folder=out or work)
