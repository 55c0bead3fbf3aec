"""Finds recordings that repeat another one: encoded again, at another level, cut elsewhere.

    samples ── envelope ──> level of four bands ── search ──> candidates ── refine ──> Match
                            every 10 ms, in dB     20 ms, all bands         10 ms, band by band

Equal samples do not tell such copies; the course of the level does.

Decisions
- Four bands from 200 to 3,300 Hz, which a telephone lets through. A floor 35 dB below the loud frames of each hides the
  noise that codecs leave or take away. A gain is a constant in dB, which correlation does not see.
- What varies more slowly than in half a second is taken out, since words between pauses rise and fall alike, whatever
  they are: with it, single words reached 0.91 with each other. Without it, of 1,098 clips of our corpora none reached
  more than 0.77 with any of 613 of other content, and their copies, vocoders' included, 0.94 at least.
- So at a threshold of 0.9 a vocoder's copy counts as the recording: same course, other phases. Another take does not
  (one sentence by several synthesisers of one voice: 0.76, and 0.89 for a phrase of 1.8 s), nor does most voice
  conversion, which keeps the timing of its source (0.82 to 0.91).
- Stretches of 3 s of one recording are looked for in the other, or of 2.5, 2 or 1.5 s if it has no more. They begin
  every second at most, and there are shorter ones, of 2 or 1.5 s, at both ends. So 4 s in common are found anywhere,
  2 s where one recording ends in the other, and all of a recording in a longer one. Less than 1.5 s is not compared.
- The search correlates the mean of the bands every 20 ms, and keeps what comes within `SLACK` of the threshold. What
  counts is the mean over the bands at 10 ms, at the best lag nearby, over up to 3 s.
- Measured on 24 clips: 0.9 survives every codec that training uses, 26 dB less level in 16 bit and a low-pass at
  2 kHz; white noise 20 dB below the speech in all but one of them, 10 dB below it in half. Only of a clip of just 1.5 s
  too little is left in common when a codec delays it and its end is cut.
- A stretch that hardly varies, a tone or steady noise, is like every other, and never a match.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from assay.media import SAMPLE_RATE_HZ

FloatArray = NDArray[np.float32]

THRESHOLD = 0.9
LENGTHS_S = (3.0, 2.5, 2.0, 1.5)
STEP_S = 1.0
BAND_EDGES_HZ = (200, 550, 1_100, 1_900, 3_300)
HOP_S, FRAME_S = 0.01, 0.02
FLOOR_DB = 35.0
COURSE_S = 0.5
FLAT_DB = 1.5  # standard deviation; that of speech is 3 at least, and 10 mostly
SLACK = 0.15
_PAIR = 2  # frames of an envelope that make one of the search
_MOST_CANDIDATES = 8  # refined per recording
_MOST_WINDOWS = 4_096  # correlated at a time
_HOP, _FRAME = round(HOP_S * SAMPLE_RATE_HZ), round(FRAME_S * SAMPLE_RATE_HZ)
# A recording of exactly so many seconds has one frame less than hops, since a frame is two of them.
_LENGTHS = tuple((round(length / HOP_S) - 1) // _PAIR for length in LENGTHS_S)
SHORTEST = _LENGTHS[-1] * _PAIR  # frames of an envelope that can be compared


@dataclass(frozen=True)
class Match:
    """A recording that repeats another one.

    Attributes:
        index: Of the recording.
        original: Index of the one that it repeats.
        correlation: In (0, 1].
        lag_s: A moment's time in the recording less its time in the original; negative if the beginning is cut.
    """

    index: int
    original: int
    correlation: float
    lag_s: float


def envelope(pieces: Iterable[FloatArray]) -> FloatArray:
    """How the level of a recording varies, band by band.

    Args:
        pieces: Consecutive samples, each of shape (n,), 16 kHz.

    Returns:
        Shape (frames, bands), dB above the mean of half a second around, every 10 ms.
    """
    powers, rest = [np.zeros((0, len(BAND_EDGES_HZ) - 1), np.float32)], np.zeros(0, np.float32)
    for piece in pieces:
        rest = np.concatenate([rest, piece])
        if len(rest) >= _FRAME:
            frames = sliding_window_view(rest, _FRAME)[::_HOP]
            powers.append(_powers(frames))
            rest = rest[len(frames) * _HOP :]
    power = np.concatenate(powers)
    if not len(power):
        return power
    loud = np.quantile(power, 0.98, axis=0)
    levels = 10 * np.log10(np.maximum(power, np.maximum(loud * 10 ** (-FLOOR_DB / 10), 1e-12)))
    return np.asarray(levels - _moving_mean(levels, round(COURSE_S / HOP_S)), np.float32)


def _powers(frames: FloatArray) -> FloatArray:
    """Power in each band of frames (n, samples): (n, bands)."""
    spectra = np.fft.rfft(frames * np.hanning(_FRAME).astype(np.float32))
    power = np.square(spectra.real) + np.square(spectra.imag)
    edges = [round(edge * FRAME_S) for edge in BAND_EDGES_HZ]
    return np.asarray(np.add.reduceat(power[:, : edges[-1]], edges[:-1], axis=1), np.float32)


def _moving_mean(levels: NDArray[np.float64], width: int) -> NDArray[np.float64]:
    """Mean of `width` frames around each of (frames, bands), of fewer at the ends."""
    sums = np.pad(np.cumsum(levels, axis=0), ((1, 0), (0, 0)))
    here = np.arange(len(levels))
    first, last = np.maximum(0, here - width // 2), np.minimum(len(levels), here + width // 2 + 1)
    return np.asarray((sums[last] - sums[first]) / (last - first)[:, None])


class Originals:
    """Recordings whose copies are looked for.

    Args:
        envelopes: Of each, as `envelope` makes them.
    """

    def __init__(self, envelopes: Sequence[FloatArray]) -> None:
        self._envelopes = envelopes
        self._tracks = [_track(each) for each in envelopes]
        self._stretches = _stretches(self._tracks, at_ends=True)

    def matches(self, envelopes: Sequence[FloatArray], *, threshold: float = THRESHOLD) -> list[Match]:
        """Which of some recordings repeat one of these.

        Args:
            envelopes: Of the recordings.
            threshold: Least correlation, in (0, 1].

        Returns:
            The best match of each recording that has one, in their order.
        """
        tracks = [_track(each) for each in envelopes]
        least = threshold - SLACK
        candidates: dict[int, list[_Candidate]] = defaultdict(list)
        for length, stretches in self._stretches.items():
            longer = [index for index, track in enumerate(tracks) if len(track) >= length]
            for hit in _search(tracks, longer, stretches, least):
                candidates[hit.track].append(hit)
        for length, stretches in _stretches(tracks).items():
            longer = [index for index, track in enumerate(self._tracks) if len(track) >= length]
            for hit in _search(self._tracks, longer, stretches, least):
                candidates[hit.stretch.track].append(hit.turned())
        found = []
        for index, hits in sorted(candidates.items()):
            best = sorted(hits, key=lambda hit: -hit.correlation)[:_MOST_CANDIDATES]
            match = max((self._refined(hit, envelopes[index]) for hit in best), key=lambda each: each.correlation)
            if match.correlation >= threshold:
                found.append(match)
        return found

    def _refined(self, hit: _Candidate, given: FloatArray) -> Match:
        """A candidate with the best lag nearby, and the correlation there over up to 3 s."""
        own = self._envelopes[hit.stretch.track]
        most = _LENGTHS[0] * _PAIR
        begin = hit.stretch.start * _PAIR - (most - hit.stretch.length * _PAIR) // 2
        best = (-1.0, 0)
        for shift in range(-_PAIR, _PAIR + 1):
            lag = (hit.at - hit.stretch.start) * _PAIR + shift
            first, last = max(0, -lag), min(len(own), len(given) - lag)
            stop = min(last, max(first, begin) + most)
            start = max(first, stop - most)
            best = max(best, (_correlation(own[start:stop], given[start + lag : stop + lag]), lag))
        return Match(hit.track, hit.stretch.track, best[0], best[1] * HOP_S)


@dataclass(frozen=True)
class _Stretch:
    """A piece of a track that is looked for.

    Attributes:
        track: Index of the track.
        start: First frame.
        length: Frames.
    """

    track: int
    start: int
    length: int


@dataclass(frozen=True)
class _Candidate:
    """A stretch of one track, and where it seems to be in another one.

    Attributes:
        track: Index of the other one.
        at: Frame of it where the stretch begins.
    """

    track: int
    at: int
    stretch: _Stretch
    correlation: float

    def turned(self) -> _Candidate:
        """The same with the roles of the two tracks exchanged."""
        stretch = _Stretch(self.track, self.at, self.stretch.length)
        return _Candidate(self.stretch.track, self.stretch.start, stretch, self.correlation)


_Patterns = list[tuple[_Stretch, FloatArray]]


def _track(levels: FloatArray) -> FloatArray:
    """An envelope (frames, bands) as the search sees it: mean of the bands every 20 ms, shape (frames // 2,)."""
    return np.asarray(levels[: len(levels) // _PAIR * _PAIR].reshape(-1, _PAIR * levels.shape[1]).mean(axis=1))


def _stretches(tracks: Sequence[FloatArray], *, at_ends: bool = False) -> dict[int, _Patterns]:
    """What is looked for of each track, by length: mean 0, norm 1. Flat stretches are left out.

    Args:
        tracks: As `_track` makes them.
        at_ends: Also two short ones at the ends of what has longer ones.
    """
    by_length: dict[int, _Patterns] = defaultdict(list)
    for index, track in enumerate(tracks):
        for start, length in _places(len(track), at_ends):
            piece = track[start : start + length] - track[start : start + length].mean()
            norm = np.linalg.norm(piece)
            if norm >= _flat(length):
                by_length[length].append((_Stretch(index, start, length), piece / norm))
    return by_length


def _places(frames: int, at_ends: bool) -> Iterator[tuple[int, int]]:
    """Start and length of the stretches of a track of so many frames."""
    length = next((length for length in _LENGTHS if frames >= length), None)
    if length is None:
        return
    room = frames - length
    steps = -(-room * _PAIR // round(STEP_S / HOP_S))
    for step in range(steps + 1):
        yield round(room * step / max(1, steps)), length
    shorter = next((other for other in _LENGTHS if other <= 0.7 * length), _LENGTHS[-1])
    if at_ends and shorter < length:
        yield 0, shorter
        yield frames - shorter, shorter


def _search(
    tracks: Sequence[FloatArray], which: Sequence[int], patterns: _Patterns, least: float
) -> Iterator[_Candidate]:
    """Where stretches of one length correlate best with each track of `which`, if by `least` or more."""
    length = patterns[0][0].length
    looked_for = np.stack([pattern for _, pattern in patterns])
    for group in _groups([(index, len(tracks[index]) - length + 1) for index in which]):
        spans = [tracks[index][start : start + number + length - 1] for index, start, number in group]
        windows = np.concatenate([sliding_window_view(span, length) for span in spans])
        windows -= windows.mean(axis=1, keepdims=True)
        norms = np.sqrt(np.einsum("ij,ij->i", windows, windows))
        scores = looked_for @ windows.T / np.where(norms >= _flat(length), norms, np.float32(np.inf))
        firsts = np.cumsum([0, *(number for _, _, number in group)])
        tops = np.maximum.reduceat(scores, firsts[:-1], axis=1)
        for row, column in np.argwhere(tops >= least):
            index, start, _ = group[column]
            at = int(scores[row, firsts[column] : firsts[column + 1]].argmax())
            yield _Candidate(index, start + at, patterns[row][0], float(tops[row, column]))


def _groups(tracks: Iterable[tuple[int, int]]) -> Iterator[list[tuple[int, int, int]]]:
    """Track, first window and number of windows, so many at a time as memory should hold; from tracks and numbers."""
    group: list[tuple[int, int, int]] = []
    room = _MOST_WINDOWS
    for index, windows in tracks:
        for start in range(0, windows, _MOST_WINDOWS):
            number = min(_MOST_WINDOWS, windows - start)
            if number > room:
                yield group
                group, room = [], _MOST_WINDOWS
            group.append((index, start, number))
            room -= number
    if group:
        yield group


def _correlation(one: FloatArray, other: FloatArray) -> float:
    """Mean over the bands of the correlation of two envelopes (frames, bands); a flat band counts as 0."""
    one, other = one - one.mean(axis=0), other - other.mean(axis=0)
    norms = np.sqrt((one * one).sum(axis=0) * (other * other).sum(axis=0))
    return float(np.where(norms < FLAT_DB**2 * len(one), 0, (one * other).sum(axis=0) / np.maximum(norms, 1e-9)).mean())


def _flat(length: int) -> float:
    """Norm of a stretch of so many frames below which it tells nothing."""
    return FLAT_DB * float(length**0.5)
