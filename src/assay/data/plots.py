"""Pictures of what `assay.data.stats` counted. Needs matplotlib (extra ``train``), loaded when something is drawn."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from assay.data.optional import optional
from assay.data.stats import Line, Stats
from assay.look import BONA_FIDE_BLUE, SPOOF_ORANGE

Form = Literal["png", "svg"]
_MOST = 20  # values of a column that are drawn; the rest is told as their number
_COLOURS = {"bona_fide": BONA_FIDE_BLUE, "spoof": SPOOF_ORANGE}


def draw(found: Stats, folder: Path, *, form: Form = "svg") -> list[Path]:
    """Draw files by partition, source and generator, and lengths by key.

    Args:
        found: What was counted.
        folder: For the files; created.
        form: ``svg`` or ``png``.

    Returns:
        The files, each named after what it shows.

    Raises:
        MissingExtra: Without matplotlib.
    """
    figures = optional("matplotlib.figure", "train", "Drawing the distribution of data")
    folder.mkdir(parents=True, exist_ok=True)
    drawn = []
    for column in ("partition", "source", "generator"):
        # Bona fide files have no generator; one bar for all of them would make the others too short to see.
        lines = [line for line in found.of(column) if column != "generator" or line.spoof]
        if lines:
            figure = figures.Figure(figsize=(7, 1.2 + 0.28 * min(len(lines), _MOST)), layout="constrained")
            _bars(figure.subplots(), lines, column)
            drawn.append(_save(figure, folder / f"{column}.{form}"))
    lengths = {
        key: [s for s, trial in zip(found.seconds, found.trials, strict=True) if trial.key == key and math.isfinite(s)]
        for key in _COLOURS
    }
    if any(lengths.values()):
        figure = figures.Figure(figsize=(7, 3), layout="constrained")
        _histogram(figure.subplots(), lengths)
        drawn.append(_save(figure, folder / f"length.{form}"))
    return drawn


def _bars(axes: Any, lines: Sequence[Line], column: str) -> None:
    """One bar a value, its keys side by side."""
    shown = lines[:_MOST]
    places = range(len(shown))
    names = [line.value or "(none)" for line in shown]
    axes.barh(places, [line.bona_fide for line in shown], color=_COLOURS["bona_fide"], label="bona fide")
    left = [line.bona_fide for line in shown]
    axes.barh(places, [line.spoof for line in shown], left=left, color=_COLOURS["spoof"], label="spoof")
    axes.set_yticks(places, names)
    axes.invert_yaxis()
    axes.set_xlabel("files")
    more = f" (the {_MOST} largest of {len(lines)})" if len(lines) > _MOST else ""
    axes.set_title(f"Files by {column}{more}")
    axes.legend()


def _histogram(axes: Any, lengths: dict[str, list[float]]) -> None:
    """Shares and not counts, since the keys need not be equally many."""
    longest = max(max(values, default=0.0) for values in lengths.values())
    edges = [longest * step / 40 for step in range(41)] if longest else 1
    for key, values in lengths.items():
        if values:
            weights = [1 / len(values)] * len(values)
            label = f"{key.replace('_', ' ')} ({len(values)})"
            axes.hist(values, bins=edges, weights=weights, histtype="step", color=_COLOURS[key], label=label)
    axes.set_xlabel("length in seconds")
    axes.set_ylabel("share of the files")
    axes.set_title("Length by key")
    axes.legend()


def _save(figure: Any, path: Path) -> Path:
    # No date and no random ids, so that the same data give the same file.
    with optional("matplotlib", "train", "Drawing").rc_context({"svg.hashsalt": "assay"}):
        figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)
    return path
