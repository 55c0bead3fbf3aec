"""How clearly each trace shows in the file: bars, since a radar would make areas of numbers that share no scale."""

from __future__ import annotations

from typing import TYPE_CHECKING

from assay.report.drawing import SMALL, WIDTH, Box, Drawing, Label, Paint, Path, Shape
from assay.report.plots.axes import FRAME, Scale, cut
from assay.report.text import CLEAR

if TYPE_CHECKING:
    from assay.result import Evidence, ScanResult

MOST = 14
FAINT = 0.05  # below it there is nothing to see
LEFT, RIGHT = 210.0, WIDTH - 60
ROW = 24.0


def weighed(result: ScanResult) -> list[Evidence]:
    """Traces with a strength, the clearest first."""
    found = [each for each in result.evidence if each.strength is not None]
    return sorted(found, key=lambda each: (-(each.strength or 0.0), each.name))


def evidence_figure(result: ScanResult) -> Drawing | None:
    """Draw how clear the traces in the file are; None if none of them shows."""
    found = weighed(result)
    if not found or (found[0].strength or 0.0) < FAINT:
        return None
    across = Scale(0.0, 1.0, LEFT, RIGHT)
    shapes: list[Shape] = []
    top = 6.0
    for each in found[:MOST]:
        strength = each.strength or 0.0
        shapes += [
            Label(LEFT - 10, top + 14, cut(each.name.replace("_", " "), 32), anchor="end"),
            Box(LEFT, top + 3, RIGHT - LEFT, ROW - 8, FRAME),
            Box(LEFT, top + 3, max(across(strength) - LEFT, 1.0), ROW - 8, Paint(fill="ink", opacity=0.6)),
            Label(RIGHT + 8, top + 14, f"{strength:.2f}", "ink", SMALL),
        ]
        top += ROW
    clear = across(CLEAR)
    shapes.append(Path(((clear, 4), (clear, top)), Paint(edge="soft", dashed=True)))
    named = ((across(0.0), "not there", "start"), (clear, "clear from here", "middle"), (across(1.0), "certain", "end"))
    for x, text, anchor in named:
        shapes.append(Label(x, top + 13, text, "soft", SMALL, anchor))  # type: ignore[arg-type]
    words = ", ".join(f"{each.name.replace('_', ' ')} {each.strength or 0.0:.2f}" for each in found[:MOST])
    more = f"; and {len(found) - MOST} weaker ones" if len(found) > MOST else ""
    return Drawing(WIDTH, top + 20, "How clear each trace is", f"{words}{more}.", tuple(shapes))
