"""Blinks: how often, how long, and how much quicker the eye closes than it opens.

The opening of the eyes is the height between the lids over the distance of the corners (eye aspect ratio, Soukupová
and Čech, "Real-time eye blink detection using facial landmarks", 2016), of both eyes together. A blink is a dip
between two shoulders: the opening of the eye just before and just after tells what open is, so a gaze that sinks or a
smile is none. First generators of faces hardly blinked (Li et al., "In ictu oculi", 2018); later ones do.

People blink 4.5 times a minute while they read and 26 while they talk (Bentivoglio et al., Movement Disorders 12,
1997), with limits of normal adults in conversation of 10.5 to 32.5 (Doughty, Optom. Vis. Sci. 78, 2001); lids close
40-47 % faster than they open (Sforza et al., Ophthalmic Physiol. Opt. 28, 2008). Of a few seconds a rate says little.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from assay.video.cues.cue import Cue, cue, untold
from assay.video.cues.series import Float64, doubt_of, too_little
from assay.video.track import Track

CORNERS = np.array([[33, 133], [362, 263]])  # of the right and the left eye
UPPER = np.array([[160, 159, 158], [385, 386, 387]])
LOWER = np.array([[144, 145, 153], [380, 374, 373]])

DEEPEST = 0.65  # of the open eye: a blink closes it at least down to this
BEFORE_S, AFTER_S = 0.5, 0.7  # a shoulder is no farther from the bottom; lids that stay closed longer are no blink
BEGUN = 0.2  # of the depth: where a blink begins and ends
RATE_S, RATE_FPS, SHAPE_FPS = 8.0, 8.0, 10.0
LEAST_BLINKS = 3  # for a median of their shape

RATE_LIMITS = "People who read or stare blink seldom, tired ones often; newer generators copy blinks from recordings."
SHAPE_LIMITS = "At 25 frames a second a blink is seen in four to eight of them; single blinks vary widely."


@dataclass(frozen=True)
class Blink:
    """One blink, seconds from the first frame of the file.

    Attributes:
        start_s: When a fifth of the way down is done.
        lowest_s: When the eye is most closed.
        end_s: When a fifth of the way up is left.
        width_s: For how long the eye is more than half as closed as at the bottom.
        depth: Share of the opening that is gone at the bottom, in [0.35, 1].
    """

    start_s: float
    lowest_s: float
    end_s: float
    width_s: float
    depth: float

    @property
    def closing_s(self) -> float:
        """From the start to the bottom."""
        return self.lowest_s - self.start_s

    @property
    def opening_s(self) -> float:
        """From the bottom to the end."""
        return self.end_s - self.lowest_s


def eye_opening(track: Track) -> Float64:
    """Height between the lids over the distance of the corners, both eyes together, shape (n,); about 0.3 if open."""
    points = track.landmarks[:, :, :2]
    heights = np.linalg.norm(points[:, UPPER] - points[:, LOWER], axis=-1).mean(axis=-1, dtype=np.float64)  # (n, 2)
    widths = np.linalg.norm(points[:, CORNERS[:, 0]] - points[:, CORNERS[:, 1]], axis=-1)
    # The eye that is turned away is narrower and counts less.
    opening: Float64 = heights.sum(axis=1) / np.maximum(widths.sum(axis=1), 1e-6)
    return opening


def find_blinks(track: Track) -> tuple[Blink, ...]:
    """All blinks, in order of time; none of those that a hole in the track cuts."""
    opening = eye_opening(track)
    found = [blink for run in track.runs(least=5) for blink in _in_run(track.times_s[run], opening[run])]
    return tuple(sorted(found, key=lambda blink: blink.lowest_s))


def blinks(track: Track) -> tuple[Cue, Cue, Cue]:
    """Blinks a minute, their median width in milliseconds, and the median ratio of opening to closing time."""
    found = find_blinks(track)
    return _rate(track, found), *_shape(track, found)


def _in_run(times: Float64, opening: Float64) -> list[Blink]:
    inner = np.arange(1, len(opening) - 1)
    dips = inner[(opening[inner] <= opening[inner - 1]) & (opening[inner] < opening[inner + 1])]
    found: list[Blink] = []
    for lowest in dips[np.argsort(opening[dips], kind="stable")].tolist():  # the bottom of a blink before its bumps
        if any(blink.start_s <= times[lowest] <= blink.end_s for blink in found):
            continue
        blink = _blink(times, opening, lowest)
        if blink is not None:
            found.append(blink)
    return found


def _blink(times: Float64, opening: Float64, lowest: int) -> Blink | None:
    """The blink with this bottom; None if it is not deep, or one of its shoulders is missing."""
    first = int(np.searchsorted(times, times[lowest] - BEFORE_S - 1e-6))
    last = int(np.searchsorted(times, times[lowest] + AFTER_S + 1e-6))
    before, after = opening[first : lowest + 1][::-1], opening[lowest:last]
    bottom, level = opening[lowest], min(before.max(), after.max())
    if bottom > DEEPEST * level:
        return None
    backward, forward = times[first : lowest + 1][::-1], times[lowest:last]

    def at(share: float) -> tuple[float, float]:
        height = bottom + share * (level - bottom)
        return _crossing(backward, before, height), _crossing(forward, after, height)

    (start, end), (half_start, half_end) = at(1 - BEGUN), at(0.5)
    return Blink(start, float(times[lowest]), end, half_end - half_start, float(1 - bottom / level))


def _crossing(times: Float64, values: Float64, height: float) -> float:
    """When values that start below a height first reach it, between two of them linearly; they do reach it."""
    above = int(np.argmax(values >= height))
    low, high = values[above - 1], values[above]
    return float(times[above - 1] + (times[above] - times[above - 1]) * (height - low) / (high - low))


def _rate(track: Track, found: tuple[Blink, ...]) -> Cue:
    why = too_little(track, fps=RATE_FPS, frames=2)
    if why is None and track.seen_s < RATE_S:
        why = f"The face is seen for {track.seen_s:.1f} s; a rate of blinks needs {RATE_S:g}."
    if why is not None:
        return untold("blink_rate", "1/min", sample=len(found), limits=RATE_LIMITS, note=why)
    value = 60 * len(found) / track.seen_s
    return cue("blink_rate", "1/min", value, sample=len(found), limits=RATE_LIMITS, doubt=doubt_of(track))


def _shape(track: Track, found: tuple[Blink, ...]) -> tuple[Cue, Cue]:
    names = (("blink_width", "ms"), ("blink_opening_to_closing", "1"))
    why = too_little(track, fps=SHAPE_FPS, frames=5)
    if why is None and len(found) < LEAST_BLINKS:
        why = f"{len(found)} blinks were seen; their shape needs {LEAST_BLINKS}."
    if why is not None:
        first, second = (untold(*name, sample=len(found), limits=SHAPE_LIMITS, note=why) for name in names)
        return first, second
    width = 1000 * float(np.median([blink.width_s for blink in found]))
    ratio = float(np.median([blink.opening_s / blink.closing_s for blink in found]))
    first, second = (
        cue(*name, value, sample=len(found), limits=SHAPE_LIMITS, doubt=doubt_of(track))
        for name, value in zip(names, (width, ratio), strict=True)
    )
    return first, second
