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

from assay.forensics.coefficients import Floats, block_coefficients, luminance, quantised
from assay.forensics.ijg import LUMINANCE, Table, scaled
from assay.forensics.jpeg import ZIGZAG, JpegStructure
from assay.forensics.trace import Trace

Doubles = NDArray[np.float64]

MODES = tuple(divmod(index, 8) for index in ZIGZAG[1:10])  # enough of their coefficients survive quantisation
MOST_BLOCKS = 16_384  # a megapixel from the middle; more would sharpen a likelihood that is sharp already
FEWEST_BLOCKS = 256
_SHIFTS = ((4, 4), (3, 5))  # two of them halve the noise of the prediction
_SCALES = (0.85, 0.92, 1.0, 1.08, 1.17, 1.3)  # quantisation takes energy away, and calibrated coefficients lack it
_CELLS = 4  # per unit of the calibrated histogram
_NOISE = 0.35  # rounding of pixels is 0.29; clipping adds some
_OUTLIERS = 0.02  # share of coefficients that the prediction need not explain
FEWEST_NATS = 12.0  # in all: few blocks must speak louder
FAINT_NATS, CLEAR_NATS = 0.005, 1.0  # of gain per block: strength 0 and 1, see docs/forensics.md


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
    observed = quantised(block_coefficients(plane, most_blocks=MOST_BLOCKS), table)
    blocks = observed.shape[0] * observed.shape[1]
    if blocks < FEWEST_BLOCKS:
        return None
    calibrated = [block_coefficients(plane, *shift, most_blocks=MOST_BLOCKS) for shift in _SHIFTS]
    gains = np.zeros(101)
    candidates = [scaled(LUMINANCE, quality) for quality in range(1, 101)]
    for row, column in MODES:
        mode = _Mode(
            observed[..., row, column], [part[..., row, column] for part in calibrated], int(table[row, column])
        )
        gains[1:] += [mode.gain(int(steps[row, column])) for steps in candidates]
    gains /= blocks
    best = _best(gains, candidates, table)
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


def _best(gains: Doubles, candidates: list[Table], table: Table) -> int:
    """The quality with the highest gain; of those with the same steps in all modes the one in the middle."""
    best = 1 + int(np.argmax(gains[1:]))
    steps = [candidates[best - 1][mode] for mode in MODES]
    same = [q for q in range(1, 101) if [candidates[q - 1][mode] for mode in MODES] == steps]
    return same[len(same) // 2]


class _Mode:
    """Histogram of one frequency, and what a first step would have made of it.

    Args:
        observed: Multiples of the last step.
        calibrated: Coefficients of the shifted picture.
        step: The last step, >= 0.
    """

    def __init__(self, observed: NDArray[np.int64], calibrated: list[Floats], step: int) -> None:
        self._step = max(step, 1)
        # Of a small step more multiples are needed, or a large first step would show only once.
        self._reach = int(np.clip(-(-80 // self._step), 15, 80))
        clipped = np.clip(observed.ravel(), -self._reach - 1, self._reach + 1) + self._reach + 1
        counts = np.bincount(clipped, minlength=2 * self._reach + 3).astype(np.float64)
        self._observed = np.append(counts[1:-1], counts[0] + counts[-1])
        values = np.concatenate([part.ravel() for part in calibrated])
        limit = (self._reach + 3) * self._step
        cells = np.floor(np.clip(np.abs(values), 0, limit) * _CELLS).astype(np.int64)
        weights = np.bincount(cells) / (2 * cells.size)
        centres = (np.arange(weights.size) + 0.5) / _CELLS  # off the multiples, so none falls on a tie
        # Signs are random: mirrored, the histogram is of twice as many coefficients.
        self._centres, self._weights = np.concatenate([-centres[::-1], centres]), np.tile(weights, 2)
        self._weights[: weights.size] = weights[::-1]
        self._gains: dict[int, float] = {}
        plain = [self._likelihood(1.0 / _CELLS, scale) for scale in _SCALES]
        self._scale, self._plain = _SCALES[int(np.argmax(plain))], max(plain)

    def gain(self, first: int) -> float:
        """Log-likelihood over that of a single compression, in nats; 0 for a first step that leaves no trace."""
        if first == self._step:
            return 0.0
        if first not in self._gains:
            self._gains[first] = self._likelihood(float(first), self._scale) - self._plain
        return self._gains[first]

    def _likelihood(self, first: float, scale: float) -> float:
        multiples = np.rint(self._centres * (scale / first)).astype(np.int64)
        lowest = int(multiples[0])
        mass = np.bincount(multiples - lowest, weights=self._weights)
        levels = (np.arange(mass.size) + lowest) * first
        # Noise carries a level at most into the next cell: with the smallest step its deviation is a third of one.
        cells = np.floor(levels / self._step + 0.5)
        down = _normal_cdf((self._step * (cells - 0.5) - levels) / _NOISE)
        up = _normal_cdf((levels - self._step * (cells + 0.5)) / _NOISE)
        last = self._reach + 1
        counts = np.zeros(2 * last + 1)
        for move, part in ((0, 1 - down - up), (-1, down), (1, up)):
            where = np.clip(cells + move, -last, last).astype(np.int64) + last
            counts += np.bincount(where, weights=mass * part, minlength=counts.size)
        predicted = np.append(counts[1:-1], counts[0] + counts[-1])
        mixed = (1 - _OUTLIERS) * predicted + _OUTLIERS / predicted.size
        return float(self._observed @ np.log(mixed))


def _normal_cdf(x: Doubles) -> Doubles:
    """Within 0.0004 of the normal distribution (Page, Applied Statistics 1977); NumPy has no error function."""
    result: Doubles = 0.5 * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))
    return result


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
