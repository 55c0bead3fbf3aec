"""How far the lips are apart, frame by frame."""

from __future__ import annotations

import numpy as np

from assay.video.cues.series import Float64
from assay.video.geometry import CHIN, FOREHEAD
from assay.video.track import Track

UPPER, LOWER = np.array([82, 13, 312]), np.array([87, 14, 317])  # inner edges of the lips


def lip_opening(track: Track) -> Float64:
    """Distance of the inner edges of the lips over the height of the face, shape (n,); 0 closed, about 0.2 wide open.

    The height is that from the top of the forehead to the chin, so a head that nods or comes nearer changes nothing;
    a chin that sinks makes it a little longer.
    """
    points = track.landmarks[:, :, :2]
    apart = np.linalg.norm(points[:, UPPER] - points[:, LOWER], axis=-1).mean(axis=1, dtype=np.float64)
    height = np.linalg.norm(points[:, FOREHEAD] - points[:, CHIN], axis=-1)
    opening: Float64 = apart / np.maximum(height, 1e-6)
    return opening
