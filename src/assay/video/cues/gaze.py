"""Where the eyes look within their corners, how much that shakes, and how long they rest.

The centre of each iris is given in the frame of the two corners of its eye, so the place, the size and the roll of
the head do not matter; what still goes with yaw and pitch is taken off by regression. Both eyes look the same way, so
their mean is used. Eyes rest and jump: between jumps they are still but for less than a tenth of a degree, so what
shakes there is the picture or its making (cf. Li et al., "Exposing deepfake videos by tracking eye movements", 2020).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from assay.video.cues.blinks import CORNERS, find_blinks
from assay.video.cues.cue import Cue, cue, untold
from assay.video.cues.pose import head_pose
from assay.video.cues.series import LEAST_FRAMES, Float64, Floats, doubt_of, rms, second_differences, too_little
from assay.video.track import Track

AROUND_BLINK_S = 0.12  # lids cover the iris so long before and after
JUMP = 6.0  # times the usual spread of velocities: Engbert and Kliegl, Vision Research 43, 2003
LEAST_JUMP = 0.5  # widths of an eye per second, about 30 degrees per second
JITTER, FIXATION = "gaze_jitter", "fixation_share"
JITTER_UNIT = "1/1000 of the width of an eye"
LIMITS = "A jump of the eyes lasts one or two frames, so small ones are missed; glasses and dark irises add errors."

Flags = NDArray[np.bool_]


def gaze(track: Track) -> Float64:
    """Centre of the iris from the middle of its eye, in widths of the eye, mean of both; shape (n, 2).

    x grows to the right of the picture along the corners, y down. nan where irises were not looked for.
    """
    corners = track.landmarks[:, CORNERS, :2].astype(np.float64)  # (n, eyes, ends, 2)
    across = corners[:, :, 1] - corners[:, :, 0]
    from_middle = track.irises[:, :, 0, :2].astype(np.float64) - corners.mean(axis=2)
    down = np.stack([-across[..., 1], across[..., 0]], axis=-1)
    squared = np.maximum(np.square(across).sum(axis=-1), 1e-6)
    x, y = ((from_middle * axis).sum(axis=-1) / squared for axis in (across, down))
    places: Float64 = np.stack([x.mean(axis=1), y.mean(axis=1)], axis=1)
    return places


def eyes_shut(track: Track) -> Flags:
    """Whether a blink is near, shape (n,)."""
    shut = np.zeros(len(track), bool)
    for blink in find_blinks(track):
        shut |= (
            np.abs(track.times_s - blink.lowest_s)
            <= max(blink.end_s - blink.lowest_s, blink.lowest_s - blink.start_s) + AROUND_BLINK_S
        )
    return shut


def jumps(track: Track, places: Float64) -> Flags:
    """Which observations belong to a jump of the eyes, shape (n,): those on both sides of a quick step.

    Args:
        track: Of n observations.
        places: Gaze, shape (n, 2), nan where it is not known.
    """
    speeds = np.full((len(track), 2), np.nan)
    for run in track.runs(least=2):
        speeds[run.start + 1 : run.stop] = np.diff(places[run], axis=0) / np.diff(track.times_s[run])[:, None]
    known = speeds[np.isfinite(speeds).all(axis=1)]
    if not len(known):
        return np.zeros(len(track), bool)
    # The median leaves the jumps themselves out of what is usual.
    usual = 1.4826 * np.median(np.abs(known - np.median(known, axis=0)), axis=0)
    limits = np.maximum(JUMP * usual, LEAST_JUMP)
    with np.errstate(invalid="ignore"):
        quick = np.square(speeds / limits).sum(axis=1) > 1
    quick[:-1] |= quick[1:]
    return np.asarray(quick)


def eyes(track: Track) -> tuple[Cue, Cue]:
    """Shaking of the gaze while the eyes rest, and the share of time in which they rest."""
    places = gaze(track)
    places[eyes_shut(track)] = np.nan
    seen = np.isfinite(places).all(axis=1)
    names = ((JITTER, JITTER_UNIT), (FIXATION, "1"))
    why = too_little(track)
    if why is None and seen.sum() < LEAST_FRAMES:
        why = f"The irises are seen in {seen.sum()} frames, blinks left out; at least {LEAST_FRAMES} are needed."
    if why is not None:
        first, second = (untold(*name, sample=int(seen.sum()), limits=LIMITS, note=why) for name in names)
        return first, second
    jumping = jumps(track, places)
    shaking = _without_head(track, np.where(jumping[:, None], np.nan, places))
    values = (1000 * rms(shaking), float(1 - jumping[seen].mean()))
    first, second = (
        cue(*name, value, sample=len(shaking), limits=LIMITS, doubt=doubt_of(track))
        for name, value in zip(names, values, strict=True)
    )
    return first, second


def _without_head(track: Track, places: Float64) -> Floats:
    """Second differences of the gaze, shape (m, 2), less what goes with those of yaw and pitch."""
    both = second_differences(track, np.concatenate([places, head_pose(track)[:, :2]], axis=1))
    eye, head = both[:, :2], both[:, 2:]
    if len(both) < 10:  # too few for two coefficients
        return eye
    weights = np.linalg.lstsq(head, eye, rcond=None)[0]
    rest: Floats = eye - head @ weights
    return rest
