"""Whether a picture, or a part of it, was resized: interpolation leaves correlations that repeat periodically.

A pixel between two others is predicted from them better the more it was interpolated from them, and how much it was
repeats with the ratio of the two pixel grids. So the size of the second difference, squeezed into a p-map so that
edges do not outvote the rest, is averaged along columns and along rows; a period shows as a peak in the spectrum of
that average. Resizing stretches the 8-pixel grid of an earlier JPEG compression as well; both kinds of peaks are
multiples of 1 / (8 factor), and the factor is the one whose multiples stand out most. An enlargement and a reduction
share each period, so the factor is told for either case.

What this cannot see: factors at which every multiple falls on the present 8-pixel grid (1/2, and 2 without an earlier
JPEG), reduction with a good filter followed by JPEG below about 90, strong compression after any resize, rotation,
and pictures resized along one side only. Demosaicing has a period of two pixels, which is therefore left out. Resizing
is what every service does to every picture: it is no sign of manipulation; a part that was resized apart from the rest
is more interesting.

References:
    Gallagher, CRV 2005 (second difference averaged along columns); Kirchner, MM&Sec 2008 (fast p-map); Mahdian & Saic,
    IEEE Trans. Information Forensics and Security 2008 (tiles). Departures: the factor comes from all multiples of
    the stretched JPEG grid at once.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from assay.forensics.coefficients import Floats
from assay.forensics.planes import measured_box, ramp
from assay.forensics.trace import Measured, Trace

Doubles = NDArray[np.float64]

SMALLEST_SIDE = 192
TILE = 256
STEP = 64  # between tiles, and the cell of the map
FAINT, CLEAR = 6.5, 30.0  # of `Resampling.peak`, see docs/forensics.md
FAINT_TILE, CLEAR_TILE = 11.0, 30.0
_AROUND = 12  # bins each way that a peak is compared with
_ROUNDING = 1e-6  # per pixel: amplitudes of a flat picture
_PARTS = 8  # of a spectrum: one bin of each is compared with the median around it
_GRID_BINS = 2.5  # so near to a multiple of 1/8 a peak belongs to the present JPEG grid
_LOWEST = 0.02  # cycles per pixel; below are the contents
_FACTORS = np.exp(np.arange(np.log(1.03), np.log(1.97), 0.0005))
_MULTIPLES = np.array([1, 2, 3, 4, 5, 6, 7, 16, 24, 8])  # of the stretched JPEG grid; 8 is interpolation's own period
_PRESENT, _TALLEST = np.log(4.0), np.log(12.0)  # heights of a peak that is there, and beyond which more tells nothing
_MISSING = 0.1


@dataclass(frozen=True)
class Resampling:
    """Peaks of periodic interpolation.

    Attributes:
        peak: Highest peak off the present JPEG grid over the median around it, the lower one of both directions; 3 to
            6 in camera files.
        frequency: Of the peak along rows, in cycles per pixel, up to 0.5.
        factor: By which both sides were multiplied if the picture was enlarged, 1.03 to 1.97; None if no peak is
            clear, or none of these factors explains them.
        tile_peak: The highest of `map`.
        tile_pixels: Side of a tile.
        map: Peak of the tile that begins at each cell, shape (rows, columns), cells of `STEP` pixels.
        strength: 0 at `FAINT` and below, 1 at `CLEAR` and above, logarithmic between.
    """

    peak: float
    frequency: float
    factor: float | None
    tile_peak: float
    tile_pixels: int
    map: Floats
    strength: float

    @property
    def factor_if_reduced(self) -> float | None:
        """The factor in 0.67 to 1 that has the same period as `factor`: 1 / (2 - 1 / factor)."""
        return None if self.factor is None else round(1 / (2 - 1 / self.factor), 3)


def detect_resampling(plane: Floats) -> Resampling | None:
    """Look for periodic interpolation.

    Args:
        plane: Luminance, shape (height, width), 0 to 255.

    Returns:
        The peaks, clear or not; None for pictures with a side below `SMALLEST_SIDE`.
    """
    if min(plane.shape) < SMALLEST_SIDE:
        return None
    strips = _strips(plane)
    tile = min(TILE, (min(plane.shape) - 2) // STEP * STEP)  # a p-map lacks two pixels of its plane
    spectra = [_spectra(part.sum(axis=0, dtype=np.float64)[None]) for part in strips]
    lengths = [part.shape[1] for part in strips]
    peaks = [_highest(spectrum, length) for spectrum, length in zip(spectra, lengths, strict=True)]
    peak = min(float(value[0][0]) for value in peaks)
    strength = ramp(peak, FAINT, CLEAR)
    tiles = _tiles(strips, plane.shape, tile)
    return Resampling(
        peak=round(peak, 3),
        frequency=round(float(peaks[0][1][0]), 5),
        factor=_factor([_ratios(spectrum) for spectrum in spectra], lengths) if strength else None,
        tile_peak=round(float(tiles.max()), 3),
        tile_pixels=tile,
        map=tiles,
        strength=strength,
    )


def _strips(plane: Floats) -> tuple[Floats, Floats]:
    """Sums of the p-map over strips of `STEP` pixels: of rows, along each; and of columns, along each.

    The p-map is near 1 where a pixel is the mean of its two neighbours, near 0 where it is not.

    Returns:
        Shapes (strips of rows, width - 2) and (strips of columns, height - 2); the last strip of each may be narrower.
    """
    height, width = plane.shape
    across = np.empty((-(-height // STEP), width - 2), np.float32)
    down = np.empty((height - 2, -(-width // STEP)), np.float32)
    by_row, by_column = _scale(plane[::8]), _scale(plane[:, ::8].T)
    padded, ones = np.zeros((STEP, down.shape[1] * STEP), np.float32), np.ones(STEP, np.float32)
    # Strip by strip, which stays in the processor's cache.
    for index, top in enumerate(range(0, height, STEP)):
        part = plane[top : top + STEP]
        similar = _similar(part[:, :-2], part[:, 1:-1], part[:, 2:], by_row)
        across[index] = similar.sum(axis=0)
        part = plane[top : top + STEP + 2]
        rows = len(part) - 2
        if rows > 0:
            padded[:rows, :width] = _similar(part[:-2], part[1:-1], part[2:], by_column)
            down[top : top + rows] = (padded[:rows].reshape(-1, STEP) @ ones).reshape(rows, -1)
    return across, np.ascontiguousarray(down.T)


def _similar(before: Floats, here: Floats, after: Floats, scale: float) -> Floats:
    error = before + after
    error *= np.float32(-0.5)
    error += here
    np.abs(error, out=error)
    error *= np.float32(-1 / scale)
    return np.asarray(np.exp(error, out=error))


def _scale(rows: Floats) -> float:
    """Median error of the mean of two neighbours along some rows, at least half a level."""
    error = np.abs(rows[:, 1:-1:3] - np.float32(0.5) * (rows[:, :-2:3] + rows[:, 2::3]))
    return max(float(np.partition(error.ravel(), error.size // 2)[error.size // 2]), 0.5)


def _spectra(signals: Floats | Doubles) -> Doubles:
    """Amplitudes of each row, shape (n, length // 2 + 1)."""
    length = signals.shape[1]
    centred = (signals - signals.mean(axis=1, keepdims=True)) * np.hanning(length).astype(signals.dtype)
    return np.asarray(np.abs(np.fft.rfft(centred, axis=1)) / length)


def _around(spectra: Doubles) -> NDArray[np.float64]:
    """The bins around each bin, shape (n, bins, 2 * _AROUND + 1); a view."""
    padded = np.pad(spectra, ((0, 0), (_AROUND, _AROUND)), mode="reflect")
    return sliding_window_view(padded, 2 * _AROUND + 1, axis=1)


def _median(values: Doubles) -> Doubles:
    """Along the last axis of odd length; what rounding alone leaves of a flat picture is no spectrum."""
    middle = values.shape[-1] // 2
    return np.asarray(np.maximum(np.partition(values, middle, axis=-1)[..., middle], _ROUNDING))


def _ratios(spectrum: Doubles) -> Doubles:
    """A spectrum over the median around each bin, shape (bins,)."""
    return np.asarray(spectrum[0] / _median(_around(spectrum)[0]))


def _off_grid(length: int) -> NDArray[np.bool_]:
    frequency = np.arange(length // 2 + 1) / length
    distance = np.abs(frequency * 8 - np.rint(frequency * 8)) / 8
    return np.asarray((frequency > _LOWEST) & (distance > _GRID_BINS / length))


def _highest(spectra: Doubles, length: int) -> tuple[Doubles, Doubles]:
    """Highest peak of each row off the JPEG grid, over the median around it; and its frequency."""
    around = _around(spectra)
    # A mean costs much less than a median: it chooses where to take one.
    sums = np.cumsum(around[:, :, -1], axis=1)
    first = around[:, 0].sum(axis=1, keepdims=True)
    means = first + sums - sums[:, :1]
    means[:, 1:] -= np.cumsum(around[:, :-1, 0], axis=1)
    promising = np.full((len(spectra), -(-spectra.shape[1] // _PARTS) * _PARTS), -1.0)
    promising[:, : spectra.shape[1]] = np.where(_off_grid(length), spectra / np.maximum(means, _ROUNDING), -1)
    parts = promising.reshape(len(spectra), _PARTS, -1)
    bins = parts.argmax(axis=2) + np.arange(_PARTS) * parts.shape[2]
    bins = np.minimum(bins, spectra.shape[1] - 1)  # a part may hold no bin at all
    row = np.arange(len(spectra))[:, None]
    ratios = np.where(promising[row, bins] >= 0, spectra[row, bins] / _median(around[row, bins]), 0)
    where = ratios.argmax(axis=1)
    return ratios.max(axis=1), bins[row[:, 0], where] / length


def _factor(ratios: list[Doubles], lengths: list[int]) -> float | None:
    """The enlargement that explains most peaks; None without one whose own period shows."""
    score, own = np.zeros(_FACTORS.size), np.zeros(_FACTORS.size)
    for ratio, length in zip(ratios, lengths, strict=True):
        frequency = _MULTIPLES[:, None] / (8 * _FACTORS)[None]
        bins = np.rint(np.abs(frequency - np.rint(frequency)) * length).astype(np.int64)
        bins = np.minimum(bins, length // 2)
        height = np.where(_off_grid(length), np.log(np.maximum(ratio, 1)), 0)
        own += height[bins[-1]]
        # Multiples that fall on one another are one peak.
        bins = np.sort(bins, axis=0)
        fresh = np.concatenate([np.ones((1, bins.shape[1]), np.bool_), np.diff(bins, axis=0) > 1])
        present = np.clip(height[bins], 0, _TALLEST)
        score += np.where(fresh, np.where(present > _PRESENT, present, -_MISSING), 0).sum(axis=0)
    score += 0.05 * own  # the middle of the peak, of all factors that it is wide enough for
    score = np.where(own >= 2 * _PRESENT, score, -np.inf)
    best = int(score.argmax())
    return round(float(_FACTORS[best]), 3) if np.isfinite(score[best]) else None


def _tiles(strips: tuple[Floats, Floats], shape: tuple[int, ...], tile: int) -> Floats:
    """The lower peak of both directions, of square tiles every `STEP` pixels."""
    rows, columns = (_tile_peaks(part[: side // STEP], tile) for part, side in zip(strips, shape, strict=True))
    high, wide = min(rows.shape[0], columns.shape[1]), min(rows.shape[1], columns.shape[0])
    return np.asarray(np.minimum(rows[:high, :wide], columns.T[:high, :wide]), np.float32)


def _tile_peaks(strips: Floats, tile: int) -> Floats:
    signals = sliding_window_view(strips, tile // STEP, axis=0).mean(axis=2)  # (rows of tiles, width)
    windows = sliding_window_view(signals / STEP, tile, axis=1)[:, ::STEP]
    peaks, _ = _highest(_spectra(windows.reshape(-1, tile)), tile)
    return np.asarray(peaks.reshape(windows.shape[:2]), np.float32)


def resampling_traces(found: Resampling, left: int = 0, top: int = 0) -> tuple[Trace, ...]:
    """The peaks as traces: of the whole picture, and of a part where only a part shows them.

    Args:
        found: From `detect_resampling`.
        left: Pixels left of the plane that was measured.
        top: Pixels above it.
    """
    traces = [
        Trace(
            name="resampling",
            measured={
                "peak": found.peak,
                "frequency": found.frequency if found.strength else None,
                "factor_if_enlarged": found.factor,
                "factor_if_reduced": found.factor_if_reduced,
            },
            strength=found.strength,
            note="Pixels depend on each other periodically, as after resizing; every service that shows pictures"
            " resizes them."
            if found.strength
            else "No periodic interpolation stands out; reduction with a good filter, and strong JPEG compression after"
            " any resize, leave none.",
        )
    ]
    if not found.strength:
        traces.append(_local(found, left, top))
    return tuple(traces)


def _local(found: Resampling, left: int, top: int) -> Trace:
    strength = ramp(found.tile_peak, FAINT_TILE, CLEAR_TILE)
    row, column = np.unravel_index(int(found.map.argmax()), found.map.shape)
    tile = found.tile_pixels
    measured: dict[str, Measured] = {"peak": found.tile_peak}
    if strength:
        measured |= measured_box((left + int(column) * STEP, top + int(row) * STEP, tile, tile))
    return Trace(
        name="resampling_of_a_part",
        measured=measured,
        strength=strength,
        note="A part of the picture shows periodic interpolation and the whole does not: it may have been resized"
        " before it was pasted, or show something periodic itself, such as cloth, blinds or a screen."
        if strength
        else "No part shows periodic interpolation on its own.",
    )
