"""The one place where exceptions of libsndfile, FFmpeg and the system become errors of our tree.

libsndfile's errors are RuntimeErrors; PyAV's are `av.error.FFmpegError`, some of which are OSErrors or
ValueErrors, too. PyAV is not imported for this: if it was never loaded, it cannot have raised. Pillow and libheif
read from memory, so their OSErrors are about the content.
"""

from __future__ import annotations

import shlex
import struct
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

from assay.errors import DecodeError, LimitExceeded, MediaError, MediaNotFound, MediaUnreadable
from assay.media.kinds import convert_first

# What the decoders' Python sides raise on broken input, besides FFmpegError. TypeError is absent on purpose:
# it would be a mistake of ours.
_BROKEN = (RuntimeError, ValueError, LookupError, ArithmeticError, EOFError)


def _ffmpeg_error() -> tuple[type[Exception], ...]:
    module = sys.modules.get("av.error")
    return (module.FFmpegError,) if module is not None else ()


def decoder_errors() -> tuple[type[Exception], ...]:
    """Exceptions that mean "this input is broken" when a decoder raises them."""
    return (*_ffmpeg_error(), *_BROKEN)


@contextmanager
def decoding(name: str, label: str) -> Iterator[None]:
    """Translate what a decoder raises.

    Args:
        name: The file as the user gave it.
        label: What it is, "a WAV file".

    Raises:
        DecodeError: For anything a decoder says about the content.
        LimitExceeded: If the decoder asked for more memory than there is.
        MediaUnreadable: For errors of the system.
    """
    try:
        yield
    except MediaError:
        raise
    except decoder_errors() as error:
        raise undecodable(name, label, reason_of(error)) from error
    except MemoryError as error:
        message = f"'{name}' needs more memory to decode than there is. Split it, or convert it to WAV first."
        raise LimitExceeded(message, limit="memory") from error
    except OSError as error:
        raise unreadable(name, error) from error


# What Pillow raises on broken pictures goes beyond that; TypeError and AssertionError are its own slips on them.
_BROKEN_PICTURE = (
    *_BROKEN,
    OSError,
    SyntaxError,
    TypeError,
    AttributeError,
    AssertionError,
    struct.error,
    zlib.error,
    Warning,  # where the caller made warnings errors
)


@contextmanager
def decoding_picture(name: str, label: str) -> Iterator[None]:
    """Translate what a decoder of pictures raises.

    Args:
        name: The file as the user gave it.
        label: What it is, "a JPEG picture".

    Raises:
        DecodeError: For anything a decoder says about the content.
        LimitExceeded: If it is over Pillow's own limit, or there is not enough memory.
    """
    try:
        yield
    except MediaError:
        raise
    except _BROKEN_PICTURE as error:
        raise broken_picture(name, label, reason_of(error)) from error
    except MemoryError as error:
        message = f"'{name}' needs more memory to decode than there is. Make it smaller, or use a larger machine."
        raise LimitExceeded(message, limit="memory") from error
    except Exception as error:
        # Pillow's limit on pixels is an error without a family; without Pillow loaded it cannot be this one.
        if type(error).__name__ != "DecompressionBombError":
            raise
        limit = "PIL.Image.MAX_IMAGE_PIXELS"
        message = f"'{name}' is over the limit {limit} ({reason_of(error)}). To accept it, raise that limit."
        raise LimitExceeded(message, limit=limit, setting=limit) from error


@contextmanager
def decoding_video(name: str, label: str) -> Iterator[None]:
    """Translate what FFmpeg raises about moving pictures.

    Args:
        name: The file as the user gave it.
        label: What it is, "an AVI video".

    Raises:
        DecodeError: For anything the decoder says about the content.
        LimitExceeded: If it asked for more memory than there is.
        MediaUnreadable: For errors of the system.
    """
    try:
        yield
    except MediaError:
        raise
    except decoder_errors() as error:
        raise broken_video(name, label, reason_of(error)) from error
    except MemoryError as error:
        message = f"'{name}' needs more memory to decode than there is. Make its frames smaller, or use more memory."
        raise LimitExceeded(message, limit="memory") from error
    except OSError as error:
        raise unreadable(name, error) from error


def broken_video(name: str, label: str, detail: str) -> DecodeError:
    """The error for moving pictures that FFmpeg makes no sense of."""
    detail = " ".join(detail.split()).rstrip(".") or "no frame came out of it"
    return DecodeError(
        f"'{name}' is {label}, but its pictures are damaged and cannot be decoded ({detail}). Copy or download it "
        f"again; if another program plays it, convert it first: ffmpeg -i {shlex.quote(name)} video.mp4",
        detail=detail,
    )


def broken_picture(name: str, label: str, detail: str) -> DecodeError:
    """The error for a picture that no decoder makes sense of."""
    detail = " ".join(detail.split()).rstrip(".") or "no picture came out of it"
    return DecodeError(
        f"'{name}' is {label}, but it is damaged or of a variant that is not read ({detail}). "
        "Copy it again from where it came from; if another program shows it, save it from there as PNG.",
        detail=detail,
    )


def reason_of(error: Exception) -> str:
    """What a decoder says, without the addresses and numbers around it."""
    for attribute in ("error_string", "strerror"):  # soundfile.LibsndfileError, av.error.FFmpegError
        text = getattr(error, attribute, None)
        if text:
            return str(text)
    return str(error)


def undecodable(name: str, label: str, detail: str) -> DecodeError:
    """The error for content that no decoder makes sense of."""
    detail = detail.strip().rstrip(".") or "no sound came out of it"
    return DecodeError(
        f"'{name}' is {label}, but it is damaged and cannot be decoded ({detail}). "
        f"If another program plays it, {convert_first(name).replace('Convert', 'convert', 1)}",
        detail=detail,
    )


def unreadable(name: str, error: OSError | ValueError) -> MediaError:
    """The error for a file that the system does not give us: absent, or not readable."""
    if isinstance(error, (FileNotFoundError, NotADirectoryError)) or not isinstance(error, OSError):
        return MediaNotFound(f"There is no file '{name}'. Check the path; it is relative to the current folder.")
    reason = error.strerror or type(error).__name__
    return MediaUnreadable(
        f"'{name}' cannot be read: {reason}. Check its permissions, and that its disk or share answers.",
        reason=reason,
    )
