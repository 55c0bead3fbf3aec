"""Drawings of a run, where matplotlib is installed: those of `assay.metrics.plots`, and how training went."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.errors import MissingExtra
from assay.look import BONA_FIDE_BLUE, SPOOF_ORANGE
from assay.metrics.plots import all_plots, drawn

log = logging.getLogger("assay.training.lab")
Floats = NDArray[np.float64]


def draw(folder: Path, llrs: Floats, spoof: NDArray[np.bool_], threshold: float, history: Sequence[Any]) -> list[Path]:
    """Write history, confusion matrix, ROC, DET, calibration and the others of `all_plots` as SVG.

    Args:
        folder: Where to.
        llrs: Of a part, shape (n,).
        spoof: Shape (n,); both keys.
        threshold: Of the confusion matrix.
        history: Checks of the training; none draws no history.

    Returns:
        Paths of the files; none, and a line in the log, without matplotlib.
    """
    try:
        plots = all_plots(llrs[~spoof], llrs[spoof], threshold=threshold, llrs=True)
    except MissingExtra:
        log.info("no plots: matplotlib is not installed")
        return []
    if history:
        plots["history"] = drawn("Training", lambda axes: _history(axes, history))
    made = []
    for name, svg in plots.items():
        path = folder / f"{name}.svg"
        path.write_text(f"{svg}\n", encoding="utf-8")
        made.append(path)
    return made


def _history(axes: Any, history: Sequence[Any]) -> None:
    epochs = [row["epoch"] + 1 for row in history]
    axes.plot(epochs, [row["loss"] for row in history], color=BONA_FIDE_BLUE, label="training loss")
    axes.plot(epochs, [row["val_loss"] for row in history], "--", color=BONA_FIDE_BLUE, label="validation loss")
    axes.set(xlabel="epoch", ylabel="loss")
    other = axes.twinx()
    other.plot(epochs, [row["val_auc"] for row in history], ":", color=SPOOF_ORANGE, label="validation AUC")
    other.set(ylabel="AUC", ylim=(0, 1.02))
    other.grid(visible=False)
    lines = [*axes.get_lines(), *other.get_lines()]
    axes.legend(lines, [line.get_label() for line in lines], loc="lower left")
