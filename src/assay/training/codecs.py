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

Samples = NDArray[np.float32]
SAMPLE_RATE_HZ = 16_000


@dataclass(frozen=True)
class Codec:
    """One encoder setting.

    Attributes:
        encoder: FFmpeg's name of the encoder.
        container: FFmpeg's name of the container it is written to.
        sample_rate_hz: Rate the codec runs at.
        bit_rate: Bits per second; 0 leaves it to the encoder.
    """

    encoder: str
    container: str
    sample_rate_hz: int
    bit_rate: int = 0


CODECS: tuple[Codec, ...] = (
    *(Codec("libopus", "ogg", 48_000, rate) for rate in (10_000, 16_000, 24_000, 32_000)),
    *(Codec("libmp3lame", "mp3", 16_000, rate) for rate in (24_000, 32_000, 48_000, 64_000)),
    *(Codec("libmp3lame", "mp3", 44_100, rate) for rate in (64_000, 128_000)),
    *(Codec("aac", "adts", 16_000, rate) for rate in (24_000, 32_000, 64_000)),
    *(Codec("libopencore_amrnb", "amr", 8_000, rate) for rate in (6_700, 12_200)),
    *(Codec("pcm_mulaw", "wav", 8_000) for _ in range(2)),
    Codec("g722", "wav", 16_000),
    Codec("wmav2", "asf", 16_000, 32_000),
)
STORE = Codec("libopus", "ogg", 48_000, 40_000)  # what the shared corpus went through; our fakes get the same


def transcode(samples: Samples, codec: Codec) -> Samples:
    """Encode and decode.

    Args:
        samples: Shape (n,), 16 kHz float32 in [-1, 1].
        codec: The encoder setting.

    Returns:
        Shape (n,): cut or zero-padded to the same length; the encoder's delay is left in.
    """
    buffer = io.BytesIO()
    source = soxr.resample(samples, SAMPLE_RATE_HZ, codec.sample_rate_hz)
    pcm = (np.clip(source, -1, 1) * 32767).astype(np.int16)
    with av.open(buffer, "w", format=codec.container) as container:
        stream = cast(av.AudioStream, container.add_stream(codec.encoder, codec.sample_rate_hz, layout="mono"))
        if codec.bit_rate:
            stream.bit_rate = codec.bit_rate
        frame = av.AudioFrame.from_ndarray(pcm[None], format="s16", layout="mono")
        frame.sample_rate = codec.sample_rate_hz
        resampler = av.AudioResampler(
            format=stream.codec_context.format, layout=stream.codec_context.layout, rate=codec.sample_rate_hz
        )
        fifo = av.AudioFifo()
        for converted in resampler.resample(frame):
            converted.pts = None
            fifo.write(converted)
        size = stream.codec_context.frame_size or fifo.samples
        while fifo.samples:
            for packet in stream.encode(fifo.read(min(size, fifo.samples))):
                container.mux(packet)
        for packet in stream.encode(None):
            container.mux(packet)
    buffer.seek(0)
    pieces = []
    with av.open(buffer, "r") as recorded:
        resampler = av.AudioResampler(format="flt", layout="mono", rate=codec.sample_rate_hz)
        for decoded in recorded.decode(audio=0):
            pieces += [part.to_ndarray()[0] for part in resampler.resample(decoded)]
        pieces += [part.to_ndarray()[0] for part in resampler.resample(None)]
    out = soxr.resample(np.concatenate(pieces), codec.sample_rate_hz, SAMPLE_RATE_HZ)
    return np.asarray(np.pad(out[: len(samples)], (0, max(0, len(samples) - len(out)))), dtype=np.float32)
