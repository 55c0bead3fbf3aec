"""Cuts a stream of samples into stretches that the network scores in one pass.

The network's logit k of a stretch belongs to the window that starts k hops into it (see the card). Decisions:

- A recording shorter than a window is repeated forwards up to one window, never reversed.
- What remains after the last whole hop is filled up from the samples right before it, so that the end is scored, too.
- A window scored alone and the same window scored within a long stretch give the same logit, so the length of a
  stretch is a matter of speed only.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]


class WindowCutter:
    """Turns blocks of any size into stretches of ``window + k * hop`` samples that overlap by ``window - hop``.

    Args:
        window: Samples of a window.
        hop: Samples between two windows' starts; divides `window`.
        windows: Most windows in one stretch.
    """

    def __init__(self, window: int, hop: int, *, windows: int) -> None:
        self.window, self.hop = window, hop
        self._stretch = window + (windows - 1) * hop
        self._held = np.empty(0, np.float32)
        self._cut = 0

    def push(self, samples: Samples) -> Iterator[Samples]:
        """Take samples, shape (n,); yield the stretches that are complete now."""
        held = np.concatenate([self._held, samples]) if self._held.size else samples
        step = self._stretch - (self.window - self.hop)
        first = 0
        while held.size - first >= self._stretch:
            yield held[first : first + self._stretch]
            self._cut += 1
            first += step
        self._held = held[first:].copy()  # a view would keep the whole block alive

    def take(self) -> Samples | None:
        """All windows that are complete now, as one stretch; None if there is none. For those who cannot wait."""
        windows = (self._held.size - self.window) // self.hop + 1
        if windows < 1:
            return None
        stretch = self._held[: self.window + (windows - 1) * self.hop]
        self._held = self._held[windows * self.hop :].copy()
        self._cut += 1
        return stretch

    def finish(self) -> Iterator[Samples]:
        """Yield the rest, padded to a whole number of hops; nothing if there is none."""
        held, new = self._held, self._held.size - (self.window - self.hop if self._cut else 0)
        self._held = np.empty(0, np.float32)
        if new <= 0:
            return
        if held.size < self.window and not self._cut:
            yield np.resize(held, self.window)
            return
        missing = (self.window - held.size) % self.hop
        yield np.concatenate([held, held[held.size - missing :]]) if missing else held
