"""Scores over time: from overlapping parts to cells, spans and segments.

Arrays are per part (start every hop, some hops long) or per cell (a hop long). A cell's score is the mean over the
parts that cover it. nan means "not scored". Pure functions on arrays.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Span = tuple[float, float]


def cell_means(llrs: Floats, parts_per_cell: int) -> Floats:
    """Mean llr of each cell.

    Args:
        llrs: Per part, shape (n,); nan where not scored.
        parts_per_cell: Length of a part over the hop.

    Returns:
        Shape (n + parts_per_cell - 1,); nan where no scored part covers the cell.
    """
    scored = ~np.isnan(llrs)
    cells = np.arange(llrs.size + parts_per_cell - 1)
    first = np.maximum(cells - parts_per_cell + 1, 0)
    last = np.minimum(cells + 1, llrs.size)
    # Cumulative sums, not np.convolve: a day of sound has a third of a million parts.
    totals = np.concatenate([[0.0], np.cumsum(np.where(scored, llrs, 0.0))])
    counts = np.concatenate([[0], np.cumsum(scored)])
    count = counts[last] - counts[first]
    means: Floats = np.where(count > 0, totals[last] - totals[first], np.nan) / np.maximum(count, 1)
    return means


def runs(flags: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """First and last-plus-one index of each unbroken stretch of True."""
    if not flags.size:
        return []
    edges = (np.flatnonzero(flags[1:] != flags[:-1]) + 1).tolist()
    if flags[0]:
        edges.insert(0, 0)
    if flags[-1]:
        edges.append(flags.size)
    return list(zip(edges[::2], edges[1::2], strict=True))


def suspicious_spans(llrs: Floats, *, median: float, threshold: float, hop_s: float, part_s: float) -> list[Span]:
    """Where a recording stands out from its own median.

    A span shorter than a part raises every part that overlaps it; the half-height points of that rise lie half a part
    before its edges, which is what is undone here.

    Args:
        llrs: Per part, shape (n,).
        median: The recording's median llr.
        threshold: llr above the median that a span must reach somewhere.
        hop_s: Seconds between two parts' starts.
        part_s: Length of a part.

    Returns:
        Start and end of each span in seconds, in order.
    """
    contrast = np.nan_to_num(llrs - median, nan=-np.inf)
    spans = []
    for first, last in runs(contrast >= threshold / 2):
        peak = float(contrast[first:last].max())
        if peak < threshold:
            continue
        for start, stop in runs(contrast[first:last] >= peak / 2):
            if contrast[first + start : first + stop].max() >= threshold:
                begin = (first + start) * hop_s + part_s / 2
                spans.append((begin - hop_s / 2, begin + (stop - start - 0.5) * hop_s))
    return spans
