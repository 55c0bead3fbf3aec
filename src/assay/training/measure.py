"""Scores a trained network over a protocol: as files come, under every condition, and under attack."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import torch

from assay.audio.conditions import CONDITIONS as SOUND_CONDITIONS
from assay.data import Trial
from assay.errors import MediaError, TrainingError
from assay.image.conditions import CONDITIONS as PICTURE_CONDITIONS
from assay.media.videos import open_video
from assay.training.attacks import Attack, fgsm, pgd
from assay.training.inputs import Array, Inputs, picture_change, sound_change
from assay.training.trained import Trained
from assay.video.conditions import CONDITIONS as VIDEO_CONDITIONS
from assay.video.conditions import Condition as VideoCondition
from assay.video.conditions import stored

Progress = Callable[[int, int], None]
Reader = Callable[[Trial], Array]


@dataclass(frozen=True)
class FileScore:
    """Mean logit of a file's inputs, positive for spoof; None with the reason where it could not be read."""

    score: float | None
    reason: str = ""


def score_trials(
    trained: Trained, trials: Sequence[Trial], *, read: Reader | None = None, progress: Progress | None = None
) -> list[FileScore]:
    """The score of each file.

    Args:
        trained: The network.
        trials: Files.
        read: Gives the inputs of a file; None for those of the file as it comes.
        progress: Called with the number of files done and in all.
    """
    scores = []
    read = read or trained.inputs.of
    for trial in trials:
        try:
            scores.append(FileScore(_finite(trained.logits(read(trial)))))
        except MediaError as error:
            scores.append(FileScore(None, error.code))
        if progress:
            progress(len(scores), len(trials))
    return scores


def conditions(
    trained: Trained, trials: Sequence[Trial | None], *, progress: Progress | None = None
) -> Iterator[tuple[str, list[float | None]]]:
    """Scores under each condition that the network's medium has, and under attack.

    Networks for features of a video are not attacked: they are given what another network made of the frames, and a
    change of that is no change of a file.

    Args:
        trained: The network.
        trials: Files; None for those that stay out.
        progress: Called with the number of conditions done and in all.

    Yields:
        Name of the condition, and a score for each trial; None where there is none.
    """
    media, readers = trained.architecture.media, readers_of(trained)
    attacks = attacks_of(media) if media != "video" or trained.architecture.integer else {}
    total = len(readers) + len(attacks)
    done = 0
    for name, read in readers.items():
        kept = [one for one in trials if one is not None]
        found = iter(score_trials(trained, kept, read=read))
        yield name, [None if one is None else next(found).score for one in trials]
        done += 1
        if progress:
            progress(done, total)
    for name, attack in attacks.items():
        yield name, [None if one is None else _attacked(trained, one, attack) for one in trials]
        done += 1
        if progress:
            progress(done, total)


def readers_of(trained: Trained) -> dict[str, Reader]:
    """How the inputs of a file come about under each condition of the network's medium."""
    inputs, media = trained.inputs, trained.architecture.media
    if media == "video":  # networks do not hear
        seen = {name: one for name, one in VIDEO_CONDITIONS.items() if one.keeps_sound}
        return {name: partial(_stored_first, inputs, one) for name, one in seen.items()}
    changes = (
        {name: sound_change(one) for name, one in SOUND_CONDITIONS.items()}
        if media == "audio"
        else {name: picture_change(one) for name, one in PICTURE_CONDITIONS.items()}
    )
    return {name: partial(inputs.of, change=change) for name, change in changes.items()}


def _stored_first(inputs: Inputs, condition: VideoCondition, trial: Trial) -> Array:
    """Inputs of a video from the file that a condition makes of it."""
    with stored(open_video(trial.file, settings=inputs.settings), condition, silent=True) as file:
        return inputs.of(replace(trial, path=file.name, root=file.parent))


def attacks_of(media: str) -> dict[str, Attack]:
    """Attacks by name, of changes that are hard to hear (0.001 of full scale) or to see (2 of 255 levels)."""
    epsilon, shown = (0.001, "0.001") if media == "audio" else (2.0, "2 levels")
    return {
        f"FGSM, {shown}": partial(fgsm, epsilon=epsilon),
        f"PGD, {shown}, 10 steps": partial(pgd, epsilon=epsilon, steps=10),
    }


def _attacked(trained: Trained, trial: Trial, attack: Attack) -> float | None:
    try:
        inputs = torch.from_numpy(np.array(trained.inputs.of(trial)))
    except MediaError:
        return None
    truth = torch.full((len(inputs),), float(trial.key == "spoof"))
    return _finite(trained.logits(attack(trained.net, inputs, truth)))


def _finite(logits: Array) -> float:
    mean = float(np.mean(logits))
    if not np.isfinite(mean):
        raise TrainingError("The network answers with numbers that are not finite; its training went wrong.")
    return mean
