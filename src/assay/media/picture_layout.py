"""How a picture file is built: size, frames, where the picture ends, its EXIF; all without decoding a pixel.

Decisions
- Limits are held against what is found here, before a decoder sees the file.
- A file that stops before its own end is known here, whatever a decoder would make of it.
- From JPEG, PNG and TIFF the decoder gets the `Layout.essence` only: what the pixels depend on. Damage to thumbnails,
  EXIF, maker notes, animation or compressed text cannot keep a picture from being read.
- TIFF names no end of its own, so bytes behind the picture are not counted there.

References:
    ITU-T T.81 (JPEG, annex B); PNG, third edition (chunks; acTL of APNG); GIF89a; WebP container (RFC 9649);
    BITMAPFILEHEADER; TIFF 6.0; ISO/IEC 14496-12 (boxes of HEIC and AVIF).
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from assay.media.tiff_directory import ORIENTATION, Directories

_MOST_BLOCKS = 2**22  # a file that needs more steps than this was made to take time
_MOST_ICC_BYTES = 2**24

_MARKER = re.compile(rb"\xff+[^\x00\xff\xd0-\xd7]")  # what ends a JPEG scan: no stuffed byte, no restart
_EXIF_MARK = b"Exif\0\0"
# Segments of a JPEG that its pixels depend on, by marker and beginning; all others below 0xe0 are kept.
_KEPT_SEGMENTS = {0xE0: b"JFIF\0", 0xE2: b"ICC_PROFILE\0", 0xEE: b"Adobe"}

# Tags of TIFF
_SUBFILE, _WIDTH, _HEIGHT, _BITS, _PHOTOMETRIC, _TILE_WIDTH, _TILE_HEIGHT = 254, 256, 257, 258, 262, 322, 323
_DNG_VERSION = 50706
_ICC_PROFILE = 34675
_TEXTS = {269, 270, 271, 272, ORIENTATION, 305, 306, 315, 316}  # among the tags of baseline TIFF


def _matters(tag: int) -> bool:
    """Whether the pixels may depend on a tag of TIFF."""
    return (_SUBFILE <= tag <= 532 and tag not in _TEXTS) or tag == _ICC_PROFILE


@dataclass(frozen=True)
class Layout:
    """What a picture file says about itself.

    Attributes:
        size: (width, height) in pixels as stored, None where only the decoder tells (damaged headers, sequences in
            HEIC and AVIF). Of the several pictures of a HEIC or AVIF file the largest counts.
        tile: (width, height) of one tile of a TIFF; decoders make room for whole tiles.
        frames: Pictures in the file: frames of an animation, pages of a TIFF; counting stops above the limit.
            None where only the decoder tells (HEIC, AVIF).
        end: Offset of the first byte behind the picture, None if the file does not tell.
        complete: False if the file stops before its own end.
        bits: Bits per sample as stored, None if only the decoder tells.
        exif: The EXIF block, None if there is none or only the decoder finds it.
        icc: The ICC profile, under the same condition.
        orientation: EXIF orientation where it needs no EXIF block (TIFF).
        essence: What to give the decoder in place of the file; None for the whole file.
        raw: Whether the file holds a camera's raw data beside a picture of reduced size.
        white_is_zero: Whether the lowest value of a grey picture is white (TIFF).
        note: What a user should know, "" if nothing.
    """

    size: tuple[int, int] | None = None
    tile: tuple[int, int] = (0, 0)
    frames: int | None = 1
    end: int | None = None
    complete: bool = True
    bits: int | None = 8
    exif: bytes | None = None
    icc: bytes | None = None
    orientation: int = 1
    essence: bytes | None = None
    raw: bool = False
    white_is_zero: bool = False
    note: str = ""


def layout(container: str, data: bytes, most_frames: int) -> Layout:
    """Walk through a picture file.

    Args:
        container: ``"jpeg"``, ``"png"``, ``"webp"``, ``"tiff"``, ``"bmp"``, ``"gif"``, ``"heic"`` or ``"avif"``.
        data: The whole file.
        most_frames: Counting frames stops above this.

    Raises:
        ValueError: If the file is not built as its kind must be.
    """
    return _WALKS[container](data, most_frames)


def _jpeg(data: bytes, _: int) -> Layout:
    view, kept = memoryview(data), [memoryview(data)[:2]]
    size, bits, exif = None, 8, None
    at = 2
    for _step in range(_MOST_BLOCKS):
        start = data.find(b"\xff", at)  # bytes between segments are stepped over, as decoders do
        at = start
        while 0 <= at < len(data) and data[at] == 0xFF:
            at += 1
        if start < 0 or at >= len(data):
            return Layout(size, complete=False, bits=bits, exif=exif)
        marker, at = data[at], at + 1
        if marker == 0xD9:
            kept.append(view[at - 2 : at] if data[at - 2] == 0xFF else view[start:at])
            return Layout(size, end=at, bits=bits, exif=exif, essence=b"".join(kept))
        if marker in (0x00, 0x01) or 0xD0 <= marker <= 0xD8:  # these stand alone
            continue
        length = int.from_bytes(data[at : at + 2], "big")
        if length < 2 or at + length > len(data):
            return Layout(size, complete=False, bits=bits, exif=exif)
        body, at = data[at + 2 : at + length], at + length
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC) and len(body) >= 6:
            bits = body[0]
            size = (int.from_bytes(body[3:5], "big"), int.from_bytes(body[1:3], "big"))
        if marker == 0xE1 and exif is None and body.startswith(_EXIF_MARK):
            exif = body
        if marker == 0xDA:
            found = _MARKER.search(data, at)
            at = found.start() if found else len(data)
        if marker < 0xE0 or body.startswith(_KEPT_SEGMENTS.get(marker, b"\0none")):
            kept.append(view[start:at])
    raise ValueError("more segments than a JPEG has")


def _png(data: bytes, _: int) -> Layout:
    kept = [data[:8]]
    size, bits, frames, exif, icc = None, 8, 1, None, None
    at = 8
    for _step in range(_MOST_BLOCKS):
        length, name = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        end = at + 12 + length
        if end > len(data):
            return Layout(size, complete=False)
        start = at + 8
        if name == b"IHDR" and length >= 13:
            size = (int.from_bytes(data[start : start + 4], "big"), int.from_bytes(data[start + 4 : start + 8], "big"))
            bits = data[start + 8]
        elif name == b"acTL" and length >= 8:
            frames = max(1, int.from_bytes(data[start : start + 4], "big"))
        elif name == b"eXIf":
            exif = data[start : start + length]
        elif name == b"iCCP":
            icc = _png_profile(data[start : start + length])
        # Upper case: critical, the pixels depend on it.
        if name[:1].isupper() or name == b"tRNS":
            kept.append(data[at:end])
        if name == b"IEND":
            return Layout(size, frames=frames, end=end, bits=bits, exif=exif, icc=icc, essence=b"".join(kept))
        at = end
    raise ValueError("more chunks than a PNG has")


def _png_profile(body: bytes) -> bytes:
    """The ICC profile of an iCCP chunk: a name, a zero, the method, compressed data; b"" if it is damaged."""
    try:
        return zlib.decompressobj().decompress(body[body.find(b"\0") + 2 :], _MOST_ICC_BYTES)
    except zlib.error:
        return b""


def _gif(data: bytes, most_frames: int) -> Layout:
    if len(data) < 13:
        return Layout(complete=False)
    size = (int.from_bytes(data[6:8], "little"), int.from_bytes(data[8:10], "little"))
    at = 13 + _gif_colours(data[10])
    frames = 0
    left = _MOST_BLOCKS
    while at < len(data) and frames <= most_frames:
        block, at = data[at], at + 1
        if block == 0x3B:
            return Layout(size, frames=frames, end=at, complete=frames > 0)
        if block == 0x2C:
            at += 9 + (_gif_colours(data[at + 8]) if at + 8 < len(data) else 0) + 1
        elif block == 0x21:
            at += 1
        else:
            break
        while at < len(data) and data[at]:
            at, left = at + 1 + data[at], left - 1
            if not left:
                raise ValueError("more blocks than a GIF has")
        at += 1
        frames += block == 0x2C and at <= len(data)
    # Programs leave the trailer away; the first frame is whole all the same.
    note = "the file ends without the mark that ends a GIF" if frames <= most_frames else ""
    return Layout(size, frames=frames, complete=frames > 0, note=note)


def _gif_colours(flags: int) -> int:
    """Bytes of a table of colours."""
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def _webp(data: bytes, _: int) -> Layout:
    end = 8 + int.from_bytes(data[4:8], "little")
    if end > len(data):
        return Layout(_webp_size(data[12:42]), complete=False)
    frames, exif, icc = 0, None, None
    for name, start, length in _riff_chunks(data, end):
        frames += name == b"ANMF"
        if name == b"EXIF":
            exif = data[start : start + length]
        elif name == b"ICCP":
            icc = data[start : start + length]
    end = min(end + end % 2, len(data))
    return Layout(_webp_size(data[12:42]), frames=max(1, frames), end=end, exif=exif, icc=icc)


def _webp_size(chunk: bytes) -> tuple[int, int] | None:
    """(width, height) from the first chunk: extended, lossy or lossless."""
    name, body = chunk[:4], chunk[8:]
    if name == b"VP8X" and len(body) >= 10:
        return int.from_bytes(body[4:7], "little") + 1, int.from_bytes(body[7:10], "little") + 1
    if name == b"VP8 " and len(body) >= 10:
        return int.from_bytes(body[6:8], "little") & 0x3FFF, int.from_bytes(body[8:10], "little") & 0x3FFF
    if name == b"VP8L" and len(body) >= 5:
        packed = int.from_bytes(body[1:5], "little")
        return (packed & 0x3FFF) + 1, (packed >> 14 & 0x3FFF) + 1
    return None


def _riff_chunks(data: bytes, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Name, start and length of the contents of each chunk."""
    at = 12
    for _ in range(_MOST_BLOCKS):
        if at + 8 > end:
            return
        length = int.from_bytes(data[at + 4 : at + 8], "little")
        yield data[at : at + 4], at + 8, min(length, end - at - 8)
        at += 8 + length + length % 2
    raise ValueError("more chunks than a WebP has")


