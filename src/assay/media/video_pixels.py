"""From a decoded frame to pixels: upright, 8-bit RGB; and the small grey picture that tells shots apart.

Decisions
- FFmpeg's scaler converts with the matrix and range that the stream states. Where it states no matrix, frames larger
  than standard definition are taken as BT.709 and the rest as BT.601, as players do. No range stated means limited.
- More than 8 bits: rounded to 8. Transparency is left out. HDR curves are not tone-mapped; a note says so.

References:
    ITU-R BT.601, BT.709, BT.2020 (matrices); ISO/IEC 14496-12, ``tkhd`` (display matrix).
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from av.video.frame import VideoFrame

Pixels = NDArray[np.uint8]

THUMBNAIL = 32  # pixels of the side of the small grey picture
_UNSTATED = 2  # FFmpeg's AVCOL_SPC_UNSPECIFIED
_BT601, _BT709 = 5, 1  # as swscale numbers them
_STANDARD_DEFINITION = 1024, 576  # width, height
_HDR = {16: "PQ", 18: "HLG"}  # FFmpeg's AVColorTransferCharacteristic


@dataclass(frozen=True)
class Turn:
    """How a stored frame is turned before it is shown: transposed, then mirrored along both axes or not.

    Attributes:
        transposed: Whether rows and columns change places, first.
        left_right: Whether columns are reversed, afterwards.
        up_down: Whether rows are reversed, afterwards.
        exact: Whether the file asked for just that; False for angles that are no multiple of 90 degrees.
    """

    transposed: bool = False
    left_right: bool = False
    up_down: bool = False
    exact: bool = True

    @property
    def mirrored(self) -> bool:
        """Whether no rotation alone does it."""
        return self.transposed ^ self.left_right ^ self.up_down

    @property
    def degrees(self) -> int:
        """Clockwise rotation: 0, 90, 180 or 270; of a mirrored one, what follows the mirroring left to right."""
        if self.transposed:
            return 90 if self.left_right else 270
        return 180 if self.up_down else 0

    def apply(self, pixels: Pixels) -> Pixels:
        """The picture as it is shown, a view of `pixels` (height, width, 3)."""
        if self.transposed:
            pixels = pixels.transpose(1, 0, 2)
        return pixels[:: -1 if self.up_down else 1, :: -1 if self.left_right else 1]


UPRIGHT = Turn()


def turn_of(frame: VideoFrame) -> Turn:
    """The turn that the frame's display matrix asks for."""
    raw = _display_matrix(frame)
    if len(raw) != 36:
        return UPRIGHT
    # A stored point (x, y) is shown at (a x + c y, b x + d y).
    a, b, _, c, d = struct.unpack("=9i", raw)[:5]
    across, along = max(abs(b), abs(c)), max(abs(a), abs(d))
    if not across and not along:
        return UPRIGHT
    exact = min(across, along) * 100 < max(across, along)
    if across > along:
        return Turn(transposed=True, left_right=c < 0, up_down=b < 0, exact=exact)
    return Turn(left_right=a < 0, up_down=d < 0, exact=exact)


def _display_matrix(frame: VideoFrame) -> bytes:
    """Nine integers, or nothing."""
    try:
        found: Any = frame.side_data.get("DISPLAYMATRIX")
        return bytes(found) if found is not None else b""
    except ValueError:  # side data of a sort that PyAV has no name for stands beside it
        turn = math.radians(-frame.rotation)  # PyAV counts anticlockwise
        a, b = round(65_536 * math.cos(turn)), round(65_536 * math.sin(turn))
        return struct.pack("=9i", a, b, 0, -b, a, 0, 0, 0, 1 << 30)


class Converter:
    """Makes pixels of frames; keeps FFmpeg's scaler, which is slow to set up.

    Args:
        threads: That the scaler may use.
    """

    def __init__(self, threads: int) -> None:
        from av.video.reformatter import VideoReformatter

        self._rgb, self._grey, self._threads = VideoReformatter(), VideoReformatter(), threads

    def rgb(self, frame: VideoFrame, turn: Turn) -> Pixels:
        """Upright RGB, shape (height, width, 3), uint8, contiguous and read-only."""
        made = self._rgb.reformat(frame, format="rgb24", src_colorspace=_matrix(frame), threads=self._threads)
        pixels = np.ascontiguousarray(turn.apply(np.asarray(made.to_ndarray(), np.uint8)))
        pixels.flags.writeable = False
        return pixels

    def thumbnail(self, frame: VideoFrame) -> NDArray[np.float32]:
        """Luminance, (`THUMBNAIL`, `THUMBNAIL`), float32 in [0, 255], each the mean of its part of the frame."""
        small = self._grey.reformat(frame, THUMBNAIL, THUMBNAIL, "gray", interpolation="AREA", threads=1)
        return np.asarray(small.to_ndarray(), np.float32)


def _matrix(frame: VideoFrame) -> int | None:
    """What to take for the matrix where none is stated; None where one is, or none is needed."""
    if frame.colorspace != _UNSTATED or frame.format.is_rgb:
        return None
    width, height = _STANDARD_DEFINITION
    return _BT709 if frame.width > width or frame.height > height else _BT601


def notes_on(frame: VideoFrame) -> list[str]:
    """What a user should know about the colours and lines of a frame, in sentences."""
    notes = []
    bits = max((component.bits for component in frame.format.components), default=8)
    if bits > 8:
        notes.append(f"samples of {bits} bits were rounded to 8")
    if curve := _HDR.get(frame.color_trc):
        notes.append(f"the pictures are HDR ({curve}) and were not tone-mapped; they look flatter than they are shown")
    if frame.interlaced_frame:
        notes.append("the pictures are interlaced; both fields were left in one frame, which shows combs at motion")
    if any(component.is_alpha for component in frame.format.components):
        notes.append("transparency was left out")
    return notes


def pixel_shape(numerator: int, denominator: int) -> str | None:
    """A note if pixels are not square by more than a hundredth."""
    if numerator <= 0 or denominator <= 0 or math.isclose(numerator, denominator, rel_tol=0.01):
        return None
    return f"pixels are not square ({numerator}:{denominator}); frames are as they are stored"
