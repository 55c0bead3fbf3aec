"""From a picture as it was stored to 8-bit sRGB: depth, palette, alpha and colour profile.

Decisions
- More than 8 bits: the upper eight are kept, as Pillow does for 16-bit colour; grey 16-bit is treated the same.
- What is transparent is laid over mid grey (128). The colours below transparency are seen by nobody and chosen by the
  writer; black or white would draw edges of full contrast around the rest.
- An embedded ICC profile is converted to sRGB, unless it moves no colour by more than two levels: then it is
  sRGB under whatever name, and the pixels stay untouched.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Literal

import numpy as np
from PIL import Image, ImageCms

from assay.errors import UnsupportedMedia

IccState = Literal["none", "srgb", "converted", "unusable"]

MID_GREY = 128
_SAME_LEVELS = 2  # 8-bit rounding of a profile's curves
_MODE_OF_SPACE = {"RGB": "RGB", "GRAY": "L", "CMYK": "CMYK"}
_GRID = np.linspace(0, 255, 9).round().astype(np.uint8)


def to_srgb(
    image: Image.Image, *, name: str, bits: int, icc: bytes | None, white_is_zero: bool, note: Callable[[str], None]
) -> tuple[Image.Image, bool, IccState]:
    """Convert a loaded picture.

    Args:
        image: Any mode of Pillow's.
        name: What the user gave.
        bits: Bits per sample as stored.
        icc: The embedded profile, None if there is none.
        white_is_zero: Whether the lowest value of a 16-bit grey picture is white.
        note: Called with what a user should know.

    Returns:
        The picture in mode RGB, whether it has alpha, and what was done about the profile.

    Raises:
        UnsupportedMedia: If nothing declares which value is white (32-bit samples).
    """
    if image.mode in ("I", "F"):
        raise UnsupportedMedia(
            f"'{name}' holds 32-bit samples, and nothing says which value is white. Convert it to 8 or 16 bits first.",
            mode=image.mode,
        )
    image, alpha = _split(image, bits, white_is_zero)
    if bits > 8:
        note(f"{bits} bits per sample; the upper 8 were used")
    colour, state = _through_profile(image, icc)
    if state == "unusable":
        note("its ICC profile is unusable; colours were taken as sRGB")
    elif state == "converted":
        note("colours were converted from its ICC profile to sRGB")
    elif image.mode == "CMYK":
        note("CMYK without a usable ICC profile; colours are approximate")
    if alpha is not None and alpha.getextrema() != (255, 255):
        note("transparent parts were laid over mid grey")
        backdrop = Image.new("RGB", colour.size, (MID_GREY,) * 3)
        backdrop.paste(colour, mask=alpha)
        colour = backdrop
    return colour, alpha is not None, state


def _split(image: Image.Image, bits: int, white_is_zero: bool) -> tuple[Image.Image, Image.Image | None]:
    """Colours in 8 bits, as L, RGB or CMYK, and alpha if there is any."""
    if image.mode.startswith("I;16"):
        return _grey_16(image, bits, white_is_zero)
    alpha = None
    if bits > 8 and "A" not in image.mode.upper():
        image.info.pop("transparency", None)  # one 16-bit colour, which 8 bits cannot tell from its neighbours
    if image.has_transparency_data:
        image = image.convert("LA" if image.mode in ("LA", "La", "1", "L") else "RGBA")
        alpha = image.getchannel("A")
    if image.mode in ("1", "LA"):
        image = image.convert("L")
    elif image.mode not in ("L", "RGB", "CMYK"):
        image = image.convert("RGB")
    return image, alpha


def _grey_16(image: Image.Image, bits: int, white_is_zero: bool) -> tuple[Image.Image, Image.Image | None]:
    values = np.asarray(image).astype(np.uint16, copy=False)
    clear = image.info.get("transparency")
    alpha = Image.fromarray(np.where(values == clear, 0, 255).astype(np.uint8)) if isinstance(clear, int) else None
    grey = (values >> (min(max(bits, 9), 16) - 8)).astype(np.uint8)
    return Image.fromarray(255 - grey if white_is_zero else grey), alpha


def _through_profile(image: Image.Image, icc: bytes | None) -> tuple[Image.Image, IccState]:
    """The picture in RGB, its profile applied if that changes anything."""
    if icc is None:
        return _rgb(image), "none"
    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(icc))
        mode = _MODE_OF_SPACE.get(profile.profile.xcolor_space.strip(), "")
        if (image.mode, mode) == ("L", "RGB"):  # grey pictures often carry the profile of their screen
            image = image.convert("RGB")
        if image.mode != mode:
            return _rgb(image), "unusable"
        transform = ImageCms.buildTransform(profile, ImageCms.createProfile("sRGB"), mode, "RGB")
        if mode != "CMYK" and _changes_nothing(transform, mode):
            return _rgb(image), "srgb"
        return transform.apply(image), "converted"
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return _rgb(image), "unusable"


def _rgb(image: Image.Image) -> Image.Image:
    return image if image.mode == "RGB" else image.convert("RGB")  # convert would copy


def _changes_nothing(transform: ImageCms.ImageCmsTransform, mode: str) -> bool:
    colours = np.stack(np.meshgrid(_GRID, _GRID, _GRID), axis=-1).reshape(27, 27, 3)
    probe = Image.fromarray(colours if mode == "RGB" else np.arange(256, dtype=np.uint8)[None])
    before, after = (np.asarray(picture, np.int16) for picture in (probe.convert("RGB"), transform.apply(probe)))
    return bool(np.abs(before - after).max() <= _SAME_LEVELS)