def _bmp(data: bytes, _: int) -> Layout:
    header = int.from_bytes(data[14:18], "little")
    if len(data) < 14 + min(header, 40):
        return Layout(complete=False)
    if header == 12:
        size = (int.from_bytes(data[18:20], "little"), int.from_bytes(data[20:22], "little"))
    else:  # a negative height means that rows go from top to bottom
        size = (int.from_bytes(data[18:22], "little"), abs(int.from_bytes(data[22:26], "little", signed=True)))
    pixels, end = int.from_bytes(data[10:14], "little"), int.from_bytes(data[2:6], "little")
    # Some writers state no length or a wrong one; only one that can be true counts.
    return Layout(size, end=end if pixels < end <= len(data) else None)


def _tiff(data: bytes, most_frames: int) -> Layout:
    directories = Directories(data)
    if directories.first >= len(data):
        return Layout(complete=False)
    numbers, following = directories.read(directories.first)
    frames, seen, note = 1, {directories.first}, ""
    while following and frames <= most_frames:
        try:
            if following in seen:
                raise ValueError("its directories go round in a circle")
            seen.add(following)
            following = directories.read(following).following
        except ValueError as error:
            note = f"the list of pages is damaged behind page {frames}: {error}"
            break
        frames += 1
    reduced = numbers.get(_SUBFILE, 0) & 1
    return Layout(
        (numbers.get(_WIDTH, 0), numbers.get(_HEIGHT, 0)),
        (numbers.get(_TILE_WIDTH, 0), numbers.get(_TILE_HEIGHT, 0)),
        frames,
        bits=numbers.get(_BITS, 1),
        orientation=numbers.get(ORIENTATION, 1),
        raw=bool(reduced) or _DNG_VERSION in numbers or data[8:10] == b"CR",
        essence=directories.emptied(directories.first, _matters),
        white_is_zero=numbers.get(_PHOTOMETRIC) == 0,
        note=note,
    )


