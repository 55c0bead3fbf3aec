"""Values to pixels, and pixels to the bytes of an image file. The same values give the same bytes."""

from __future__ import annotations

import io
import struct
import zlib
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from assay.look import BONA_FIDE_BLUE, SPOOF_ORANGE, rgb

Bytes = NDArray[np.uint8]
Floats = NDArray[np.float32]

# Dark blue over grey to pale yellow: rises evenly in lightness, and is the same to those who do not see red or green
# (after cividis: Nuñez, Anderton & Renslow, PLoS ONE 2018).
_STOPS = ("#00204d", "#1f3b6d", "#4c556c", "#6d6e72", "#8f8b78", "#b5a96f", "#dcca5a", "#ffea46")
_JPEG_QUALITY = 82
# Light where it is quiet: what lies over it keeps its colour.
_GREYS = np.repeat(np.linspace(245, 70, 256).round().astype(np.uint8)[:, None], 3, axis=1)


def indexed_png(values: Bytes, palette: Bytes, opacity: Bytes | None = None) -> bytes:
    """PNG of one byte a pixel.

    Args:
        values: Places in the palette, shape (rows, columns), row 0 on top.
        palette: Shape (n, 3), n <= 256.
        opacity: Of each colour, shape (n,); None for none see-through.
    """
    rows, columns = values.shape
    lines = np.zeros((rows, columns + 1), np.uint8)  # in front of each row the number of its filter: none
    lines[:, 1:] = values
    header = struct.pack(">IIBBBBB", columns, rows, 8, 3, 0, 0, 0)
    parts = [(b"IHDR", header), (b"PLTE", palette.astype(np.uint8).tobytes())]
    if opacity is not None:
        parts.append((b"tRNS", opacity.astype(np.uint8).tobytes()))
    parts += [(b"IDAT", zlib.compress(lines.tobytes(), 9)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*part) for part in parts)


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def spectrogram_png(levels: Floats, *, floor_db: float, grey: bool = False) -> bytes:
    """A spectrogram in colours.

    Args:
        levels: Decibels below the loudest, shape (rows, columns), row 0 the lowest band; nan is as quiet as the floor.
        floor_db: Level that is drawn darkest, below 0.
        grey: Without colours and on a light ground, for something in colours to lie over.
    """
    share = np.clip(1 - np.nan_to_num(levels, nan=floor_db) / floor_db, 0, 1)
    palette = _GREYS if grey else loudness()
    return indexed_png((share[::-1] * 255).round().astype(np.uint8), palette)


def overlay_png(values: Floats, *, upwards: bool) -> bytes:
    """A map of evidence to lay over something: orange for a spoof, blue for bona fide, clear where there is none.

    Args:
        values: llr that is lost when a place is hidden, shape (rows, columns).
        upwards: Whether row 0 is the lowest.
    """
    rows = np.nan_to_num(values[::-1] if upwards else values)
    most = float(np.abs(rows).max(initial=0.0)) or 1.0
    steps = np.clip((rows / most * 127).round() + 128, 0, 255).astype(np.uint8)
    signed = np.arange(256) - 128
    palette = np.where(signed[:, None] > 0, rgb(SPOOF_ORANGE), rgb(BONA_FIDE_BLUE))
    # Weak places stay clear: half the map is noise around nothing.
    strength = np.clip((np.abs(signed) / 127 - 0.15) / 0.85, 0, 1)
    return indexed_png(steps, palette.astype(np.uint8), (strength * 190).round().astype(np.uint8))


def photograph(pixels: Bytes, most: int, *, faint: bool = False) -> bytes:
    """A picture as JPEG, no longer or higher than so many pixels.

    Args:
        pixels: Shape (height, width, 3).
        most: Of the longer side.
        faint: In light greys, for something in colours to lie over.
    """
    image = Image.fromarray(np.ascontiguousarray(pixels))
    image.thumbnail((most, most), Image.Resampling.LANCZOS)
    if faint:
        image = image.convert("L").point([70 + round(0.7 * level) for level in range(256)])
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=_JPEG_QUALITY, optimize=True)
    return buffer.getvalue()


@lru_cache(maxsize=1)
def loudness() -> Bytes:
    """The colours of a spectrogram, from quiet to loud: shape (256, 3)."""
    stops = np.array([rgb(stop) for stop in _STOPS], np.float64)
    places = np.linspace(0, len(stops) - 1, 256)
    return (
        np.stack([np.interp(places, np.arange(len(stops)), stops[:, k]) for k in range(3)], 1).round().astype(np.uint8)
    )
