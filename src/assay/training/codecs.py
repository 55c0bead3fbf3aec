"""What recordings go through on their way: lossy codecs at real bit rates, through FFmpeg's encoders.

Used on both keys alike, so that a codec's traces tell the detector nothing about the key.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import cast

import av
import numpy as np
import soxr
from numpy.typing import NDArray

from assay.errors import TrainingError
from assay.training.sound import SAMPLE_RATE_HZ, Samples


@dataclass(frozen=True)
class Codec:
    """One encoder setting.

    Attributes:
        encoder: FFmpeg's name of the encoder.
        container: FFmpeg's name of the container it is written to.
        sample_rate_hz: Rate the codec runs at.
        bit_rate: Bits per second; 0 leaves it to the encoder.
        effort: FFmpeg's ``compression_level``; empty leaves it to the encoder. Middling takes a third of the time.
    """

    encoder: str
    container: str
    sample_rate_hz: int
    bit_rate: int = 0
    effort: str = ""


CODECS: tuple[Codec, ...] = (
    *(Codec("libopus", "ogg", 16_000, rate, effort="5") for rate in (8_000, 12_000, 16_000, 24_000)),
    Codec("libopus", "ogg", 48_000, 32_000, effort="5"),
    *(Codec("libmp3lame", "mp3", 16_000, rate, effort="7") for rate in (24_000, 32_000, 48_000, 64_000)),
    Codec("libmp3lame", "mp3", 44_100, 96_000, effort="7"),
    *(Codec("aac", "adts", 16_000, rate) for rate in (24_000, 32_000, 64_000)),
    *(Codec("libopencore_amrnb", "amr", 8_000, rate) for rate in (6_700, 12_200)),
    *(Codec("pcm_mulaw", "wav", 8_000) for _ in range(2)),
    Codec("g722", "wav", 16_000),
    Codec("wmav2", "asf", 16_000, 32_000),
)
STORE = Codec("libopus", "ogg", 48_000, 40_000)  # as the shared corpus was stored; spoofs of its clips get the same


def transcode(samples: Samples, codec: Codec) -> Samples:
    """Encode and decode.

    Args:
        samples: Shape (n,), n >= 1, 16 kHz float32 in [-1, 1].
        codec: The encoder setting.

    Returns:
        Shape (n,): cut or zero-padded to the same length; a delay that the container does not declare is left in.

    Raises:
        TrainingError: If this FFmpeg lacks the encoder, or it fails.
    """
    source = soxr.resample(samples, SAMPLE_RATE_HZ, codec.sample_rate_hz)
    try:
        decoded = _decode(_encode((np.clip(source, -1, 1) * 32767).astype(np.int16), codec), codec.sample_rate_hz)
    except (av.FFmpegError, av.codec.codec.UnknownCodecError) as error:
        raise TrainingError(
            f"FFmpeg's encoder '{codec.encoder}' failed: {error}. The wheels of PyAV hold all that training needs."
        ) from error
    out = soxr.resample(decoded, codec.sample_rate_hz, SAMPLE_RATE_HZ)
    return np.asarray(np.pad(out[: len(samples)], (0, max(0, len(samples) - len(out)))), dtype=np.float32)


def _encode(pcm: NDArray[np.int16], codec: Codec) -> io.BytesIO:
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=codec.container) as container:
        options = {"compression_level": codec.effort} if codec.effort else {}
        added = container.add_stream(codec.encoder, codec.sample_rate_hz, options=options, layout="mono")
        stream = cast(av.AudioStream, added)
        if codec.bit_rate:
            stream.bit_rate = codec.bit_rate
        frame = av.AudioFrame.from_ndarray(pcm[None], format="s16", layout="mono")
        frame.sample_rate = codec.sample_rate_hz
        context = stream.codec_context
        resampler = av.AudioResampler(format=context.format, layout=context.layout, rate=codec.sample_rate_hz)
        fifo = av.AudioFifo()
        for converted in resampler.resample(frame):
            converted.pts = None
            fifo.write(converted)
        size = context.frame_size or fifo.samples
        while fifo.samples:
            for packet in stream.encode(fifo.read(min(size, fifo.samples))):
                container.mux(packet)
        for packet in stream.encode(None):
            container.mux(packet)
    buffer.seek(0)
    return buffer


def _decode(buffer: io.BytesIO, sample_rate_hz: int) -> Samples:
    pieces = [np.empty(0, np.float32)]  # of a few samples, some decoders take all for the encoder's delay
    with av.open(buffer, "r") as container:
        resampler = av.AudioResampler(format="flt", layout="mono", rate=sample_rate_hz)
        for decoded in container.decode(audio=0):
            pieces += [part.to_ndarray()[0] for part in resampler.resample(decoded)]
        pieces += [part.to_ndarray()[0] for part in resampler.resample(None)]
    return np.concatenate(pieces)
