"""Luminance and its DCT coefficients, without a JPEG coefficient reader.

A JPEG's quantised coefficients are recovered from what a decoder makes of it: the DCT of the decoded luminance,
divided by the known steps and rounded. Decoding rounds pixels, which adds noise of variance 1/12 to every coefficient
of the orthonormal DCT, so a step of 2 or more is recovered without error but where pixels are clipped; with steps of
1 some 8 % are off by one. The wheel of jpeglib, which reads coefficients exactly, has 22 MB.

References:
    Ahmed, Natarajan & Rao, IEEE Trans. Computers 1974 (DCT); ITU-T T.81, A.3.3 (its scaling, which is orthonormal).
"""

from __future__ import annotations

import io
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from assay.errors import DecodeError, LimitExceeded, UnsupportedMedia
from assay.forensics.jpeg import JpegStructure

Floats = NDArray[np.float32]

MAX_PIXELS = 100_000_000
_CODED = {"baseline", "extended", "progressive"}


def _basis() -> Floats:
    frequency, position = np.arange(8)[:, None], np.arange(8)[None]
    basis = np.cos(np.pi * frequency * (2 * position + 1) / 16) / 2
    basis[0] /= np.sqrt(2)
    return basis.astype(np.float32)


BASIS = _basis()


def luminance(structure: JpegStructure, *, max_pixels: int = MAX_PIXELS) -> Floats:
    """Decode the first component of a JPEG file, which is luminance in all but a few odd files.

    Args:
        structure: From `read_jpeg`.
        max_pixels: Larger pictures are refused before anything is decoded.

    Returns:
        Shape (height, width), 0 to 255, in the orientation of the file.

    Raises:
        UnsupportedMedia: If it is not baseline or progressive with 8 bits and 1 or 3 components.
        LimitExceeded: If it claims more than `max_pixels`.
        DecodeError: If the picture data are broken.
    """
    from PIL import JpegImagePlugin  # decoding only; the readers of bytes do without

    if structure.process not in _CODED or structure.precision_bits != 8 or len(structure.components) not in (1, 3):
        raise UnsupportedMedia(
            "Coefficients are read from JPEG files of 8 bits with one or three components, baseline or progressive.",
            process=structure.process,
            precision_bits=structure.precision_bits,
            components=len(structure.components),
        )
    width, height = structure.width or 0, structure.height or 0
    if width * height > max_pixels:
        raise LimitExceeded(
            f"The picture claims {width * height:,} pixels; the limit is {max_pixels:,}.",
            limit="max_pixels",
            value=width * height,
        )
    try:
        picture = JpegImagePlugin.JpegImageFile(io.BytesIO(structure.bare()))
        # libjpeg hands out the luminance plane itself; grey made from RGB would be rounded twice.
        if picture.size != (width, height):  # of two frame headers the decoder takes the other, which is over no limit
            raise DecodeError("Two frame headers of this JPEG file disagree about its size.", size=picture.size)
        picture.draft("L", picture.size)
        return np.asarray(picture if picture.mode == "L" else picture.convert("L"), np.float32)
    except (OSError, SyntaxError, ValueError, TypeError, IndexError, KeyError, EOFError) as error:
        raise DecodeError(f"The picture data of this JPEG file are broken: {error}") from error


