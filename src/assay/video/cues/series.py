"""What the cues share: whether a track will do, and the part of a series that shakes.

Shaking is measured by second differences over about 40 ms, divided by √6. Independent errors with a standard deviation
of s in each frame give s, whatever the frame rate, so a value reads as the error of one frame. What moves evenly is
held back: of a motion at f Hz the share (2 sin(0.04 π f))² / √6 is left, 0.03 at 1 Hz and 0.4 at 4 Hz.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from assay.video.track import Track

Float64 = NDArray[np.float64]
Floats = NDArray[np.floating]

LAG_S = 0.04
SLOWEST_FPS = 18.0  # a lag of more than 55 ms would take more of the true motion for shaking
SMALLEST_PX = 32.0  # below, landmarks are mostly guesses
SMALL_PX = 64.0  # below, they shake more than those of the faces that were measured
LEAST_FRAMES = 50
WHOLE = 3  # observations that give one second difference
UNEVEN = 0.5  # of a step: where a frame is missing, motion would be taken for shaking


def second_differences(track: Track, values: Floats) -> Floats:
    """Second differences over about 40 ms, over √6, of values (n, ...) of a track.

    Holes, uneven steps and nan are left out.

    Returns:
        Shape (m, ...), m <= n; m = 0 where no stretch is long enough.
    """
    together = np.concatenate([values[:0], *_differences(track, values)])
    kept: Floats = together[np.isfinite(together).reshape(len(together), -1).all(axis=1)]
    return kept


def _differences(track: Track, values: Floats) -> Iterator[Floats]:
    lag = max(1, round(LAG_S / track.step_s)) if track.step_s else 1
    for run in track.runs(least=WHOLE):
        part, times = values[run], track.times_s[run]
        if len(part) > 2 * lag:
            steps = times[lag:] - times[:-lag]
            even = np.abs(steps[lag:] - steps[:-lag]) <= UNEVEN * track.step_s
            # A Python number keeps float32 what it is.
            yield ((part[2 * lag :] - 2 * part[lag:-lag] + part[: -2 * lag]) / 6**0.5)[even]


def rms(values: Floats) -> float:
    """Root of the mean square of all values; 0 of none."""
    return float(np.sqrt(np.square(values).mean(dtype=np.float64))) if values.size else 0.0


def too_little(track: Track, *, fps: float = SLOWEST_FPS, frames: int = LEAST_FRAMES) -> str | None:
    """Why a track cannot tell how a face moves from frame to frame; None where it can."""
    if len(track) < frames:
        return f"The face is seen in {len(track)} frames; at least {frames} are needed."
    if track.step_s > 1 / fps * 1.001:
        return f"The face is seen {1 / track.step_s:.1f} times a second; at least {fps:g} are needed."
    if track.width_px < SMALLEST_PX:
        return f"The face is {track.width_px:.0f} pixels wide; at least {SMALLEST_PX:g} are needed."
    return None


def doubt_of(track: Track) -> str | None:
    """Why the range of bona fide videos may not apply to a track; None where it does."""
    if track.width_px < SMALL_PX:
        return f"The face is {track.width_px:.0f} pixels wide; the range is that of faces from {SMALL_PX:g} on."
    return None
