"""`open_moving`: whatever a scan may be given, told apart by content; `open_any`: that, but no videos."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from assay.media.audio import AudioMedia, kind_of, open_media, open_sound
from assay.media.source import open_bytes

if TYPE_CHECKING:
    from assay.media.held import ByteSource
    from assay.media.kinds import Kind
    from assay.media.pictures import Picture
    from assay.media.videos import Video
    from assay.settings import Settings


def open_any(source: object, *, settings: Settings, name: str | None = None) -> AudioMedia | Picture:
    """Open a recording or a picture.

    Args:
        source: As for `open_media`; an array with its sample rate is sound.
        settings: Holds the limits.
        name: What to call the source in messages and results, instead of its path.

    Returns:
        A recording of which nothing is decoded yet, or a decoded picture.

    Raises:
        MediaError: As `open_media` and `assay.media.pictures.open_picture` do.
    """
    if isinstance(source, (tuple, list, np.ndarray)):
        return open_media(source, settings=settings, name=name)
    name, held = open_bytes(source, settings, name)
    return _still(name, held, kind_of(name, held), settings)


def open_moving(source: object, *, settings: Settings, name: str | None = None) -> AudioMedia | Picture | Video:
    """Open a recording, a picture or a video.

    Args:
        source: As for `open_media`; an array with its sample rate is sound.
        settings: Holds the limits.
        name: What to call the source in messages and results, instead of its path.

    Returns:
        As `open_any`; a video for a file with moving pictures, none of which but the first is decoded yet. A container
        of videos that holds nothing but sound, or sound and a cover picture, is a recording.

    Raises:
        MediaError: As `open_any` and `assay.media.videos.open_video` do.
    """
    if isinstance(source, (tuple, list, np.ndarray)):
        return open_media(source, settings=settings, name=name)
    name, held = open_bytes(source, settings, name)
    kind = kind_of(name, held)
    if not kind.is_video:
        return _still(name, held, kind, settings)
    from assay.media.videos import open_held_video  # loads FFmpeg, which most recordings do without

    return open_held_video(name, held, kind, settings) or open_sound(name, held, kind.sound_track, settings)


def _still(name: str, held: ByteSource, kind: Kind, settings: Settings) -> AudioMedia | Picture:
    """Anything but a video."""
    if not kind.is_picture:
        return open_sound(name, held, kind, settings)
    from assay.media.pictures import open_held  # loads Pillow, which sound does without

    return open_held(name, held, kind, settings)
