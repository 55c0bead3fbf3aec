"""How much the points of a face shake against the head, and its outline against its middle.

Each frame is laid on the mean face of the track; what is left is expression and error. Expression is slow against
40 ms, errors are not. A face that was put onto another one frame by frame shakes at its seam: then the outline is
less steady than the middle, or the reverse.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from assay.video.cues.cue import Cue, cue, untold
from assay.video.cues.series import doubt_of, rms, second_differences, too_little
from assay.video.geometry import RIGID, align, mean_face
from assay.video.track import Track

Float32 = NDArray[np.float32]

# The outline in the order of MediaPipe's FACEMESH_FACE_OVAL.
CONTOUR = np.array([
    10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377, 152, 148, 176, 149, 150,
    136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109,
])  # fmt: skip
# Nose, cheeks and brows: what lids and lips do is meant and quick.
INNER = np.array([
    1, 2, 4, 5, 6, 8, 9, 45, 275, 48, 278, 64, 294, 98, 327, 168, 195, 197, 36, 266, 50, 280, 101, 330, 118, 347, 205,
    425, 46, 53, 52, 65, 55, 276, 283, 282, 295, 285, 70, 63, 105, 66, 107, 300, 293, 334, 296, 336,
])  # fmt: skip
AT_ONCE = 2048  # observations
UNIT = "1/1000 of the distance of the eyes' outer corners"
LIMITS = "Landmarks of small, dark or blurred faces shake without any manipulation; smoothing filters steady them."


def residuals(track: Track, points: NDArray[np.intp]) -> Float32:
    """Some landmarks laid on the mean face, less it; 1 is the distance of the eyes' outer corners.

    Args:
        track: Of n observations.
        points: Numbers of the landmarks, shape (p,).

    Returns:
        x and y in the axes of the head, shape (n, p, 2).
    """
    mean = mean_face(track.landmarks)
    left = np.empty((len(track), len(points), 2), np.float32)
    for first in range(0, len(track), AT_ONCE):  # an hour of one face would take gigabytes at once
        part = track.landmarks[first : first + AT_ONCE].astype(np.float64)
        moved = align(part[:, RIGID], mean[RIGID]).undo(part[:, points])
        left[first : first + AT_ONCE] = (moved - mean[points])[..., :2]
    return left


def jitter(track: Track) -> tuple[Cue, Cue, Cue]:
    """Shaking of the inner face, of the outline, and of the outline over the inner face."""
    names = (("inner_jitter", UNIT), ("contour_jitter", UNIT), ("contour_to_inner_jitter", "1"))
    why = too_little(track)
    if why is not None:
        first, second, third = (untold(*name, sample=len(track), limits=LIMITS, note=why) for name in names)
        return first, second, third
    shaking = second_differences(track, residuals(track, np.concatenate([INNER, CONTOUR])))
    inner, contour = (1000 * rms(part) for part in np.split(shaking, [len(INNER)], axis=1))
    first, second, third = (
        cue(*name, value, sample=len(shaking), limits=LIMITS, doubt=doubt_of(track))
        for name, value in zip(names, (inner, contour, contour / max(inner, 1e-9)), strict=True)
    )
    return first, second, third
