"""Faces in pictures, offline: where they are, 468 points on each, and the irises.

    sampling.py     pictures to network inputs: letterbox and rotated crop, and back to picture coordinates
    blazeface.py    the two detectors, anchors and decoding
    suppression.py  one detection for each face
    detector.py     whole picture, tiles and turned picture, merged
    mesh.py         468 landmarks of a face; irises.py the eyes
    finder.py       the one door that does all of it

The networks are Google MediaPipe's (Apache-2.0), rebuilt by ``scripts/convert_face_models.py``. What follows them is
written after the papers and MediaPipe's published graphs, in NumPy.

Conventions: a picture is uint8 RGB, shape (height, width, 3). Coordinates are pixels of that picture, x to the right
and y down, (0, 0) the outer corner of the first pixel, so the centre of a pixel ends in .5; they may lie outside the
picture. "Right" and "left" eye are those of the person. Nothing is drawn at random: same picture, same answer.
"""

from assay.image.faces.blazeface import BlazeFace
from assay.image.faces.detector import FaceDetector
from assay.image.faces.face import KEY_POINTS, Face
from assay.image.faces.finder import FaceFinder
from assay.image.faces.irises import IrisFinder
from assay.image.faces.mesh import FaceMesh

__all__ = ["KEY_POINTS", "BlazeFace", "Face", "FaceDetector", "FaceFinder", "FaceMesh", "IrisFinder"]
