"""Which frames of a video are chosen: by instants in time, and where a new shot begins.

Decisions
- Instants divide time into cells; the first frame in a cell is chosen, which is the frame nearest at or after the
  instant. One frame after several empty cells is chosen once, so a slide show gives no copies.
- `num_frames` puts the instants into the middle of as many equal parts, half a frame early, so that n of n frames are
  all of them, and the black first frame of many videos is not among few.
- A shot begins where the grey thumbnail changes by a good part of its contrast, and by far more than it usually did
  just before. Motion, noise and fades change it gradually.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

_TICK_S = 0.0005  # Matroska rounds times to milliseconds; a frame this much before an instant is at it

# Changes are means over a thumbnail, in grey levels of 255. Measured on made clips behind H.264 (crf 23 and 35), as
# parts of the contrast: cuts 0.8 to 1.3, also in the dark; fades over 5 frames and pans by a tenth of the width a frame
# 0.4; fades over 10 frames and noise (sigma 40) 0.2. Faster pans reach 1.2, but frame after frame, hence what is usual.
_LEAST_PART = 0.35  # of the contrast (standard deviation) of the richer of the two
_LEAST = 2.5
_TIMES_USUAL = 4.0
_SURELY = 60.0  # whatever was before
_REMEMBERED = 12


class Cells(Protocol):
    """Divides time into numbered cells."""

    def cell(self, time_s: float) -> int:
        """Number of the cell, rising with time; negative before the first one."""
        ...


class Grid:
    """Cells of equal length from an instant on: `fps` a second."""

    def __init__(self, start_s: float, fps: float) -> None:
        self._start_s, self._fps = start_s, fps

    def cell(self, time_s: float) -> int:
        """Number of the cell."""
        return math.floor((time_s - self._start_s + _TICK_S) * self._fps)


class Instants:
    """A cell from each of some instants to the next.

    Args:
        times_s: In seconds from the first frame; at least one.
    """

    def __init__(self, times_s: Iterable[float]) -> None:
        self._times = np.sort(np.asarray(list(times_s), np.float64))

    def cell(self, time_s: float) -> int:
        """Number of the cell."""
        return int(np.searchsorted(self._times, time_s + _TICK_S, side="right")) - 1


class Spread:
    """`count` cells, evenly over a stretch.

    Args:
        start_s: Where it begins.
        duration_s: Its length, > 0.
        count: How many frames are wanted, >= 1.
        frames: How many frames it holds, >= 1.
    """

    def __init__(self, start_s: float, duration_s: float, count: int, frames: int) -> None:
        count = min(count, frames)
        self._instants = start_s + duration_s * ((np.arange(count) + 0.5) / count - 0.5 / frames)

    def cell(self, time_s: float) -> int:
        """Number of the cell."""
        return int(np.searchsorted(self._instants, time_s + _TICK_S, side="right")) - 1


class Chosen:
    """Tells of frames, in their order, whether they are the first in their cell.

    Args:
        cells: None for every frame.
        start_s: Frames before are never chosen.
        end_s: Nor are those from here on.
    """

    def __init__(self, cells: Cells | None, start_s: float, end_s: float) -> None:
        self._cells, self._start_s, self._end_s = cells, start_s, end_s
        self._filled = -1

    def covers(self, time_s: float) -> bool:
        """Whether a time lies between start and end."""
        return self._start_s - _TICK_S <= time_s < self._end_s

    def takes(self, time_s: float) -> bool:
        """Whether to choose the frame; counts it as chosen."""
        if not self.covers(time_s):
            return False
        if self._cells is None:
            return True
        cell = self._cells.cell(time_s)
        if cell <= self._filled:
            return False
        self._filled = cell
        return True


class Between:
    """Frames between the chosen ones, for somebody who finds out while frames come by whether they are wanted.

    Args:
        most_fps: No more than so many a second are chosen, those of the grid included; evenly where the frames are.

    Attributes:
        wanted: Whether those that come next are chosen, too.
        over: Whether none will be wanted any more. Until then every frame that may be is decoded, so that what is
            chosen does not depend on how far ahead the decoder is.
    """

    def __init__(self, most_fps: float) -> None:
        self.step_s = 1 / most_fps
        self.wanted, self.over = False, False


class ChosenBetween(Chosen):
    """As `Chosen`, and frames between.

    Args:
        cells, start_s, end_s: As for `Chosen`.
        between: Which of the others.
        foreseen: Whether to tell of those that may be wanted yet, and not of those that are.
    """

    def __init__(self, cells: Cells | None, start_s: float, end_s: float, between: Between, *, foreseen: bool) -> None:
        super().__init__(cells, start_s, end_s)
        self._between, self._foreseen, self._last_s = between, foreseen, -math.inf

    def takes(self, time_s: float) -> bool:
        """Whether to choose the frame; counts it as chosen."""
        between, chosen = self._between, super().takes(time_s)
        # Counted whether wanted or not, so that which ones it would be does not depend on when they are.
        if not chosen and (not self.covers(time_s) or time_s - self._last_s < between.step_s):
            return False
        self._last_s = time_s
        return chosen or (not between.over if self._foreseen else between.wanted)


class Shots:
    """Tells from thumbnails, in their order, where a new shot begins."""

    def __init__(self) -> None:
        self._before: NDArray[np.float32] | None = None
        self._changes: deque[float] = deque(maxlen=_REMEMBERED)

    def begins(self, thumbnail: NDArray[np.float32]) -> bool:
        """Whether a shot begins with this frame; not so for the first one.

        Args:
            thumbnail: Grey levels in [0, 255], always of the same shape.
        """
        before, self._before = self._before, thumbnail
        if before is None:
            return False
        change = float(np.abs(thumbnail - before).mean())
        usual = float(np.median(self._changes)) if self._changes else change
        contrast = max(float(before.std()), float(thumbnail.std()))
        if change > _SURELY or change > max(_LEAST, _LEAST_PART * contrast, _TIMES_USUAL * usual):
            self._changes.clear()
            return True
        self._changes.append(change)
        return False
