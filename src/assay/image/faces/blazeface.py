"""BlazeFace: boxes and six key points of the faces in a small square picture.

Two networks. *Short range* sees 128 × 128 pixels and finds faces that fill a good part of them; *full range* sees
192 × 192 and finds smaller ones. Each cell of a grid holds anchors, points to which the answer is relative; all are in
the middle of their cell and have no size of their own (Bazarevsky et al., "BlazeFace: Sub-millisecond Neural Face
Detection on Mobile GPUs", 2019; anchors and decoding as in MediaPipe's graphs face_detection_short_range and
face_detection_full_range).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from assay.image.faces.face import Float32, Float64
from assay.image.faces.suppression import Detections
from assay.models.card import FaceCard
from assay.models.registry import face_card
from assay.models.weights import load_session

if TYPE_CHECKING:
    import onnxruntime

SHORT, FULL = "blazeface-short", "blazeface-full"


def anchors(card: FaceCard) -> Float64:
    """Where the anchors of a detector are, in input pixels, shape (n, 2), in the order of the network's answers."""
    grids = []
    for stride, repeats in card.anchors:
        centres = (np.arange(card.input_pixels // stride) + 0.5) * stride
        grid = np.stack(np.meshgrid(centres, centres), axis=-1).reshape(-1, 2)
        grids.append(np.repeat(grid, repeats, axis=0))
    return np.concatenate(grids)


class BlazeFace:
    """One of the detectors, on inputs that are already square and small.

    Args:
        name: ``blazeface-short`` or ``blazeface-full``.
        session: An ONNX Runtime session of it; None loads the packaged weight, checked.
        threads: Threads of the packaged network.

    Attributes:
        size: Side of an input in pixels.

    Raises:
        ModelError: If the packaged weight or its card is missing or damaged.
    """

    def __init__(self, name: str, *, session: onnxruntime.InferenceSession | None = None, threads: int = 1) -> None:
        self.card = face_card(name)
        self._session = session if session is not None else load_session(name, threads=threads)
        self._anchors = anchors(self.card)
        self.size = self.card.input_pixels

    def look(self, square: Float32, min_score: float | None = None) -> Detections:
        """Everything in one input that may be a face; many answers to one face, see `suppression.weighted`.

        Args:
            square: Shape (size, size, 3), values in [0, 255].
            min_score: Least score in [0, 1]; None takes the card's.

        Returns:
            Detections in input pixels, in no particular order.
        """
        answers, logits = self._session.run(["answers", "logits"], {"pixels": network_input(square[None], self.card)})
        return self._decode(answers[0], logits[0], self.card.min_score if min_score is None else min_score)

    def _decode(self, answers: Float32, logits: Float32, min_score: float) -> Detections:
        """``answers (anchors, 16)``: centre, size and key points in input pixels; ``logits (anchors,)``."""
        scores = 1 / (1 + np.exp(-np.clip(logits.astype(np.float64), -80, 80)))
        likely = np.flatnonzero(scores >= min_score)
        pairs = answers[likely].astype(np.float64).reshape(-1, 8, 2)
        centres = pairs[:, 0] + self._anchors[likely]
        half = pairs[:, 1] / 2
        found = Detections(
            np.concatenate([centres - half, centres + half], axis=1),
            scores[likely],
            pairs[:, 2:] + self._anchors[likely, None],
        )
        return found.where(np.all(half > 0, axis=1))


def network_input(squares: Float32, card: FaceCard) -> Float32:
    """Pixels in [0, 255], shape (n, size, size, 3), in the range and order of a network: (n, 3, size, size)."""
    low, high = card.input_range
    scaled = squares.transpose(0, 3, 1, 2) * np.float32((high - low) / 255) + np.float32(low)
    return np.ascontiguousarray(scaled, np.float32)
