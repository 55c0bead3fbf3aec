"""How the head is turned, and how much that shakes from frame to frame.

The mesh of each frame is laid on the mean face of the track by the rigid motion that fits best (`geometry.align`), so
no camera has to be known. Where a generator draws every frame for itself, the head shakes more than a neck can; where
it moves a still picture, it may shake less (cf. Yang, Li and Lyu, "Exposing deep fakes using inconsistent head poses",
2019, who compare the pose of the inner face with that of the whole).
"""

from __future__ import annotations

import numpy as np

from assay.video.cues.cue import Cue, cue, untold
from assay.video.cues.series import Float64, doubt_of, rms, second_differences, too_little
from assay.video.geometry import RIGID, align, angles, mean_face
from assay.video.track import Track

NAME, UNIT = "head_jitter", "degrees"
LIMITS = "Quick nods and a shaking camera count, too; strong compression and smoothing filters change it both ways."


def head_pose(track: Track) -> Float64:
    """Yaw, pitch and roll in degrees, shape (n, 3); signs as in `geometry.angles`, 0 about straight ahead."""
    rigid = track.landmarks[:, RIGID].astype(np.float64)
    return angles(align(rigid, mean_face(track.landmarks)[RIGID]).rotations)


def pose(track: Track) -> Cue:
    """Shaking of the head: root of the mean square, over yaw, pitch and roll, of what `series` calls shaking."""
    why = too_little(track)
    if why is not None:
        return untold(NAME, UNIT, sample=len(track), limits=LIMITS, note=why)
    series = np.unwrap(head_pose(track), axis=0, period=360.0)
    shaking = second_differences(track, series)
    return cue(NAME, UNIT, rms(shaking), sample=len(shaking), limits=LIMITS, doubt=doubt_of(track))
