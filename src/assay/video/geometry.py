"""Faces moved on top of each other: rigid alignment of landmarks, and the frame of axes of a head.

Conventions: x to the right, y down, z away from the camera, in pixels or in units of the template. A rotation maps
template to picture.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]

RIGHT_CORNER, LEFT_CORNER = 33, 263  # outer corners of the eyes
FOREHEAD, CHIN = 10, 152
FACES = 1000  # make a mean; more would change nothing and take memory
# What hardly moves when a face speaks and blinks: nose, forehead, corners of the eyes, cheekbones. None of the outline,
# so that it can be seen to shake against them.
RIGID = np.array([
    1, 4, 5, 6, 8, 9, 168, 195, 197, 48, 278, 115, 344, 69, 108, 151, 337, 299, 33, 133, 362, 263, 116, 123, 147, 345,
    352, 376, 117, 118, 346, 347,
])  # fmt: skip


@dataclass(frozen=True, eq=False)
class Alignment:
    """Similarity transforms ``picture = scale * rotation @ template + shift``, one a frame.

    Attributes:
        scales: Shape (n,), picture units per template unit.
        rotations: Shape (n, 3, 3).
        shifts: Shape (n, 3).
    """

    scales: Float64
    rotations: Float64
    shifts: Float64

    def undo(self, points: Float64) -> Float64:
        """Points in the picture, shape (n, p, 3), in the units and axes of the template; same shape."""
        turned = (points - self.shifts[:, None]) @ self.rotations  # a rotation's inverse is its transpose
        back: Float64 = turned / self.scales[:, None, None]
        return back


def align(points: Float64, template: Float64) -> Alignment:
    """The similarity transforms that bring a template nearest to points, by least squares.

    Args:
        points: Shape (n, p, 3), p >= 3, finite, not all in one place.
        template: Shape (p, 3).

    References:
        Kabsch, Acta Cryst. A32 (1976); with scale: Umeyama, IEEE TPAMI 13 (1991), equations 34 to 43.
    """
    middle, centre = points.mean(axis=1), template.mean(axis=0)
    there, here = points - middle[:, None], template - centre
    left, sizes, right = np.linalg.svd(np.swapaxes(there, 1, 2) @ here)
    signs = np.ones_like(sizes)
    signs[:, 2] = np.sign(np.linalg.det(left @ right))  # a mirror image is no rotation
    rotations = (left * signs[:, None]) @ right
    scales = (sizes * signs).sum(axis=1) / np.square(here).sum()
    return Alignment(scales, rotations, middle - scales[:, None] * (rotations @ centre))


def mean_face(landmarks: Float32, *, rounds: int = 3) -> Float64:
    """The mean of a track's faces once each is moved on top of it (generalised Procrustes analysis).

    Args:
        landmarks: Shape (n, 468, 3), pixels, n >= 1. Of a long track every second face is used, or third, and so on.
        rounds: How often the mean is aligned to again; three are enough, it changes by less than 0.1 % after.

    Returns:
        Shape (468, 3), in the axes of the head: x through the outer corners of the eyes, y from forehead to chin,
        z into the head; the origin between the corners, whose distance is 1.
    """
    some = landmarks[:: -(-len(landmarks) // FACES)].astype(np.float64)
    mean = _in_head_axes(some[len(some) // 2])
    for _ in range(rounds):
        moved = align(some[:, RIGID], mean[RIGID]).undo(some)
        mean = _in_head_axes(moved.mean(axis=0))
    return mean


def _in_head_axes(face: Float64) -> Float64:
    right, left = face[RIGHT_CORNER], face[LEFT_CORNER]
    across = left - right
    size = float(np.linalg.norm(across))
    x = across / size
    down = face[CHIN] - face[FOREHEAD]
    y = down - (down @ x) * x
    y /= np.linalg.norm(y)
    axes = np.stack([x, y, np.cross(x, y)])
    turned: Float64 = (face - (right + left) / 2) @ axes.T / size
    return turned


def angles(rotations: Float64) -> Float64:
    """Yaw, pitch and roll in degrees, shape (n, 3), of rotations (n, 3, 3) from the axes of the head to the picture.

    The head is thought to be pitched first, then to yaw, then to roll in the plane of the picture. Yaw grows when the
    nose moves to the right, pitch when it moves down, roll clockwise; within ±90, ±180, ±180. All are 0 for a head
    that looks straight into the camera.
    """
    yaw = np.arcsin(np.clip(rotations[:, 2, 0], -1, 1))
    pitch = np.arctan2(rotations[:, 2, 1], rotations[:, 2, 2])
    roll = np.arctan2(rotations[:, 1, 0], rotations[:, 0, 0])
    result: Float64 = np.degrees(np.stack([yaw, pitch, roll], axis=1))
    return result
