"""What a report in PDF is put together from: drawings, the head, tables, bookmarks. Loads reportlab."""

from __future__ import annotations

import io
from functools import lru_cache
from typing import Any

from assay.look import LIGHT, Colour
from assay.report.drawing import Box, Drawing, Label, Paint, Path, Raster, Shape
from assay.report.fonts import BOLD, REGULAR, line, reportlab

Flowable: Any = reportlab("platypus").Flowable
HexColor: Any = reportlab("lib.colors").HexColor


class Drawn(Flowable):  # type: ignore[misc]
    """A drawing, as wide as the column.

    Args:
        drawing: In units of its own.
        wide: Points.
    """

    def __init__(self, drawing: Drawing, wide: float) -> None:
        super().__init__()
        self._drawing, self._scale = drawing, wide / drawing.width
        self.width, self.height = wide, drawing.height * self._scale

    def wrap(self, *_: float) -> tuple[float, float]:
        """Its size."""
        return self.width, self.height

    def draw(self) -> None:
        """Draw it with its lower left corner at the origin."""
        canvas: Any = self.canv
        canvas.saveState()
        canvas.scale(self._scale, self._scale)
        for shape in self._drawing.shapes:
            _draw(canvas, shape, self._drawing.height)
        canvas.restoreState()


def _draw(canvas: Any, shape: Shape, height: float) -> None:
    if isinstance(shape, Label):
        canvas.setFont(BOLD if shape.bold else REGULAR, shape.size)
        canvas.setFillColor(_colour(shape.colour))
        put = {"start": canvas.drawString, "middle": canvas.drawCentredString, "end": canvas.drawRightString}
        put[shape.anchor](shape.x, height - shape.y, line(shape.text, BOLD if shape.bold else REGULAR))
    elif isinstance(shape, Raster):
        image = reportlab("lib.utils").ImageReader(io.BytesIO(shape.data))
        canvas.drawImage(image, shape.x, height - shape.y - shape.height, shape.width, shape.height, mask="auto")
    elif isinstance(shape, Box):
        _prepare(canvas, shape.paint)
        canvas.rect(
            shape.x,
            height - shape.y - shape.height,
            shape.width,
            shape.height,
            stroke=shape.paint.edge is not None,
            fill=shape.paint.fill is not None,
        )
    else:
        _path(canvas, shape, height)


def _path(canvas: Any, shape: Path, height: float) -> None:
    _prepare(canvas, shape.paint)
    path = canvas.beginPath()
    for k, (x, y) in enumerate(shape.points):
        (path.lineTo if k else path.moveTo)(x, height - y)
    if shape.closed:
        path.close()
    canvas.drawPath(path, stroke=shape.paint.edge is not None, fill=shape.paint.fill is not None)


def _prepare(canvas: Any, paint: Paint) -> None:
    if paint.fill is not None:
        canvas.setFillColor(_colour(paint.fill), alpha=paint.opacity)
    if paint.edge is not None:
        canvas.setStrokeColor(_colour(paint.edge))
        canvas.setLineWidth(paint.width)
        canvas.setDash([4, 3] if paint.dashed else [])


@lru_cache(maxsize=16)
def _colour(name: Colour) -> Any:
    return HexColor("#ffffff" if name == "page" else LIGHT[name])


