"""Explains what a network saw in a picture: patches of its looks are blurred, and the scan's own score is taken again.

Each look (faces, the whole, pieces; see `assay.image.looks`) is asked by itself, in the pixels that the network sees:
patches lose their detail and keep their colour, with soft edges. What a look loses enters the llr of the picture as the
scan fuses it, and lands on the pixels of the original that the look shows; where looks overlap, their evidence adds up.

Of a picture that is flagged for one face, the llr of that face is explained.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from assay.explain.adaptive import Box, occlude
from assay.explain.crop import Crop
from assay.explain.deletion import Flags, deletion_test
from assay.explain.explanation import Faithfulness, Region, Saliency, SaliencyKind
from assay.explain.parallel import asked
from assay.explain.places import coverage, patches, respread
from assay.image.detector import LookScore, PictureDetector, PictureScores, fused
from assay.image.looks import LOOKS, Pixels, Square, cut

if TYPE_CHECKING:
    from assay.views.network import Network

CELLS = 48  # of a map, along the longer side
MOST_FACES, MOST_PIECES = 3, 8  # that are asked; others keep what they gave
GRIDS = {"face": (8, 2, (5,)), "whole": (8, 2, (6,)), "piece": (2, 1, ())}  # cells, first boxes, boxes cut in four
BLOCKS = 10  # of the deletion test, along the longer side
MOST = 3  # regions that are told
Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Seen:
    """A picture, what a network sees of it, and how that is scored.

    Attributes:
        height, width: Of the picture.
        crops: Those that are asked.
        llr: Score of the picture when crops show other pixels, given one each, or None for what they showed.
        threads: As the settings have it.
        partial: Whether one face is explained.
    """

    height: int
    width: int
    crops: tuple[Crop, ...]
    llr: Callable[[Sequence[Pixels | None]], float]
    threads: int = 1
    partial: bool = False


@dataclass(frozen=True)
class PictureFindings:
    """What was found of a picture; fields as of `assay.explain.explanation.Explanation`."""

    saliency: Saliency
    regions: tuple[Region, ...]
    coverage: float
    faithfulness: Faithfulness | None


def seen_by_detector(
    detector: PictureDetector, pixels: Pixels, scores: PictureScores, *, threads: int = 1, face: bool = False
) -> Seen | None:
    """What the shipped detector saw; None if there was nothing to look at.

    Args:
        detector: Asked.
        pixels: uint8 RGB, shape (height, width, 3).
        scores: What it gave.
        threads: Of the settings.
        face: Explain the most suspicious face alone, of a picture that is flagged for it.
    """
    chosen = _chosen(scores, face=face)
    if not chosen:
        return None
    squares = [detector.seen(one.look, one.square) for one in chosen]
    side, card = detector.card.input_pixels, detector.card
    crops = [
        Crop(square, cut(pixels, square, side), *GRIDS[one.look]) for one, square in zip(chosen, squares, strict=True)
    ]

    def llr(shown: Sequence[Pixels | None]) -> float:
        told = {id(one): _again(detector, one, given) for one, given in zip(chosen, shown, strict=True)}
        if face:
            return told[id(chosen[0])].llr
        return fused([told.get(id(one), one) for one in scores.looks], card)

    height, width = pixels.shape[:2]
    return Seen(height, width, tuple(crops), llr, threads, partial=face)


def seen_by_network(network: Network, pixels: Pixels, name: str, *, threads: int = 1) -> Seen | None:
    """What a network of the zoo saw; None if the picture is too small.

    Args:
        network: For pictures.
        pixels: uint8 RGB, shape (height, width, 3).
        name: Of the picture, for messages.
        threads: Of the settings.
    """
    square = network.square(pixels)
    if square is None:
        return None
    form = network.form
    shown = form.plain(network.reader.picture(pixels, name)[None])[0]
    crop = Crop(square.inner(form.shape[0] / form.stored_pixels), shown, *GRIDS["whole"])

    def llr(given: Sequence[Pixels | None]) -> float:
        view = shown if given[0] is None else given[0]
        return network.card.calibration.of(float(network.logits(view[None])[0]))

    height, width = pixels.shape[:2]
    return Seen(height, width, (crop,), llr, threads)


def explain_picture(
    seen: Seen,
    given: Floats | None = None,
    *,
    kind: SaliencyKind = "picture",
    time_s: float | None = None,
    label: str = "",
) -> PictureFindings:
    """Hide places, and tell which of them count.

    Args:
        seen: The picture.
        given: A map that was made in another way, over the only crop, shape (r, c), which is only tested and told.
        kind: Of the map.
        time_s: When the frame is shown, if it is one of a video.
        label: What it is about.
    """
    whole = seen.llr([None] * len(seen.crops))
    height, width = seen.height, seen.width
    rows, columns = _grid(height, width, CELLS)
    values = np.zeros((rows, columns))
    looked = np.zeros((rows, columns))
    for number, crop in enumerate(seen.crops):
        lost = _occluded(seen, number, whole) if given is None else given
        values += _placed(lost, crop.square, height, width, rows, columns)
        looked += _placed(np.ones_like(lost), crop.square, height, width, rows, columns)

    def costs(marks: Sequence[Flags]) -> Floats:
        return asked(lambda marked: _masked(seen, marked), marks, threads=seen.threads)

    boxes = patches(values, MOST)
    regions = [_flagged(box, values.shape) for box in boxes]
    lost_regions = whole - costs(regions) if boxes else np.zeros(0)
    told = [
        _region(box, float(cost), rows, columns, height, width)
        for box, cost in zip(boxes, lost_regions, strict=True)
        if cost > 0
    ]
    blocks, seen_blocks = (_blocks(one, height, width) for one in (values, looked))
    saliency = Saliency(
        kind=kind,
        values=values.astype(np.float32),
        start_s=time_s,
        end_s=time_s,
        width=width,
        height=height,
        label=label,
    )
    tested = deletion_test(blocks, costs, whole, seen=seen_blocks > 0)
    return PictureFindings(saliency, tuple(sorted(told, key=lambda one: -one.llr)), coverage(values), tested)


def _occluded(seen: Seen, number: int, whole: float) -> Floats:
    """Llr of the picture lost in one look, over its finest grid."""
    crop = seen.crops[number]

    def one(box: Box) -> float:
        shown: list[Pixels | None] = [None] * len(seen.crops)
        shown[number] = crop.hidden(crop.box(box))
        return seen.llr(shown)

    def ask(boxes: Sequence[Box]) -> Floats:
        return whole - asked(one, boxes, threads=seen.threads)

    return occlude(crop.cells, crop.cells, (crop.coarse, crop.coarse), crop.finer, ask)


def _masked(seen: Seen, marked: Flags) -> float:
    """Llr of the picture with cells of a grid over it hidden, in each look that shows them."""
    shown: list[Pixels | None] = []
    for crop in seen.crops:
        mask = crop.under(marked.astype(np.float32), seen.height, seen.width)
        shown.append(crop.hidden(mask) if mask.max() > 0 else None)
    return seen.llr(shown)


def _chosen(scores: PictureScores, *, face: bool) -> list[LookScore]:
    """Looks that are asked: the strongest faces, the whole, the strongest pieces; or one face alone."""
    faces = sorted(scores.of("face"), key=lambda one: -one.llr)
    if face:
        return faces[:1]
    pieces = sorted(scores.of("piece"), key=lambda one: -one.llr)
    return [*faces[:MOST_FACES], *scores.of("whole"), *pieces[:MOST_PIECES]]


def _again(detector: PictureDetector, one: LookScore, shown: Pixels | None) -> LookScore:
    """The score of a look that shows other pixels."""
    if shown is None:
        return one
    logit = float(detector.shown_logits(shown[None])[0, LOOKS.index(one.look)])
    return replace(one, logit=logit, llr=detector.card.looks[one.look].calibration.of(logit))


def _grid(height: int, width: int, longer: int) -> tuple[int, int]:
    """Rows and columns of nearly square cells, so many along the longer side."""
    cell = max(height, width) / longer
    return max(1, round(height / cell)), max(1, round(width / cell))


def _blocks(values: Floats, height: int, width: int) -> Floats:
    rows, columns = _grid(height, width, BLOCKS)
    given = (np.linspace(0, 1, values.shape[0] + 1), np.linspace(0, 1, values.shape[1] + 1))
    return respread(values, (given[0], np.linspace(0, 1, rows + 1)), (given[1], np.linspace(0, 1, columns + 1)))


def _placed(values: Floats, square: Square, height: int, width: int, rows: int, columns: int) -> Floats:
    """A grid over a square on the grid of the picture."""
    down = np.linspace(square.top, square.top + square.side, values.shape[0] + 1)
    across = np.linspace(square.left, square.left + square.side, values.shape[1] + 1)
    return respread(values, (down, np.linspace(0, height, rows + 1)), (across, np.linspace(0, width, columns + 1)))


def _flagged(box: tuple[int, int, int, int], shape: tuple[int, ...]) -> Flags:
    flags = np.zeros(shape, bool)
    flags[box[0] : box[1], box[2] : box[3]] = True
    return flags


def _region(box: tuple[int, int, int, int], llr: float, rows: int, columns: int, height: int, width: int) -> Region:
    top, bottom = round(box[0] * height / rows), round(box[1] * height / rows)
    left, right = round(box[2] * width / columns), round(box[3] * width / columns)
    return Region(left, top, max(1, right - left), max(1, bottom - top), llr)
