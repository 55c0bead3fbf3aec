"""Videos that tests make: drawn with numpy, written by PyAV; nothing is stored.

A numbered frame carries its number as bits: two rows of four squares, white for 1, the lowest bit first, over a grey
picture. `number_of` reads it, whatever a codec did to it.
"""

from __future__ import annotations

import contextlib
import functools
import struct
import tempfile
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import signals

# name -> (muxer, encoder, container as Assay calls it, codec as Assay calls it)
FORMATS = {
    "mp4": ("mp4", "libx264", "mp4", "h264"),
    "mp4-hevc": ("mp4", "libx265", "mp4", "hevc"),
    "mov": ("mov", "mjpeg", "mp4", "mjpeg"),
    "mkv": ("matroska", "libx264", "matroska", "h264"),
    "mkv-ffv1": ("matroska", "ffv1", "matroska", "ffv1"),
    "webm": ("webm", "libvpx-vp9", "matroska", "vp9"),
    "webm-vp8": ("webm", "libvpx", "matroska", "vp8"),
    "avi": ("avi", "mpeg4", "avi", "mpeg4"),
    "avi-h264": ("avi", "libx264", "avi", "h264"),
    "mpg": ("mpeg", "mpeg2video", "mpeg", "mpeg2video"),
    "mpg-1": ("mpeg", "mpeg1video", "mpeg", "mpeg1video"),
    "m2v": ("mpeg2video", "mpeg2video", "mpeg", "mpeg2video"),
    "ts": ("mpegts", "libx264", "mpegts", "h264"),
}
_QUIET = {
    "libx264": {"x264-params": "log-level=none:threads=1"},
    "libx265": {"x265-params": "log-level=none:pools=none:frame-threads=1"},
}


def has_encoder(name):
    """Whether this machine can make the format."""
    try:
        av.codec.Codec(FORMATS[name][1], "w")
    except av.error.FFmpegError:
        return False
    return True


def numbered(number, width=128, height=64, grey=96):
    """A frame (height, width, 3), uint8, that carries a number below 256."""
    pixels = np.full((height, width, 3), grey, np.uint8)
    side, down = width // 4, height // 2
    for bit in range(8):
        row, column = divmod(bit, 4)
        value = 235 if number >> bit & 1 else 16
        pixels[row * down + 2 : (row + 1) * down - 2, column * side + 2 : (column + 1) * side - 2] = value
    return pixels


