"""Traces in a picture or a recording: what file and pixels tell about where it has been.

    jpeg.py         markers, tables, thumbnails, what stands behind the end; no pixel is decoded
    double_jpeg.py  whether it was compressed before on the same block grid, and at which quality
    grid.py         whether it was compressed before on another block grid
    metadata.py     EXIF, XMP, IPTC, text chunks; camera, software, generator tags, dates that disagree
    error_level.py  parts that err otherwise than the rest when the picture is saved again
    residual.py     parts whose noise does not follow from brightness and contrast
    resampling.py   whether the picture, or a part of it, was resized
    copy_move.py    parts that occur twice
    inspect.py      the one door that asks all of them; rates.py tells how often camera files show each trace
    sound.py        the door for recordings and the containers of videos: encoders, programs, recorders, declared
                    generators; sound_rates.py and video_rates.py likewise

Every door returns `Trace` objects. A trace is a measurement and never a verdict, and the absence of a trace proves
nothing: metadata is lost on every messenger, and a careful forger leaves none.
"""

from assay.forensics.trace import Trace

__all__ = ["Trace"]
