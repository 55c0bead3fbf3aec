"""Raw sound as it comes over a wire: bytes of any number to mono float32 at 16 kHz, with what is left over kept.

Encodings are 16-bit PCM (little-endian) and the two laws of G.711, one byte a sample. The answer depends on the bytes
alone, not on how they were cut; a byte that begins a sample waits for the rest of it.

References:
    ITU-T G.711 (11/1988), tables 1 and 2: values at the decoder's output, here shifted to 16 bits as everybody does, so
    that the largest is 32,124 (µ-law) and 32,256 (A-law).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from assay.errors import UnsupportedMedia
from assay.media import blocks
from assay.media.blocks import SAMPLE_RATE_HZ
from assay.media.header import FloatArray, to_float

Encoding = Literal["pcm16", "mulaw", "alaw"]
Pick = Literal["mean", "first"]

BYTES: dict[Encoding, int] = {"pcm16": 2, "mulaw": 1, "alaw": 1}
CODECS: dict[Encoding, str] = {"pcm16": "pcm_16", "mulaw": "ulaw", "alaw": "alaw"}  # as results call them
MIN_RATE_HZ, MAX_RATE_HZ = 8_000, 48_000
MAX_CHANNELS = 8


@dataclass(frozen=True)
class PcmFormat:
    """What the bytes of a stream mean.

    Attributes:
        encoding: ``"pcm16"`` (little-endian), ``"mulaw"`` or ``"alaw"``.
        sample_rate_hz: From 8,000 to 48,000.
        channels: Interleaved, from 1 to 8.
        channel: Whether the mean of the channels is heard, or the first alone.

    Raises:
        UnsupportedMedia: If one of them is outside what is accepted.
    """

    encoding: Encoding
    sample_rate_hz: int
    channels: int = 1
    channel: Pick = "mean"

    def __post_init__(self) -> None:
        if self.encoding not in BYTES:
            raise UnsupportedMedia(
                f"The encoding '{self.encoding}' is not heard live; accepted are {', '.join(BYTES)}.",
                encoding=self.encoding,
            )
        if not MIN_RATE_HZ <= self.sample_rate_hz <= MAX_RATE_HZ:
            raise UnsupportedMedia(
                f"A sample rate of {self.sample_rate_hz} Hz is not heard live; accepted are {MIN_RATE_HZ} to"
                f" {MAX_RATE_HZ} Hz.",
                sample_rate_hz=self.sample_rate_hz,
            )
        if not 1 <= self.channels <= MAX_CHANNELS:
            raise UnsupportedMedia(
                f"A stream of {self.channels} channels is not heard live; accepted are 1 to {MAX_CHANNELS}.",
                channels=self.channels,
            )
        if self.channel not in get_args(Pick):
            raise UnsupportedMedia(
                f"The channel to hear is '{self.channel}'; accepted are {', '.join(get_args(Pick))}.",
                channel=self.channel,
            )

    @property
    def frame_bytes(self) -> int:
        """Bytes of one sample of every channel."""
        return BYTES[self.encoding] * self.channels

    @property
    def second_bytes(self) -> int:
        """Bytes of a second."""
        return self.frame_bytes * self.sample_rate_hz


class PcmStream:
    """Turns the bytes of one stream into samples.

    Args:
        form: What the bytes mean.
    """

    def __init__(self, form: PcmFormat) -> None:
        self._form = form
        self._odd = b""
        self._resampler = None
        if form.sample_rate_hz != SAMPLE_RATE_HZ:
            import soxr

            # The same filter as that of recordings: `assay.media.blocks.resample`.
            self._resampler = soxr.ResampleStream(form.sample_rate_hz, SAMPLE_RATE_HZ, 1, dtype="float32", quality="HQ")

    @property
    def odd_bytes(self) -> int:
        """Bytes of a sample that is not complete yet."""
        return len(self._odd)

    def push(self, data: bytes) -> FloatArray:
        """The next bytes, any number; returns samples, shape (n,), float32 at 16 kHz, full scale 1."""
        data = self._odd + data
        whole = len(data) - len(data) % self._form.frame_bytes
        self._odd = data[whole:]
        return self._at_16k(self._mono(decode(data[:whole], self._form.encoding)))

    def finish(self) -> FloatArray:
        """What the resampler still holds; an incomplete sample is dropped."""
        return self._at_16k(np.empty(0, np.float32), last=True)

    def _mono(self, samples: FloatArray) -> FloatArray:
        frames = samples.reshape(-1, self._form.channels)
        if self._form.channel == "first":
            return np.ascontiguousarray(frames[:, 0])
        return next(blocks.mix([frames]))[:, 0]

    def _at_16k(self, samples: FloatArray, *, last: bool = False) -> FloatArray:
        if self._resampler is None:
            return samples
        resampled: FloatArray = self._resampler.resample_chunk(samples, last=last)
        return resampled


def decode(data: bytes, encoding: Encoding) -> FloatArray:
    """Bytes of whole samples to float32 with full scale 1, shape (n,)."""
    if encoding == "pcm16":
        return to_float(np.frombuffer(data, "<i2"))
    return _table(encoding)[np.frombuffer(data, np.uint8)]


@cache
def _table(encoding: Encoding) -> FloatArray:
    return to_float(mulaw_values() if encoding == "mulaw" else alaw_values())


def mulaw_values() -> NDArray[np.int16]:
    """What each byte of µ-law stands for in 16 bits, shape (256,); G.711 sends all bits inverted."""
    byte = ~np.arange(256, dtype=np.uint8)
    segment, step = (byte >> 4) & 7, (byte & 15).astype(np.int32)
    magnitude = ((2 * step + 33) << segment) - 33  # in 14 bits
    return np.where(byte & 128, -4 * magnitude, 4 * magnitude).astype(np.int16)


def alaw_values() -> NDArray[np.int16]:
    """What each byte of A-law stands for in 16 bits, shape (256,); G.711 sends every second bit inverted."""
    byte = np.arange(256, dtype=np.uint8) ^ 0x55
    segment, step = ((byte >> 4) & 7).astype(np.int32), (byte & 15).astype(np.int32)
    magnitude = (2 * step + 1 + np.where(segment > 0, 32, 0)) << np.maximum(segment - 1, 0)  # in 13 bits
    return np.where(byte & 128, 8 * magnitude, -8 * magnitude).astype(np.int16)
