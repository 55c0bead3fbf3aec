"""What a track's movement tells: one file for each cue, each a function of the track alone.

    blinks.py   how often the eyes close, how long, how quickly
    gaze.py     where the irises point, how much that shakes, how long it rests
    pose.py     how the head is turned, how much that shakes
    jitter.py   how much the landmarks shake against the head, inside and at the outline
    opening.py  how far the lips are apart; `assay.video.lips` compares it with the sound

A cue is evidence with limits, never a verdict: docs/video-cues.md has the measured ranges and how often bona fide and
manipulated videos leave them.
"""

from assay.video.cues.blinks import Blink, blinks, eye_opening, find_blinks
from assay.video.cues.cue import Cue
from assay.video.cues.gaze import eyes, gaze
from assay.video.cues.jitter import jitter
from assay.video.cues.opening import lip_opening
from assay.video.cues.pose import head_pose, pose
from assay.video.track import Track

__all__ = [
    "Blink",
    "Cue",
    "all_cues",
    "blinks",
    "eye_opening",
    "eyes",
    "find_blinks",
    "gaze",
    "head_pose",
    "jitter",
    "lip_opening",
    "pose",
]


def all_cues(track: Track) -> tuple[Cue, ...]:
    """Every cue of a track, in one order that never changes, also where one cannot be told."""
    return (*blinks(track), *eyes(track), pose(track), *jitter(track))
