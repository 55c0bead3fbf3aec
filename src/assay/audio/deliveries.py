"""Ways in which a recording may reach somebody: codecs, telephone, another rate, another level, a cut.

A delivery is a `Filter`: samples go in block by block, what comes out so far is returned, so that an hour takes no more
memory than a minute. `Through` puts one before the detector. Decisions:

- Codecs are FFmpeg's encoder and decoder back to back, without a container. The packets carry the encoder's delay, and
  the decoder takes it out, so that a delivery stays in time with the recording and of its length.
- Rates are those at which such files are usual: Opus runs at 48 kHz, MP3 at 44.1 kHz, the telephone at 8 kHz.
- What comes out does not depend on how the samples are cut into blocks.

Samples are mono float32 at 16 kHz, shape (n,), full scale 1.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from assay.audio.speech import SAMPLE_RATE_HZ
from assay.errors import MissingExtra
from assay.media.header import to_float

if TYPE_CHECKING:
    from av.audio.codeccontext import AudioCodecContext
    from av.packet import Packet

Samples = NDArray[np.float32]


class Filter(Protocol):
    """Turns one channel into another, block by block."""

    def push(self, samples: Samples) -> Samples:
        """Take the next samples, shape (n,); return what is ready, shape (m,), maybe m = 0."""

    def finish(self) -> Samples:
        """End the recording; return the rest."""


class Recording(Protocol):
    """What a detector needs of `assay.media.AudioMedia`."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What a user should know about the decoding."""

    def blocks(self, *, channels: Literal["mix", "each"] = "mix", block_s: float = 30.0) -> Iterator[Samples]:
        """Consecutive blocks (channels, n), from the beginning; at least one."""


class Through:
    """A recording as it is after a filter, decoded anew each time.

    Args:
        recording: What is filtered.
        make: Builds a filter; called once per channel and decoding.
    """

    def __init__(self, recording: Recording, make: Callable[[], Filter]) -> None:
        self._recording, self._make = recording, make

    @property
    def notes(self) -> tuple[str, ...]:
        """Those of the recording."""
        return self._recording.notes

    def blocks(self, *, channels: Literal["mix", "each"] = "mix", block_s: float = 30.0) -> Iterator[Samples]:
        """Blocks as of `AudioMedia.blocks`, but of any length; one zero if nothing comes out."""
        filters: list[Filter] = []
        empty = True
        for block in self._recording.blocks(channels=channels, block_s=block_s):
            filters = filters or [self._make() for _ in block]
            out = np.stack([one.push(row) for one, row in zip(filters, block, strict=True)])
            if out.size:
                empty = False
                yield out
        rest = np.stack([one.finish() for one in filters])
        if rest.size or empty:
            yield rest if rest.size else np.zeros((len(filters), 1), np.float32)


def filtered(samples: Samples, one: Filter) -> Samples:
    """A whole signal through a filter."""
    return np.concatenate([one.push(samples), one.finish()])


class Gain:
    """Louder or softer.

    Args:
        factor: What each sample is multiplied with.
    """

    def __init__(self, factor: float) -> None:
        self._factor = np.float32(factor)

    def push(self, samples: Samples) -> Samples:
        """Multiply."""
        return samples * self._factor

    def finish(self) -> Samples:
        """Nothing is left."""
        return np.empty(0, np.float32)


class Trim:
    """Cuts off the beginning, so that the windows lie elsewhere; a recording no longer than the cut is left whole.

    Args:
        seconds: How much is cut off.
    """

    def __init__(self, seconds: float) -> None:
        self._missing = round(seconds * SAMPLE_RATE_HZ)
        self._held: list[Samples] = []

    def push(self, samples: Samples) -> Samples:
        """What lies behind the cut."""
        if not self._missing:
            return samples
        cut, kept = samples[: self._missing], samples[self._missing :]
        self._missing -= cut.size
        self._held.append(cut)
        if kept.size:
            self._held = []
        return kept

    def finish(self) -> Samples:
        """What was cut off, if nothing came behind it."""
        return np.concatenate([np.empty(0, np.float32), *self._held])


