"""A drawing as SVG: no scripts, no styles, no ids; so that any number of them may stand in one page.

Each shape names its colour twice: as a class, which a page gives the colour of its theme (`STYLE`), and as it is on
white paper, for where an SVG stands alone. Ink is `currentColor` there.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from html import escape

from assay.look import LIGHT, Colour, variable
from assay.report.drawing import Box, Drawing, Label, Paint, Path, Raster, Shape

STYLE = "\n".join(
    f".f-{name} {{ fill: var({variable(name)}); }} .s-{name} {{ stroke: var({variable(name)}); }}" for name in LIGHT
)
FONT = "system-ui, 'DejaVu Sans', sans-serif"


def svg(drawing: Drawing) -> str:
    """The drawing as an SVG element.

    Args:
        drawing: Whatever it names is escaped.
    """
    width, height = number(drawing.width), number(drawing.height)
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="{escape(f"{drawing.title}. {drawing.words}")}"'
        f' viewBox="0 0 {width} {height}" width="{width}" height="{height}" font-family="{escape(FONT)}"'
        f' color="{LIGHT["ink"]}">'
    )
    return "\n".join([head, *map(_shape, drawing.shapes), "</svg>"])


def number(value: float) -> str:
    """A coordinate, to a hundredth of a unit."""
    return f"{value:.2f}".rstrip("0").rstrip(".") if value else "0"


def _shape(shape: Shape) -> str:
    if isinstance(shape, Box):
        return f"<rect {_place(shape)} {_paint(shape.paint)}/>"
    if isinstance(shape, Path):
        points = " ".join(f"{number(x)},{number(y)}" for x, y in shape.points)
        return f'<{"polygon" if shape.closed else "polyline"} points="{points}" {_paint(shape.paint)}/>'
    if isinstance(shape, Label):
        return _label(shape)
    address = f"data:{shape.mime};base64,{base64.b64encode(shape.data).decode()}"
    sharp = "" if shape.smooth else ' image-rendering="pixelated"'
    return f'<image {_place(shape)} preserveAspectRatio="none"{sharp} href="{address}"/>'


def _label(label: Label) -> str:
    weight = ' font-weight="600"' if label.bold else ""
    return (
        f'<text x="{number(label.x)}" y="{number(label.y)}" font-size="{number(label.size)}"'
        f' text-anchor="{label.anchor}"{weight} class="f-{label.colour}" fill="{_alone(label.colour)}">'
        f"{escape(label.text)}</text>"
    )


def _place(shape: Box | Raster) -> str:
    return " ".join(f'{name}="{number(getattr(shape, name))}"' for name in ("x", "y", "width", "height"))


def _paint(paint: Paint) -> str:
    return " ".join(_attributes(paint))


def _attributes(paint: Paint) -> Iterator[str]:
    names = [f"f-{paint.fill}"] * (paint.fill is not None) + [f"s-{paint.edge}"] * (paint.edge is not None)
    yield f'class="{" ".join(names)}"'
    yield f'fill="{"none" if paint.fill is None else _alone(paint.fill)}"'
    if paint.fill is not None and paint.opacity < 1:
        yield f'fill-opacity="{number(paint.opacity)}"'
    if paint.edge is not None:
        yield f'stroke="{_alone(paint.edge)}" stroke-width="{number(paint.width)}"'
        if paint.dashed:
            yield 'stroke-dasharray="4 3"'


def _alone(colour: Colour) -> str:
    return "currentColor" if colour == "ink" else LIGHT[colour]
