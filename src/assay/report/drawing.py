"""A drawing as plain shapes, before anybody decides what it is drawn on.

    plots/*.py ──> Drawing ──> svg.py (page, report in HTML)
                           └─> pdf_drawing.py (report in PDF)

Coordinates are units of a page of `WIDTH`, y grows downwards. Colours are names of `assay.look`, so that the same
drawing follows the reader's light or dark. Text is never turned and never cut here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from assay.look import Colour

WIDTH = 720.0
TEXT = 12.0
SMALL = 10.5


@dataclass(frozen=True)
class Paint:
    """How a shape is drawn; None draws neither inside nor edge.

    Attributes:
        fill: Of the inside.
        edge: Of the line.
        width: Of the line.
        opacity: Of the inside, in [0, 1].
        dashed: Whether the line is.
    """

    fill: Colour | None = None
    edge: Colour | None = None
    width: float = 1.0
    opacity: float = 1.0
    dashed: bool = False


@dataclass(frozen=True)
class Box:
    """A rectangle."""

    x: float
    y: float
    width: float
    height: float
    paint: Paint


@dataclass(frozen=True)
class Path:
    """A line through points ``(x, y)``, or the shape that they enclose."""

    points: tuple[tuple[float, float], ...]
    paint: Paint
    closed: bool = False


@dataclass(frozen=True)
class Label:
    """A line of text; `y` is its base line, `anchor` which end of it `x` is."""

    x: float
    y: float
    text: str
    colour: Colour = "ink"
    size: float = TEXT
    anchor: Literal["start", "middle", "end"] = "start"
    bold: bool = False


@dataclass(frozen=True)
class Raster:
    """An image file.

    Attributes:
        data: PNG or JPEG.
        smooth: Whether pixels may be blended when it is drawn larger.
    """

    x: float
    y: float
    width: float
    height: float
    data: bytes
    smooth: bool = True

    @property
    def mime(self) -> str:
        """Media type of `data`."""
        return "image/png" if self.data.startswith(b"\x89PNG") else "image/jpeg"


Shape = Box | Path | Label | Raster


@dataclass(frozen=True)
class Drawing:
    """Shapes, the first at the back.

    Attributes:
        title: What it shows, for screen readers.
        words: What there is to see, in a sentence or two, for those who do not see it.
    """

    width: float
    height: float
    title: str
    words: str
    shapes: tuple[Shape, ...]


def hatched(x: float, y: float, width: float, height: float, *, step: float = 7.0) -> list[Shape]:
    """Slanted lines that fill a rectangle: "nothing is known here"."""
    paint = Paint(edge="soft", width=0.6)
    lines: list[Shape] = []
    offset = step
    while offset < width + height:
        # From the left or lower edge to the upper or right one.
        start = (x + max(0.0, offset - height), y + min(offset, height))
        end = (x + min(offset, width), y + max(0.0, offset - width))
        lines.append(Path((start, end), paint))
        offset += step
    return lines
