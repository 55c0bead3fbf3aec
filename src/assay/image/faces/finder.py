"""The one door: faces with landmarks and irises.

The detectors take animals, flowers and dials for faces now and then; the mesh network hardly ever does. So with
landmarks a face counts if the mesh confirms it. What that costs and what it saves is measured in docs/faces.md.
"""

from __future__ import annotations

from assay.image.faces.detector import SMALLEST_PX, FaceDetector
from assay.image.faces.face import Face, Picture
from assay.image.faces.irises import IrisFinder
from assay.image.faces.mesh import FaceMesh


class FaceFinder:
    """Finds faces, their landmarks and their irises; may be shared between threads.

    Args:
        detector: None makes one with its defaults.
        landmarks: Whether to run the mesh.
        irises: Whether to run the iris network; it needs the mesh.
        unconfirmed: Whether to keep faces that the mesh does not confirm; they have no landmarks.
        threads: Threads of the networks made here.
        deep: Whether to look for faces of any size; without it those that are narrower than 48 pixels, and the small
            ones around a large one, may be missed. Means nothing where a detector is given.

    Raises:
        ModelError: If a packaged weight or its card is missing or damaged.
        ValueError: If irises are wanted without landmarks.
    """

    def __init__(
        self,
        detector: FaceDetector | None = None,
        *,
        landmarks: bool = True,
        irises: bool = True,
        unconfirmed: bool = False,
        threads: int = 1,
        deep: bool = False,
    ) -> None:
        if irises and not landmarks:
            raise ValueError("Irises are found by the corners of the eyes: give landmarks=True, or irises=False.")
        self._detector = detector or FaceDetector(threads=threads, smallest_px=0 if deep else SMALLEST_PX)
        self._mesh = FaceMesh(threads=threads) if landmarks else None
        self._unconfirmed = unconfirmed
        self._irises = IrisFinder(threads=threads) if irises else None

    def find(self, picture: Picture) -> tuple[Face, ...]:
        """All faces of a picture, uint8 RGB of shape (height, width, 3), best first.

        Raises:
            InvalidArray: If `picture` is anything else.
        """
        faces = self._detector.detect(picture)
        if self._mesh is not None:
            faces = self._mesh.locate(picture, faces)
            if not self._unconfirmed:
                faces = tuple(face for face in faces if face.landmarks is not None)
        if self._irises is not None:
            faces = self._irises.locate(picture, faces)
        return faces