class AtRate:
    """To another sample rate and back, which leaves what lies below half of the lower rate.

    Args:
        rate_hz: The other rate.
        inner: What happens there; None for nothing.
    """

    def __init__(self, rate_hz: int, inner: Filter | None = None) -> None:
        import soxr

        self._there = soxr.ResampleStream(SAMPLE_RATE_HZ, rate_hz, 1, dtype="float32", quality="HQ")
        self._back = soxr.ResampleStream(rate_hz, SAMPLE_RATE_HZ, 1, dtype="float32", quality="HQ")
        self._inner = inner or Gain(1)

    def push(self, samples: Samples) -> Samples:
        """There and back."""
        return self._returned(self._inner.push(self._sent(samples)))

    def finish(self) -> Samples:
        """What the two resamplers and the filter between them still hold."""
        rest = self._inner.push(self._sent(np.empty(0, np.float32), last=True))
        return self._returned(np.concatenate([rest, self._inner.finish()]), last=True)

    def _sent(self, samples: Samples, *, last: bool = False) -> Samples:
        return np.asarray(self._there.resample_chunk(np.ascontiguousarray(samples), last=last), np.float32)

    def _returned(self, samples: Samples, *, last: bool = False) -> Samples:
        return np.asarray(self._back.resample_chunk(samples, last=last), np.float32)


class Codec:
    """An encoder and its decoder, at the codec's own rate. Samples above full scale are clipped, as encoders do.

    Args:
        encoder: FFmpeg's name of the encoder.
        decoder: FFmpeg's name of the decoder.
        rate_hz: Rate of what goes in and comes out.
        form: Sample format that the encoder takes.
        bit_rate: Bits per second; 0 where the codec knows only one.

    Raises:
        MissingExtra: If this FFmpeg lacks one of them.
    """

    def __init__(self, encoder: str, decoder: str, *, rate_hz: int, form: str, bit_rate: int = 0) -> None:
        self._rate_hz = rate_hz
        self._sent = self._returned = 0
        self._encoder, self._decoder = _context(encoder, "w", rate_hz), _context(decoder, "r", rate_hz)
        self._encoder.format = form
        if bit_rate:
            self._encoder.bit_rate = bit_rate
        self._encoder.open()
        if self._encoder.extradata:  # Opus: the header in which the delay stands
            self._decoder.extradata = self._encoder.extradata

    def push(self, samples: Samples) -> Samples:
        """Encode and decode as many whole frames as there are."""
        if not samples.size:
            return samples
        from av import AudioFrame

        frame = AudioFrame.from_ndarray(np.clip(samples, -1, 1)[None], format="fltp", layout="mono")
        frame.sample_rate, frame.pts = self._rate_hz, self._sent
        self._sent += samples.size
        return self._decoded(self._encoder.encode(frame))

    def finish(self) -> Samples:
        """The last frame, and what the two still hold."""
        if not self._sent:
            return np.empty(0, np.float32)
        return self._decoded([*self._encoder.encode(None), None])

    def _decoded(self, packets: Sequence[Packet[Any] | None]) -> Samples:
        frames = [frame.to_ndarray()[0] for packet in packets for frame in self._decoder.decode(packet)]
        out = np.concatenate([np.empty(0, np.float32), *map(to_float, frames)])
        out = out[: self._sent - self._returned]  # of a few samples Opus makes a frame
        self._returned += out.size
        return out


def _context(name: str, mode: Literal["r", "w"], rate_hz: int) -> AudioCodecContext:
    import av

    try:
        context = cast("AudioCodecContext", av.CodecContext.create(name, mode))
    except (av.FFmpegError, av.codec.codec.UnknownCodecError) as error:
        raise MissingExtra(
            f"FFmpeg lacks its {'encoder' if mode == 'w' else 'decoder'} '{name}' here, which --stability needs."
            " The wheels of PyAV hold it: pip install --force-reinstall --only-binary av av",
            codec=name,
        ) from error
    context.sample_rate, context.layout = rate_hz, "mono"
    return context


def _opus() -> Filter:
    return AtRate(48_000, Codec("libopus", "libopus", rate_hz=48_000, form="flt", bit_rate=24_000))


def _mp3() -> Filter:
    return AtRate(44_100, Codec("libmp3lame", "mp3float", rate_hz=44_100, form="fltp", bit_rate=64_000))


def _telephone() -> Filter:
    return AtRate(8_000, Codec("pcm_mulaw", "pcm_mulaw", rate_hz=8_000, form="s16"))


DELIVERIES: MappingProxyType[str, Callable[[], Filter]] = MappingProxyType(
    {
        "Opus 24 kbit/s": _opus,
        "MP3 64 kbit/s": _mp3,
        "telephone (µ-law, 8 kHz)": _telephone,
        "sample rate 11.025 kHz": partial(AtRate, 11_025),
        "gain -12 dB": partial(Gain, 0.25),  # a power of two, so exact
        "first 0.5 s cut off": partial(Trim, 0.5),
    }
)
