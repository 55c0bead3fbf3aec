"""What several drawings share: scales, ticks, times, marks of what stands out."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from assay.look import Colour
from assay.report.drawing import SMALL, Box, Label, Paint, Path, Shape
from assay.report.text import clock

GRID = Paint(edge="line", width=0.8)
FRAME = Paint(fill="bar")
_STEPS_S = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400)


@dataclass(frozen=True)
class Scale:
    """A straight map from values to coordinates; values outside are drawn at the edge.

    Attributes:
        low, high: Values; if they are equal, everything is in the middle.
        start, end: Where they are drawn.
    """

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """Coordinate of a value."""
        if self.high <= self.low:
            return (self.start + self.end) / 2
        share = min(max((value - self.low) / (self.high - self.low), 0.0), 1.0)
        return self.start + share * (self.end - self.start)


def ticks(low: float, high: float, most: int) -> list[float]:
    """At most `most` round values within a range."""
    if not high > low:
        return [low]
    rough = (high - low) / most
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(each * power for each in (1, 2, 5, 10) if each * power >= rough * (1 - 1e-9))
    first = math.ceil(low / step - 1e-9)
    return [round(k * step, 10) for k in range(first, math.floor(high / step + 1e-9) + 1)]


def time_axis(scale: Scale, bottom: float) -> Iterator[Shape]:
    """Ticks and times below a drawing."""
    wide = scale.end - scale.start
    step = next((each for each in _STEPS_S if (scale.high - scale.low) / each <= wide / 62), 28800)
    for k in range(math.ceil(scale.low / step), math.floor(scale.high / step + 1e-9) + 1):
        x = scale(k * step)
        yield Path(((x, bottom), (x, bottom + 4)), Paint(edge="soft"))
        named = clock(k * step) if step >= 1 else f"{k * step:.1f} s"
        yield Label(x, bottom + 16, named, "soft", SMALL, "middle")


def marked(left: float, right: float, top: float, bottom: float, *, tinted: bool = True) -> Iterator[Shape]:
    """A stretch that stands out: tinted, framed, and with a bar above, so that it shows without colour too."""
    wide = max(right - left, 1.5)
    if tinted:
        yield Box(left, top, wide, bottom - top, Paint(fill="spoof", opacity=0.13))
    yield Box(left, top, wide, bottom - top, Paint(edge="spoof", width=1.4))
    yield Box(left, top - 5, wide, 5, Paint(fill="spoof"))


def leaning(llr: float | None) -> Colour:
    """Colour of evidence: which way it leans."""
    if llr is None:
        return "soft"
    return "spoof" if llr > 0 else "bona_fide"


def wrapped(text: str, most: int) -> list[str]:
    """Lines of at most so many characters, broken between words; longer words are cut with an ellipsis."""
    lines = [""]
    for word in text.split():
        word = word if len(word) <= most else f"{word[: most - 1]}…"
        if lines[-1] and len(lines[-1]) + 1 + len(word) > most:
            lines.append("")
        lines[-1] += f"{' ' if lines[-1] else ''}{word}"
    return lines


def cut(text: str, most: int) -> str:
    """Text of at most so many characters."""
    return text if len(text) <= most else f"{text[: most - 1].rstrip()}…"
