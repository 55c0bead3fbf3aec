"""The faces of a picture of any size.

Passes, merged at the end:

1. the whole picture, letterboxed, with the short-range and with the full-range network;
2. with the full-range network, tiles of half the longer side, then of a quarter, while a tile need not be enlarged
   more than twice, and while the scale before would miss faces of the least width that is asked for;
3. if no sure face was found that is nearer to upright than to lying, the letterboxed picture turned by 90, 180 and
   270 degrees: BlazeFace knows faces that lean; of faces that lie it finds some, with key points that are far off.

A portrait is left sooner. Where a large, sure face was found, only those tiles of half the longer side are looked at
in which the full-range network, asked for the whole picture, had the faintest idea of a smaller face; and if they show
none, nothing else is looked at.

A tile cuts faces at its edge into pieces that look like smaller faces. Tiles overlap by more than a face that belongs
to their scale, so what touches an inner edge is left to the neighbour or to the scale above.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from assay.image.faces.blazeface import FULL, SHORT, BlazeFace
from assay.image.faces.face import Face, Float32, Float64, Picture, check_picture
from assay.image.faces.sampling import Placement, letterbox
from assay.image.faces.suppression import Detections, best, joined, nothing, weighted

SMALLEST_PX = 48.0  # faces below this width are not looked for unless asked: no detector scores them
SURELY_SEEN = 18 / 192  # of a square's side: faces of this width are found in it, see docs/faces.md
LARGE = 0.2  # of the longer side: the width of a face that makes a picture a portrait
BESIDE, ABOVE = 0.3, 0.7  # widths of a face: so far reaches its hair
FAINT = 0.03  # score in the whole picture of nine in ten faces that a tile shows clearly
FAINT_BESIDE = 0.1  # the same in hair and on clothes, which always give the faintest answers
OVERLAP = 0.25  # of a tile's side
SURE = 0.75  # a face upside down may look like another one, upright, but less sure
ENLARGED = 2  # a tile may be enlarged this much
MAX_TILES = 256  # at one scale: bounds the time that an extreme strip may take
EDGE = 0.01  # of a tile's side: nearer than this to an inner edge is cut

Tile = tuple[int, int, int]  # left, top, side


class FaceDetector:
    """Finds faces and six key points of each.

    Args:
        threads: Threads of the networks.
        scales: How often the longer side is halved for tiles, at most; 0 looks at the whole picture only.
        turned: Whether to turn the picture if no sure upright face was found.
        full_range: Whether to use the full-range network; without it there are no tiles either.
        min_score: Least score in [0, 1] of either network; None takes those of their cards.
        smallest_px: Width of the smallest faces that matter, in pixels of the picture; 0 looks at every tile of every
            scale, also in portraits.

    Raises:
        ModelError: If a packaged weight or its card is missing or damaged.
    """

    def __init__(
        self,
        *,
        threads: int = 1,
        scales: int = 2,
        turned: bool = True,
        full_range: bool = True,
        min_score: float | None = None,
        smallest_px: float = SMALLEST_PX,
    ) -> None:
        self._short = BlazeFace(SHORT, threads=threads)
        self._full = BlazeFace(FULL, threads=threads) if full_range else None
        self._scales, self._turned, self._min_score = scales, turned, min_score
        self._smallest_px = smallest_px

    def detect(self, picture: Picture) -> tuple[Face, ...]:
        """All faces, best first.

        Args:
            picture: uint8 RGB, shape (height, width, 3).

        Raises:
            InvalidArray: If it is anything else.
        """
        picture = check_picture(picture)
        networks = [self._short] if self._full is None else [self._short, self._full]
        squares = [letterbox(picture, network.size) for network in networks]
        least = FAINT if self._min_score is None else min(FAINT, self._min_score)
        answers = [network.look(square, least) for network, (square, _) in zip(networks, squares, strict=True)]
        found = [
            self._placed(network, some, placement)
            for network, some, (_, placement) in zip(networks, answers, squares, strict=True)
        ]
        if self._full is not None:
            found += self._tiles(self._full, picture, found, _onto_picture(answers[1], squares[1][1]))
        if self._turned and not any(map(_any_sure, found)):
            found += [
                self._turned_whole(network, *square, turns)
                for turns in (1, 2, 3)
                for network, square in zip(networks, squares, strict=True)
            ]
        merged = best(joined(found))
        return tuple(
            Face(tuple(map(float, box)), float(score), points)  # type: ignore[arg-type]  # four floats
            for box, score, points in zip(merged.boxes, merged.scores, merged.points, strict=True)
        )

    def _placed(self, network: BlazeFace, answers: Detections, placement: Placement) -> Detections:
        """Answers in input pixels as detections in the picture, one for each face."""
        least = network.card.min_score if self._min_score is None else self._min_score
        return _onto_picture(weighted(answers.where(answers.scores >= least)), placement)

    def _turned_whole(self, network: BlazeFace, square: Float32, placement: Placement, turns: int) -> Detections:
        """One more pass over the whole picture, turned counterclockwise by quarters."""
        # The picture lies in the middle, so turning the square is turning the picture.
        found = weighted(network.look(np.ascontiguousarray(np.rot90(square, turns)), self._min_score))
        for _ in range(turns):
            found = _turn_back(found, network.size)
        return _onto_picture(found, placement)

    def _tiles(
        self, network: BlazeFace, picture: Picture, found: list[Detections], faint: Detections
    ) -> list[Detections]:
        """What tiles show beyond what was `found`; `faint` are all answers of the network to the whole picture."""
        every = list(tiles(picture.shape, self._scales, network.size // ENLARGED, self._smallest_px))
        longer = max(picture.shape[:2])
        sure = best(joined(found))
        sure = sure.where(sure.scores >= SURE)
        if not self._smallest_px or not every or _widths(sure).max(initial=0) < LARGE * longer:
            return [self._tile(network, picture, *tile) for tile in every]
        coarse = [tile for tile in every if tile[2] == every[0][2]]
        # What is wider than this is seen in the whole picture.
        unexplained = _unexplained(faint, sure, 1.5 * SURELY_SEEN * longer)
        chosen = promising(coarse, unexplained, picture.shape)
        shown = [self._tile(network, picture, *tile) for tile in chosen]
        if all(_widths(some).min(initial=np.inf) >= LARGE / 2 * longer for some in (*found, *shown)):
            return shown
        return shown + [self._tile(network, picture, *tile) for tile in every if tile not in chosen]

    def _tile(self, network: BlazeFace, picture: Picture, left: int, top: int, side: int) -> Detections:
        height, width = picture.shape[:2]
        square, placement = letterbox(picture[top : top + side, left : left + side], network.size)
        found = self._placed(network, network.look(square, self._min_score), placement)
        if not len(found):
            return nothing()
        margin = EDGE * side
        lowest = np.array([margin if left else -np.inf, margin if top else -np.inf])
        highest = np.array(
            [side - margin if left + side < width else np.inf, side - margin if top + side < height else np.inf]
        )
        found = found.where(
            np.all(found.boxes[:, :2] >= lowest, axis=1) & np.all(found.boxes[:, 2:] <= highest, axis=1)
        )
        origin = np.array([left, top])
        return Detections(found.boxes + np.tile(origin, 2), found.scores, found.points + origin)


def _any_sure(found: Detections) -> bool:
    across = found.points[:, 1] - found.points[:, 0]  # from the right to the left eye
    return bool(((across[:, 0] > np.abs(across[:, 1])) & (found.scores >= SURE)).any())


def _widths(found: Detections) -> Float64:
    widths: Float64 = found.boxes[:, 2] - found.boxes[:, 0]
    return widths


def _unexplained(faint: Detections, sure: Detections, widest: float) -> Detections:
    """Answers up to a width that lie in no sure face, nor, unless they are a little surer, in its hair or its body."""
    x, y = ((faint.boxes[:, side, None] + faint.boxes[:, side + 2, None]) / 2 for side in (0, 1))
    left, top, right, bottom = sure.boxes.T
    width = _widths(sure)

    def around(beside: float, above: float) -> NDArray[np.bool_]:
        across = (x > left - beside * width) & (x < right + beside * width)
        return np.asarray(across & (y > top - above * width))

    face = (around(0.1, 0.1) & (y < bottom + 0.1 * width)).any(axis=1)
    least = np.where(around(BESIDE, ABOVE).any(axis=1), FAINT_BESIDE, FAINT)
    return faint.where((faint.scores >= least) & ~face & (_widths(faint) <= widest))


def _onto_picture(found: Detections, placement: Placement) -> Detections:
    corners = placement.to_picture(found.boxes.reshape(-1, 2, 2))
    return Detections(corners.reshape(-1, 4), found.scores, placement.to_picture(found.points))


def _turn_back(found: Detections, size: int) -> Detections:
    """Detections of a square turned a quarter counterclockwise, as they were before."""
    x, y = found.points[..., 0], found.points[..., 1]
    left, top, right, bottom = found.boxes.T
    return Detections(
        np.stack([size - bottom, left, size - top, right], axis=1), found.scores, np.stack([size - y, x], axis=-1)
    )


def promising(every: list[Tile], faint: Detections, shape: tuple[int, ...]) -> list[Tile]:
    """The fewest tiles, taken one after the other, that hold all boxes that a tile can hold.

    Args:
        every: Left, top and side of tiles of one scale.
        faint: Boxes in the picture.
        shape: Of the picture, height first.
    """
    height, width = shape[:2]
    low, high = np.maximum(faint.boxes[:, :2], 0), np.minimum(faint.boxes[:, 2:], (width, height))
    corners = np.array([tile[:2] for tile in every], np.float64)[:, None]
    held = np.all((low >= corners) & (high <= corners + every[0][2]), axis=2)  # (tiles, boxes)
    chosen: list[Tile] = []
    while held.any():
        most = int(held.sum(axis=1).argmax())
        chosen.append(every[most])
        held &= ~held[most]
    return chosen


def tiles(shape: tuple[int, ...], scales: int, smallest: int, face_px: float = 0.0) -> Iterator[Tile]:
    """Left, top and side of the squares that cover a picture, coarse scales first.

    Args:
        shape: Of the picture, height first.
        scales: How often to halve the longer side, at most.
        smallest: Tiles with less than this on a side would show nothing new.
        face_px: Width of the smallest faces that matter: tiles stop at the scale that surely shows them.
    """
    height, width = shape[:2]
    for scale in range(1, scales + 1):
        side = math.ceil(max(height, width) / 2**scale)
        if side < smallest or 2 * side * SURELY_SEEN <= face_px:
            return
        tops, lefts = _starts(height, side), _starts(width, side)
        if len(tops) * len(lefts) > MAX_TILES:
            return
        yield from ((left, top, side) for top in tops for left in lefts)


def _starts(length: int, side: int) -> list[int]:
    """First pixels of the fewest evenly spread tiles that cover a length and overlap by at least `OVERLAP`."""
    if side >= length:
        return [0]
    gaps = math.ceil((length - side) / (side * (1 - OVERLAP)))
    return [round(gap * (length - side) / gaps) for gap in range(gaps + 1)]
