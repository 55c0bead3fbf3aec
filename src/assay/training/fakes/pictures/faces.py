"""The face that the methods work on: the largest one of a picture, where it looks, and its outlines."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from assay.training.fakes.pictures.method import Pixels, Points

if TYPE_CHECKING:
    from assay.image.faces import FaceFinder

LEAST_SCORE, LEAST_PRESENCE = 0.65, 0.9  # of detector and mesh: below, landmarks are often beside the face
LEAST_WIDTH = 80  # pixels from ear to ear: smaller faces hold nothing to learn from
# Landmarks of MediaPipe's face mesh.
OVAL = (
    *(10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377),
    *(152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109),
)
FOREHEAD = frozenset((10, 338, 297, 332, 284, 251, 21, 54, 103, 67, 109))
BROWS = (70, 63, 105, 66, 107, 336, 296, 334, 293, 300)
LOWER = (*(234, 93, 132, 58, 172, 136, 150, 149, 176, 148, 152, 377, 400, 378, 379, 365, 397, 288, 361, 323, 454), 6)
EYES_AND_NOSE = (70, 63, 105, 66, 107, 336, 296, 334, 293, 300, 340, 266, 327, 2, 98, 36, 111)
RIGHT, LEFT, TOP, CHIN = 234, 454, 10, 152


@cache
def _finder() -> FaceFinder:
    from assay.image.faces import FaceFinder

    return FaceFinder(irises=False)


def largest_face(pixels: Pixels) -> Points | None:
    """Landmarks of the largest sure face at least `LEAST_WIDTH` wide that lies in the picture, shape (468, 3)."""
    height, width = pixels.shape[:2]
    found = []
    for face in _finder().find(pixels):
        points = face.landmarks
        sure = face.score >= LEAST_SCORE and (face.presence or 0.0) >= LEAST_PRESENCE
        if points is None or not sure or face_width(points) < LEAST_WIDTH:
            continue
        low, high = points[:, :2].min(axis=0), points[:, :2].max(axis=0)
        if (low >= 2).all() and high[0] <= width - 2 and high[1] <= height - 2:
            found.append(points)
    return max(found, key=face_width, default=None)


def face_width(face: Points) -> float:
    """How wide the outline of the face is, in pixels."""
    oval = face[list(OVAL), :2]
    return float(oval[:, 0].max() - oval[:, 0].min())


def pose(face: Points) -> tuple[float, float]:
    """Yaw and pitch in radians, roughly: how deep one cheek lies behind the other, and the brow behind the chin."""
    across, down = face[LEFT] - face[RIGHT], face[CHIN] - face[TOP]
    yaw = np.arctan2(across[2], np.hypot(across[0], across[1]))
    pitch = np.arctan2(down[2], np.hypot(down[0], down[1]))
    return float(yaw), float(pitch)


def outline(face: Points, forehead: float) -> Points:
    """Outline of the face, shape (36, 2); `forehead` is the share of the way from the brows to its top, 0 to 1."""
    points = face[list(OVAL), :2].copy()
    upper = face[list(BROWS), :2].mean(axis=0)
    along = face[TOP, :2] - upper  # up the forehead
    length = float(np.hypot(*along)) or 1.0
    unit = along / length
    for row, name in enumerate(OVAL):
        if name in FOREHEAD:
            rise = float((points[row] - upper) @ unit)
            points[row] -= unit * max(rise, 0.0) * (1 - forehead)
    return points
