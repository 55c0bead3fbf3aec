"""How well the parts of a video's score tell sources that were left out, for the card."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from assay.metrics import auc
from assay.models.card import LeftOut
from assay.training.calibrate import resampled_sources, source_weights, tail_of

RESAMPLES = 400
RATE = 0.01
Floats = NDArray[np.float64]


def left_out(part: str, llrs: Floats, spoof: NDArray[np.bool_], sources: Sequence[str], seed: int) -> LeftOut:
    """One row of the table.

    Args:
        part: Its name.
        llrs: Shape (n,).
        spoof: Shape (n,), both keys among them.
        sources: Of each.
        seed: Of the resampling.
    """
    names, rng = np.asarray(sources), np.random.default_rng(seed)
    drawn = []
    for _ in range(RESAMPLES):
        picked = resampled_sources(sources, spoof, rng)
        drawn.append(_area(llrs[picked], spoof[picked]))
    low, high = np.quantile(drawn, (0.025, 0.975))
    both = [name for name in np.unique(names) if 0 < spoof[names == name].sum() < (names == name).sum()]
    within = [_area(llrs[names == name], spoof[names == name]) for name in both]
    threshold = max(0.0, tail_of(llrs[~spoof], 1, source_weights(sources, spoof)[~spoof]).threshold(RATE))
    return LeftOut(
        part=part,
        bona_fide=int((~spoof).sum()),
        spoof=int(spoof.sum()),
        sources=len(np.unique(names)),
        auc=round(_area(llrs, spoof), 4),
        auc_interval=(round(float(low), 4), round(float(high), 4)),
        auc_within_sources=round(float(np.mean(within)), 4) if within else None,
        false_alarm=round(float((llrs[~spoof] >= threshold).mean()), 4),
        detection_rate=round(float((llrs[spoof] >= threshold).mean()), 4),
    )


def _area(llrs: Floats, spoof: NDArray[np.bool_]) -> float:
    return float(auc(llrs[~spoof], llrs[spoof]))
