"""Whose face goes where: a pool of bona fide faces, and the one that fits a target.

A pool is found once for a folder and kept beside its files, so that a run that goes on does not look again.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from assay.data import Trial
from assay.training.corpus import spread
from assay.training.fakes.pictures.faces import face_width, largest_face, pose
from assay.training.fakes.pictures.method import Other, Points
from assay.training.fakes.pictures.storing import read_pixels
from assay.training.parallel import each

POOL = 600  # pictures looked at, evenly over sources
NEAREST = 12  # in pose, from which one is drawn
FURTHEST = 0.3  # radians of yaw and pitch together
SMALLEST = 0.5  # width of a donor's face over the target's: a smaller one would be blurred
log = logging.getLogger("assay.training.fakes")


@dataclass(frozen=True)
class Candidate:
    """A face that may be used.

    Attributes:
        path: Of its picture in the protocol.
        file: Where that lies.
        speaker: Who it is, if known.
        width: Of the face in pixels.
        yaw: Radians.
        pitch: Radians.
    """

    path: str
    file: str
    speaker: str
    width: float
    yaw: float
    pitch: float


def pool_of(parents: Sequence[Trial], folder: Path, *, seed: int, max_side: int, jobs: int) -> list[Candidate]:
    """Faces of up to `POOL` parents, found or read from ``folder/donors-*.json``."""
    chosen = spread(parents, POOL, f"{seed}/donors")
    key = hashlib.sha256(json.dumps([max_side, [str(trial.file) for trial in chosen]]).encode()).hexdigest()[:16]
    kept = folder / f"donors-{key}.json"
    if kept.exists():
        return [Candidate(**row) for row in json.loads(kept.read_text(encoding="utf-8"))]
    log.info("looking for faces in %d pictures", len(chosen))
    found = each(partial(_look, max_side=max_side), chosen, jobs=jobs, chunk=8)
    pool = [candidate for candidate in found if candidate is not None]
    part = kept.with_suffix(".part")
    part.write_text(json.dumps([vars(candidate) for candidate in pool]), encoding="utf-8")
    part.replace(kept)
    return pool


def _look(trial: Trial, *, max_side: int) -> Candidate | None:
    face = largest_face(read_pixels(trial.file, max_side))
    if face is None:
        return None
    yaw, pitch = pose(face)
    return Candidate(trial.path, str(trial.file), trial.speaker, face_width(face), yaw, pitch)


def fitting(
    face: Points, parent: Trial, pool: Sequence[Candidate], rng: np.random.Generator, *, max_side: int
) -> tuple[Candidate, Other] | None:
    """A face of somebody else that looks the same way, with its picture; None if the pool holds none."""
    yaw, pitch = pose(face)
    width = face_width(face)
    others = [
        (abs(c.yaw - yaw) + abs(c.pitch - pitch), c)
        for c in pool
        if c.path != parent.path and (not c.speaker or c.speaker != parent.speaker) and c.width >= SMALLEST * width
    ]
    near = sorted((item for item in others if item[0] < FURTHEST), key=lambda item: (item[0], item[1].path))[:NEAREST]
    if not near:
        return None
    candidate = near[int(rng.integers(len(near)))][1]
    pixels = read_pixels(Path(candidate.file), max_side)
    found = largest_face(pixels)
    assert found is not None  # it was found when the pool was made
    return candidate, Other(pixels, found)
