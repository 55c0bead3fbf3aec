"""The score against what the card knows: where the verdict turns, and how bona fide files of development lie.

Decisions: a recording or picture is drawn against the distribution of whole files on its card, which was measured on
development data of bona fide files only; for recordings on files of one window, and longer ones vary less. A video has
no such distribution of the fused score, so its parts are drawn each on its own scale.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from assay.models.card import DetectorCard, PictureCard, TailModel, ZooCard
from assay.report.drawing import SMALL, WIDTH, Box, Drawing, Label, Paint, Path, Shape
from assay.report.plots.axes import GRID, Scale, ticks
from assay.report.text import PARTS, percent, signed

if TYPE_CHECKING:
    from assay.models.card import Card
    from assay.result import FusedPart, ScanResult

LEFT, RIGHT = 60.0, WIDTH - 16
CURVE, ZONE, ROW = 110.0, 22.0, 40.0


def probability_figure(result: ScanResult) -> Drawing | None:
    """Draw the probability with its interval on a line from 0 to 100 %; None without a score."""
    if result.spoof_probability is None:
        return None
    across = Scale(0.0, 1.0, 24.0, WIDTH - 24)
    shapes: list[Shape] = [
        Box(across(0.0), 26, across(0.5) - across(0.0), 12, Paint(fill="bona_fide", opacity=0.25)),
        Box(across(0.5), 26, across(1.0) - across(0.5), 12, Paint(fill="spoof", opacity=0.25)),
    ]
    words = f"Probability of synthesis {percent(result.spoof_probability)}"
    if result.interval is not None:
        low, high = map(across, result.interval)
        shapes.append(Path(((low, 32), (high, 32)), Paint(edge="ink", width=2.0)))
        shapes += [Path(((x, 27), (x, 37)), Paint(edge="ink", width=2.0)) for x in (low, high)]
        words += f", 90 % interval {' to '.join(map(percent, result.interval))}"
    x = across(result.spoof_probability)
    shapes.append(Path(((x, 23), (x - 6, 12), (x + 6, 12)), Paint(fill="ink"), closed=True))
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        shapes.append(Path(((across(share), 38), (across(share), 42)), Paint(edge="soft")))
        shapes.append(Label(across(share), 54, f"{100 * share:.0f} %", "soft", SMALL, "middle"))
    return Drawing(WIDTH, 60, "Probability of synthesis", f"{words}.", tuple(shapes))


def score_figure(result: ScanResult, card: Card | None) -> Drawing | None:
    """Draw the score against the distribution and the thresholds; None where they are not known, or of something else.

    Args:
        result: Has the score and the thresholds.
        card: Of the model that answered; None draws the thresholds alone.
    """
    if result.fusion is not None:
        return _parts(result.fusion.parts)
    point = result.operating_point
    if result.llr is None or point is None or of_a_part(result):
        return None
    tail = tail_of(card)
    reach = [result.llr, point.threshold_llr, point.bona_fide_below_llr, *(tail.values if tail else ())]
    across = _scale(reach)
    shapes: list[Shape] = []
    top = 8.0
    if tail is not None:
        shapes += _curve(tail, across, top)
        top += CURVE + 6
    else:
        top += 24  # for the words at the marker
    low, high = sorted((point.bona_fide_below_llr, point.threshold_llr))
    shapes += _zones(across, top, low, high, names_at=top + 15)
    shapes += _marker(across, result.llr, 8.0, top, f"this file: {signed(result.llr)}")
    shapes += _axis(across, top + ZONE)
    words = f"Score {signed(result.llr)}; no sign up to {signed(low)}, synthetic from {signed(high)}."
    return Drawing(WIDTH, top + ZONE + 24, "The score, and where the verdict turns", words, tuple(shapes))


def of_a_part(result: ScanResult) -> bool:
    """Whether the score may be that of the part that stands out, which thresholds of whole files do not concern."""
    before = result.stability.verdict if result.stability is not None else result.verdict
    return result.fusion is None and "mixed" in (result.verdict, before)


def tail_of(card: Card | None) -> TailModel | None:
    """Distribution of the score over bona fide files, if the card has one."""
    return card.decision.file if isinstance(card, (DetectorCard, PictureCard, ZooCard)) else None


def _scale(values: list[float]) -> Scale:
    low, high = min(values), max(values)
    rim = max(0.06 * (high - low), 0.5)
    return Scale(low - rim, high + rim, LEFT, RIGHT)


def _curve(tail: TailModel, across: Scale, top: float) -> Iterator[Shape]:
    """Share of bona fide files with at least that score."""
    down = Scale(0.0, 1.0, top + CURVE, top)
    for share in (0.0, 0.5, 1.0):
        yield Path(((LEFT, down(share)), (RIGHT, down(share))), GRID)
        yield Label(LEFT - 8, down(share) + 4, f"{100 * share:.0f} %", "soft", SMALL, "end")
    xs = [across.low + (across.high - across.low) * k / 160 for k in range(161)]
    # Below what was measured every bona fide file scores higher.
    ys = [1.0 if x < tail.values[0] else tail.p_value(x) for x in xs]
    line = tuple((across(x), down(y)) for x, y in zip(xs, ys, strict=True))
    yield Path(((LEFT, down(0.0)), *line, (RIGHT, down(0.0))), Paint(fill="bona_fide", opacity=0.2), closed=True)
    yield Path(line, Paint(edge="bona_fide", width=1.6))


def _zones(across: Scale, top: float, low: float, high: float, *, names_at: float | None) -> Iterator[Shape]:
    """Three stretches of the scale, each with its name where there is room for it."""
    edges = (across.start, across(low), across(high), across.end)
    kinds = (("bona_fide", "no sign found"), ("soft", "cannot tell"), ("spoof", "synthetic"))
    for (colour, name), left, right in zip(kinds, edges, edges[1:], strict=False):
        yield Box(left, top, right - left, ZONE, Paint(fill=colour, opacity=0.25))  # type: ignore[arg-type]
        if names_at is not None and right - left > 0.62 * SMALL * len(name):
            yield Label((left + right) / 2, names_at, name, "ink", SMALL, "middle")
    for x in edges[1:3]:
        yield Path(((x, top), (x, top + ZONE)), Paint(edge="ink", width=1.2))


def _marker(across: Scale, llr: float, top: float, bottom: float, told: str) -> Iterator[Shape]:
    x, at = across(llr), top + max(0.0, 0.36 * (bottom - top) - 8)
    yield Path(((x, top), (x, bottom)), Paint(edge="ink", width=2.2))
    yield Path(((x - 5, bottom), (x + 5, bottom), (x, bottom + 7)), Paint(fill="ink"), closed=True)
    right = x < (LEFT + RIGHT) / 2
    # A ground of its own, so that the curve does not run through the words.
    long = 0.6 * SMALL * len(told) + 8
    yield Box(x + 3 if right else x - 3 - long, at, long, SMALL + 6, Paint(fill="page", opacity=0.85))
    yield Label(x + 7 if right else x - 7, at + SMALL + 1, told, "ink", SMALL, "start" if right else "end", bold=True)


def _axis(across: Scale, bottom: float) -> Iterator[Shape]:
    for value in ticks(across.low, across.high, 12):
        yield Path(((across(value), bottom), (across(value), bottom + 4)), Paint(edge="soft"))
        yield Label(across(value), bottom + 16, f"{value:+g}" if value else "0", "soft", SMALL, "middle")


def _parts(parts: tuple[FusedPart, ...]) -> Drawing:
    """Each part of a video on the same scale, with its own thresholds."""
    values = [v for part in parts for v in (part.llr, part.threshold_llr, part.bona_fide_below_llr)]
    across = Scale(min(values) - 0.6, max(values) + 0.6, 120.0, RIGHT)
    shapes: list[Shape] = []
    top = 22.0
    for k, part in enumerate(parts):
        low, high = sorted((part.bona_fide_below_llr, part.threshold_llr))
        shapes += _zones(across, top, low, high, names_at=top - 7 if k == 0 else None)
        x = across(part.llr)
        shapes.append(Path(((x, top - 2), (x, top + ZONE + 2)), Paint(edge="ink", width=3)))
        shapes.append(Label(108, top + 15, PARTS[part.name], anchor="end"))
        told = f"{signed(part.llr)}, weight {part.weight:.2f}{', stands out' if part.stands_out else ''}"
        room = "start" if x < (across.start + across.end) / 2 else "end"
        shapes.append(Label(x + (6 if room == "start" else -6), top + ZONE + 13, told, "ink", SMALL, room))  # type: ignore[arg-type]
        top += ROW + 4
    shapes += _axis(across, top - 2)
    words = "; ".join(
        f"{PARTS[part.name]} {signed(part.llr)}, no sign up to {signed(part.bona_fide_below_llr)},"
        f" synthetic from {signed(part.threshold_llr)}"
        for part in parts
    )
    return Drawing(WIDTH, top + 22, "The scores of the parts", f"{words}.", tuple(shapes))


def rarity(tail: TailModel, llr: float) -> str:
    """How rare such a score is among bona fide files, in words; never surer than the data."""
    share = 1.0 if llr < tail.values[0] else tail.p_value(llr)
    beyond = " (beyond what was measured)" if llr > tail.values[-1] else ""
    told = percent(share) if math.isfinite(share) else "an unknown share"
    return f"{told} of the bona fide files of development score at least as high{beyond}"