def _boxes(data: bytes, _: int) -> Layout:
    at, sizes = 0, [(0, 0)]
    for _step in range(_MOST_BLOCKS):
        length, name = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        header = 8
        if length == 1:
            length, header = int.from_bytes(data[at + 8 : at + 16], "big"), 16
        if len(name) < 4 or not all(32 <= byte < 127 for byte in name) or 0 < length < header:
            break  # not a box: the picture has ended, or never was one
        if length == 0:  # reaches to the end of the file
            at = len(data)
            break
        if at + length > len(data):
            if name not in _BOXES:  # something else that was put behind the picture
                break
            return Layout(frames=None, bits=None, complete=False)
        if name == b"meta":
            sizes += _extents(data[at : at + length])
        at += length
    size = max(sizes, key=lambda pair: pair[0] * pair[1])
    return Layout(size if size != (0, 0) else None, frames=None, bits=None, end=at, complete=at > 0)


def _extents(meta: bytes) -> Iterator[tuple[int, int]]:
    """(width, height) of each picture, tile and thumbnail that the index of HEIC or AVIF lists."""
    for found in re.finditer(b"ispe", meta):
        at = found.end() + 4
        yield int.from_bytes(meta[at : at + 4], "big"), int.from_bytes(meta[at + 4 : at + 8], "big")


def _avif(data: bytes, most_frames: int) -> Layout:
    at = data.find(b"av1C")  # how the AV1 stream is configured
    flags = data[at + 6] if 0 <= at < len(data) - 6 else 0
    bits = (12 if flags & 0x20 else 10) if flags & 0x40 else 8
    return replace(_boxes(data, most_frames), bits=bits)


def without_avif_exif(data: bytes) -> bytes:
    """The file with its EXIF item renamed to a type that nobody reads; lengths and places stay."""
    return _EXIF_ITEM.sub(rb"\1none", data)


# Entry of an item: version, flags, number (2 or 4 bytes), protection, then the type.
_EXIF_ITEM = re.compile(rb"(infe[\x02\x03].{3}(?:.{4}|.{6}))Exif", re.DOTALL)
_BOXES = {b"ftyp", b"meta", b"mdat", b"moov", b"idat", b"free", b"skip", b"uuid"}
_Walk = Callable[[bytes, int], Layout]
_WALKS: dict[str, _Walk] = {
    "jpeg": _jpeg,
    "png": _png,
    "gif": _gif,
    "webp": _webp,
    "bmp": _bmp,
    "tiff": _tiff,
    "heic": _boxes,
    "avif": _avif,
}
