"""What files, and plain statistics of what the network receives, tell about the key; part of picture_accuracy.py.

Two sets of properties, each alone and all together: a gradient boosting learns them on the train partition and once
more, with whole sources left out, on the measured one. What the second set reaches is what a detector could reach by
accident; the first set the detector never sees.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.model_selection import GroupKFold

from assay.data import Trial
from assay.errors import AssayError
from assay.forensics.jpeg import read_jpeg
from assay.image.looks import cut, detail, flat_share, whole_square
from assay.media.pictures import Picture, open_picture
from assay.metrics import auc
from assay.settings import Settings

SIDE = 192  # pixels, as the network is shown a whole picture
FILE = ("shorter side", "longer side", "JPEG quality", "bytes per pixel", "EXIF bytes", "is a JPEG", "is a PNG")
RECEIVED = ("brightness", "contrast", "colourfulness", "detail", "flat share", "blockiness", "fine over coarse detail")
Floats = NDArray[np.float64]


def of_file(picture: Picture) -> list[float]:
    """`FILE` of a picture."""
    quality, exif = 100.0, 0
    if picture.format == "jpeg":
        try:
            found = read_jpeg(picture.data).quality
        except AssayError:
            found = None
        quality = float(found.quality) if found else 100.0
    start = picture.data.find(b"Exif\x00\x00", 0, 4096)
    if start >= 2:
        exif = int.from_bytes(picture.data[start - 2 : start], "big")
    return [
        *sorted((picture.width, picture.height)),
        quality,
        len(picture.data) / max(1, picture.width * picture.height),
        exif,
        picture.format == "jpeg",
        picture.format == "png",
    ]


def of_received(picture: Picture) -> list[float]:
    """`RECEIVED`: of the whole look, and of the middle of the picture at full resolution."""
    pixels = picture.pixels
    square = whole_square(*pixels.shape[:2])
    shown = cut(pixels, square, SIDE) if square else np.asarray(Image.fromarray(pixels).resize((SIDE, SIDE)))
    grey = shown.astype(float).mean(2)
    top, left = (max(0, (length - SIDE) // 2) // 8 * 8 for length in pixels.shape[:2])
    piece = pixels[top : top + SIDE, left : left + SIDE, 1].astype(float)
    steps = np.abs(np.diff(piece, axis=1)).mean(0)
    coarse = np.abs(piece[:, 4:] - piece[:, :-4]).mean()
    red, green, blue = np.moveaxis(shown.astype(float), 2, 0)
    return [
        grey.mean(),
        grey.std(),
        np.hypot((red - green).std(), (blue - (red + green) / 2).std()),
        detail(pixels, square) if square else 0.0,
        flat_share(pixels),
        steps[7::8].mean() / max(1e-6, steps.mean()),
        steps.mean() / max(1e-6, coarse),
    ]


def measured(trials: Sequence[Trial], settings: Settings) -> tuple[Floats, Floats]:
    """Both sets of each picture."""
    pictures = (open_picture(trial.file, settings=settings) for trial in trials)
    rows = [(of_file(picture), of_received(picture)) for picture in pictures]
    return np.array([row[0] for row in rows], float), np.array([row[1] for row in rows], float)


def _model() -> HistGradientBoostingClassifier:
    return HistGradientBoostingClassifier(
        max_iter=100,
        max_leaf_nodes=8,
        learning_rate=0.05,
        class_weight="balanced",
        early_stopping=False,
        random_state=7,
    )


def _left_out(values: Floats, spoof: NDArray[np.bool_], sources: Sequence[str]) -> float:
    """AUC where every source is scored by a model that did not see it."""
    scores = np.zeros(len(spoof))
    for train, test in GroupKFold(min(5, len(set(sources)))).split(values, spoof, sources):
        if len(set(spoof[train])) == 2:
            scores[test] = _model().fit(values[train], spoof[train]).predict_proba(values[test])[:, 1]
    return auc(scores[~spoof], scores[spoof])


def table_of(train: Sequence[Trial], trials: Sequence[Trial], settings: Settings) -> str:
    """The AUC of every property, and of each set together, as markdown."""
    learnt, here = measured(train, settings), measured(trials, settings)
    keys, spoof = (np.array([trial.key == "spoof" for trial in part]) for part in (train, trials))
    lines = [
        "| property | the network receives it | alone, either direction | all together: learnt on train | on the other"
        " sources of this part |",
        "|---|---|---|---|---|",
    ]
    for told, names, own, values in zip(("no", "in part"), (FILE, RECEIVED), learnt, here, strict=True):
        for name, column in zip(names, values.T, strict=True):
            area = auc(column[~spoof], column[spoof])
            lines.append(f"| {name} | {told} | {max(area, 1 - area):.3f} | | |")
        scores = _model().fit(own, keys).predict_proba(values)[:, 1]
        apart = _left_out(values, spoof, [trial.source for trial in trials])
        lines.append(f"| **together** | {told} | | **{auc(scores[~spoof], scores[spoof]):.3f}** | **{apart:.3f}** |")
    return "\n".join(lines)
