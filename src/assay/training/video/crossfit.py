"""Strangers judged by networks that never saw them: their sources are dealt to folds, and each fold is left out once.

There are too few videos to lay a part aside for calibration alone. Scores of left-out sources serve instead: they come
about as those of the published network on other people's videos do, which learned from a few sources more. Sources
that the picture detector learned from are no strangers, whatever is left out here, so they only train.
"""

from __future__ import annotations

import hashlib
import logging
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import replace

from assay.errors import TrainingError
from assay.training.video.fit import fit_temporal
from assay.training.video.publish import Person, persons_of
from assay.training.video.recipe import VideoRecipe
from assay.training.video.sequences import WatchedClip

log = logging.getLogger("assay.training.video")


def deal(clips: Sequence[WatchedClip], plan: VideoRecipe, known: Collection[str] = ()) -> dict[str, int]:
    """The fold of each source that is a stranger.

    Sources of one kin fall in one fold. The largest group goes first, each to the fold with the fewest clips so far;
    among equals a hash decides, so that a further source moves few others.

    Args:
        clips: All of them.
        plan: How many folds, and who is kin.
        known: Sources, or kin of them, that are left out of no fold.

    Raises:
        TrainingError: If no faces of both keys are left to learn from without a fold.
    """
    kin = {source: group[0] for group in plan.kin for source in group}
    no_strangers = {kin.get(source, source) for source in known}
    group_of = {clip.clip.source: kin.get(clip.clip.source, clip.clip.source) for clip in clips}
    counts = Counter(group_of[clip.clip.source] for clip in clips)
    sizes = [0] * plan.folds
    fold_of: dict[str, int] = {}
    for group in sorted(counts, key=lambda name: (-counts[name], hashlib.sha256(name.encode()).hexdigest())):
        if group not in no_strangers:
            fold_of[group] = sizes.index(min(sizes))
            sizes[fold_of[group]] += counts[group]
    dealt = {source: fold_of[group] for source, group in group_of.items() if group in fold_of}
    for fold in range(plan.folds):
        keys = {clip.clip.key for clip in clips if clip.faces and dealt.get(clip.clip.source) != fold}
        if keys != {"bona_fide", "spoof"}:
            raise TrainingError(
                f"Without fold {fold} of {plan.folds} there are not faces of both keys left to learn from. Add sources,"
                " or ask for fewer folds in the recipe.",
                folds=plan.folds,
            )
    return dealt


def cross_fit(
    clips: Sequence[WatchedClip], made: Sequence[WatchedClip], plan: VideoRecipe, known: Collection[str] = ()
) -> tuple[list[WatchedClip], list[Person]]:
    """Clips of strangers and the persons in them, each judged by a network that saw nothing of its source.

    Args:
        clips: All of them.
        made: Changed ones of the same sources, for training only.
        plan: How to train, and into how many folds the sources are dealt.
        known: As for `deal`.

    Raises:
        TrainingError: As `deal`.
    """
    dealt = deal(clips, plan, known)
    strangers = [clip for clip in clips if clip.clip.source in dealt]
    persons: list[Person] = []
    for fold in range(plan.folds):
        seen = [clip for clip in (*clips, *made) if dealt.get(clip.clip.source) != fold]
        left_out = [number for number, clip in enumerate(strangers) if dealt[clip.clip.source] == fold]
        log.info("fold %d: %d clips to learn from, %d left out", fold, len(seen), len(left_out))
        net = fit_temporal([face for clip in seen for face in clip.faces], plan.plan())
        found = persons_of(net, [strangers[number] for number in left_out])
        persons += [replace(person, clip=left_out[person.clip]) for person in found]
    return strangers, persons
