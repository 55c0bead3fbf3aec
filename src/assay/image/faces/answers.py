"""What each network says about the sample picture: the values on its card, for the self-test and the converter."""

from __future__ import annotations

import numpy as np

from assay.image.faces.blazeface import BlazeFace
from assay.image.faces.face import Float64, Picture
from assay.image.faces.irises import IrisFinder
from assay.image.faces.mesh import FaceMesh
from assay.image.faces.sampling import Region, letterbox
from assay.image.faces.suppression import weighted
from assay.models.card import FaceCard

EVERY = 13  # of the 468 landmarks: 36 of them
# Of the sample picture, in fractions of its width: where the face and the right eye are in the drawing.
FACE, EYE = (0.5, 0.54, 0.9), (0.395, 0.47, 0.26)


def known_answers(card: FaceCard, picture: Picture, *, threads: int = 1) -> Float64:
    """Places in the sample, in fractions of the square that the network saw; a detector's score comes first.

    Args:
        card: Of the network.
        picture: The sample, square.
        threads: Threads of the network.

    Returns:
        A detector: score, box and six key points of the best face (17 values, or none if it sees no face). The mesh:
        presence, then x, y and depth of every 13th landmark. The iris network: x, y and depth of 71 and 5 points.
    """
    if card.kind == "face-detector":
        network = BlazeFace(card.name, threads=threads)
        found = weighted(network.look(letterbox(picture, network.size)[0]))
        if not len(found):
            return np.empty(0)
        return np.concatenate([found.scores[:1], found.boxes[0] / network.size, found.points[0].ravel() / network.size])
    if card.kind == "face-landmarks":
        points, presence = FaceMesh(threads=threads).look(picture, [_region(FACE, picture)])
        return np.concatenate([presence, points[0, ::EVERY].ravel()])
    contours, irises = IrisFinder(threads=threads).look(picture, [(_region(EYE, picture), False)])
    return np.concatenate([contours.ravel(), irises.ravel()])


def _region(place: tuple[float, float, float], picture: Picture) -> Region:
    x, y, side = (value * picture.shape[1] for value in place)
    return Region((x, y), side, 0.0)
