"""Declared limits: what is over one is refused with an error that names the limit, the value and the setting.

Each limit is checked twice where it can be: on what the header says, before anything is decoded, and on what
really comes out of the decoder, because a header may lie.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from assay.errors import LimitExceeded

if TYPE_CHECKING:
    from assay.settings import Settings


def _refuse(name: str, what: str, field: str, value: float, limit: float) -> LimitExceeded:
    setting = f"ASSAY_{field.upper()}"
    direction = "raise" if field.startswith("max") else "lower"
    return LimitExceeded(
        f"'{name}' {what}, and the limit {field} is {limit:,}. To accept it, {direction} {setting}.",
        limit=field,
        setting=setting,
        value=value,
        allowed=limit,
    )


def check_bytes(name: str, size: int, settings: Settings) -> None:
    """Refuse a file of more than ``max_file_bytes`` bytes."""
    if size > settings.max_file_bytes:
        what = f"has {size:,} bytes or more"
        raise _refuse(name, what, "max_file_bytes", size, settings.max_file_bytes)


def check_array_bytes(name: str, size: int, settings: Settings) -> None:
    """Refuse an array of more than ``max_array_bytes`` bytes."""
    if size > settings.max_array_bytes:
        raise _refuse(name, f"takes {size:,} bytes", "max_array_bytes", size, settings.max_array_bytes)


def check_format(name: str, channels: int, sample_rate_hz: int, settings: Settings, hint: str = "") -> None:
    """Refuse too many channels, and a sample rate outside the accepted range.

    Args:
        name: What the user gave.
        channels: Number of channels, >= 1.
        sample_rate_hz: In hertz, >= 1.
        settings: Holds the limits.
        hint: Appended to the description of the channels.

    Raises:
        LimitExceeded: Naming ``max_channels``, ``min_sample_rate_hz`` or ``max_sample_rate_hz``.
    """
    if channels > settings.max_channels:
        what = f"has {channels} channels{hint}"
        raise _refuse(name, what, "max_channels", channels, settings.max_channels)
    for field, over in (
        ("min_sample_rate_hz", sample_rate_hz < settings.min_sample_rate_hz),
        ("max_sample_rate_hz", sample_rate_hz > settings.max_sample_rate_hz),
    ):
        if over:
            what = f"has a sample rate of {sample_rate_hz} Hz"
            raise _refuse(name, what, field, sample_rate_hz, getattr(settings, field))


def check_duration(name: str, duration_s: float, settings: Settings, *, verb: str = "lasts") -> None:
    """Refuse a recording longer than ``max_duration_s`` seconds."""
    if duration_s > settings.max_duration_s:
        what = f"{verb} {duration_s:,.1f} s"
        raise _refuse(name, what, "max_duration_s", duration_s, settings.max_duration_s)


def check_picture_bytes(name: str, size: int, settings: Settings) -> None:
    """Refuse a picture of more than ``max_picture_bytes`` bytes; its file is held in memory."""
    if size > settings.max_picture_bytes:
        what = f"is a picture of {size:,} bytes"
        raise _refuse(name, what, "max_picture_bytes", size, settings.max_picture_bytes)


def check_pixels(name: str, width: int, height: int, settings: Settings) -> None:
    """Refuse a picture of more than ``max_picture_pixels`` pixels."""
    if width * height > settings.max_picture_pixels:
        what = f"has {width:,} × {height:,} pixels"
        raise _refuse(name, what, "max_picture_pixels", width * height, settings.max_picture_pixels)


def check_frames(name: str, frames: int, settings: Settings) -> None:
    """Refuse a picture of more than ``max_picture_frames`` frames or pages."""
    if frames > settings.max_picture_frames:
        what = f"holds {frames:,} frames or more"
        raise _refuse(name, what, "max_picture_frames", frames, settings.max_picture_frames)


def check_video_pixels(name: str, width: int, height: int, settings: Settings) -> None:
    """Refuse a video whose frames have more than ``max_video_pixels`` pixels; a decoder holds many of them."""
    if width * height > settings.max_video_pixels:
        what = f"is a video of {width:,} × {height:,} pixels"
        raise _refuse(name, what, "max_video_pixels", width * height, settings.max_video_pixels)


def check_video_frames(name: str, frames: int, settings: Settings) -> None:
    """Refuse a video of more than ``max_video_frames`` frames."""
    if frames > settings.max_video_frames:
        what = f"is a video of {frames:,} frames or more"
        raise _refuse(name, what, "max_video_frames", frames, settings.max_video_frames)
