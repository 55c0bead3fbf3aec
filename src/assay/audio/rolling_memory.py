"""What is remembered of an endless stream: its newest values, and figures of all, in memory that does not grow."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from assay.audio.quality import SILENT, Quality, QualityMeter
from assay.audio.silence import Samples

BINS = 8192  # of a histogram of llrs, whose range the calibration limits: steps of 0.002
LOWEST_DB, HIGHEST_DB, STEP_DB = -130.0, 10.0, 0.02  # of the powers; digital silence is below

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


class Newest:
    """The newest values of a series.

    Args:
        keep: How many, at least 1.
    """

    def __init__(self, keep: int) -> None:
        self._keep, self._end = keep, 0
        self._values = np.empty(2 * keep)
        self.total = 0

    def push(self, values: Floats) -> None:
        """The next ones, shape (n,)."""
        self.total += values.size
        values = values[-self._keep :]
        if self._end + values.size > self._values.size:
            kept = self._values[self._end - self._keep : self._end].copy()
            self._values[: self._keep], self._end = kept, self._keep
        self._values[self._end : self._end + values.size] = values
        self._end += values.size

    @property
    def values(self) -> Floats:
        """Those that are kept, the newest last, shape (n,); valid until the next push."""
        return self._values[max(0, self._end - self._keep) : self._end]

    @property
    def first(self) -> int:
        """How many came before the first one kept."""
        return self.total - self.values.size


class LlrMemory:
    """llrs of windows or parts: the newest of them, and figures of all.

    Args:
        lowest, highest: Limits of an llr.
        keep: How many are kept.
    """

    def __init__(self, lowest: float, highest: float, keep: int) -> None:
        self._lowest, self._step = lowest, (highest - lowest) / (BINS - 1)
        self._counts = np.zeros(BINS, np.int64)
        self.newest = Newest(keep)
        self.count, self.highest = 0, -math.inf
        self._mean, self._squares = 0.0, 0.0

    def push(self, llrs: Floats) -> None:
        """The next ones, shape (n,); nan where not scored."""
        self.newest.push(llrs)
        scored = llrs[~np.isnan(llrs)]
        if not scored.size:
            return
        np.add.at(self._counts, np.rint((scored - self._lowest) / self._step).astype(int), 1)
        self.highest = max(self.highest, float(scored.max()))
        # Chan, Golub & LeVeque (1979): mean and sum of squared deviations of two samples together.
        mean, count = float(scored.mean()), self.count + scored.size
        apart = mean - self._mean
        self._squares += float(scored.var()) * scored.size + apart**2 * self.count * scored.size / count
        self._mean += apart * scored.size / count
        self.count = count

    @property
    def mean(self) -> float:
        """Of those scored; nan without any."""
        return self._mean if self.count else math.nan

    @property
    def variance(self) -> float:
        """Of those scored; nan without any."""
        return self._squares / self.count if self.count else math.nan

    @property
    def median(self) -> float:
        """Of those scored: exact while all are kept, afterwards within a step of the histogram; nan without any."""
        if not self.count:
            return math.nan
        if not self.newest.first:
            return float(np.nanmedian(self.newest.values))
        ranks = [(self.count - 1) // 2, self.count // 2]
        middle = np.searchsorted(np.cumsum(self._counts), ranks, side="right")
        return self._lowest + self._step * float(middle.mean())


class RollingQuality:
    """`assay.audio.quality.Quality` of what was heard so far; levels within 0.02 dB of those of a recording."""

    def __init__(self) -> None:
        self._meter = QualityMeter()
        self._counts = np.zeros(round((HIGHEST_DB - LOWEST_DB) / STEP_DB) + 1, np.int64)
        self._flags = np.empty(0, np.bool_)
        self._powers = np.empty(0, np.float32)
        self._spoken, self._speech, self._silent, self._chunks = 0.0, 0, 0, 0

    def push(self, samples: Samples, flags: Bools, *, last: bool = False) -> None:
        """Take the next samples, shape (n,), and whether somebody speaks in the chunks that they complete."""
        self._meter.push(samples)
        powers = np.concatenate([self._powers, self._meter.drain(last=last)])
        flags = np.concatenate([self._flags, flags])
        both = min(powers.size, flags.size)
        self._add(powers[:both], flags[:both])
        self._powers, self._flags = powers[both:], flags[both:]

    def _add(self, powers: NDArray[np.float32], flags: Bools) -> None:
        levels = 10 * np.log10(np.maximum(powers, 10 ** (LOWEST_DB / 10)))
        bins = np.rint((np.clip(levels, LOWEST_DB, HIGHEST_DB) - LOWEST_DB) / STEP_DB).astype(int)
        np.add.at(self._counts, bins, 1)
        self._spoken += float(powers[flags].sum(dtype=np.float64))
        self._speech += int(np.count_nonzero(flags))
        self._silent += int(np.count_nonzero(powers < SILENT))
        self._chunks += powers.size

    def figures(self) -> Quality:
        """Of everything so far."""
        quiet = int(np.searchsorted(np.cumsum(self._counts), self._chunks // 10, side="right"))
        return self._meter.figures(
            level=self._spoken / self._speech if self._speech else 0.0,
            quiet=10 ** ((LOWEST_DB + STEP_DB * quiet) / 10) if self._chunks else 0.0,
            silent=self._silent / self._chunks if self._chunks else 1.0,
        )