def block_coefficients(
    plane: Floats, row: int = 0, column: int = 0, *, most_blocks: int | None = None, lowest: int = 8
) -> Floats:
    """Orthonormal DCT of the whole 8x8 blocks of a plane whose grid begins at an offset.

    Args:
        plane: Shape (height, width).
        row: First row of the grid, 0 to 7.
        column: First column, 0 to 7.
        most_blocks: Take a square of about so many blocks from the middle; None for all.
        lowest: Compute only so many frequencies each way.

    Returns:
        Shape (rows, columns, lowest, lowest): vertical, then horizontal frequency; a grey of 128 gives zeros. Empty if
        no block fits.
    """
    rows, columns = max(0, plane.shape[0] - row) // 8, max(0, plane.shape[1] - column) // 8
    first_row = first_column = 0
    if most_blocks is not None and rows * columns > most_blocks:
        side = int(most_blocks**0.5)
        wide = min(columns, max(side, most_blocks // rows))
        high = min(rows, most_blocks // wide)
        first_row, first_column = (rows - high) // 2, (columns - wide) // 2
        rows, columns = high, wide
    top, left = row + 8 * first_row, column + 8 * first_column
    part = plane[top : top + 8 * rows, left : left + 8 * columns] - np.float32(128)
    # Two large products: a product for every block would take ten times as long.
    across = part.reshape(-1, 8) @ BASIS[:lowest].T
    down = across.reshape(rows, 8, columns * lowest).transpose(0, 2, 1).reshape(-1, 8) @ BASIS[:lowest].T
    return np.asarray(down.reshape(rows, columns, lowest, lowest).transpose(0, 1, 3, 2), np.float32)


def spread_windows(plane: Floats, side: int, most_blocks: int) -> Floats:
    """Squares that begin where a block of the grid at (0, 0) does, evenly spread over the whole plane.

    Args:
        plane: Shape (height, width).
        side: Of a square in pixels, >= 8; squares larger than 8 overlap where blocks are taken side by side.
        most_blocks: Take about so many at most, of all that fit.

    Returns:
        Shape (rows, side, columns, side), less 128; empty if none fits.
    """
    rows, columns = (max(0, length - side + 8) // 8 for length in plane.shape)
    if not rows * columns:
        return np.zeros((0, side, 0, side), np.float32)
    share = min(1.0, (most_blocks / (rows * columns)) ** 0.5)
    high, wide = int(rows * share), int(columns * share)
    if not high * wide:  # a strip narrower than a square of so many blocks
        high, wide = min(rows, max(1, most_blocks // columns)), min(columns, most_blocks)
    tops, lefts = (
        8 * ((2 * np.arange(some) + 1) * every // (2 * some)) for some, every in ((high, rows), (wide, columns))
    )
    across = (lefts[:, None] + np.arange(side)).ravel()
    windows = np.empty((high, side, across.size), np.float32)
    for window, top in zip(windows, tops, strict=True):
        np.subtract(plane[top : top + side].take(across, 1), np.float32(128), out=window)
    return windows.reshape(high, side, wide, side)


def window_coefficients(windows: Floats, down: Floats, across: Floats) -> Floats:
    """A linear transform of every window.

    Args:
        windows: From `spread_windows`, shape (rows, side, columns, side).
        down: Shape (outputs, side), for instance of `shifted_basis`.
        across: Shape (other outputs, side).

    Returns:
        Shape (rows, outputs, columns, other outputs).
    """
    rows, side, columns, _ = windows.shape
    first = np.matmul(down, windows.reshape(rows, side, columns * side))
    return np.asarray(first.reshape(-1, side) @ across.T, np.float32).reshape(rows, len(down), columns, len(across))


def shifted_basis(shifts: Iterable[int], side: int, lowest: int) -> Floats:
    """DCT of blocks that begin at several places of a window.

    Args:
        shifts: Where they begin, 0 to ``side - 8``.
        side: Of the window in pixels.
        lowest: So many frequencies.

    Returns:
        Shape (shifts times lowest, side).
    """
    rows = []
    for shift in shifts:
        placed = np.zeros((lowest, side), np.float32)
        placed[:, shift : shift + 8] = BASIS[:lowest]
        rows.append(placed)
    return np.concatenate(rows)


def quantised(coefficients: Floats, table: NDArray[np.int64] | np.int64) -> NDArray[np.int64]:
    """Multiples of the steps: shape kept; a step of 0, which broken files have, counts as 1."""
    return np.rint(coefficients / np.maximum(table, 1)).astype(np.int64)
