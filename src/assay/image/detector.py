"""The detector of synthetic and changed pictures: from pixels and faces to llrs. It decides nothing.

One network takes all three looks of `assay.image.looks`, with an output for each. What it gives is calibrated look by
look; the llr of the picture is a weighted sum, calibrated again, because the looks tell much the same. Nothing is
drawn at random: same picture, same answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from assay.image.looks import (
    LOOKS,
    Look,
    Pixels,
    Square,
    cut,
    detail,
    face_square,
    flat_share,
    piece_squares,
    whole_square,
)
from assay.models.providers import provider_of
from assay.models.registry import picture_card
from assay.models.weights import load_session

if TYPE_CHECKING:
    from assay.image.faces import Face
    from assay.models.card import PictureCard

MOST_FACES = 32
AT_ONCE = 1  # looks in one run of the network: more fall out of the caches and take longer

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class LookScore:
    """What one look gave.

    Attributes:
        look: Which one.
        square: Where, in pixels of the picture.
        logit: Of the network, positive for spoof.
        llr: Calibrated.
        face: Place of its face among the faces given; None for other looks.
    """

    look: Look
    square: Square
    logit: float
    llr: float
    face: int | None = None


@dataclass(frozen=True, eq=False)
class Described:
    """A face in a frame.

    Attributes:
        logit: Of the network, positive for spoof.
        features: What the logit was made of, float16, shape (f,).
    """

    logit: float
    features: NDArray[np.float16]


@dataclass(frozen=True)
class PictureScores:
    """Evidence from one picture.

    Attributes:
        looks: In the order faces, whole, pieces.
        llr: Of the picture; None if there was nothing to look at.
        detail: Mean difference between neighbours in the most detailed part looked at, in levels.
        flat: Share of pixels that equal their neighbours; see `assay.image.looks.flat_share`.
        unseen_faces: Places of faces too small, or too near to the edge, to be looked at.
    """

    looks: tuple[LookScore, ...]
    llr: float | None
    detail: float
    flat: float
    unseen_faces: tuple[int, ...]

    def of(self, look: Look) -> tuple[LookScore, ...]:
        """Scores of one kind of look."""
        return tuple(score for score in self.looks if score.look == look)


class PictureDetector:
    """A network with its card.

    Args:
        name: Model name.
        threads: Threads of the network.
        device: Where the network is computed; see `assay.models.providers`.
        session: Anything with ONNX Runtime's ``run``; None loads the packaged weight, checked.
        card: Its card; None loads the one of that name.
    """

    def __init__(
        self, name: str, *, threads: int = 1, session: Any = None, device: str = "cpu", card: PictureCard | None = None
    ) -> None:
        self.card = card or picture_card(name)
        self._session = session if session is not None else load_session(name, threads=threads, device=device)

    @property
    def provider(self) -> str:
        """ONNX Runtime's execution provider that answers; empty for a session that does not say."""
        return provider_of(self._session)

    def score(self, pixels: Pixels, faces: Sequence[Face], *, deep: bool = False) -> PictureScores:
        """Score a picture.

        Args:
            pixels: uint8 RGB, shape (height, width, 3), upright.
            faces: Found in it.
            deep: Look at every piece, not only at those with most detail.
        """
        height, width = pixels.shape[:2]
        squares: list[tuple[Look, Square, int | None]] = []
        unseen, known = [], self.card.looks
        for place, face in enumerate(faces):
            square = face_square(face, height, width) if place < MOST_FACES and "face" in known else None
            if square is None:
                unseen.append(place)
            else:
                squares.append(("face", square, place))
        if "whole" in known and (whole := whole_square(height, width)):
            squares.append(("whole", whole, None))
        pieces = _pieces(pixels, self.card.input_pixels, None if deep else self.card.most_pieces)
        if "piece" in known:
            squares += [("piece", square, None) for square in pieces]
        logits = self._logits(pixels, squares)
        scores = tuple(
            LookScore(look, square, logit, self.card.looks[look].calibration.of(logit), face)
            for (look, square, face), logit in zip(squares, logits, strict=True)
        )
        return PictureScores(
            looks=scores,
            llr=fused(scores, self.card) if scores else None,
            detail=max((detail(pixels, square) for _, square, _ in squares), default=0.0),
            flat=flat_share(pixels),
            unseen_faces=tuple(unseen),
        )

    def logits(self, pixels: Pixels) -> Floats:
        """What the network says of a picture made to fit, whatever it shows, shape (looks,): for self-tests."""
        shown = cut(pixels, Square(0, 0, min(pixels.shape[:2])), self.card.input_pixels)
        found: Floats = self._session.run(["logit"], {"pixels": shown[None]})[0][0].astype(np.float64)
        return found

    def describe(self, pixels: Pixels, faces: Sequence[Face]) -> list[Described | None]:
        """Look at the faces of one frame of a video.

        Args:
            pixels: uint8 RGB, shape (height, width, 3), upright.
            faces: Found in it.

        Returns:
            One for each face; None for those too small, or too near to the edge.
        """
        height, width = pixels.shape[:2]
        side, share = self.card.input_pixels, self.card.input_pixels / self.card.crop_pixels
        found: list[Described | None] = []
        for face in faces[:MOST_FACES]:
            square = face_square(face, height, width)
            if square is None:
                found.append(None)
                continue
            shown = cut(pixels, square.inner(share), side)[None]
            logits, features = self._session.run(["logit", "features"], {"pixels": shown})
            found.append(Described(float(logits[0, LOOKS.index("face")]), features[0].astype(np.float16)))
        return found + [None] * (len(faces) - len(found))

    def whole_logit(self, pixels: Pixels) -> float:
        """Of one frame as a whole; nan if it is too small."""
        square = whole_square(*pixels.shape[:2])
        return self._logits(pixels, [("whole", square, None)])[0] if square else float("nan")

    def _logits(self, pixels: Pixels, squares: Sequence[tuple[Look, Square, int | None]]) -> list[float]:
        side = self.card.input_pixels
        found: list[float] = []
        for start in range(0, len(squares), AT_ONCE):
            part = squares[start : start + AT_ONCE]
            shown = [cut(pixels, self.seen(look, square), side) for look, square, _ in part]
            logits = self.shown_logits(np.stack(shown))
            found += [float(row[LOOKS.index(look)]) for row, (look, _, _) in zip(logits, part, strict=True)]
        return found

    def seen(self, look: Look, square: Square) -> Square:
        """The part of a look's square that the network sees: all of a piece, the middle of others."""
        return square if look == "piece" else square.inner(self.card.input_pixels / self.card.crop_pixels)

    def shown_logits(self, shown: Pixels) -> NDArray[np.float32]:
        """What all looks say of what is shown, uint8 (n, side, side, 3), to (n, looks); see `LOOKS`."""
        logits: NDArray[np.float32] = self._session.run(["logit"], {"pixels": shown})[0]
        return logits


def _pieces(pixels: Pixels, side: int, most: int | None) -> list[Square]:
    """Where to look at full resolution: everywhere, or at the `most` pieces with most detail, in reading order."""
    squares = piece_squares(len(pixels), pixels.shape[1], side)
    if most is None or len(squares) <= most:
        return squares
    rank = sorted(range(len(squares)), key=lambda i: -detail(pixels, squares[i]))
    return [squares[i] for i in sorted(rank[:most])]


def fused(scores: Sequence[LookScore], card: PictureCard) -> float:
    """The llr of a picture: each kind of look by the mean of its llrs, weighted, and calibrated together."""
    total = 0.0
    for look in LOOKS:
        llrs = [score.llr for score in scores if score.look == look]
        if llrs:
            total += card.looks[look].weight * float(np.mean(llrs))
    return card.calibration.of(total)
