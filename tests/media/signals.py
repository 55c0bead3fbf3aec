"""Sound files for tests, made on the spot; nothing is stored.

A signal has shape (samples,) or (samples, channels), float32, full scale 1. `encoded` gives the bytes of a
file; a format is named as in `FORMATS`.
"""

from __future__ import annotations

import functools
import io
import tempfile
from pathlib import Path

import av
import numpy as np
import soundfile

# name -> (container, codec as the encoder calls it, container as Assay calls it)
SOUNDFILE = {
    "wav": ("WAV", "PCM_16", "wav"),
    "wav-u8": ("WAV", "PCM_U8", "wav"),
    "wav-24": ("WAV", "PCM_24", "wav"),
    "wav-float": ("WAV", "FLOAT", "wav"),
    "wav-double": ("WAV", "DOUBLE", "wav"),
    "wav-alaw": ("WAV", "ALAW", "wav"),
    "wav-ulaw": ("WAV", "ULAW", "wav"),
    "wavex": ("WAVEX", "PCM_16", "wav"),
    "rf64": ("RF64", "PCM_16", "rf64"),
    "w64": ("W64", "PCM_16", "w64"),
    "aiff": ("AIFF", "PCM_16", "aiff"),
    "au": ("AU", "PCM_16", "au"),
    "caf": ("CAF", "PCM_16", "caf"),
    "sphere": ("NIST", "PCM_16", "sphere"),
    "flac": ("FLAC", "PCM_16", "flac"),
    "ogg-vorbis": ("OGG", "VORBIS", "ogg"),
    "ogg-opus": ("OGG", "OPUS", "ogg"),
    "mp3": ("MP3", "MPEG_LAYER_III", "mp3"),
}
PYAV = {
    "m4a": ("ipod", "aac", "mp4"),
    "m4a-alac": ("ipod", "alac", "mp4"),
    "aac": ("adts", "aac", "adts"),
    "amr": ("amr", "libopencore_amrnb", "amr"),
    "3gp-amr": ("3gp", "libopencore_amrnb", "mp4"),
    "webm": ("webm", "libopus", "matroska"),
    "mka-flac": ("matroska", "flac", "matroska"),
}
FORMATS = {**SOUNDFILE, **PYAV}
LOSSLESS = ("wav", "wavex", "rf64", "w64", "aiff", "au", "caf", "sphere", "flac")


def sine(hz=440.0, rate=16_000, seconds=0.5, channels=1, level=0.5):
    """A sine, the n-th channel at n times the level's half: (samples,) or (samples, channels)."""
    time = np.arange(round(rate * seconds)) / rate
    wave = level * np.sin(2 * np.pi * hz * time)
    mono = wave.astype(np.float32)
    return mono if channels == 1 else np.stack([mono / (n + 1) for n in range(channels)], axis=1)


def noise(rate=16_000, seconds=0.5, channels=1, seed=0):
    """White noise at -20 dB, the same for the same seed."""
    shape = (round(rate * seconds), channels)
    values = 0.1 * np.random.default_rng(seed).standard_normal(shape)
    return values.astype(np.float32)[:, 0] if channels == 1 else values.astype(np.float32)


def has_encoder(name):
    """Whether this machine can make the format."""
    if name in SOUNDFILE:
        container, codec, _ = SOUNDFILE[name]
        return container in soundfile.available_formats() and codec in soundfile.available_subtypes(container)
    try:
        av.codec.Codec(PYAV[name][1], "w")
    except av.error.FFmpegError:
        return False
    return True


def encoded(name, data, rate, **options):
    """The bytes of a file of this format."""
    if name in SOUNDFILE:
        container, codec, _ = SOUNDFILE[name]
        file = io.BytesIO()
        soundfile.write(file, data, rate, format=container, subtype=codec)
        return file.getvalue()
    container, codec, _ = PYAV[name]
    return muxed(container, codec, data, rate, **options)


def wav(data, rate=16_000, subtype="PCM_16"):
    """The bytes of a WAV file."""
    file = io.BytesIO()
    soundfile.write(file, data, rate, format="WAV", subtype=subtype)
    return file.getvalue()


def muxed(container, codec, data, rate, *, picture=None, tracks=1, options=None):
    """The bytes of a file that FFmpeg writes.

    Args:
        picture: Codec of a moving picture to add, such as ``"mpeg4"``.
        tracks: How many sound tracks to write, all the same.
        options: Of the muxer.
    """
    data = data[:, None] if data.ndim == 1 else data
    layout = {1: "mono", 2: "stereo"}[data.shape[1]]
    with tempfile.TemporaryDirectory() as folder:  # some muxers want to seek, or to read again what they wrote
        path = Path(folder) / "made"
        with av.open(str(path), "w", format=container, options=options or {}) as file:
            sounds = [file.add_stream(codec, rate=rate, layout=layout) for _ in range(tracks)]
            moving = file.add_stream(picture, rate=10) if picture else None
            if moving:
                moving.width = moving.height = 64
                moving.pix_fmt = "yuv420p"
            for sound in sounds:
                _encode_sound(file, sound, data, rate, layout)
            if moving:
                _encode_picture(file, moving)
        return path.read_bytes()


def _encode_sound(file, stream, data, rate, layout):
    frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(data.T), format="fltp", layout=layout)
    frame.sample_rate, frame.pts = rate, 0
    context = stream.codec_context
    shaper = av.AudioResampler(context.format, layout, rate, frame_size=context.frame_size or 1024)
    for piece in [*shaper.resample(frame), *shaper.resample(None), None]:
        file.mux(stream.encode(piece))


def _encode_picture(file, stream):
    black = av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), format="rgb24")
    for frame in [black, black, None]:
        file.mux(stream.encode(frame))


@functools.cache
def seeds():
    """Small files of the main formats, 0.3 s each: name -> bytes."""
    made = {}
    for name in FORMATS:
        if has_encoder(name):
            rate = 8_000 if "amr" in name else 16_000
            made[name] = encoded(name, sine(rate=rate, seconds=0.3) + noise(rate=rate, seconds=0.3), rate)
    return made


def _crc_table():
    for byte in range(256):
        value = byte << 24
        for _ in range(8):
            value = (value << 1 ^ 0x04C11DB7) if value & 0x80000000 else value << 1
        yield value & 0xFFFFFFFF


_CRC = tuple(_crc_table())


def resealed(data):
    """Ogg pages with the checksums made right (RFC 3533), so that damage inside gets past the container."""
    data = bytearray(data)
    at = data.find(b"OggS")
    while 0 <= at <= len(data) - 27:
        body = at + 27 + data[at + 26]
        end = body + sum(data[at + 27 : body])
        data[at + 22 : at + 26] = bytes(4)
        checksum = 0
        for byte in data[at:end]:
            checksum = (checksum << 8 ^ _CRC[checksum >> 24 ^ byte]) & 0xFFFFFFFF
        data[at + 22 : at + 26] = checksum.to_bytes(4, "little")
        at = data.find(b"OggS", max(end, at + 4))
    return bytes(data)