class Banner(Flowable):  # type: ignore[misc]
    """The head of a report: a bar in the colour of the verdict, and what stands beside it.

    Args:
        parts: Beside the bar.
        wide: Points of both.
        colour: Of the bar.
        kind: The verdict, which also decides on the pattern of the bar.
    """

    RIM = 20.0

    def __init__(self, parts: list[Any], wide: float, colour: str, kind: str) -> None:
        super().__init__()
        self._parts, self._kind, self._ink = parts, kind, HexColor(colour)
        self.width, self.height = wide, 0.0
        self._heights: list[float] = []

    def wrap(self, *_: float) -> tuple[float, float]:
        """Its size."""
        wide = self.width - self.RIM
        self._heights = [part.wrap(wide, 1e4)[1] + part.getSpaceAfter() for part in self._parts]
        self.height = sum(self._heights)
        return self.width, self.height

    def draw(self) -> None:
        """Draw from top to bottom."""
        canvas: Any = self.canv
        canvas.saveState()
        canvas.setFillColor(self._ink)
        canvas.setStrokeColor(self._ink)
        if self._kind == "mixed":  # two thin bars
            canvas.rect(0, 0, 2.4, self.height, stroke=0, fill=1)
            canvas.rect(4.6, 0, 2.4, self.height, stroke=0, fill=1)
        elif self._kind in ("inconclusive", "failed"):  # a broken one
            canvas.setLineWidth(7)
            canvas.setDash([9, 5])
            canvas.line(3.5, 0, 3.5, self.height)
        else:
            canvas.rect(0, 0, 7, self.height, stroke=0, fill=1)
        canvas.restoreState()
        top = self.height
        for part, height in zip(self._parts, self._heights, strict=True):
            part.drawOn(canvas, self.RIM, top - height + part.getSpaceAfter())
            top -= height


class Bookmark(Flowable):  # type: ignore[misc]
    """An entry in the outline of the file; takes no room.

    Args:
        title: Of the entry.
        level: 0 for a report, 1 for its chapters.
        key: Names the place within the file.
    """

    def __init__(self, title: str, level: int, key: str) -> None:
        super().__init__()
        self._title, self._level, self._key = title, level, key

    def wrap(self, *_: float) -> tuple[float, float]:
        """No size."""
        return 0, 0

    def draw(self) -> None:
        """Enter it."""
        canvas: Any = self.canv
        canvas.bookmarkHorizontal(self._key, 0, 14)
        canvas.addOutlineEntry(self._title, self._key, level=self._level, closed=self._level > 0)


def grid(rows: list[list[Any]], widths: list[float], *, breaks: bool) -> Any:
    """A table whose first row is repeated on each page.

    Args:
        rows: The first holds titles.
        widths: Of the columns, in points.
        breaks: Whether a page may end within a row; needed where one may be higher than a page.
    """
    split = {"splitInRow": 1} if breaks else {}
    table = reportlab("platypus").Table(rows, colWidths=widths, repeatRows=1, hAlign="LEFT", **split)
    rule = HexColor(LIGHT["line"])
    table.setStyle(
        [
            ("FONTNAME", (0, 0), (-1, -1), REGULAR),  # else the file would name Helvetica
            ("VALIGN", (0, 0), (-1, -1), "TOP"),
            ("LINEBELOW", (0, 0), (-1, -1), 0.5, rule),
            ("LINEBELOW", (0, 0), (-1, 0), 0.8, HexColor(LIGHT["soft"])),
            ("LEFTPADDING", (0, 0), (-1, -1), 0),
            ("RIGHTPADDING", (0, 0), (-1, -1), 8),
            ("TOPPADDING", (0, 0), (-1, -1), 2.5),
            ("BOTTOMPADDING", (0, 0), (-1, -1), 3),
        ]
    )
    return table


def fact_table(rows: list[list[Any]], wide: float, names: float) -> Any:
    """Names and values without lines."""
    table = reportlab("platypus").Table(rows, colWidths=[names * wide, (1 - names) * wide], splitInRow=1, hAlign="LEFT")
    table.setStyle(
        [
            ("FONTNAME", (0, 0), (-1, -1), REGULAR),  # else the file would name Helvetica
            ("VALIGN", (0, 0), (-1, -1), "TOP"),
            ("TEXTCOLOR", (0, 0), (0, -1), HexColor(LIGHT["soft"])),
            ("LEFTPADDING", (0, 0), (-1, -1), 0),
            ("RIGHTPADDING", (0, 0), (-1, -1), 8),
            ("TOPPADDING", (0, 0), (-1, -1), 1),
            ("BOTTOMPADDING", (0, 0), (-1, -1), 1.5),
        ]
    )
    return table
