"""Explains what networks saw in a video: its most telling frames; the sound track goes the way of recordings.

A video is not watched a second time. Some frames spread over it, and some where its most suspicious person scores
highest, are scored by themselves, and the two that speak most for a spoof are explained: whole frame and most
suspicious face, each calibrated as the scan does it, by their mean, since the scan gives both the same weight. What
faces do over time has no place in a frame and is not explained.

A network of the zoo sees a video as a row of frames or of features: each is replaced by the one before it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from assay.explain.crop import Crop
from assay.explain.deletion import Flags, deletion_test
from assay.explain.explanation import Faithfulness, Range
from assay.explain.parallel import asked
from assay.explain.pictures import GRIDS, PictureFindings, Seen, explain_picture
from assay.explain.places import coverage, stretches
from assay.image.looks import LOOKS, Look, Pixels, Square, cut, face_square, whole_square

if TYPE_CHECKING:
    from assay.image.faces import FaceFinder
    from assay.media.videos import Video
    from assay.result import ScanResult
    from assay.video.frames import Frame
    from assay.video_eyes import Eyes
    from assay.views.form import Array
    from assay.views.network import Network

SPREAD, NEAR = 8, 4  # frames that are tried: all over the video, and around its most suspicious person
EXPLAINED = 2  # frames
APART_S = 0.3
MOST = 3  # ranges that are told
Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Shot:
    """A frame and what its looks say.

    Attributes:
        time_s: When it is shown.
        pixels: uint8 RGB, shape (height, width, 3).
        looks: What is looked at, and where.
        llr: Mean of the looks' llrs.
    """

    time_s: float
    pixels: Pixels
    looks: tuple[tuple[Look, Square], ...]
    llr: float


@dataclass(frozen=True)
class OverTime:
    """What was found of a row of frames or features."""

    ranges: tuple[Range, ...]
    coverage: float
    faithfulness: Faithfulness | None


def telling_frames(video: Video, eyes: Eyes, finder: FaceFinder, result: ScanResult) -> list[Shot]:
    """The frames that speak most for a spoof, of some that are tried; the strongest first.

    Args:
        video: Opened.
        eyes: Score frames.
        finder: Finds faces.
        result: Of the scan, which tells where to look.
    """
    shots = [shot for frame in _tried(video, result) if (shot := _shot(frame, eyes, finder)) is not None]
    chosen: list[Shot] = []
    for shot in sorted(shots, key=lambda one: (-one.llr, one.time_s)):
        if len(chosen) < EXPLAINED and all(abs(shot.time_s - one.time_s) >= APART_S for one in chosen):
            chosen.append(shot)
    return chosen


def explain_shot(shot: Shot, eyes: Eyes, *, threads: int = 1, label: str = "") -> PictureFindings:
    """Hide places in one frame.

    Args:
        shot: The frame.
        eyes: Asked.
        threads: Of the settings.
        label: What it is about.
    """
    crops = [
        Crop(square, cut(shot.pixels, square, eyes.pictures.card.input_pixels), *GRIDS[look])
        for look, square in shot.looks
    ]

    def llr(shown: Sequence[Pixels | None]) -> float:
        return _mean(
            eyes,
            [
                (look, crop.pixels if given is None else given)
                for (look, _), crop, given in zip(shot.looks, crops, shown, strict=True)
            ],
        )

    height, width = shot.pixels.shape[:2]
    seen = Seen(height, width, tuple(crops), llr, threads)
    return explain_picture(seen, kind="frame", time_s=round(shot.time_s, 3), label=label)


def explain_row(network: Network, stored: Array, duration_s: float, *, threads: int = 1) -> OverTime:
    """Replace frames or features by those before them.

    Args:
        network: Of the zoo, for videos.
        stored: What its reader made of the video, shape (frames, ...).
        duration_s: Time that these are spread over.
        threads: Of the settings.
    """
    whole = network.card.calibration.of(network.logit(stored))
    each_s = duration_s / len(stored)

    def ask(marks: Sequence[Flags]) -> Floats:
        return asked(
            lambda marked: network.card.calibration.of(network.logit(_without(stored, marked))), marks, threads=threads
        )

    lost = whole - ask(list(np.eye(len(stored), dtype=bool)))
    when = stretches(lost, MOST)
    spans = [np.isin(np.arange(len(stored)), range(*ends)) for ends in when]
    costs = whole - ask(spans) if spans else np.zeros(0)
    ranges = [
        Range(round(first * each_s, 3), round(last * each_s, 3), float(cost))
        for (first, last), cost in zip(when, costs, strict=True)
        if cost > 0
    ]
    return OverTime(tuple(ranges), coverage(lost), deletion_test(lost, ask, whole))


def _without(stored: Array, marked: Flags) -> Array:
    """Marked rows replaced by the last one before them that is not; by the first one behind them at the beginning."""
    kept = np.flatnonzero(~marked)
    if not kept.size:
        return np.repeat(stored[:1], len(stored), axis=0)
    before = np.searchsorted(kept, np.arange(len(stored)), side="right") - 1
    return stored[kept[np.maximum(before, 0)]]


def _tried(video: Video, result: ScanResult) -> Iterator[Frame]:
    seen: set[int] = set()
    asked_for = [(0.0, None, SPREAD), *([(*when, NEAR)] if (when := _where(result)) else [])]
    for start_s, end_s, count in asked_for:
        for frame in video.frames(num_frames=count, start_s=start_s, end_s=end_s):
            if frame.index not in seen:
                seen.add(frame.index)
                yield frame


def _where(result: ScanResult) -> tuple[float, float] | None:
    """When the most suspicious person scores highest."""
    found = [(one.llr, one.start_s, one.end_s) for person in result.persons for one in person.stretches]
    if not found:
        return None
    _, start_s, end_s = max(found)
    return (start_s, end_s) if end_s > start_s else None


def _shot(frame: Frame, eyes: Eyes, finder: FaceFinder) -> Shot | None:
    """None for a frame in which nothing is large enough."""
    height, width = frame.pixels.shape[:2]
    detector = eyes.pictures
    looks: list[tuple[Look, Square]] = []
    faces = finder.find(frame.pixels)
    logits = [-np.inf if one is None else one.logit for one in detector.describe(frame.pixels, faces)]
    if faces and max(logits) > -np.inf:
        square = face_square(faces[int(np.argmax(logits))], height, width)
        assert square is not None
        looks.append(("face", detector.seen("face", square)))
    if (whole := whole_square(height, width)) is not None:
        looks.append(("whole", detector.seen("whole", whole)))
    if not looks:
        return None
    shown: list[tuple[Look, Pixels]] = [
        (look, cut(frame.pixels, square, detector.card.input_pixels)) for look, square in looks
    ]
    return Shot(frame.time_s, frame.pixels, tuple(looks), _mean(eyes, shown))


def _mean(eyes: Eyes, shown: Sequence[tuple[Look, Pixels]]) -> float:
    """Mean llr of looks, by the scales that the card of videos has for frames."""
    card = eyes.detector.card
    scales = {"face": card.frame, "whole": card.whole}
    llrs = [
        scales[look].of(float(eyes.pictures.shown_logits(pixels[None])[0, LOOKS.index(look)])) for look, pixels in shown
    ]
    return float(np.mean(llrs))
