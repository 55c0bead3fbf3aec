"""468 landmarks on a face.

The mesh network sees the face upright in a square of 192 × 192 pixels: one and a half times the longer side of the
detector's box, turned so that the eyes are level (Kartynnik et al., "Real-time Facial Surface Geometry from Monocular
Video on Mobile GPUs", 2019; region as in MediaPipe's graph face_landmark_front).
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

NAME = "face-mesh"
MARGIN = 1.5  # side of the region over the longer side of the box
OUTER_CORNERS = (33, 263)  # landmarks of the right and the left eye
LEAN, SHIFT = 0.15, 0.08  # radians, and fractions of a side, from which on a second look pays
FACES_PER_CALL = 16  # bounds the memory that a crowd takes


def face_region(face: Face) -> Region:
    """The square that the mesh network wants to see."""
    left, top, right, bottom = face.box
    return Region(((left + right) / 2, (top + bottom) / 2), MARGIN * max(face.width, face.height), face.roll)


def landmarks_region(landmarks: Float64) -> Region:
    """The same square, after landmarks of shape (468, 3): around all of them, level with the outer corners of the eyes.

    MediaPipe follows a face through a video this way (graph face_landmark_landmarks_to_roi).
    """
    low, high = landmarks[:, :2].min(axis=0), landmarks[:, :2].max(axis=0)
    across = landmarks[OUTER_CORNERS[1], :2] - landmarks[OUTER_CORNERS[0], :2]
    x, y = (low + high) / 2
    return Region((float(x), float(y)), MARGIN * float((high - low).max()), float(np.arctan2(across[1], across[0])))


class FaceMesh:
    """Adds landmarks to faces.

    Args:
        session: An ONNX Runtime session of ``face-mesh``; None loads the packaged weight, checked.
        threads: Threads of the packaged network.

    Raises:
        ModelError: If the packaged weight or its card is missing or damaged.
    """

    def __init__(self, *, session: onnxruntime.InferenceSession | None = None, threads: int = 1) -> None:
        self.card = face_card(NAME)
        self._session = session if session is not None else load_session(NAME, threads=threads)

    def locate(self, picture: Picture, faces: Sequence[Face]) -> tuple[Face, ...]:
        """The faces, in their order, with `presence`, and with `landmarks` where the network sees a face.

        Args:
            picture: uint8 RGB, shape (height, width, 3).
            faces: Found in it; the answer for one does not depend on the others.

        Raises:
            InvalidArray: If `picture` is anything else.
        """
        picture = check_picture(picture)
        located: list[Face] = []
        for first in range(0, len(faces), FACES_PER_CALL):
            some = faces[first : first + FACES_PER_CALL]
            regions = [face_region(face) for face in some]
            points, presence = self.look(picture, regions)
            answers = [
                (float(sure), region.to_picture(place))
                for region, place, sure in zip(regions, points, presence, strict=True)
            ]
            located += [
                self._second_look(picture, replace(face, presence=sure, landmarks=landmarks), region)
                if sure >= self.card.min_score
                else replace(face, presence=sure)
                for face, region, (sure, landmarks) in zip(some, regions, answers, strict=True)
            ]
        return tuple(located)

    def _second_look(self, picture: Picture, face: Face, region: Region) -> Face:
        """The face seen again in the region that its landmarks ask for, if the detector's was far from it."""
        assert face.landmarks is not None  # only such faces are looked at again
        better = landmarks_region(face.landmarks)
        turned = abs(np.angle(np.exp(1j * (better.angle - region.angle))))
        moved = np.hypot(*np.subtract(better.centre, region.centre)) / region.side
        if turned < LEAN and moved < SHIFT:
            return face
        points, presence = self.look(picture, [better])
        if presence[0] < self.card.min_score:
            return face
        return replace(face, presence=float(presence[0]), landmarks=better.to_picture(points[0]))

    def look(self, picture: Picture, regions: Sequence[Region]) -> tuple[Float64, Float64]:
        """The network on regions of a picture.

        Returns:
            Landmarks in fractions of a side, shape (n, 468, 3), and presence in [0, 1], shape (n,).
        """
        size = self.card.input_pixels
        squares = np.stack([crop(picture, region, size) for region in regions])
        points, logits = self._session.run(["landmarks", "logits"], {"pixels": network_input(squares, self.card)})
        presence = 1 / (1 + np.exp(-np.clip(logits.astype(np.float64), -80, 80)))
        return points.astype(np.float64).reshape(len(regions), -1, 3) / size, presence.ravel()
