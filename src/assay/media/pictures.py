"""`open_picture` and the `Picture` it returns: the one way pictures come into Assay.

    source ── source.py ──> bytes, SHA-256 ── sniff.py ──> kind ── picture_layout.py ──> size, frames, end, EXIF
           ── limits ──> decoder ── picture_colour.py ──> 8-bit sRGB ── orientation ──> upright pixels

Decisions
- Content decides the kind, and exactly one decoder of Pillow's (libheif for HEIC) is asked. Pillow's registry,
  `Image.open` and its global limit on pixels are neither used nor changed.
- Limits are held against the header before a decoder exists, and again on what the decoder says.
- The file's bytes stay with the picture, for forensics; they are what was hashed and decoded.
- A file that stops before its own end is an error, never half a picture. What does not matter for pixels may be
  broken: the picture is read and a note says so.
"""

from __future__ import annotations

import io
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pi_heif
from numpy.typing import NDArray
from PIL import (
    AvifImagePlugin,
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    ImageFile,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from assay.errors import DecodeError, UnsupportedMedia
from assay.media import limits
from assay.media.foreign import broken_picture, decoding, decoding_picture
from assay.media.held import ByteSource
from assay.media.kinds import Kind
from assay.media.picture_colour import IccState, to_srgb
from assay.media.picture_layout import Layout, layout, without_avif_exif
from assay.media.sniff import sniff
from assay.media.source import open_bytes
from assay.media.tiff_directory import checked_orientation, exif_orientation

if TYPE_CHECKING:
    from assay.settings import Settings

_STRIP_PIXELS = 2**18
_ACCEPTED = "jpeg, png, webp, tiff, bmp, gif, heic or avif"

_DECODERS: dict[str, Callable[[io.BytesIO], ImageFile.ImageFile]] = {
    "jpeg": JpegImagePlugin.JpegImageFile,
    "png": PngImagePlugin.PngImageFile,
    "webp": WebPImagePlugin.WebPImageFile,
    "tiff": TiffImagePlugin.TiffImageFile,
    "bmp": BmpImagePlugin.BmpImageFile,
    "gif": GifImagePlugin.GifImageFile,
    "avif": AvifImagePlugin.AvifImageFile,
}

# What undoes each EXIF orientation.
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


@dataclass(frozen=True)
class Picture:
    """A picture, decoded.

    Attributes:
        path: What the user gave, for display; ``"-"``, ``"<bytes>"`` or ``"<file>"`` without a path.
        sha256: Digest of the file's bytes, hexadecimal.
        format: ``"jpeg"``, ``"png"``, ``"webp"``, ``"tiff"``, ``"bmp"``, ``"gif"``, ``"heic"`` or ``"avif"``.
        mode: How the decoder found the colours, in Pillow's terms: ``"RGB"``, ``"L"``, ``"P"``, ``"CMYK"``, ``"I;16"``.
        bits: Bits per sample as stored, 1 to 16.
        stored_width: In pixels, before orientation; for HEIC after the container's own rotation.
        stored_height: As above.
        has_alpha: Whether transparency was stored, used or not.
        frames: Frames or pages in the file, >= 1; the first one is here.
        orientation: Orientation undone, 1 (upright as stored) to 8, after EXIF; for AVIF the container's own,
            which takes precedence. 1 for HEIC, whose decoder applies the container's.
        icc: ``"none"``, ``"srgb"`` (a profile that changes nothing), ``"converted"`` or ``"unusable"``.
        trailing_bytes: Bytes behind the end of the picture; 0 where the format does not tell (TIFF, some BMP).
        notes: What a user should know, in sentences.
        pixels: Upright, shape (height, width, 3), uint8 sRGB, contiguous, read-only.
        data: The file.
    """

    path: str
    sha256: str
    format: str
    mode: str
    bits: int
    stored_width: int
    stored_height: int
    has_alpha: bool
    frames: int
    orientation: int
    icc: IccState
    trailing_bytes: int
    notes: tuple[str, ...]
    pixels: NDArray[np.uint8] = field(repr=False, compare=False)
    data: bytes = field(repr=False, compare=False)

    @property
    def width(self) -> int:
        """Of the upright picture, in pixels."""
        return int(self.pixels.shape[1])

    @property
    def height(self) -> int:
        """Of the upright picture, in pixels."""
        return int(self.pixels.shape[0])


def open_picture(source: object, *, settings: Settings, name: str | None = None) -> Picture:
    """Read a picture: take hold of its bytes, hash them, find out what it is and decode its first frame.

    Args:
        source: A path (``str`` or ``os.PathLike``); ``"-"`` for standard input; bytes; or a binary file object,
            read from its position on.
        settings: Holds ``max_file_bytes``, ``max_picture_bytes``, ``max_picture_pixels`` and ``max_picture_frames``.
        name: What to call the source in messages and results, instead of its path.

    Returns:
        The picture. Decoding takes 7 (JPEG) to 21 (WebP with alpha) bytes of memory per pixel; three stay, and the
            file.

    Raises:
        MediaNotFound: There is no such file.
        MediaUnreadable: It cannot be read, or changes meanwhile.
        EmptyMedia: No bytes.
        UnsupportedMedia: Not a picture, or one of a kind that is not read; the message says what it is.
        DecodeError: A picture, but cut off or broken.
        LimitExceeded: Over a limit; the message names the setting.
    """
    if isinstance(source, (tuple, list, np.ndarray)):
        raise UnsupportedMedia("An array was given. Give a picture as a path, '-', bytes or a binary file object.")
    name, held = open_bytes(source, settings, name)
    with closing(held.reader()) as reader, decoding(name, "a file"):
        kind = sniff(reader, held.size)
    return open_held(name, held, kind, settings)


def open_held(name: str, held: ByteSource, kind: Kind, settings: Settings) -> Picture:
    """Decode bytes that were told to be a picture.

    Raises:
        MediaError: As `open_picture` does.
    """
    _require_picture(name, kind)
    limits.check_picture_bytes(name, held.size, settings)
    return decode_picture(name, held, kind, settings)


def _require_picture(name: str, kind: Kind) -> None:
    if kind.container in _DECODERS or kind.container == "heic":
        return
    step = "Convert it to PNG or TIFF first." if kind.group == "picture" else f"Give a picture: {_ACCEPTED}."
    raise UnsupportedMedia(f"'{name}' seems to be {kind.label}. {step}", kind=kind.container)


def decode_picture(name: str, held: ByteSource, kind: Kind, settings: Settings) -> Picture:
    """Decode bytes whose kind is known.

    Args:
        name: What the user gave.
        held: The bytes, at most ``max_picture_bytes``.
        kind: One of the kinds that `open_picture` accepts.
        settings: Holds the limits.

    Raises:
        MediaError: As `open_picture` does.
    """
    with closing(held.reader()) as reader, decoding(name, kind.label):
        data = reader.read()
    held.verify()
    notes: list[str] = []
    with decoding_picture(name, kind.label):
        found = _checked_layout(name, data, kind, settings)
        stored = _decode(name, data, kind, found, settings)
        orientation = _orientation(found, stored, notes)
        rgb, has_alpha, icc = to_srgb(
            stored.image,
            name=name,
            bits=stored.bits,
            icc=stored.icc,
            white_is_zero=found.white_is_zero,
            note=notes.append,
        )
        if orientation in _UPRIGHT:
            rgb = rgb.transpose(_UPRIGHT[orientation])
        pixels = _array(rgb)
    trailing = len(data) - found.end if found.end is not None else 0
    notes[:0] = _facts(found, stored, trailing)
    return Picture(
        path=name,
        sha256=held.sha256,
        format=kind.container,
        mode=stored.mode,
        bits=stored.bits,
        stored_width=stored.size[0],
        stored_height=stored.size[1],
        has_alpha=has_alpha,
        frames=stored.frames,
        orientation=orientation,
        icc=icc,
        trailing_bytes=trailing,
        notes=tuple(notes),
        pixels=pixels,
        data=data,
    )


def _array(image: Image.Image) -> NDArray[np.uint8]:
    """Pixels of an RGB picture, read-only; in strips, because Pillow's own way holds them three times."""
    pixels = np.empty((image.height, image.width, 3), np.uint8)
    rows = max(1, _STRIP_PIXELS // image.width)
    for top in range(0, image.height, rows):
        bottom = min(top + rows, image.height)
        pixels[top:bottom] = np.asarray(image.crop((0, top, image.width, bottom)))
    pixels.flags.writeable = False
    return pixels


def _checked_layout(name: str, data: bytes, kind: Kind, settings: Settings) -> Layout:
    """The layout, if it keeps to the limits and the file is all there."""
    found = layout(kind.container, data, settings.max_picture_frames)
    if found.raw:
        raise UnsupportedMedia(
            f"'{name}' is a camera's raw file with a small preview in it. Develop it to JPEG, PNG or TIFF first.",
            kind="raw",
        )
    for width, height in (found.size or (0, 0), found.tile):
        limits.check_pixels(name, width, height, settings)
    if found.frames is not None:
        limits.check_frames(name, found.frames, settings)
    if not found.complete:
        raise cut_off(name, kind.label)
    return found


def cut_off(name: str, label: str) -> DecodeError:
    """The error for a picture whose file stops too early."""
    return DecodeError(
        f"'{name}' is {label}, but it is cut off: the file stops before the picture ends. "
        "Copy or download it again from where it came from.",
        detail="cut off",
    )


@dataclass(frozen=True)
class _Stored:
    """A picture as its decoder gave it."""

    image: Image.Image
    mode: str
    size: tuple[int, int]
    bits: int
    frames: int
    icc: bytes | None
    exif: bytes | None
    note: str = ""


def _decode(name: str, data: bytes, kind: Kind, found: Layout, settings: Settings) -> _Stored:
    return (_heic if kind.container == "heic" else _pillow)(name, data, kind, found, settings)


def _pillow(name: str, data: bytes, kind: Kind, found: Layout, settings: Settings) -> _Stored:
    image, note = _opened(found.essence or data, kind)
    frames = found.frames if found.frames is not None else int(getattr(image, "n_frames", 1))
    limits.check_pixels(name, image.width, image.height, settings)
    limits.check_frames(name, frames, settings)
    mode, size = image.mode, image.size
    image.load()
    if image.size != size:
        raise broken_picture(name, kind.label, "its size changes while it is decoded")
    icc = found.icc or image.info.get("icc_profile")
    exif = found.exif or (image.info.get("exif") if kind.container == "avif" else None)
    return _Stored(image, mode, size, found.bits or 8, frames, icc or None, exif, note)


def _opened(data: bytes, kind: Kind) -> tuple[ImageFile.ImageFile, str]:
    """The picture with its header read, and what to note about that."""
    decoder = _DECODERS[kind.container]
    # Only these two read tags themselves, and warn about broken ones.
    with _quiet() if kind.container in ("tiff", "avif") else nullcontext():
        try:
            return decoder(io.BytesIO(data)), ""
        except (ValueError, SyntaxError, OSError):
            if kind.container != "avif":
                raise
            return decoder(io.BytesIO(without_avif_exif(data))), "its EXIF is unreadable and was left out"


_WARNINGS = threading.Lock()


@contextmanager
def _quiet() -> Iterator[None]:
    """No warnings of Pillow's about single tags; the notes say what matters.

    Python's filters belong to the process, hence the lock, and hence around headers only.
    """
    with _WARNINGS, warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"PIL\.")
        yield


def _heic(name: str, data: bytes, kind: Kind, found: Layout, settings: Settings) -> _Stored:
    file = pi_heif.HeifFile(io.BytesIO(data))
    limits.check_frames(name, len(file), settings)
    primary = file[file.primary_index]
    limits.check_pixels(name, primary.size[0], primary.size[1], settings)
    bits = int(primary.info.get("bit_depth") or 8)
    pixels = primary.data  # decodes; the size counts from here on
    limits.check_pixels(name, primary.size[0], primary.size[1], settings)
    image = Image.frombytes(primary.mode, primary.size, pixels, "raw", primary.mode, primary.stride)
    icc = primary.info.get("icc_profile") or None
    return _Stored(image, primary.mode, primary.size, bits, len(file), icc, None)


def _orientation(found: Layout, stored: _Stored, notes: list[str]) -> int:
    """Orientation to undo; 1, with a note, if it cannot be read."""
    exif = stored.exif
    try:
        return exif_orientation(exif) if exif is not None else checked_orientation(found.orientation)
    except ValueError as error:
        notes.append(f"EXIF unreadable ({error}); the picture was taken to be upright")
        return 1


def _facts(found: Layout, stored: _Stored, trailing: int) -> Iterator[str]:
    """Notes about the file."""
    if stored.frames > 1:
        yield f"{stored.frames:,} frames or pages; only the first was read"
    if trailing:
        yield f"{trailing:,} bytes follow behind the end of the picture; they were not read"
    yield from filter(None, (found.note, stored.note))
