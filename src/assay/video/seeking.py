"""Faces in the frames of one video, in a fraction of the time that as many pictures would take.

A picture is searched in tiles of several scales, which is most of the work. From one frame to the next little changes:
so everything is searched in the first frame and behind a cut, and in between only the whole frame, the tiles that hold
the small faces of the frame before, and of the other tiles a few in turn. Whoever comes into view small is found a
second or two later than in a picture; what is found is found by the same networks in the same places.

Large frames are searched at half their size: the networks see them at a tenth anyway, and the smallest faces that
matter stay as large as a tile shows them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby

import numpy as np

from assay.image.faces.blazeface import BlazeFace
from assay.image.faces.detector import ENLARGED, SMALLEST_PX, SURELY_SEEN, FaceDetector, Tile, promising, tiles
from assay.image.faces.face import Face, Picture, check_picture
from assay.image.faces.suppression import Detections, nothing
from assay.video.cuts import CutFinder

HALVED_PX = 1280  # longer sides from here on
IN_TURN = 2  # tiles of each frame
GROWN = 0.25  # widths of a face on every side: it may move so far from frame to frame
UPRIGHT = np.pi / 4


class SeekingDetector(FaceDetector):
    """A `FaceDetector` that remembers the frame before: one for each video, and its frames in their order.

    Args:
        threads: Threads of the networks.

    Attributes:
        newcomers: Whether to search the next frame for who comes into view, too. Off for frames between others.

    Raises:
        ModelError: If a packaged weight or its card is missing or damaged.
    """

    def __init__(self, *, threads: int = 1) -> None:
        super().__init__(threads=threads)
        self.newcomers = True
        self._cuts = CutFinder()
        self._shape: tuple[int, ...] = ()
        self._before = nothing()  # in pixels of what is searched
        self._everywhere, self._lying, self._next = True, False, 0

    def detect(self, picture: Picture) -> tuple[Face, ...]:
        """All faces of the next frame, best first; see `FaceDetector.detect`."""
        picture = check_picture(picture)
        step = 2 if max(picture.shape[:2]) >= HALVED_PX else 1
        searched = _halved(picture) if step == 2 else picture
        self._everywhere = self._cuts.is_cut(searched) or searched.shape != self._shape
        self._shape, self._smallest_px = searched.shape, SMALLEST_PX / step
        # Who was found only by turning the frame is turned for again; nobody else starts to lie within a shot.
        self._turned = self._everywhere or self._lying
        faces = super().detect(searched)
        self._lying = bool(faces) and all(abs(face.roll) > UPRIGHT for face in faces)
        self._before = _detections(faces)
        return tuple(_enlarged(face, step) for face in faces)

    def _tiles(
        self, network: BlazeFace, picture: Picture, found: list[Detections], faint: Detections
    ) -> list[Detections]:
        if self._everywhere:
            return super()._tiles(network, picture, found, faint)
        every = list(tiles(picture.shape, self._scales, network.size // ENLARGED, self._smallest_px))
        chosen = dict.fromkeys((*self._holding(every), *self._in_turn(every)))
        return [self._tile(network, picture, *tile) for tile in chosen]

    def _holding(self, every: Sequence[Tile]) -> list[Tile]:
        """Tiles that hold the faces of the frame before which the scale above does not surely show."""
        chosen: list[Tile] = []
        widths = self._before.boxes[:, 2] - self._before.boxes[:, 0]
        around = GROWN * widths[:, None] * np.array([-1, -1, 1, 1])
        grown = replace(self._before, boxes=self._before.boxes + around)
        for side, some in groupby(every, key=lambda tile: tile[2]):
            small = grown.where(widths < 1.5 * SURELY_SEEN * 2 * side)
            chosen += promising(list(some), small, self._shape)
        return chosen

    def _in_turn(self, every: Sequence[Tile]) -> list[Tile]:
        """The next few of all tiles."""
        if not self.newcomers:
            return []
        places = range(self._next, self._next + min(IN_TURN, len(every)))
        self._next = (self._next + IN_TURN) % max(1, len(every))
        return [every[place % len(every)] for place in places]


def _halved(picture: Picture) -> Picture:
    """Every second pixel of every second row, in one piece: colour by colour, which is quicker than pixel by pixel."""
    half = np.empty((-(-picture.shape[0] // 2), -(-picture.shape[1] // 2), 3), np.uint8)
    for colour in range(3):
        half[..., colour] = picture[::2, ::2, colour]
    return half


def _detections(faces: Sequence[Face]) -> Detections:
    if not faces:
        return nothing()
    boxes = np.array([face.box for face in faces])
    return Detections(boxes, np.array([face.score for face in faces]), np.stack([face.key_points for face in faces]))


def _enlarged(face: Face, step: int) -> Face:
    """A face in pixels of the whole frame: pixel k of what was searched is pixel k * step of it."""
    if step == 1:
        return face
    shift = (1 - step) / 2  # the middle of pixel k, k + 0.5, is that of pixel k * step
    left, top, right, bottom = (step * edge + shift for edge in face.box)
    return replace(face, box=(left, top, right, bottom), key_points=step * face.key_points + shift)
