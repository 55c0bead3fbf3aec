"""Pictures of a run, where matplotlib is installed."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.metrics import confusion, det_curve, precision_recall_curve, roc_curve

DPI = 120
TICKS = (0.001, 0.01, 0.05, 0.2, 0.5, 0.8)  # of a DET plot
log = logging.getLogger("assay.training.lab")
Floats = NDArray[np.float64]


def draw(folder: Path, llrs: Floats, spoof: NDArray[np.bool_], threshold: float, history: Sequence[Any]) -> list[Path]:
    """Write history, confusion matrix, ROC, precision-recall, DET and score distribution as PNG.

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
        from matplotlib.figure import Figure
    except ModuleNotFoundError:
        log.info("no plots: matplotlib is not installed")
        return []
    bona_fide, spoofed = llrs[~spoof], llrs[spoof]
    made = []

    def page(name: str, title: str, across: str, up: str) -> tuple[Any, Any]:
        figure = Figure(figsize=(5, 4), dpi=DPI, layout="constrained")
        axes = figure.subplots()
        axes.set(title=title, xlabel=across, ylabel=up)
        made.append((figure, folder / f"{name}.png"))
        return figure, axes

    if history:
        _history(page("history", "Training", "epoch", "loss")[1], history)
    counts = confusion(bona_fide, spoofed, threshold)
    _confusion(page("confusion", f"At llr {threshold:.2f}", "called", "is")[1], counts)
    roc = roc_curve(bona_fide, spoofed)
    _, axes = page("roc", "ROC", "false-alarm rate", "detection rate")
    axes.plot(roc.false_alarm_rate, roc.detection_rate)
    axes.plot([0, 1], [0, 1], ":", color="grey")
    curve = precision_recall_curve(bona_fide, spoofed)
    _, axes = page("precision-recall", "Precision and recall", "recall", "precision")
    axes.plot(curve.recall, curve.precision)
    axes.set_ylim(0, 1.02)
    _det(page("det", "DET", "false-alarm rate", "miss rate")[1], bona_fide, spoofed)
    _, axes = page("scores", "Scores", "llr", "files")
    bins = np.linspace(llrs.min(), max(llrs.max(), llrs.min() + 1e-6), 41)
    axes.hist([bona_fide, spoofed], bins, label=["bona fide", "spoof"], histtype="stepfilled", alpha=0.6)
    axes.axvline(threshold, color="black", linewidth=1)
    axes.legend()
    for figure, path in made:
        figure.savefig(path)
    return [path for _, path in made]


def _history(axes: Any, history: Sequence[Any]) -> None:
    epochs = [row["epoch"] + 1 for row in history]
    axes.plot(epochs, [row["loss"] for row in history], label="training loss")
    axes.plot(epochs, [row["val_loss"] for row in history], label="validation loss")
    other = axes.twinx()
    other.plot(epochs, [row["val_auc"] for row in history], ":", color="black", label="validation AUC")
    other.set(ylabel="AUC", ylim=(0, 1.02))
    axes.legend(loc="lower left")
    other.legend(loc="lower right")


def _confusion(axes: Any, counts: Any) -> None:
    table = np.array([[counts.cleared, counts.false_alarms], [counts.missed, counts.detected]])
    axes.imshow(table / np.maximum(1, table.sum(1, keepdims=True)), cmap="Blues", vmin=0, vmax=1)
    names = ["bona fide", "spoof"]
    axes.set(xticks=[0, 1], yticks=[0, 1], xticklabels=names, yticklabels=names)
    for row in range(2):
        for column in range(2):
            share = table[row, column] / max(1, table[row].sum())
            told = f"{table[row, column]}\n{share:.1%}"
            axes.text(column, row, told, ha="center", va="center", color="white" if share > 0.5 else "black")


def _det(axes: Any, bona_fide: Floats, spoofed: Floats) -> None:
    from statistics import NormalDist

    normal = NormalDist()
    curve = det_curve(bona_fide, spoofed)
    low, high = TICKS[0], 1 - TICKS[0]
    places = [[normal.inv_cdf(float(np.clip(rate, low, high))) for rate in rates]
              for rates in (curve.false_alarm_rate, curve.miss_rate)]  # fmt: skip
    axes.plot(*places)
    ticks = [normal.inv_cdf(rate) for rate in TICKS]
    names = [f"{rate:.1%}" for rate in TICKS]
    axes.set(xticks=ticks, xticklabels=names, yticks=ticks, yticklabels=names)
    axes.grid(alpha=0.3)
