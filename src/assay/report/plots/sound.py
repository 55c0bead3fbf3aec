"""A recording over time: waveform, spectrogram, score, and what stands out, one below the other on one clock."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np

from assay.report.drawing import SMALL, WIDTH, Box, Drawing, Label, Paint, Path, Raster, Shape, hatched
from assay.report.plots.axes import FRAME, GRID, Scale, marked, time_axis
from assay.report.plots.colours import overlay_png, spectrogram_png
from assay.report.seen import FLOOR_DB, Sound
from assay.report.text import span

if TYPE_CHECKING:
    from assay.explain import Saliency
    from assay.result import ScanResult, Timeline

LEFT, RIGHT = 76.0, WIDTH - 8
MOST_CHANNELS = 6
MOST_MARKS = 200
MOST_POINTS = 2000  # of a lane; a result holds 1,000
WAVE, SPECTROGRAM, SCORE, GAP = 62.0, 132.0, 96.0, 14.0
LOW, MIDDLE, HIGH = 0.0, 0.5, 1.0


def sound_figure(result: ScanResult, sound: Sound | None = None, saliency: Saliency | None = None) -> Drawing | None:
    """Draw a recording or a sound track; None if it has neither a score over time nor a waveform.

    Args:
        result: Has the timeline, and what stands out.
        sound: Of its medium; None leaves out waveform and spectrogram.
        saliency: Of kind ``spectrogram``, laid over the spectrogram, which is grey then, or over a plain ground; the
            waveform is left out.
    """
    lanes = result.timeline[:MOST_CHANNELS]
    if not lanes and sound is None:
        return None
    length = max(
        result.duration_s or 0.0, *(each.start_s + each.step_s * len(each.spoof_probability) for each in lanes), 1e-3
    )
    time = Scale(0.0, min(length, result.duration_s or length), LEFT, RIGHT)
    shapes: list[Shape] = []
    top = 12.0
    if sound is not None and saliency is None:
        shapes += _wave(sound, time, top)
        top += WAVE + GAP
    if sound is not None or saliency is not None:
        shapes += _spectrogram(sound, saliency, time, top)
        top += SPECTROGRAM + GAP
    for lane in lanes:
        shapes += _lane(lane, time, top, named=len(result.timeline) > 1)
        top += SCORE + GAP
    bottom = top - GAP
    shapes += _stretches(result, time, 12.0, bottom, tinted=saliency is None)
    shapes += time_axis(time, bottom)
    if len(result.timeline) > MOST_CHANNELS:
        left_out = f"and {len(result.timeline) - MOST_CHANNELS} channels more"
        shapes.append(Label(RIGHT, bottom + 32, left_out, "soft", SMALL, "end"))
        bottom += 16
    return Drawing(WIDTH, bottom + 24, "The sound over time", _words(result, sound, saliency), tuple(shapes))


def _words(result: ScanResult, sound: Sound | None, saliency: Saliency | None) -> str:
    told = [
        "waveform and spectrogram" if sound is not None and saliency is None else "",
        "where the network reacted" if saliency is not None else "",
        "probability of synthesis" if result.timeline else "",
    ]
    marks = [span(each.start_s, each.end_s) for each in result.segments if each.suspicious][:MOST_MARKS]
    stands = f" What stands out: {', '.join(marks)}." if marks else " No stretch is marked."
    return f"From top to bottom: {', '.join(filter(None, told))}.{stands}"


def _side(top: float, height: float, *lines: str) -> Iterator[Shape]:
    """Name of a lane, beside it."""
    for k, line in enumerate(lines):
        yield Label(LEFT - 40, top + height / 2 + 4 + 13 * (k - (len(lines) - 1) / 2), line, "soft", SMALL, "end")


def _wave(sound: Sound, time: Scale, top: float) -> Iterator[Shape]:
    yield Box(LEFT, top, time(sound.duration_s) - LEFT, WAVE, FRAME)
    most = max(float(np.abs(sound.wave).max(initial=0.0)), 1e-4)
    down = Scale(-most, most, top + WAVE - 2, top + 2)
    xs = [time(sound.duration_s * (k + 0.5) / sound.wave.shape[1]) for k in range(sound.wave.shape[1])]
    upper = [(x, down(float(y))) for x, y in zip(xs, sound.wave[1], strict=True)]
    lower = [(x, down(float(y)) + 0.5) for x, y in zip(xs, sound.wave[0], strict=True)]
    yield Path((*upper, *lower[::-1]), Paint(fill="ink", opacity=0.75), closed=True)
    yield Label(LEFT - 8, top + WAVE / 2 + 4, "wave", "soft", SMALL, "end")


def _spectrogram(sound: Sound | None, saliency: Saliency | None, time: Scale, top: float) -> Iterator[Shape]:
    high_hz = sound.high_hz if sound is not None else float(saliency.high_hz or 8000.0) if saliency else 8000.0
    down = Scale(0.0, high_hz, top + SPECTROGRAM, top)
    if sound is None:
        yield Box(LEFT, top, RIGHT - LEFT, SPECTROGRAM, FRAME)
    else:
        image = spectrogram_png(sound.levels, floor_db=FLOOR_DB, grey=saliency is not None)
        yield Raster(LEFT, top, time(sound.duration_s) - LEFT, SPECTROGRAM, image)
    if saliency is not None:
        left, right = time(saliency.start_s or 0.0), time(saliency.end_s or time.high)
        upper, lower = down(saliency.high_hz or high_hz), down(saliency.low_hz or 0.0)
        image = overlay_png(saliency.values, upwards=True)
        yield Raster(left, upper, right - left, lower - upper, image)
    for hertz in range(0, int(high_hz) + 1, 2000):
        yield Path(((LEFT - 4, down(hertz)), (LEFT, down(hertz))), Paint(edge="soft"))
        yield Label(LEFT - 8, down(hertz) + 4, f"{hertz / 1000:g} kHz", "soft", SMALL, "end")


def _lane(lane: Timeline, time: Scale, top: float, *, named: bool) -> Iterator[Shape]:
    """Probability over time: above the middle line it speaks for synthesis, below against it."""
    down = Scale(LOW, HIGH, top + SCORE, top)
    yield Box(LEFT, top, time(time.high) - LEFT, SCORE, FRAME)
    for share in (0.25, 0.75):
        yield Path(((LEFT, down(share)), (time(time.high), down(share))), GRID)
    values = lane.spoof_probability[:MOST_POINTS]
    for scored, places in groupby(range(len(values)), key=lambda k: values[k] is not None):
        run = list(places)
        edges = [time(lane.start_s + lane.step_s * k) for k in (*run, run[-1] + 1)]
        if scored:
            yield from _run([float(values[k] or 0.0) for k in run], edges, down)
        else:
            yield from hatched(edges[0], top, edges[-1] - edges[0], SCORE)
    yield Path(((LEFT, down(MIDDLE)), (time(time.high), down(MIDDLE))), Paint(edge="soft", dashed=True))
    for share in (LOW, MIDDLE, HIGH):
        yield Label(
            LEFT - 8,
            down(share) + (10 if share == HIGH else 0 if share == LOW else 4),
            f"{100 * share:.0f} %",
            "soft",
            SMALL,
            "end",
        )
    if named:
        yield Label(LEFT + 6, top + 13, f"channel {lane.channel}" if lane.channel is not None else "mean", "ink", SMALL)


def _run(values: list[float], edges: list[float], down: Scale) -> Iterator[Shape]:
    """One unbroken stretch of scores, as steps; filled from the middle line on."""
    middle = down(MIDDLE)
    for above in (True, False):
        points = [(edges[0], middle)]
        for value, left, right in zip(values, edges, edges[1:], strict=False):
            y = down(value) if (value > MIDDLE) == above else middle
            points += [(left, y), (right, y)]
        points.append((edges[-1], middle))
        yield Path(tuple(points), Paint(fill="spoof" if above else "bona_fide", opacity=0.35), closed=True)
    line = [point for v, a, b in zip(values, edges, edges[1:], strict=False) for point in ((a, down(v)), (b, down(v)))]
    yield Path(tuple(line), Paint(edge="ink", width=1.3))


def _stretches(result: ScanResult, time: Scale, top: float, bottom: float, *, tinted: bool) -> Iterator[Shape]:
    for each in [one for one in result.segments if one.suspicious][:MOST_MARKS]:
        yield from marked(time(each.start_s), time(each.end_s), top, bottom, tinted=tinted)
