"""A picture, or a frame of a video: its faces and parts with their scores, and where the network reacted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from assay.report.drawing import SMALL, WIDTH, Box, Drawing, Label, Paint, Raster, Shape
from assay.report.plots.axes import leaning
from assay.report.plots.colours import overlay_png, photograph
from assay.report.text import percent

if TYPE_CHECKING:
    from assay.explain import Saliency
    from assay.report.seen import Pixels
    from assay.result import Face, ScanResult

MOST_BOXES = 300
MOST_NAMED = 40  # more labels would hide the faces
MOST_HIGH, MOST_WIDE = 400.0, WIDTH - 16
PHOTOGRAPH = 1200  # pixels of the longer side


def picture_figure(result: ScanResult, pixels: Pixels | None) -> Drawing | None:
    """Draw a picture with its faces and parts; None if its size is not known, or there is nothing to draw.

    Args:
        result: Of a picture.
        pixels: Of its medium; None draws an empty frame.
    """
    if not result.width or not result.height or (pixels is None and not result.faces and not result.pieces):
        return None
    place = _Place.within(result.width, result.height)
    shapes: list[Shape] = list(place.ground(pixels))
    shapes += [
        Box(*place.box(piece.box), Paint(edge=leaning(piece.llr), width=1.0, dashed=True))
        for piece in result.pieces[:MOST_BOXES]
    ]
    for number, face in enumerate(result.faces[:MOST_BOXES], 1):
        shapes += _face(place, face, number if number <= MOST_NAMED else None)
    words = (
        f"{len(result.faces)} faces in frames with their number and probability, {len(result.pieces)} parts in dashes."
    )
    return Drawing(WIDTH, place.height + 8, "The picture", words, tuple(shapes))


def overlay_figure(width: int, height: int, pixels: Pixels | None, saliency: Saliency, title: str) -> Drawing:
    """Draw where the network reacted in a picture or frame.

    Args:
        width: Of the picture, in pixels.
        height: The same.
        pixels: None draws the map on a plain ground.
        saliency: Of kind ``picture`` or ``frame``.
        title: Of the drawing.
    """
    place = _Place.within(width, height)
    image = overlay_png(saliency.values, upwards=False)
    shapes = (*place.ground(pixels, faint=True), Raster(place.left, place.top, place.width, place.height, image))
    words = "Orange where hiding a place takes evidence for a spoof away, blue where it takes evidence against it away."
    return Drawing(WIDTH, place.height + 8, title, words, shapes)


class _Place:
    """Where a picture is drawn: in the middle, as large as it may be."""

    def __init__(self, scale: float, width: int, height: int) -> None:
        self.scale, self.width, self.height = scale, width * scale, height * scale
        self.left, self.top = (WIDTH - self.width) / 2, 4.0

    @classmethod
    def within(cls, width: int, height: int) -> _Place:
        # A thumbnail is not blown up to the width of a page.
        return cls(min(MOST_WIDE / width, MOST_HIGH / height, 3.0), width, height)

    def ground(self, pixels: Pixels | None, *, faint: bool = False) -> Iterator[Shape]:
        if pixels is None:
            yield Box(self.left, self.top, self.width, self.height, Paint(fill="bar", edge="line"))
        else:
            yield Raster(self.left, self.top, self.width, self.height, photograph(pixels, PHOTOGRAPH, faint=faint))

    def box(self, edges: Sequence[float]) -> tuple[float, float, float, float]:
        """Left, top, width and height, cut at the edge of the picture."""
        left, top, right, bottom = edges
        inside = (max(left, 0), max(top, 0), right, bottom)
        x, y = self.left + inside[0] * self.scale, self.top + inside[1] * self.scale
        far, low = self.left + right * self.scale, self.top + bottom * self.scale
        far, low = min(far, self.left + self.width), min(low, self.top + self.height)
        return x, y, max(far - x, 1.0), max(low - y, 1.0)


def _face(place: _Place, face: Face, number: int | None) -> Iterator[Shape]:
    x, y, wide, high = place.box(face.box)
    yield Box(x, y, wide, high, Paint(edge="page", width=3.2))
    yield Box(x, y, wide, high, Paint(edge=leaning(face.llr), width=1.8))
    if number is None:
        return
    told = f"{number}" if face.spoof_probability is None else f"{number}: {percent(face.spoof_probability)}"
    if wide < 26:
        told = f"{number}"
    size = SMALL
    long = 0.58 * size * len(told) + 6
    left = min(max(x, place.left), place.left + place.width - long)
    above = y - size - 5 >= place.top
    top = y - size - 5 if above else min(y + high, place.top + place.height - size - 5)
    yield Box(left, top, long, size + 5, Paint(fill="page", opacity=0.9))
    yield Label(left + 3, top + size + 0.5, told, "ink", size)
