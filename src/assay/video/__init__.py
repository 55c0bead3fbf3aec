"""Persons in a video: their faces over time, what their movement tells, and whether lips and sound go together.

    frames.py      what a decoded frame must have
    tracks.py      faces of frames to tracks of persons; assignment.py, cuts.py and appearance.py help it
    seeking.py     faces of frame after frame, searched for where they were
    track.py       one person's face over time
    geometry.py    rigid alignment of faces, and angles of the head
    cues/          what a track's movement tells
    lips.py        lips against the sound, and who speaks when
    hearing.py     the level of a sound that passes by
    closely.py     a closer look at a part of a video; pace.py what is done with which frame
    watch.py       a video looked at once; detector.py its scores

Conventions: times are seconds from the first frame of a file, places are pixels of the frame, x to the right, y down,
as in `assay.image.faces`. Nothing is drawn at random. Nothing here decides: a cue is evidence beside the detectors.
"""

from assay.video.frames import Frame
from assay.video.lips import Agreement, Level, Speaking, agreement, speaking, speech_level
from assay.video.track import Track
from assay.video.tracks import TrackBuilder

__all__ = [
    "Agreement",
    "Frame",
    "Level",
    "Speaking",
    "Track",
    "TrackBuilder",
    "agreement",
    "speaking",
    "speech_level",
]
