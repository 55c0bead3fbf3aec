"""`assay train video`: from a recipe and protocols to a weight with its card, in one command that can be interrupted.

Watching is what takes the time; the sequences of every video stay in the work folder and are not made again.
"""

from __future__ import annotations

import hashlib
import logging
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from assay.data import read_protocol
from assay.errors import AssayError, TrainingError
from assay.image.detector import PictureDetector
from assay.image.faces import FaceFinder
from assay.media.videos import open_video
from assay.settings import load_settings
from assay.training.fakes.pictures.method import Other
from assay.training.video.changes import COURSES, WAYS, Change
from assay.training.video.crossfit import cross_fit
from assay.training.video.fit import fit_temporal
from assay.training.video.publish import publish
from assay.training.video.recipe import VideoRecipe, load_video_recipe
from assay.training.video.sequences import Clip, watch_all

DONORS = 24
log = logging.getLogger("assay.training.video")


def train_video(recipe: Path, protocols: Sequence[Path], work: Path, *, out: Path | None = None) -> Path:
    """Train, calibrate and export a detector of synthetic and changed videos.

    Args:
        recipe: TOML file; see `assay.training.video.recipe`.
        protocols: CSV files whose ``train`` partitions are used together.
        work: Folder for the sequences; created.
        out: Folder for ``<name>.onnx`` and ``<name>.json``; `work` if None.

    Returns:
        Path of the card.

    Raises:
        TrainingError: If recipe and protocols do not fit together.
        ProtocolError: If a protocol is malformed.
    """
    plan = load_video_recipe(recipe)
    clips, licences = read_clips(protocols, plan)
    detector = PictureDetector(plan.picture_model)
    folder = work / "sequences"
    watched = watch_all(clips, folder, detector)
    made = watch_all(made_clips(clips, plan), folder, detector)
    known = {str(one["source"]).removeprefix("video:") for one in detector.card.data}
    strangers, persons = cross_fit(watched, made, plan, known)
    net = fit_temporal([face for clip in (*watched, *made) for face in clip.faces], plan.plan())
    return publish(
        net,
        plan,
        recipe=recipe.name,
        pictures=detector.card,
        train=[*watched, *made],
        strangers=strangers,
        persons=persons,
        licences=licences,
        folder=out or work,
    )


def read_clips(protocols: Sequence[Path], plan: VideoRecipe) -> tuple[list[Clip], dict[str, str]]:
    """Clips, and the licence of each source.

    Of a source, key and generator those come first whose names have the smallest hash, up to the recipe's limit.

    Raises:
        ProtocolError: If a protocol is malformed.
        TrainingError: If there are no clips of a key.
    """
    licences: dict[str, str] = {}
    found: list[tuple[str, Clip]] = []
    for protocol in protocols:
        for trial in read_protocol(protocol, partition="train"):
            if trial.source in plan.left_out_sources:
                continue
            licences[trial.source] = trial.licence
            order = hashlib.sha256(f"{plan.seed}/{trial.source}/{trial.path}".encode()).hexdigest()
            found.append((order, Clip(trial.file, trial.key, trial.source, trial.generator)))
    counts: Counter[tuple[str, str, str]] = Counter()
    clips: list[Clip] = []
    for _, clip in sorted(found, key=lambda pair: pair[0]):
        group = (clip.source, clip.key, clip.generator)
        counts[group] += 1
        if counts[group] <= plan.most:
            clips.append(clip)
    if {clip.key for clip in clips} != {"bona_fide", "spoof"}:
        raise TrainingError(f"Training needs videos of both keys; the protocols name {len(clips)} that can be used.")
    return clips, licences


def made_clips(clips: Sequence[Clip], plan: VideoRecipe) -> list[Clip]:
    """Bona fide clips again, each with a face changed in one of the ways of `assay.training.video.changes`."""
    bona = [clip for clip in clips if clip.key == "bona_fide"][: plan.made]
    donors = _donors(bona[:DONORS]) if bona else []
    rng = np.random.default_rng(plan.seed)
    ways = [(way, course) for way in WAYS for course in COURSES if way != "lips" or course == "steady"]
    made = []
    for number, clip in enumerate(bona):
        way, course = ways[number % len(ways)]
        donor = donors[int(rng.integers(len(donors)))] if donors else None
        if way == "swap" and donor is None:
            way = "blend"
        change = Change(way, course, seed=plan.seed + number, donor=donor if way == "swap" else None)
        made.append(Clip(clip.file, "spoof", clip.source, change.name, change))
    return made


def _donors(clips: Sequence[Clip]) -> list[Other]:
    """The largest face of the first frame of each clip."""
    finder = FaceFinder(irises=False)
    found = []
    for clip in clips:
        try:
            frame = next(open_video(clip.file, settings=load_settings()).frames(fps=1.0))
        except (AssayError, StopIteration) as error:
            log.warning("%s gives no face: %s", clip.file, error)
            continue
        faces = [face.landmarks for face in finder.find(frame.pixels) if face.landmarks is not None]
        if faces:
            found.append(Other(frame.pixels, np.asarray(faces[0], np.float64)))
    return found
