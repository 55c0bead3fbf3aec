"""Media in: from a path, bytes, a stream or an array to blocks of samples at 16 kHz, or to a picture.

`open_any` opens what it is given, `open_media` a recording, `assay.media.pictures.open_picture` a picture; `expand`
finds both in folders and patterns. Videos are recognised by their content and refused with
`assay.errors.UnsupportedMedia`.
"""

from assay.media.audio import AudioMedia, open_media
from assay.media.blocks import SAMPLE_RATE_HZ
from assay.media.expand import expand
from assay.media.opening import open_any

__all__ = ["SAMPLE_RATE_HZ", "AudioMedia", "expand", "open_any", "open_media"]
