"""PSOLA: pitch periods cut out and laid again at another distance."""

from __future__ import annotations

import numpy as np

from assay.training.fakes.method import fit
from assay.training.fakes.pitch import pitch_at
from assay.training.sound import SAMPLE_RATE_HZ, Samples

HOP = 80
UNVOICED_HZ = 125.0  # the step where there is no pitch


def psola(samples: Samples, rng: np.random.Generator) -> Samples:
    """Time-domain PSOLA (Moulines & Charpentier, 1990): pitch moved by two to seven semitones, length kept."""
    x = samples.astype(np.float64)
    ratio = 2 ** (rng.choice([-1.0, 1.0]) * rng.uniform(2, 7) / 12)
    f0 = pitch_at(samples, HOP)
    marks = _marks(x, f0)
    periods = np.diff(marks, append=marks[-1] + round(SAMPLE_RATE_HZ / UNVOICED_HZ))
    reach = int(periods.max())
    padded = np.pad(x, reach)
    made = np.zeros(len(padded))
    position = 0.0
    while position < len(x):
        nearest = int(np.argmin(np.abs(marks - position)))
        mark, period = int(marks[nearest]), int(max(periods[nearest], 16))
        grain = padded[mark + reach - period : mark + reach + period] * np.hanning(2 * period)
        made[int(position) + reach - period : int(position) + reach + period] += grain
        voiced = f0[min(int(position) // HOP, len(f0) - 1)] > 0
        position += period / (ratio if voiced else 1.0)
    return fit(made[reach:].astype(np.float32), len(samples))


def _marks(x: np.ndarray, f0: np.ndarray) -> np.ndarray:
    """One mark per pitch period, at its largest sample; evenly spaced where unvoiced."""
    marks, position = [0], 0
    while True:
        pitch = f0[min(position // HOP, len(f0) - 1)]
        period = round(SAMPLE_RATE_HZ / (pitch if pitch > 0 else UNVOICED_HZ))
        position += period
        if position >= len(x) - period:
            return np.array(marks)
        if pitch > 0:
            start = position - period // 4
            position = start + int(np.argmax(x[start : start + period // 2 + 1]))
        marks.append(position)
