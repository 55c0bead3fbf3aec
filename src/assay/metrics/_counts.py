"""Error counts at every threshold that matters, as integers; curves, costs and decisions are read off them.

A trial is called spoof when its score >= threshold. Between two neighbouring distinct scores nothing changes,
so the distinct scores, and one threshold above all of them, give every operating point there is. Counting per
distinct score, not per trial, is what makes tied scores harmless: public implementations that walk the sorted
trials one by one give an equal error rate of 0 or 1 for constant scores, depending on how the sort happened
to order the keys.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from assay.metrics._validate import FloatArray, IntArray


class Counts(NamedTuple):
    """Errors at each of k distinct scores, and at a threshold above all of them: k + 1 operating points.

    Attributes:
        scores: Distinct scores, ascending, shape (k,).
        false_alarms: Bona fide trials with score >= threshold, shape (k + 1,), from n down to 0.
        misses: Spoof trials with score < threshold, shape (k + 1,), from 0 up to m.
    """

    scores: FloatArray
    false_alarms: IntArray
    misses: IntArray


def count_errors(bona_fide: FloatArray, spoof: FloatArray) -> Counts:
    """Count the errors at every distinct threshold; O(N log N), arrays already validated."""
    scores = np.unique(np.concatenate((bona_fide, spoof)))
    bona_fide_below = np.searchsorted(np.sort(bona_fide), scores, side="left")
    spoof_below = np.searchsorted(np.sort(spoof), scores, side="left")
    return Counts(
        scores=scores,
        false_alarms=np.append(bona_fide.size - bona_fide_below, 0),
        misses=np.append(spoof_below, spoof.size),
    )


def threshold_at(scores: FloatArray, point: int) -> float:
    """A finite threshold in the middle of the gap that realises an operating point.

    Every threshold in (scores[point - 1], scores[point]] gives the same decisions on these trials; the middle
    is the one that leaves the same room to both neighbours for trials not seen yet.

    Args:
        scores: Distinct scores, ascending, shape (k,).
        point: Operating point, 0 (all flagged) to k (none flagged).
    """
    if point == 0:
        return float(scores[0])
    below = float(scores[point - 1])
    if point == scores.size:
        return float(np.nextafter(below, np.inf))
    above = float(scores[point])
    middle = 0.5 * below + 0.5 * above  # halves first: the sum of two huge scores would overflow
    return middle if below < middle <= above else above