def number_of(pixels):
    """The number that a frame carries."""
    height, width = pixels.shape[:2]
    grey, number = pixels.mean(axis=2), 0
    for bit in range(8):
        y, x = (bit // 4 + 0.5) * height / 2, (bit % 4 + 0.5) * width / 4
        number |= int(grey[int(y) - 3 : int(y) + 3, int(x) - 3 : int(x) + 3].mean() > 125) << bit
    return number


def video(
    name="mp4",
    frames=20,
    *,
    rate=25,
    times=None,
    gop=12,
    b_frames=2,
    sound=None,
    rotation=None,
    options=None,
    muxing=None,
    pixel_format=None,
    tag=None,
    setup=None,
):
    """The bytes of a file.

    Args:
        name: One of the `FORMATS`.
        frames: How many numbered frames, or an iterable of frames (height, width, 3) or of `av.VideoFrame`.
        rate: Frames per second.
        times: Stamps of the frames in milliseconds; by default k / rate.
        sound: Codec of a sound track, a sine of 440 Hz as long as the pictures.
        rotation: Clockwise degrees by which a player turns the pictures; a tuple of nine is the matrix itself.
        options: For the encoder.
        muxing: For the muxer.
        setup: Called with the stream before anything is encoded.
    """
    muxer, encoder, _, _ = FORMATS[name]
    drawn = [numbered(k) for k in range(frames)] if isinstance(frames, int) else frames
    drawn = iter(drawn)
    first = next(drawn, None)
    size = (first.width, first.height) if isinstance(first, av.VideoFrame) else (128, 64)
    size = first.shape[1::-1] if isinstance(first, np.ndarray) else size
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "made"
        with av.open(str(path), "w", format=muxer, options=muxing or {}) as file:
            stream = file.add_stream(encoder, rate=rate, options={**_QUIET.get(encoder, {}), **(options or {})})
            stream.width, stream.height = size
            stream.pix_fmt = pixel_format or ("yuvj420p" if encoder == "mjpeg" else "yuv420p")
            context = stream.codec_context
            context.gop_size, context.thread_count = gop, 1
            if encoder not in ("mjpeg", "ffv1", "libvpx", "libvpx-vp9"):
                context.max_b_frames = b_frames
            if times is not None:
                context.time_base = Fraction(1, 1000)
            if isinstance(rotation, tuple):
                stream.set_display_matrix(rotation)
            elif rotation is not None:
                stream.set_display_rotation(-rotation)
            if setup:
                setup(stream)
            track = file.add_stream(sound, rate=16_000, layout="mono") if sound else None
            count = 0
            while first is not None:
                frame = first if isinstance(first, av.VideoFrame) else av.VideoFrame.from_ndarray(first, format="rgb24")
                frame.pts = times[count] if times is not None else count
                frame.time_base = Fraction(1, 1000) if times is not None else Fraction(1, rate)
                file.mux(stream.encode(frame))
                first, count = next(drawn, None), count + 1
            if count:
                file.mux(stream.encode())
            else:
                file.start_encoding()
            if track:
                signals._encode_sound(file, track, signals.sine(seconds=max(count, 5) / rate)[:, None], 16_000, "mono")
        return path.read_bytes()


def sound_only(muxer="avi", codec="pcm_s16le"):
    """A container of videos without pictures."""
    return signals.muxed(muxer, codec, signals.sine(rate=16_000), 16_000)


def with_cover(muxer="mp4", codec="aac"):
    """Sound beside one JPEG that is flagged as a cover."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "made"
        with av.open(str(path), "w", format=muxer) as file:
            track = file.add_stream(codec, rate=16_000, layout="mono")
            cover = file.add_stream("mjpeg", rate=1)
            cover.width, cover.height, cover.pix_fmt = 64, 64, "yuvj420p"
            cover.disposition = av.stream.Disposition.attached_pic
            frame = av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), format="rgb24")
            frame.pts = 0
            file.mux(cover.encode(frame))
            file.mux(cover.encode())
            signals._encode_sound(file, track, signals.sine(rate=16_000)[:, None], 16_000, "mono")
        return path.read_bytes()


def texture(seed, width=192, height=108, cells=12):
    """A scene, (height, width, 3): smooth blobs of colour, another for each seed."""
    small = np.random.default_rng(seed).uniform(0, 255, (cells, cells, 3))
    rows, columns = np.linspace(0, cells - 1.001, height), np.linspace(0, cells - 1.001, width)
    y, x = rows.astype(int)[:, None], columns.astype(int)[None]
    dy, dx = (rows[:, None] - y)[..., None], (columns[None] - x)[..., None]
    upper = small[y, x] * (1 - dx) + small[y, x + 1] * dx
    lower = small[y + 1, x] * (1 - dx) + small[y + 1, x + 1] * dx
    return (upper * (1 - dy) + lower * dy).astype(np.uint8)


def flat(y, u, v, matrix, full, width=64, height=48):
    """A frame of one colour, given as it is stored; 0 and 2 mean that matrix and range are not stated."""
    frame = av.VideoFrame(width, height, "yuv420p")
    for plane, value in zip(frame.planes, (y, u, v), strict=True):
        plane.update(bytes([value]) * plane.buffer_size)
    frame.colorspace, frame.color_range = matrix, full
    return frame


def stored_matrix(data, matrix):
    """An MP4 file with another display matrix in the header of its first track."""
    at = data.index(b"tkhd") + 4 + 40
    return data[:at] + struct.pack(">9i", *matrix) + data[at + 36 :]


@functools.cache
def seeds():
    """Small files of the main formats, 6 frames each, some with sound: name -> bytes."""
    sounds = {"mp4": "aac", "mkv": "aac", "avi": "pcm_s16le", "mpg": "mp2", "webm": "libopus", "mov": "aac"}
    made = {}
    for name in FORMATS:
        if has_encoder(name):
            with contextlib.suppress(av.error.FFmpegError):
                made[name] = video(name, 6, sound=sounds.get(name), gop=3)
    return made
