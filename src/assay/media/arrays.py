"""Sound that is already in memory: an array and its sample rate.

Decisions
- Shape is (samples,) or (samples, channels), as soundfile has it. An array the other way round has thousands
  of channels and is refused with a hint.
- float32 and float64 have full scale 1; int16 and int32 are divided by 2^15 and 2^31; uint8 has 128 for zero,
  as in an 8-bit WAV. Other types are refused: nobody can know their full scale.
- The digest covers the text ``assay-array:<dtype>:<shape>:<rate>`` and a newline, then the samples,
  C-contiguous and little-endian: equal samples of equal type give equal digests on every machine. dtype is
  NumPy's name (``int16``), shape as in ``8000x2``.
- The array is not copied. Whoever changes it while it is analysed gets an answer about something else.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from assay.errors import EmptyMedia, InvalidArray
from assay.media.header import FloatArray, Header, piece_frames, to_float
from assay.media.limits import check_array_bytes, check_duration, check_format

if TYPE_CHECKING:
    from assay.settings import Settings

_TYPES = ("float32", "float64", "int16", "int32", "uint8")
_WAYS = "Give an array of float32, float64, int16, int32 or uint8 in the shape (samples,) or (samples, channels)."


class ArraySource:
    """A checked array with its rate.

    Args:
        source: The pair (array, sample_rate_hz); the array may be anything NumPy takes.
        settings: Holds the limits.
        name: What to call it in messages.

    Attributes:
        sha256: See the top of this module.
        header: What a decoder would tell.

    Raises:
        InvalidArray: Wrong type, shape, value or sample rate.
        EmptyMedia: No samples.
        LimitExceeded: Too large, too long, too many channels, rate out of range.
    """

    def __init__(self, source: tuple[object, ...], settings: Settings, name: str) -> None:
        if len(source) != 2:
            raise InvalidArray(f"A tuple of {len(source)} was given; give (array, sample_rate_hz).")
        data, rate = _array(source[0]), _rate(source[1])
        check_array_bytes(name, data.nbytes, settings)
        self._data = data.reshape(len(data), -1) if data.size else data
        if not data.size:
            raise EmptyMedia(f"The array has no samples: its shape is {data.shape}. {_WAYS}")
        channels = self._data.shape[1]
        # Only an array that is wider than long can have been meant the other way round.
        turned = f" (its shape is {data.shape}; if that is (channels, samples), transpose it)"
        check_format(name, channels, rate, settings, turned if channels > len(data) else "")
        check_duration(name, len(data) / rate, settings)
        _require_finite(self._data)
        seconds = len(data) / rate
        self.header = Header(data.dtype.name, rate, channels, seconds, seconds)
        self.sha256 = _digest(data, rate)

    def pieces(self, note: Callable[[str], None]) -> Iterator[FloatArray]:
        """Yield (frames, channels) as float32, full scale 1; there is never anything to note."""
        del note
        for piece in _slices(self._data):
            yield to_float(piece)


def _array(value: object) -> NDArray[Any]:
    try:
        data = np.asarray(value)
    except (ValueError, TypeError, RuntimeError) as error:  # ragged lists, tensors that want gradients
        raise InvalidArray(f"This is not an array: {error}. {_WAYS}") from error
    if data.dtype.name not in _TYPES:
        raise InvalidArray(f"The array holds {data.dtype}. {_WAYS}", dtype=str(data.dtype))
    if data.ndim not in (1, 2):
        raise InvalidArray(f"The array has {data.ndim} dimensions: {data.shape}. {_WAYS}", shape=list(data.shape))
    return data


def _rate(value: object) -> int:
    number = isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)
    hertz = float(value) if number else math.nan  # type: ignore[arg-type]  # a number, as just checked
    if not (hertz > 0 and hertz.is_integer()):
        raise InvalidArray(f"The sample rate is {value!r}; give a positive whole number of hertz, such as 16000.")
    return int(hertz)


def _slices(data: NDArray[Any]) -> Iterator[NDArray[Any]]:
    step = piece_frames(data.shape[1])
    for start in range(0, len(data), step):
        yield data[start : start + step]


def _require_finite(data: NDArray[Any]) -> None:
    if data.dtype.kind != "f":
        return
    for piece in _slices(data):
        bad = ~np.isfinite(piece)
        if bad.any():
            raise InvalidArray(
                f"The array holds values that are not finite, such as {piece[bad][0]}. "
                "Find out where they come from, or replace them: numpy.nan_to_num(array)."
            )


def _digest(data: NDArray[Any], rate: int) -> str:
    shape = "x".join(map(str, data.shape))
    digest = hashlib.sha256(f"assay-array:{data.dtype.name}:{shape}:{rate}\n".encode())
    little = data.dtype.newbyteorder("<")
    for piece in _slices(data.reshape(len(data), -1)):
        digest.update(np.ascontiguousarray(piece, little).data)
    return digest.hexdigest()
