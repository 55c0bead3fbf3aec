"""One detection for each face: weighted non-maximum suppression.

Many anchors answer to one face. Their boxes and key points are averaged, weighted by score, which trembles less than
taking the best (Bazarevsky et al., "BlazeFace", 2019, section 3.3). Between passes at different scales the better
detection stands: the passes err differently, and a mean of both would be worse than the better.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assay.image.faces.face import Float64

SAME_FACE = 0.3  # intersection over union; MediaPipe's min_suppression_threshold
WITHIN = 0.6  # intersection over the smaller box: a part of a face seen as a face, at another scale


@dataclass(frozen=True, eq=False)
class Detections:
    """Detections, one per row.

    Attributes:
        boxes: Shape (n, 4): left, top, right, bottom.
        scores: Shape (n,), in [0, 1].
        points: Shape (n, 6, 2): key points, x and y.
    """

    boxes: Float64
    scores: Float64
    points: Float64

    def __len__(self) -> int:
        return len(self.scores)

    def where(self, chosen: NDArray[np.bool_] | NDArray[np.intp]) -> Detections:
        """The rows of an array of indices, or of a mask."""
        return Detections(self.boxes[chosen], self.scores[chosen], self.points[chosen])


def nothing() -> Detections:
    """No detection at all."""
    return Detections(np.empty((0, 4)), np.empty(0), np.empty((0, 6, 2)))


def joined(parts: Iterable[Detections]) -> Detections:
    """All rows of several."""
    parts = [nothing(), *parts]
    return Detections(
        np.concatenate([part.boxes for part in parts]),
        np.concatenate([part.scores for part in parts]),
        np.concatenate([part.points for part in parts]),
    )


def ranked(detections: Detections) -> Detections:
    """Best first; equal scores from the top, then from the left, so that the order of the passes does not matter."""
    left, top, right, bottom = detections.boxes.T
    return detections.where(np.lexsort((bottom, right, left, top, -detections.scores)))


def intersections(box: Float64, boxes: Float64) -> Float64:
    """Areas that a box, shape (4,), shares with others, shape (n, 4); shape (n,)."""
    sides = np.minimum(boxes[:, 2:], box[2:]) - np.maximum(boxes[:, :2], box[:2])
    shared: Float64 = np.maximum(sides, 0).prod(axis=1)
    return shared


def areas(boxes: Float64) -> Float64:
    """Areas of boxes, shape (n, 4); shape (n,), never negative."""
    result: Float64 = np.maximum(boxes[:, 2:] - boxes[:, :2], 0).prod(axis=1)
    return result


def _shares(box: Float64, boxes: Float64) -> tuple[Float64, Float64]:
    """Intersection over union, and over the smaller box; of empty boxes both are 0."""
    shared, own, other = intersections(box, boxes), areas(box[None]), areas(boxes)
    tiny = np.finfo(np.float64).tiny
    return shared / np.maximum(own + other - shared, tiny), shared / np.maximum(np.minimum(own, other), tiny)


def weighted(detections: Detections) -> Detections:
    """Group what overlaps with the best one left, and average each group.

    A group has the score of its best. The result is best first.
    """
    left, kept = ranked(detections), []
    while len(left):
        same = _shares(left.boxes[0], left.boxes)[0] > SAME_FACE
        same[0] = True  # an empty box does not overlap with itself
        group, left = left.where(same), left.where(~same)
        weights = group.scores / group.scores.sum()
        kept.append(
            Detections(
                (weights @ group.boxes)[None], group.scores[:1], np.tensordot(weights, group.points, axes=1)[None]
            )
        )
    return joined(kept)


def best(detections: Detections) -> Detections:
    """Leave out what overlaps with, or lies mostly within or around, a better one. The result is best first."""
    left, kept = ranked(detections), []
    while len(left):
        union, smaller = _shares(left.boxes[0], left.boxes)
        same = (union > SAME_FACE) | (smaller > WITHIN)
        same[0] = True
        kept.append(left.where(np.array([0])))
        left = left.where(~same)
    return joined(kept)
