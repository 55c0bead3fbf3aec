"""The faces of a picture of any size.

Passes, merged at the end:

1. the whole picture, letterboxed, with the short-range and with the full-range network;
2. with the full-range network, tiles of half the longer side, then of a quarter, while a tile need not
   be enlarged more than twice: the small faces of a group;
3. if no sure face was found that is nearer to upright than to lying, the letterboxed picture turned by 90, 180 and
   270 degrees: BlazeFace knows faces that lean; of faces that lie it finds some, with key points that are far off.

A tile cuts faces at its edge into pieces that look like smaller faces. Tiles overlap by more than a face that belongs
to their scale, so what touches an inner edge is left to the neighbour or to the scale above.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from assay.image.faces.blazeface import FULL, SHORT, BlazeFace
from assay.image.faces.face import Face, Picture, check_picture
from assay.image.faces.sampling import letterbox
from assay.image.faces.suppression import Detections, best, joined, nothing, weighted

OVERLAP = 0.25  # of a tile's side
SURE = 0.75  # a face upside down may look like another one, upright, but less sure
ENLARGED = 2  # a tile may be enlarged this much
MAX_TILES = 256  # at one scale: bounds the time that an extreme strip may take
EDGE = 0.01  # of a tile's side: nearer than this to an inner edge is cut


class FaceDetector:
    """Finds faces and six key points of each.

    Args:
        threads: Threads of the networks.
        scales: How often the longer side is halved for tiles, at most; 0 looks at the whole picture only.
        turned: Whether to turn the picture if no sure upright face was found.
        full_range: Whether to use the full-range network; without it there are no tiles either.
        min_score: Least score in [0, 1] of either network; None takes those of their cards.

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
    ) -> None:
        self._short = BlazeFace(SHORT, threads=threads)
        self._full = BlazeFace(FULL, threads=threads) if full_range else None
        self._scales, self._turned, self._min_score = scales, turned, min_score

    def detect(self, picture: Picture) -> tuple[Face, ...]:
        """All faces, best first.

        Args:
            picture: uint8 RGB, shape (height, width, 3).

        Raises:
            InvalidArray: If it is anything else.
        """
        picture = check_picture(picture)
        networks = [self._short] if self._full is None else [self._short, self._full]
        found = [self._whole(network, picture, turns=0) for network in networks]
        if self._full is not None:
            found += [
                self._tile(self._full, picture, *tile)
                for tile in tiles(picture.shape, self._scales, self._full.size // ENLARGED)
            ]
        if self._turned and not any(map(_any_sure, found)):
            found += [self._whole(network, picture, turns) for turns in (1, 2, 3) for network in networks]
        merged = best(joined(found))
        return tuple(
            Face(tuple(map(float, box)), float(score), points)  # type: ignore[arg-type]  # four floats
            for box, score, points in zip(merged.boxes, merged.scores, merged.points, strict=True)
        )

    def _whole(self, network: BlazeFace, picture: Picture, turns: int) -> Detections:
        """One pass over the whole picture, turned counterclockwise by quarters."""
        square, placement = letterbox(picture, network.size)
        # The picture lies in the middle, so turning the square is turning the picture.
        found = weighted(network.look(np.ascontiguousarray(np.rot90(square, turns)), self._min_score))
        for _ in range(turns):
            found = _turn_back(found, network.size)
        corners = placement.to_picture(found.boxes.reshape(-1, 2, 2))
        return Detections(corners.reshape(-1, 4), found.scores, placement.to_picture(found.points))

    def _tile(self, network: BlazeFace, picture: Picture, left: int, top: int, side: int) -> Detections:
        height, width = picture.shape[:2]
        found = self._whole(network, picture[top : top + side, left : left + side], turns=0)
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


def _turn_back(found: Detections, size: int) -> Detections:
    """Detections of a square turned a quarter counterclockwise, as they were before."""
    x, y = found.points[..., 0], found.points[..., 1]
    left, top, right, bottom = found.boxes.T
    return Detections(
        np.stack([size - bottom, left, size - top, right], axis=1), found.scores, np.stack([size - y, x], axis=-1)
    )


def tiles(shape: tuple[int, ...], scales: int, smallest: int) -> Iterator[tuple[int, int, int]]:
    """Left, top and side of the squares that cover a picture, coarse scales first.

    Args:
        shape: Of the picture, height first.
        scales: How often to halve the longer side, at most.
        smallest: Tiles with less than this on a side would show nothing new.
    """
    height, width = shape[:2]
    for scale in range(1, scales + 1):
        side = math.ceil(max(height, width) / 2**scale)
        if side < smallest:
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
