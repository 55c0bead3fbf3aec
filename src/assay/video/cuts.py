"""Where one shot ends and the next begins.

A cut changes the small picture of the whole frame at once, by much more than motion did just before. Cross-fades are
not found: faces in them go over into each other or are lost, and then found again by their looks.
"""

from __future__ import annotations

from collections import deque

import numpy as np

from assay.image.faces.face import Float32, Picture
from assay.image.faces.sampling import letterbox

SIDE = 32  # pixels of the small picture
SURELY = 40.0  # mean change in grey levels, of 255: a cut whatever was before
LEAST = 12.0  # less is never one
TIMES = 5.0  # the usual change just before
REMEMBERED = 15  # frames that tell what is usual


class CutFinder:
    """Looks at frames in their order and tells where a new shot begins."""

    def __init__(self) -> None:
        self._before: Float32 | None = None
        self._changes: deque[float] = deque(maxlen=REMEMBERED)

    def is_cut(self, picture: Picture) -> bool:
        """Whether a shot begins with this frame, uint8 RGB of shape (height, width, 3); not so for the first."""
        small = letterbox(picture, SIDE)[0]
        before, self._before = self._before, small
        if before is None:
            return False
        change = float(np.abs(small - before).mean())
        usual = float(np.median(self._changes)) if self._changes else change
        cut = change > SURELY or (change > LEAST and change > TIMES * usual)
        if cut:
            self._changes.clear()
        else:
            self._changes.append(change)
        return cut
