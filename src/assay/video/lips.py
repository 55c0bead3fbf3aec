"""Whether lips and speech go together, by how much one is late, and who speaks when.

Mouths open with the syllables, two to seven times a second, and so does the sound swell (Chandrasekaran et al., PLoS
Comput. Biol. 5, 2009); in running speech the sound comes between 40 ms before and 200 ms after the lips (Schwartz and
Savariaux, PLoS Comput. Biol. 10, 2014). So the opening of the lips is correlated with the level of the sound between
300 and 3400 Hz at shifts of up to 0.6 s. How much the best shift gives by chance is told by the same two series at
shifts of seconds, once around, and with the sound played backwards. Those shifts are taken in stretches as wide as the
one of interest that do not overlap: neighbours are much alike, and would make chance look rarer than it is.

Poor agreement proves nothing: the camera may show the listener, a voice may be dubbed, music may play. Good agreement
does not prove a recording, since generators of talking heads are trained for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assay.audio.features.spectra import bin_frequencies, checked_samples, filtered_power
from assay.errors import InvalidArray

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
Flags = NDArray[np.bool_]

RATE_HZ = 100  # of the level, and of what is correlated
LOW_HZ, HIGH_HZ = 300.0, 3400.0  # the band of telephones: voices without most rumble, hiss and music
FLOOR_DB = 25.0  # below the loudest: less is silence, however silent
LONGEST_OFFSET_S = 0.6
APART_S = 1.5  # shifts of chance keep so far away: what agrees at 0 agrees a little at half a second, too
SMOOTH_S, TREND_S = 0.1, 0.7  # syllables lie between
LONGEST_HOLE_S = 0.2  # in the series of the lips; longer ones are left out
SHORTEST_S = 6.0

WINDOW_S = 1.0  # of speaking
SPOKEN_DB = 12.0  # over the quietest tenth: there is sound
LEAST_MOTION = 0.004  # heights of a face: rms of what syllables do to the opening; less is no speech
LEAST_ADVANTAGE = 1.3  # over the next best face
SHORTEST_SPAN_S = 0.4


@dataclass(frozen=True, eq=False)
class Level:
    """How loud the voice band is.

    Attributes:
        times_s: Middle of each frame, seconds, even steps of 10 ms, shape (n,).
        level_db: Of the power between 300 and 3400 Hz, relative, >= -200, shape (n,).
    """

    times_s: Float64
    level_db: Float64


@dataclass(frozen=True)
class Agreement:
    """How well lips and sound go together.

    Attributes:
        offset_s: Shift with the best agreement, within ±0.6 s; positive if the sound is late against the lips.
        strength: Normalised cross-correlation there, in [-1, 1].
        p: Chance of so much at the best of all shifts if the two had nothing to do with each other, in (0, 1]; never
            below 1 / (n + 1), so a short recording cannot prove much: 0.15 at 6 s, 0.06 at 12 s, 0.01 at a minute.
        n: How many stretches of shifts tell what chance gives.
        seconds: How much of the lips was compared.
    """

    offset_s: float
    strength: float
    p: float
    n: int
    seconds: float


@dataclass(frozen=True)
class Speaking:
    """A stretch in which one face speaks, seconds by the clock of the frames."""

    track: int
    start_s: float
    end_s: float


def speech_level(samples: Float32, sample_rate_hz: float, *, start_s: float = 0.0) -> Level:
    """Level of the voice band of one channel, 100 times a second.

    Args:
        samples: Shape (n,), float, finite, n >= 1.
        sample_rate_hz: At least 6,800, a multiple of 100.
        start_s: When the first sample is heard, by the clock of the frames.

    Raises:
        InvalidArray: If samples or rate are anything else.
    """
    samples = checked_samples(samples, sample_rate_hz)
    if sample_rate_hz < 2 * HIGH_HZ or sample_rate_hz % RATE_HZ:
        raise InvalidArray(
            f"The level of speech takes a sample rate that is a multiple of {RATE_HZ} Hz and at least"
            f" {2 * HIGH_HZ:g}, not {sample_rate_hz:g}; resample to 16000.",
            given=str(sample_rate_hz),
        )
    hop = int(sample_rate_hz) // RATE_HZ
    bins = bin_frequencies(sample_rate_hz, 3 * hop)
    band = ((bins >= LOW_HZ) & (bins <= HIGH_HZ)).astype(np.float32)[None]
    power = filtered_power(samples, band, 3 * hop, hop)[0].astype(np.float64)
    return Level(start_s + np.arange(power.size) / RATE_HZ, 10 * np.log10(np.maximum(power, 1e-20)))


def agreement(times_s: Float64, opening: Float64, level: Level) -> Agreement | None:
    """How well the lips of one face go with the sound; None if less than six seconds can be compared.

    Args:
        times_s: Of the frames, rising, shape (n,).
        opening: Of the lips, `cues.opening.lip_opening`, shape (n,).
        level: Of the whole recording.
    """
    lips, known = _lips_on_grid(times_s, opening, level.times_s)
    inside = np.flatnonzero(known)
    if known.sum() < SHORTEST_S * RATE_HZ:
        return None
    # Where the face is not seen the lips are 0, which correlates with nothing.
    part = slice(int(inside[0]), int(inside[-1]) + 1)
    lips, sound = _syllables(lips[part], known[part]), _syllables(_above_floor(level)[part])
    reach, apart = round(LONGEST_OFFSET_S * RATE_HZ), round(APART_S * RATE_HZ)
    around, backwards = _circular_correlation(lips, sound), _circular_correlation(lips, sound[::-1])
    near = np.take(around, np.arange(-reach, reach + 1), mode="wrap")
    chance = np.concatenate([_highest(part, near.size) for part in (around[apart:-apart], backwards)])
    best = int(np.argmax(near))
    return Agreement(
        offset_s=(best - reach + _summit(near, best)) / RATE_HZ,
        strength=float(near[best]),
        p=float((1 + (chance >= near[best]).sum()) / (1 + chance.size)),
        n=int(chance.size),
        seconds=float(known.sum() / RATE_HZ),
    )


def speaking(lips: Sequence[tuple[int, Float64, Float64]], level: Level) -> tuple[Speaking, ...]:
    """Who speaks when: of the faces in view the one whose lips move most with the sound.

    Args:
        lips: For each track its id, times and opening.
        level: Of the recording.

    Returns:
        Spans in order of time. Where there is sound and no lips move clearly, or several alike, there is none: the
        speaker is not in the picture, or cannot be told.
    """
    sound = level.level_db >= np.percentile(level.level_db, 10) + SPOKEN_DB
    highest, second = np.zeros((2, level.times_s.size))
    first = np.full(level.times_s.size, -1)
    # One after the other: a long film has more tracks than there is memory for all their scores.
    for number, (_, times, opening) in enumerate(lips):
        score = _speech_score(times, opening, level)
        better = score > highest
        second = np.where(better, highest, np.maximum(second, score))
        highest, first = np.where(better, score, highest), np.where(better, number, first)
    clear = _held(sound) & (highest >= LEAST_MOTION) & (highest >= LEAST_ADVANTAGE * second)
    spans = [
        Speaking(lips[number][0], float(level.times_s[start]), float(level.times_s[stop - 1]))
        for number in range(len(lips))
        for start, stop in _runs(clear & (first == number))
        if stop - start >= SHORTEST_SPAN_S * RATE_HZ
    ]
    return tuple(sorted(spans, key=lambda span: (span.start_s, span.track)))


def _lips_on_grid(times_s: Float64, opening: Float64, grid: Float64) -> tuple[Float64, Flags]:
    """The opening at other times, between frames linearly, and where it is known."""
    values = np.interp(grid, times_s, opening)
    after = np.clip(np.searchsorted(times_s, grid), 1, max(len(times_s) - 1, 1))
    if len(times_s) < 2:
        return values, np.zeros(len(grid), bool)
    hole = times_s[after] - times_s[after - 1] > LONGEST_HOLE_S
    return values, (grid >= times_s[0]) & (grid <= times_s[-1]) & ~hole


def _above_floor(level: Level) -> Float64:
    floored: Float64 = np.maximum(level.level_db, level.level_db.max() - FLOOR_DB)
    return floored


def _syllables(values: Float64, known: Flags | None = None) -> Float64:
    """What changes within 0.1 to 2 s, shape as given; 0 where not known."""
    known = np.ones(len(values), bool) if known is None else known
    # Means over what is known only.
    smooth, trend = (_mean_around(values, known, seconds) for seconds in (SMOOTH_S, TREND_S))
    result: Float64 = np.where(known, smooth - trend, 0.0)
    return result


def _mean_around(values: Float64, known: Flags, seconds: float) -> Float64:
    """Means of the known values within half of so many seconds on either side; 0 where none is known."""
    reach, n = round(seconds * RATE_HZ / 2), len(values)
    first = np.clip(np.arange(n) - reach, 0, n)
    stop = np.clip(np.arange(n) + reach + 1, 0, n)
    totals, counts = (
        np.concatenate([[0.0], np.cumsum(series)])
        for series in (np.where(known, values, 0.0), known.astype(np.float64))
    )
    means: Float64 = (totals[stop] - totals[first]) / np.maximum(counts[stop] - counts[first], 1.0)
    return means


def _circular_correlation(lips: Float64, sound: Float64) -> Float64:
    """Entry k: correlation of the lips with the sound k steps later, once around; within ±1."""
    lips, sound = lips - lips.mean(), sound - sound.mean()
    product = np.fft.irfft(np.conj(np.fft.rfft(lips)) * np.fft.rfft(sound), len(lips))
    # Lips or sound that never change differ from their mean by rounding only: that is no agreement.
    lengths = [max(float(np.linalg.norm(series)), 1e-6) for series in (lips, sound)]
    return np.round(product / (lengths[0] * lengths[1]), 6)


def _highest(values: Float64, width: int) -> Float64:
    """The highest of each stretch of so many values, side by side; what is left at the end is left out."""
    whole = len(values) // width
    highest: Float64 = values[: whole * width].reshape(whole, width).max(axis=1)
    return highest


def _summit(values: Float64, best: int) -> float:
    """Where between neighbours the top of a parabola through three values lies, in (-1, 1); 0 at an end."""
    if not 0 < best < len(values) - 1:
        return 0.0
    before, top, after = values[best - 1 : best + 2]
    curve = before - 2 * top + after
    return float(0.5 * (before - after) / curve) if curve < 0 else 0.0


def _speech_score(times_s: Float64, opening: Float64, level: Level) -> Float64:
    """How much the lips do what the sound does, 100 times a second: heights of a face, 0 where the face is not seen.

    The motion of the lips in a window, times one plus the correlation with the sound in it.
    """
    lips, known = _lips_on_grid(times_s, opening, level.times_s)
    lips, sound = _syllables(lips, known), _syllables(_above_floor(level))
    everywhere = np.ones(len(lips), bool)

    def mean(values: Float64) -> Float64:
        return _mean_around(values, everywhere, WINDOW_S)

    # Running sums are off by rounding: below zero, too.
    motion, loudness = (np.sqrt(np.maximum(mean(series**2), 0.0)) for series in (lips, sound))
    together = np.clip(mean(lips * sound) / np.maximum(motion * loudness, 1e-9), -1, 1)
    score: Float64 = np.where(known, motion * (1 + together), 0.0)
    return score


def _held(sound: Flags) -> Flags:
    """Sound, with the pauses between words."""
    share = _mean_around(sound.astype(np.float64), np.ones(len(sound), bool), SHORTEST_SPAN_S)
    return np.asarray(share > 0)


def _runs(flags: Flags) -> list[tuple[int, int]]:
    """Start and stop of each stretch that is true."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8)))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))
