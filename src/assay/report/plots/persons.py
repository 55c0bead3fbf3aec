"""The persons of a video over time: when each is seen, speaks, and stands out."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from assay.report.drawing import SMALL, WIDTH, Box, Drawing, Label, Paint, Path, Raster, Shape
from assay.report.plots.axes import FRAME, Scale, leaning, marked, time_axis
from assay.report.plots.colours import photograph
from assay.report.seen import FACE_PIXELS
from assay.report.text import percent, span

if TYPE_CHECKING:
    from collections.abc import Mapping

    from assay.report.seen import Pixels
    from assay.result import Person, ScanResult

MOST_PERSONS = 12
MOST_STRETCHES = 2000
LEFT, RIGHT = 150.0, WIDTH - 82
ROW, GAP, BAR = 38.0, 6.0, 16.0
FACE = 36.0


def shown_persons(result: ScanResult) -> list[Person]:
    """Those that are drawn, in order of appearance; of many the most suspicious."""
    rank = sorted(result.persons, key=lambda one: (-(one.llr if one.llr is not None else -math.inf), one.id))
    return sorted(rank[:MOST_PERSONS], key=lambda one: one.id)


def persons_figure(result: ScanResult, faces: Mapping[int, Pixels]) -> Drawing | None:
    """Draw the persons of a video; None if there is none.

    Args:
        result: Of a video.
        faces: What is shown of them, by person.
    """
    persons = shown_persons(result)
    if not persons:
        return None
    time = Scale(0.0, max(result.duration_s or 0.0, *(one.end_s for one in persons)), LEFT, RIGHT)
    shapes: list[Shape] = []
    top = 20.0
    for person in persons:
        shapes += _person(person, time, top, faces.get(person.id))
        top += ROW + GAP
    bottom = top - GAP + 2
    shapes += time_axis(time, bottom)
    shapes.append(Label(WIDTH - 8, 11, "synthetic?", "soft", SMALL, "end"))
    if len(result.persons) > MOST_PERSONS:
        left_out = f"and {len(result.persons) - MOST_PERSONS} persons more, all less suspicious"
        shapes.append(Label(RIGHT, bottom + 32, left_out, "soft", SMALL, "end"))
        bottom += 16
    words = "; ".join(
        f"person {one.id}: {span(one.start_s, one.end_s)}, {_probability(one)}"
        f"{', stands out' if any(each.suspicious for each in one.stretches) else ''}"
        for one in persons
    )
    return Drawing(WIDTH, bottom + 24, "The persons over time", f"{words}.", tuple(shapes))


def _probability(person: Person) -> str:
    return "not scored" if person.spoof_probability is None else percent(person.spoof_probability)


def _person(person: Person, time: Scale, top: float, face: Pixels | None) -> Iterator[Shape]:
    if face is not None:
        yield Raster(4, top + 1, FACE, FACE, photograph(face, 2 * FACE_PIXELS))
    yield Label(54, top + 17, f"person {person.id}", bold=True)
    if person.voice or person.speaking:
        yield Label(54, top + 31, "speaks", "soft", SMALL)
    yield Box(LEFT, top, RIGHT - LEFT, ROW, FRAME)
    left, right = time(person.start_s), max(time(person.end_s), time(person.start_s) + 2)
    bar = top + 7
    yield Box(left, bar, right - left, BAR, Paint(fill=leaning(person.llr), opacity=0.22))
    yield Box(left, bar, right - left, BAR, Paint(edge="soft", width=0.8))
    for stretch in person.stretches[:MOST_STRETCHES]:
        begin, end = time(stretch.start_s), max(time(stretch.end_s), time(stretch.start_s) + 1)
        if stretch.suspicious:
            yield from marked(begin, end, bar, bar + BAR)
    yield from _course(person, time, bar)
    for speech in person.speaking[:MOST_STRETCHES]:
        begin, end = time(speech.start_s), max(time(speech.end_s), time(speech.start_s) + 1)
        yield Path(((begin, top + ROW - 7), (end, top + ROW - 7)), Paint(edge="ink", width=3))
    yield Label(WIDTH - 8, top + 22, _probability(person), "ink", SMALL, "end", bold=True)


def _course(person: Person, time: Scale, bar: float) -> Iterator[Shape]:
    """Probability of each stretch as a line within the bar: low at its foot, high at its top."""
    down = Scale(0.0, 1.0, bar + BAR - 2, bar + 2)
    points = [
        ((time(each.start_s) + time(each.end_s)) / 2, down(each.spoof_probability))
        for each in sorted(person.stretches[:MOST_STRETCHES], key=lambda one: (one.start_s, one.end_s))
    ]
    if len(points) == 1:
        (x, y) = points[0]
        points = [(x - 4, y), (x + 4, y)]
    if points:
        yield Path(tuple(points), Paint(edge="ink", width=1.3))
