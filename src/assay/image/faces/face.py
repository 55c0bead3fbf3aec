"""What is known about one face."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assay.errors import InvalidArray

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
Picture = NDArray[np.uint8]

KEY_POINTS = ("right eye", "left eye", "nose tip", "mouth", "right ear", "left ear")


@dataclass(frozen=True, eq=False)
class Face:
    """One face; coordinates as told in `assay.image.faces`.

    Attributes:
        box: Left, top, right, bottom in pixels: from the brows to the chin, without hair.
        score: How sure the detector is, in [0, 1]; not a calibrated probability.
        key_points: Shape (6, 2), x and y in pixels, in the order of `KEY_POINTS`.
        presence: How sure the mesh is that it looks at a face, in [0, 1]; None where it was not asked.
        landmarks: Shape (468, 3), x, y and depth in pixels, smaller nearer to the camera, in the order of MediaPipe's
            face mesh; None where the mesh was not asked or saw no face.
        irises: Shape (2, 5, 3), the right and the left eye; centre, then four points around it; x, y and depth in
            pixels. None where they were not asked for.
        eye_contours: Shape (2, 71, 3), lids and brows of both eyes in the order of the iris network, x, y and
            depth in pixels; None where `irises` is.
    """

    box: tuple[float, float, float, float]
    score: float
    key_points: Float64
    presence: float | None = None
    landmarks: Float64 | None = None
    irises: Float64 | None = None
    eye_contours: Float64 | None = None

    @property
    def width(self) -> float:
        """Width of the box in pixels."""
        return self.box[2] - self.box[0]

    @property
    def height(self) -> float:
        """Height of the box in pixels."""
        return self.box[3] - self.box[1]

    @property
    def roll(self) -> float:
        """Angle of the line through both eyes, in radians within ±π; 0 upright, positive clockwise."""
        x, y = self.key_points[1] - self.key_points[0]
        return float(np.arctan2(y, x))


def check_picture(picture: object) -> Picture:
    """The picture, if it is one.

    Raises:
        InvalidArray: If it is not a uint8 array of shape (height, width, 3) with at least one pixel.
    """
    if (
        not isinstance(picture, np.ndarray)
        or picture.dtype != np.uint8
        or picture.ndim != 3
        or picture.shape[2] != 3
        or picture.size == 0
    ):
        given = f"{getattr(picture, 'dtype', type(picture).__name__)} {getattr(picture, 'shape', '')}".strip()
        raise InvalidArray(
            f"Faces are looked for in a uint8 array of shape (height, width, 3), not in {given}."
            " A grey picture becomes one with numpy.stack([grey] * 3, axis=-1).",
            given=given,
        )
    return picture
