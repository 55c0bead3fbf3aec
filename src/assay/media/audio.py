"""`open_media` and the `AudioMedia` it returns: the way sound comes into Assay.

    source ── source.py ──> bytes, SHA-256 ── sniff.py ──> kind ── decode_*.py ──> pieces
           ── blocks.py ──> mean of channels, 16 kHz, blocks

Opening reads the header only; `AudioMedia.blocks` decodes, in flat memory, as often as it is called.
soundfile or PyAV goes first, as `assay.media.kinds` says, and the other one takes over where it fails.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal, Protocol

import numpy as np

from assay.errors import InvalidArray, SettingsError
from assay.media import blocks
from assay.media.arrays import ArraySource
from assay.media.blocks import SAMPLE_RATE_HZ
from assay.media.encoded import Encoded, no_samples
from assay.media.foreign import decoding
from assay.media.header import FloatArray, Header
from assay.media.held import ByteSource
from assay.media.kinds import Kind
from assay.media.limits import check_duration, check_format
from assay.media.sniff import sniff
from assay.media.source import open_bytes

if TYPE_CHECKING:
    from assay.settings import Settings

_SHORTFALL_S = 0.1  # less than a codec's frame or two is rounding, not damage
_FULL_SCALE = 1.0
# Only these can be above full scale on purpose; a lossy decoder overshoots it all the time.
_UNBOUNDED = ("float", "double", "float32", "float64")


class _Sound(Protocol):
    """Something that can be decoded again and again."""

    header: Header

    def pieces(self, note: Callable[[str], None]) -> Iterator[FloatArray]: ...


@dataclass(frozen=True)
class AudioMedia:
    """A recording, opened and not yet decoded.

    Attributes:
        path: What the user gave, for display; ``"-"``, ``"<bytes>"``, ``"<file>"`` or ``"<array>"`` without a
            path.
        sha256: Digest of the file's bytes, hexadecimal; for an array see `assay.media.arrays`.
        container: ``"wav"``, ``"mp3"``, ``"mp4"``, …; ``"array"``.
        codec: ``"pcm_16"``, ``"aac"``, …; an array's type.
        sample_rate_hz: Of the recording; blocks are at 16 kHz.
        channels: Of the recording.
        declared_duration_s: What the file claims, None if it claims nothing.
        original: The bytes that were hashed; None for an array.
    """

    path: str
    sha256: str
    container: str
    codec: str
    sample_rate_hz: int
    channels: int
    declared_duration_s: float | None
    _sound: _Sound = field(repr=False, compare=False)
    _settings: Settings = field(repr=False, compare=False)
    _notes: list[str] = field(default_factory=list, repr=False, compare=False)
    original: ByteSource | None = field(default=None, repr=False, compare=False)

    @property
    def notes(self) -> tuple[str, ...]:
        """What a user should know about the decoding; complete once `blocks` was consumed."""
        return tuple(self._notes)

    def blocks(self, *, channels: Literal["mix", "each"] = "mix", block_s: float = 30.0) -> Iterator[FloatArray]:
        """Decode, from the beginning.

        Args:
            channels: ``"mix"`` for the mean of the channels, ``"each"`` for all of them.
            block_s: Length of a block in seconds, > 0; rounded to whole samples.

        Returns:
            An iterator over consecutive blocks, float32 at 16 kHz, full scale 1: (1, n) for ``"mix"``,
            (channels, n) for ``"each"``. n is ``block_s * 16000`` but in the last block. At least one block.

        Raises:
            SettingsError: If an argument is out of range; at once.
            MediaError: While iterating: broken, empty, changed since it was opened, or over a limit.
        """
        if channels not in ("mix", "each"):
            raise SettingsError(f"channels is {channels!r}; accepted are 'mix' and 'each'.")
        samples = round(block_s * SAMPLE_RATE_HZ) if 0 < block_s < float("inf") else 0
        if samples < 1:
            raise SettingsError(f"block_s is {block_s!r}; give the length of a block in seconds, such as 30.0.")
        return self._blocks(mixed=channels == "mix", samples=samples)

    def _blocks(self, *, mixed: bool, samples: int) -> Iterator[FloatArray]:
        self._notes[:] = self._sound.header.notes
        loudest, decoded = blocks.Loudest(self.path), _Length(self)
        pieces = loudest.watch(blocks.counted(self._sound.pieces(self._notes.append), decoded.report))
        lanes = blocks.mix(pieces) if mixed else pieces
        at_16k = blocks.resample(lanes, self.sample_rate_hz, 1 if mixed else self.channels)
        empty = True
        for block in blocks.cut(at_16k, samples):
            empty = False
            yield block
        if empty:
            raise no_samples(self.path)
        decoded.compare()
        if self.codec in _UNBOUNDED and loudest.peak > _FULL_SCALE:
            self._notes.append(
                f"sample values reach {loudest.peak:.4g}, above full scale (1.0); they were used as they are"
            )


class _Length:
    """Watches the decoded length: against the limit on the way, against the claim at the end."""

    def __init__(self, media: AudioMedia) -> None:
        self._media, self._seconds = media, 0.0

    def report(self, frames: int) -> None:
        media = self._media
        self._seconds = frames / media.sample_rate_hz
        check_duration(media.path, self._seconds, media._settings, verb="lasts at least")

    def compare(self) -> None:
        declared = self._media.declared_duration_s
        if declared is not None and declared - self._seconds > _SHORTFALL_S:
            got = f"{self._seconds:.1f} s of {declared:.1f} s declared could be decoded"
            self._media._notes.append(f"the file is cut off or damaged: {got}")


def open_media(source: object, *, settings: Settings, name: str | None = None) -> AudioMedia:
    """Open a recording: take hold of its bytes, hash them, find out what it is and read its header.

    Args:
        source: A path (``str`` or ``os.PathLike``); ``"-"`` for standard input; bytes; a binary file object,
            read from its position on; or a tuple (array, sample_rate_hz), see `assay.media.arrays`.
        settings: Holds the limits.
        name: What to call the source in messages and results, instead of its path.

    Returns:
        The recording; nothing is decoded yet.

    Raises:
        MediaNotFound: There is no such file.
        MediaUnreadable: It cannot be read, or changes meanwhile.
        EmptyMedia: No bytes, or no samples.
        UnsupportedMedia: A picture, a video, text, a folder, a URL, …; the message says what it is.
        DecodeError: Sound, but broken.
        InvalidArray: An array or sample rate that cannot be sound.
        LimitExceeded: Over a limit; the message names the setting.
    """
    if isinstance(source, tuple):
        return _open_array(source, settings, name or "<array>")
    if isinstance(source, (np.ndarray, list)):
        raise InvalidArray("An array was given without its sample rate. Give a tuple (array, sample_rate_hz).")
    name, data = open_bytes(source, settings, name)
    return open_sound(name, data, kind_of(name, data), settings)


def kind_of(name: str, data: ByteSource) -> Kind:
    """What the bytes are.

    Raises:
        MediaError: If they cannot be read any more.
    """
    with closing(data.reader()) as reader, decoding(name, "a file"):
        return sniff(reader, data.size)


def open_sound(name: str, data: ByteSource, kind: Kind, settings: Settings) -> AudioMedia:
    """Open bytes whose kind is known.

    Raises:
        MediaError: As `open_media` does.
    """
    sound = Encoded(name, data, kind)
    header = sound.header
    check_format(name, header.channels, header.sample_rate_hz, settings)
    if header.expected_s is not None:
        check_duration(name, header.expected_s, settings)
    return replace(_media(name, data.sha256, sound.kind.container, sound, settings), original=data)


def _open_array(source: tuple[object, ...], settings: Settings, name: str) -> AudioMedia:
    array = ArraySource(source, settings, name)
    return _media(name, array.sha256, "array", array, settings)


def _media(name: str, sha256: str, container: str, sound: _Sound, settings: Settings) -> AudioMedia:
    header = sound.header
    facts = (container, header.codec, header.sample_rate_hz, header.channels, header.declared_s)
    return AudioMedia(name, sha256, *facts, sound, settings)
