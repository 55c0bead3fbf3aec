"""The microphone, by sounddevice (PortAudio), if it is installed."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

from assay.errors import MediaUnreadable, MissingExtra

if TYPE_CHECKING:
    from assay.media.pcm import PcmFormat

PIPE = "A pipe does without: arecord -q -f S16_LE -r 16000 -t wav | assay listen -"


def microphone(form: PcmFormat, device: str | None) -> Iterator[bytes]:
    """What the microphone hears, 16-bit PCM, until the caller stops.

    Args:
        form: Rate and channels.
        device: Name or number of PortAudio's; None for its default.

    Raises:
        MissingExtra: If sounddevice is not installed.
        MediaUnreadable: If PortAudio is missing, or the device cannot be opened; when iterated.
    """
    try:
        sounddevice: Any = importlib.import_module("sounddevice")
    except ModuleNotFoundError as error:
        missing = MissingExtra.of("microphone", "The microphone")
        raise MissingExtra(f"{missing.message}. {PIPE}", **missing.context) from error
    except OSError as error:  # the library behind it
        raise MediaUnreadable(f"The microphone cannot be heard: {error}. {PIPE}") from error
    return _pieces(sounddevice, form, int(device) if device is not None and device.isdecimal() else device)


def _pieces(sounddevice: Any, form: PcmFormat, device: str | int | None) -> Iterator[bytes]:
    heard: SimpleQueue[bytes] = SimpleQueue()

    def take(data: Any, _frames: int, _time: object, _status: object) -> None:
        heard.put(bytes(data))

    try:
        with sounddevice.RawInputStream(
            samplerate=form.sample_rate_hz, channels=form.channels, dtype="int16", device=device, callback=take
        ):
            while True:
                yield heard.get()
    except (sounddevice.PortAudioError, ValueError) as error:  # ValueError: no device of that name
        raise MediaUnreadable(f"The microphone cannot be opened: {error}. {PIPE}") from error
