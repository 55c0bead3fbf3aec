"""The irises, and lids and brows more exactly than the mesh has them.

The iris network sees an eye in a square of 64 × 64 pixels, 2.3 times the distance of its corners. It was trained on
one eye of the two; the other is shown to it mirrored (Ablavatski et al., "Real-time Pupil Tracking from Monocular
Video for Digital Puppetry", 2020; regions, mirroring and the numbers of the contour's points as in MediaPipe's
modules/iris_landmark).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from assay.image.faces.blazeface import network_input
from assay.image.faces.face import Face, Float64, Picture, check_picture
from assay.image.faces.sampling import Region, crop
from assay.models.registry import face_card
from assay.models.weights import load_session

if TYPE_CHECKING:
    import onnxruntime

NAME = "iris"
MARGIN = 2.3  # side of the region over the distance of the corners
EYES_PER_CALL = 32
# Landmarks of the corners of the right and the left eye, each from left to right in an unmirrored picture.
CORNERS = ((33, 133), (362, 263))
# Mesh landmarks that the 71 points of a contour stand for. Per eye: lower lid, upper lid, then the rings around
# them, lower and upper part of each; the last two upper parts are the brow.
# fmt: off
CONTOURS = np.array([
    [33, 7, 163, 144, 145, 153, 154, 155, 133, 246, 161, 160, 159, 158, 157, 173, 130, 25, 110, 24, 23, 22, 26, 112,
     243, 247, 30, 29, 27, 28, 56, 190, 226, 31, 228, 229, 230, 231, 232, 233, 244, 113, 225, 224, 223, 222, 221, 189,
     35, 124, 46, 53, 52, 65, 143, 111, 117, 118, 119, 120, 121, 128, 245, 156, 70, 63, 105, 66, 107, 55, 193],
    [263, 249, 390, 373, 374, 380, 381, 382, 362, 466, 388, 387, 386, 385, 384, 398, 359, 255, 339, 254, 253, 252, 256,
     341, 463, 467, 260, 259, 257, 258, 286, 414, 446, 261, 448, 449, 450, 451, 452, 453, 464, 342, 445, 444, 443, 442,
     441, 413, 265, 353, 276, 283, 282, 295, 372, 340, 346, 347, 348, 349, 350, 357, 465, 383, 300, 293, 334, 296, 336,
     285, 417],
])
# fmt: on


def eye_region(landmarks: Float64, eye: int) -> Region:
    """The square that the iris network wants to see, of the right (0) or left (1) eye; landmarks (468, 3)."""
    first, last = landmarks[list(CORNERS[eye]), :2]
    x, y = (first + last) / 2
    across = last - first
    # MediaPipe takes the longer side of the upright box around the corners, which shrinks for eyes that lean.
    return Region((float(x), float(y)), MARGIN * float(np.hypot(*across)), float(np.arctan2(across[1], across[0])))


class IrisFinder:
    """Adds irises to faces that have landmarks.

    Args:
        session: An ONNX Runtime session of ``iris``; None loads the packaged weight, checked.
        threads: Threads of the packaged network.

    Raises:
        ModelError: If the packaged weight or its card is missing or damaged.
    """

    def __init__(self, *, session: onnxruntime.InferenceSession | None = None, threads: int = 1) -> None:
        self.card = face_card(NAME)
        self._session = session if session is not None else load_session(NAME, threads=threads)

    def locate(self, picture: Picture, faces: Sequence[Face]) -> tuple[Face, ...]:
        """The faces, in their order, with `irises` and `eye_contours`, and landmarks of eyes and brows made exact.

        Of those landmarks x and y are taken from the contours, the depth stays the mesh's: the two networks have no
        zero of depth in common. Faces without landmarks stay as they are.

        Args:
            picture: uint8 RGB, shape (height, width, 3).
            faces: Found in it; the answer for one does not depend on the others.

        Raises:
            InvalidArray: If `picture` is anything else.
        """
        picture = check_picture(picture)
        eyes = [
            (eye_region(face.landmarks, eye), bool(eye))
            for face in faces
            if face.landmarks is not None
            for eye in (0, 1)
        ]
        seen = [
            pair
            for first in range(0, len(eyes), EYES_PER_CALL)
            for pair in self._in_picture(picture, eyes[first : first + EYES_PER_CALL])
        ]
        pairs = iter(zip(seen[::2], seen[1::2], strict=True))
        return tuple(face if face.landmarks is None else _with_eyes(face, *next(pairs)) for face in faces)

    def _in_picture(self, picture: Picture, eyes: Sequence[tuple[Region, bool]]) -> list[tuple[Float64, Float64]]:
        contours, irises = self.look(picture, eyes)
        return [
            (region.to_picture(contour), region.to_picture(iris))
            for (region, _), contour, iris in zip(eyes, contours, irises, strict=True)
        ]

    def look(self, picture: Picture, eyes: Sequence[tuple[Region, bool]]) -> tuple[Float64, Float64]:
        """The network on eyes of a picture.

        Args:
            picture: uint8 RGB, shape (height, width, 3).
            eyes: For each its region, and whether it is a left eye, which is mirrored.

        Returns:
            Contours, shape (n, 71, 3), and irises, shape (n, 5, 3), in fractions of a region's side.
        """
        size = self.card.input_pixels
        squares = np.stack([crop(picture, region, size)[:, :: -1 if left else 1] for region, left in eyes])
        answers = self._session.run(["contours", "irises"], {"pixels": network_input(squares, self.card)})
        contours, irises = (answer.astype(np.float64).reshape(len(eyes), -1, 3) / size for answer in answers)
        for points in (contours, irises):
            mirrored = np.array([left for _, left in eyes])
            points[mirrored, :, 0] = 1 - points[mirrored, :, 0]
        return contours, irises


def _with_eyes(face: Face, right: tuple[Float64, Float64], left: tuple[Float64, Float64]) -> Face:
    assert face.landmarks is not None  # only such faces have their eyes looked at
    contours, irises = np.stack([right[0], left[0]]), np.stack([right[1], left[1]])
    landmarks = face.landmarks.copy()
    landmarks[CONTOURS, :2] = contours[..., :2]
    return replace(face, landmarks=landmarks, irises=irises, eye_contours=contours)
