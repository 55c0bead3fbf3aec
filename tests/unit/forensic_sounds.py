"""Recordings that the tests put together by hand, block by block, and those that encoders make."""

import io
import struct

import av
import numpy as np
import soundfile

TRAINED = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
XMP = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    '<rdf:Description rdf:about="" xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"'
    f' Iptc4xmpExt:DigitalSourceType="{TRAINED}"/></rdf:RDF></x:xmpmeta>'
).encode()
RATE = 16_000
FORMATS = {
    "wav": "PCM_16",
    "aiff": "PCM_16",
    "flac": "PCM_16",
    "caf": "PCM_16",
    "ogg": "VORBIS",
    "mp3": "MPEG_LAYER_III",
}
MUXERS = {  # kind -> FFmpeg's container, encoder, sample format
    "m4a": ("ipod", "aac", "fltp"),
    "opus": ("ogg", "libopus", "s16"),
    "av-mp3": ("mp3", "libmp3lame", "fltp"),
    "av-flac": ("flac", "flac", "s16"),
    "webm": ("webm", "libopus", "s16"),
    "adts": ("adts", "aac", "fltp"),
}


def noise(seconds=1.0):
    return np.random.default_rng(0).normal(scale=0.1, size=round(RATE * seconds)).astype(np.float32)


def written(kind, samples=None):
    """By libsndfile."""
    buffer = io.BytesIO()
    samples = noise() if samples is None else samples
    soundfile.write(buffer, samples, RATE, format=kind.upper(), subtype=FORMATS[kind])
    return buffer.getvalue()


def muxed(kind, samples=None, **tags):
    """By FFmpeg, with tags."""
    form, codec, sample_format = MUXERS[kind]
    samples = noise() if samples is None else samples
    buffer = io.BytesIO()
    rate = 48_000 if codec == "libopus" else RATE
    with av.open(buffer, "w", format=form) as container:
        container.metadata.update(tags)
        stream = container.add_stream(codec, rate=rate, layout="mono")
        if sample_format == "s16":
            samples = (samples * 32_767).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(samples[None], format=sample_format, layout="mono")
        frame.sample_rate = rate
        for each in (frame, None):
            container.mux(stream.encode(each))
    return buffer.getvalue()


def chunk(name, payload, order="<"):
    return name + struct.pack(order + "I", len(payload)) + payload + bytes(len(payload) % 2)


def info(**texts):
    parts = [chunk(name.encode(), text.encode() + b"\x00") for name, text in texts.items()]
    return chunk(b"LIST", b"INFO" + b"".join(parts))


def bext(description="", originator="", reference="", date="2024-05-01", time="10:00:00", history=""):
    fixed = struct.pack(
        "<256s32s32s10s8sQH254s",
        *(text.encode() for text in (description, originator, reference, date, time)),
        0,
        1,
        b"",
    )
    return chunk(b"bext", fixed + history.encode())


def wav(*before, behind=(), samples=None, trailing=b"", stated=None, sound_stated=None, head=b"RIFF"):
    """A WAV file with chunks before and behind its sound; sizes may be stated falsely."""
    data = ((noise() if samples is None else samples) * 32_767).astype("<i2").tobytes()
    sound = chunk(b"data", data)
    if sound_stated is not None:
        sound = b"data" + struct.pack("<I", sound_stated) + sound[8:]
    layout = chunk(b"fmt ", struct.pack("<HHIIHH", 1, 1, RATE, 2 * RATE, 2, 16))
    body = b"WAVE" + layout + b"".join(before) + sound + b"".join(behind)
    return head + struct.pack("<I", len(body) if stated is None else stated) + body + trailing


def synchsafe(number):
    return bytes(number >> shift & 0x7F for shift in (21, 14, 7, 0))


def frame(name, payload, version=4):
    if version == 2:
        return name.encode() + len(payload).to_bytes(3, "big") + payload
    size = synchsafe(len(payload)) if version == 4 else struct.pack(">I", len(payload))
    return name.encode() + size + bytes(2) + payload


def id3(*frames, version=4, flags=0):
    body = b"".join(frames)
    return b"ID3" + bytes([version, 0, flags]) + synchsafe(len(body)) + body


def tagged_mp3(*frames, version=4, flags=0):
    """An MP3 of libsndfile behind a tag."""
    return id3(*frames, version=version, flags=flags) + written("mp3")


def comment(text, coding=3):
    raw = text.encode("utf-16") if coding == 1 else text.encode()
    return bytes([coding]) + b"eng" + (b"\xff\xfe\x00\x00" if coding == 1 else b"\x00") + raw


def box(name, payload):
    return struct.pack(">I", 8 + len(payload)) + name + payload
