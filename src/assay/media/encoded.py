"""Encoded sound: which decoder reads it, and which one takes over where that one stops.

soundfile is asked first for what is not compressed and for FLAC, PyAV for the rest; see `assay.media.kinds`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from typing import BinaryIO, Protocol

from assay.errors import DecodeError, EmptyMedia, UnsupportedMedia
from assay.media.blocks import behind
from assay.media.foreign import decoding, undecodable
from assay.media.header import FloatArray, Header
from assay.media.held import ByteSource
from assay.media.kinds import Kind

_HEADER_BYTES = 4_096  # a file larger than this holds more than a header


class Decoder(Protocol):
    """What the modules decode_soundfile and decode_av offer."""

    def probe(self, reader: BinaryIO, size: int, kind: Kind, name: str) -> Header:
        """Read the header, and see that decoding begins."""
        ...

    def pieces(
        self, reader: BinaryIO, kind: Kind, header: Header, name: str, note: Callable[[str], None]
    ) -> Iterator[FloatArray]:
        """Decode from front to back into (frames, channels)."""
        ...


class Encoded:
    """Encoded bytes with the decoders that may read them, the one that read the header first."""

    def __init__(self, name: str, data: ByteSource, kind: Kind) -> None:
        self._name, self._data, self.kind = name, data, kind
        with closing(data.reader()) as reader:
            if not self.kind.is_sound:
                raise UnsupportedMedia(self.kind.refusal(name), kind=self.kind.container)
            self._decoders, self.header = self._probe(reader)
        if self.header.expected_s == 0:
            raise no_samples(name)
        if self.header.sample_rate_hz < 1 or self.header.channels < 1:
            raise undecodable(name, self.kind.label, "its header names no sample rate or no channels")

    def _probe(self, reader: BinaryIO) -> tuple[list[Callable[[], Decoder]], Header]:
        """The header, and the decoder that understood it with those that may take over from it."""
        waiting = _decoders(self.kind)
        failure: DecodeError | None = None
        while True:
            try:
                with decoding(self._name, self.kind.label):
                    header = waiting[0]().probe(reader, self._data.size, self.kind, self._name)
                # A recorder that crashed leaves a length of 0 before sound that FFmpeg finds.
                suspicious = header.expected_s == 0 and self._data.size > _HEADER_BYTES
                if not suspicious or len(waiting) == 1:
                    return waiting, header
            except DecodeError as error:
                failure = failure or error  # the first decoder knows best what is wrong
                if len(waiting) == 1:
                    raise failure from failure.__cause__
            waiting = waiting[1:]

    def pieces(self, note: Callable[[str], None]) -> Iterator[FloatArray]:
        """Decode from the beginning; where one decoder stops at damage, the next one goes on behind it."""
        decoded = 0
        with closing(self._data.reader()) as reader:
            for turn, load in enumerate(self._decoders, start=1):
                try:
                    with decoding(self._name, self.kind.label):
                        found = load().pieces(reader, self.kind, self.header, self._name, note)
                        for piece in behind(found, decoded):
                            decoded += len(piece)
                            yield piece
                    break
                except DecodeError:
                    if turn == len(self._decoders):
                        raise
        self._data.verify()


def _decoders(kind: Kind) -> list[Callable[[], Decoder]]:
    """Decoders to try, in this order; imported only when their turn comes, since PyAV takes a while."""
    order = {"first": [_soundfile, _av], "second": [_av, _soundfile], "never": [_av]}[kind.soundfile]
    return order if kind.demuxer else [_soundfile]


def _soundfile() -> Decoder:
    from assay.media import decode_soundfile

    return decode_soundfile


def _av() -> Decoder:
    from assay.media import decode_av

    return decode_av


def no_samples(name: str) -> EmptyMedia:
    """The error for sound that lasts no time at all."""
    return EmptyMedia(
        f"'{name}' holds no samples: the recording was stopped at once, or the file is cut off behind its "
        "header. Record or copy it again."
    )
