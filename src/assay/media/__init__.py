"""Media in: from a path, bytes, a stream or an array to blocks of samples at 16 kHz, to a picture, or to frames.

`open_moving` opens what it is given, `open_any` that but no videos, `open_media` a recording,
`assay.media.pictures.open_picture` a picture, `assay.media.videos.open_video` a video; `expand` finds all three in
folders and patterns.
"""

from assay.media.audio import AudioMedia, open_media
from assay.media.blocks import SAMPLE_RATE_HZ
from assay.media.expand import expand
from assay.media.opening import open_any, open_moving

__all__ = ["SAMPLE_RATE_HZ", "AudioMedia", "expand", "open_any", "open_media", "open_moving"]
