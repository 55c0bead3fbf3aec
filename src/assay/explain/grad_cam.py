"""Grad-CAM of networks that were trained here, as maps of this room: torch and captum say where, ONNX says how much.

The gradients are those of the torch weights of the run folder; the map is scaled to the llr that the exported network
gives, so that its values add up to that, and is tested by hiding places like any other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from assay.audio.speech import SAMPLE_RATE_HZ
from assay.explain.places import overlaps
from assay.explain.sound import CELL_S, MOST_COLUMNS

if TYPE_CHECKING:
    from assay.explain.pictures import Seen
    from assay.explain.sound import Heard
    from assay.views.network import Network

Floats = NDArray[np.float64]


def sound_map(network: Network, heard: Heard) -> Floats:
    """Over time alone, shape (1, columns): networks order frequencies in ways of their own.

    Raises:
        ExplanationError: If no layer of the network can be looked at.
        TrainingError: If the run folder holds no torch weights.
    """
    from assay.training.attribution import over_time

    stored = network.reader.sound(heard.samples, "the recording")
    starts = network.form.starts(len(stored), network.card.views)
    maps = over_time(network.folder, network.form.views(stored, network.card.views))
    duration_s = heard.samples.size / SAMPLE_RATE_HZ
    columns = int(np.clip(round(duration_s / CELL_S), 1, MOST_COLUMNS))
    wanted = np.linspace(0, duration_s, columns + 1)
    length_s = network.form.shape[0] / SAMPLE_RATE_HZ
    total = np.zeros(columns)
    for start, cells in zip(starts, maps, strict=True):
        begin_s = start / SAMPLE_RATE_HZ
        total += overlaps(np.linspace(begin_s, begin_s + length_s, cells.size + 1), wanted) @ cells
    return _scaled(total[None], heard.llr(heard.samples))


def picture_map(network: Network, seen: Seen) -> Floats:
    """Over what the network sees, shape (rows, columns).

    Raises:
        ExplanationError, TrainingError: As of `sound_map`.
    """
    from assay.training.attribution import over_pixels

    return _scaled(over_pixels(network.folder, seen.crops[0].pixels[None])[0], seen.llr([None]))


def _scaled(values: Floats, llr: float) -> Floats:
    """Signed shares of an llr."""
    total = float(np.abs(values).sum())
    return values * (abs(llr) / total) if total > 0 else values
