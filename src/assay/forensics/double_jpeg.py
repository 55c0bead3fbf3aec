"""Whether a JPEG picture was compressed before on the same block grid, and at which quality.

A coefficient that was quantised with step q1 and then with step q2 has a histogram in which some multiples of q2 are
empty or doubled, periodically. How the histogram of a single compression looks is estimated from the picture itself:
shifted by half a block its coefficients are almost those before any compression (calibration). From these the
histogram after each possible first quality is predicted, and its likelihood compared with that of no first one.

What this cannot see: a first compression at the same quality (it changes nothing), at a much higher one (its steps
are lost in the later ones), and any at all when the picture was cropped off the grid or resized in between; for
cropping see `assay.forensics.grid`. A camera that compressed once and a program that saved again leave the same trace
as a forger does: saving twice is common and no sign of manipulation.

References:
    Lukáš & Fridrich, DFRWS 2003 (first quantisation steps by simulated recompression of the calibrated picture);
    Popescu & Farid, Information Hiding 2004 (periodic artefacts of double quantisation). Departures: a likelihood over
    nine modes at once instead of one distance per mode, and the rounding of pixels in between as Gaussian noise.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assay.forensics.coefficients import (
    Floats,
    luminance,
    quantised,
    shifted_basis,
    spread_windows,
    window_coefficients,
)
from assay.forensics.ijg import LUMINANCE, scaled
from assay.forensics.jpeg import ZIGZAG, JpegStructure
from assay.forensics.trace import Trace

Doubles = NDArray[np.float64]

MODES = tuple(divmod(index, 8) for index in ZIGZAG[1:10])  # enough of their coefficients survive quantisation
MOST_BLOCKS = 2_304  # spread over the picture; seven times as many found no more, see docs/forensics.md
FEWEST_BLOCKS = 256
_SHIFTS = ((0, 0), (4, 4), (3, 5))  # the file's grid, and two that are off it: two halve the noise of the prediction
_SIDE = 13  # pixels in which all three blocks lie
_SCALES = (0.85, 0.92, 1.0, 1.08, 1.17, 1.3)  # quantisation takes energy away, and calibrated coefficients lack it
_CELLS = 4  # per unit of the calibrated histogram
_NOISE = 0.35  # rounding of pixels is 0.29; clipping adds some
_OUTLIERS = 0.02  # share of coefficients that the prediction need not explain
FEWEST_NATS = 12.0  # in all: few blocks must speak louder
FAINT_NATS, CLEAR_NATS = 0.005, 1.0  # of gain per block: strength 0 and 1, see docs/forensics.md
# The steps at each quality from 1 on, shape (100, modes), and the different ones of each mode.
_CANDIDATES = np.array([[scaled(LUMINANCE, quality)[mode] for mode in MODES] for quality in range(1, 101)])
_FIRSTS = [np.unique(steps, return_inverse=True) for steps in _CANDIDATES.T]


@dataclass(frozen=True)
class DoubleCompression:
    """Evidence of an earlier compression.

    Attributes:
        gain_nats: Log-likelihood of the best first quality over that of none, per block, summed over the modes; about
            0 for a single compression.
        first_quality: The IJG quality that explains the histograms best; None if `gain_nats` is within noise.
        last_quality: IJG quality nearest to the tables of the file.
        strength: 0 at `FAINT_NATS` (or `FEWEST_NATS` in all) and below, 1 at `CLEAR_NATS` and above, logarithmic
            between.
        blocks: How many were measured.
    """

    gain_nats: float
    first_quality: int | None
    last_quality: int | None
    strength: float
    blocks: int


def detect_double_compression(structure: JpegStructure, plane: Floats | None = None) -> DoubleCompression | None:
    """Look for an earlier compression on the same grid.

    Args:
        structure: From `read_jpeg`.
        plane: Its `coefficients.luminance`, where the caller has it already.

    Returns:
        The evidence; None for pictures of fewer than `FEWEST_BLOCKS` blocks or without a luminance table.

    Raises:
        UnsupportedMedia: If its coefficients are not read here; see `coefficients.luminance`.
        LimitExceeded: If it claims too many pixels.
        DecodeError: If the picture data are broken.
    """
    table = structure.table_of(0)
    if table is None:
        return None
    plane = luminance(structure) if plane is None else plane
    if plane.shape[0] // 8 * (plane.shape[1] // 8) < FEWEST_BLOCKS:
        return None
    windows = spread_windows(plane, _SIDE, MOST_BLOCKS)
    blocks = windows.shape[0] * windows.shape[2]
    if not blocks:
        return None
    observed, *calibrated = (_modes(windows, *shift) for shift in _SHIFTS)
    gains = np.zeros(101)
    for index, (row, column) in enumerate(MODES):
        multiples = quantised(observed[index], table[row, column])
        parts = np.concatenate([part[index] for part in calibrated])
        mode = _Mode(multiples, parts, int(table[row, column]))
        firsts, of_quality = _FIRSTS[index]
        gains[1:] += mode.gains(firsts)[of_quality]
    gains /= blocks
    best = _best(gains)
    gain = float(gains[best])
    faint = max(FAINT_NATS, FEWEST_NATS / blocks)
    strength = float(np.clip(np.log(max(gain, 1e-9) / faint) / np.log(CLEAR_NATS / faint), 0, 1))
    return DoubleCompression(
        gain_nats=round(gain, 5),
        first_quality=best if strength > 0 else None,
        last_quality=structure.quality.quality if structure.quality else None,
        strength=round(strength, 4),
        blocks=blocks,
    )


def _best(gains: Doubles) -> int:
    """The quality with the highest gain; of those with the same steps in all modes the one in the middle."""
    steps = _CANDIDATES[int(np.argmax(gains[1:]))]
    same = np.flatnonzero((steps == _CANDIDATES).all(axis=1))
    return int(same[same.size // 2]) + 1


def _modes(windows: Floats, row: int, column: int) -> Floats:
    """Coefficients of the `MODES` of blocks that begin at a place of each window, shape (modes, blocks)."""
    down, across = (shifted_basis((shift,), _SIDE, 4) for shift in (row, column))
    found = window_coefficients(windows, down, across)
    return np.stack([found[:, i, :, j].ravel() for i, j in MODES])


class _Mode:
    """Histogram of one frequency, and what a first step would have made of it.

    Signs are random, so only absolute values are counted: that makes twice as many of them.

    Args:
        observed: Multiples of the last step.
        calibrated: Coefficients of the shifted picture.
        step: The last step, >= 0.
    """

    def __init__(self, observed: NDArray[np.int64], calibrated: Floats, step: int) -> None:
        self._step = max(step, 1)
        # Of a small step more multiples are needed, or a large first step would show only once.
        self._reach = int(np.clip(-(-80 // self._step), 15, 80))
        self._observed = np.bincount(np.minimum(np.abs(observed), self._reach + 1), minlength=self._reach + 2)
        limit = (self._reach + 3) * self._step
        cells = (np.minimum(np.abs(calibrated), limit) * _CELLS).astype(np.int64)
        self._weights = np.bincount(cells, minlength=limit * _CELLS + 1) / cells.size
        self._sums = np.concatenate([[0.0], np.cumsum(self._weights)])
        centres = (np.arange(self._weights.size) + 0.5) / _CELLS
        levels = np.multiply.outer(np.array(_SCALES), centres)
        plain = self._likelihoods(np.broadcast_to(self._weights, levels.shape), levels)
        self._scale, self._plain = _SCALES[int(np.argmax(plain))], float(plain.max())

    def gains(self, firsts: NDArray[np.int64]) -> Doubles:
        """Log-likelihood after each first step over that of none, in nats; 0 for one that leaves no trace."""
        most = int(self._weights.size * self._scale / (_CELLS * firsts.min())) + 2
        multiples = np.arange(most)
        # A multiple gets the cells whose centres are nearer to it than to any other.
        ends = np.ceil((multiples + 0.5) * (firsts * (_CELLS / self._scale))[:, None] - 0.5).astype(np.int64)
        mass = np.diff(self._sums.take(np.minimum(ends, self._weights.size)), axis=1, prepend=0.0)
        gains = self._likelihoods(mass, np.multiply.outer(firsts, multiples)) - self._plain
        return np.asarray(np.where(firsts == self._step, 0, gains))

    def _likelihoods(self, mass: Doubles, levels: NDArray[np.int64] | Doubles) -> Doubles:
        """Of what was observed, for each row of masses at levels before the last step."""
        rows, columns = np.nonzero(mass)
        mass, values = mass[rows, columns], levels[rows, columns].astype(np.float32)
        # Noise carries a level at most into the next cell: with the smallest step its deviation is a third of one.
        cells = np.floor(values / self._step + np.float32(0.5))
        beside = values - self._step * cells
        half = np.float32(self._step / 2)
        moves = _normal_cdf(np.asarray(np.stack([-half - beside, beside - half]) / _NOISE, np.float32))
        where, bins = cells.astype(np.int64), self._reach + 2
        places = np.stack([where, np.abs(where - 1), where + 1])
        places = np.minimum(places, bins - 1) + bins * rows
        shares = mass * np.concatenate([1 - moves.sum(axis=0, keepdims=True), moves])
        counts = np.bincount(places.ravel(), weights=shares.ravel(), minlength=bins * len(levels))
        predicted = np.asarray(counts.reshape(len(levels), bins), np.float64)
        predicted[:, 1:-1] *= 0.5  # two signs; what is beyond reach is counted together
        mixed = (1 - _OUTLIERS) * predicted + _OUTLIERS / (2 * self._reach + 2)
        return np.asarray(np.log(mixed) @ self._observed)


def _normal_cdf(x: Floats) -> Floats:
    """Within 0.0004 of the normal distribution (Page, Applied Statistics 1977); NumPy has no error function."""
    cubic = x * (np.float32(0.044715) * x * x + 1)  # a power would take twenty times as long
    return np.asarray(0.5 + 0.5 * np.tanh(np.float32((2 / np.pi) ** 0.5) * cubic))


def double_jpeg_traces(structure: JpegStructure, plane: Floats | None = None) -> tuple[Trace, ...]:
    """The evidence as traces; none if the picture is too small. Arguments and errors: `detect_double_compression`."""
    found = detect_double_compression(structure, plane)
    if found is None:
        return ()
    return (
        Trace(
            name="double_jpeg",
            measured={
                "gain_nats_per_block": found.gain_nats,
                "first_quality": found.first_quality,
                "last_quality": found.last_quality,
                "blocks": found.blocks,
            },
            strength=found.strength,
            note="The picture was saved as JPEG at least twice; every editor and most messengers do that, and it says"
            " nothing about what was changed."
            if found.strength
            else "No trace of an earlier JPEG compression on the same grid; one at the same or a much higher quality"
            " would leave none.",
        ),
    )
