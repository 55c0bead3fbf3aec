"""Media in: from a path, bytes, a stream or an array to blocks of samples at 16 kHz.

`open_media` opens one recording, `expand` finds recordings in folders and patterns. This version reads sound
only; pictures and videos are recognised by their content and refused with `assay.errors.UnsupportedMedia`.
"""

from assay.media.audio import AudioMedia, open_media
from assay.media.blocks import SAMPLE_RATE_HZ
from assay.media.expand import expand

__all__ = ["SAMPLE_RATE_HZ", "AudioMedia", "expand", "open_media"]
