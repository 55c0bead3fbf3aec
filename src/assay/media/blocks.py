"""From decoded pieces to the blocks a detector reads: check, mix, resample, cut.

Shapes: decoded pieces are (frames, channels); blocks are (channels, samples), float32 at 16 kHz. Pieces have
a fixed size, whatever the caller's block size, so a file read in blocks gives exactly the samples of the file
read whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import numpy as np

from assay.errors import DecodeError
from assay.media.header import FloatArray

SAMPLE_RATE_HZ = 16_000  # the one rate of every detector for sound
_ABSURD = 2.0**31  # float files with integer values reach this; more is not sound, and would overflow the resampler


class Loudest:
    """Passes pieces through, refuses broken values and remembers the largest magnitude in `peak`.

    Args:
        name: What the user gave, for messages.
    """

    def __init__(self, name: str) -> None:
        self._name, self.peak = name, 0.0

    def watch(self, pieces: Iterable[FloatArray]) -> Iterator[FloatArray]:
        """Yield the pieces.

        Raises:
            DecodeError: At a value that is NaN, infinite or beyond 2^31.
        """
        for piece in pieces:
            peak = max(float(piece.max()), -float(piece.min()))  # NaN goes through both
            if not peak <= _ABSURD:
                raise DecodeError(
                    f"'{self._name}' holds sample values that are no sound (NaN, infinite or beyond 2^31). "
                    "It was written by a faulty program; write it again as 16-bit PCM."
                )
            self.peak = max(self.peak, peak)
            yield piece


def mix(pieces: Iterable[FloatArray]) -> Iterator[FloatArray]:
    """Mean of the channels: (frames, channels) to (frames, 1)."""
    for piece in pieces:
        channels = piece.shape[1]
        if channels == 1:
            yield piece
            continue
        total = (
            piece[:, 0] + piece[:, 1]
        )  # column by column: several times faster than mean(axis=1), and always the same order
        for channel in range(2, channels):
            total += piece[:, channel]
        yield (total / np.float32(channels))[:, None]


def resample(pieces: Iterable[FloatArray], rate_hz: int, channels: int) -> Iterator[FloatArray]:
    """Bring pieces (frames, channels) from `rate_hz` to 16 kHz; the identity at 16 kHz.

    References:
        soxr ``ResampleStream``, quality HQ: linear phase, pass band to 91 % of the lower Nyquist frequency,
        images and aliases below -100 dB; delay compensated.
    """
    if rate_hz == SAMPLE_RATE_HZ:
        yield from pieces
        return
    import soxr

    stream = soxr.ResampleStream(rate_hz, SAMPLE_RATE_HZ, channels, dtype="float32", quality="HQ")
    for piece in pieces:
        yield stream.resample_chunk(np.ascontiguousarray(piece))
    yield stream.resample_chunk(np.empty((0, channels), np.float32), last=True)


def cut(pieces: Iterable[FloatArray], samples: int) -> Iterator[FloatArray]:
    """Cut pieces (frames, channels) into blocks (channels, `samples`); only the last may be shorter."""
    held: list[FloatArray] = []
    count = 0
    for piece in pieces:
        while count + len(piece) >= samples:
            take = samples - count
            yield _block([*held, piece[:take]])
            piece, held, count = piece[take:], [], 0
        if len(piece):
            held.append(piece)
            count += len(piece)
    if held:
        yield _block(held)


def _block(parts: list[FloatArray]) -> FloatArray:
    whole = parts[0] if len(parts) == 1 else np.concatenate(parts)
    return np.ascontiguousarray(whole.T)


def behind(pieces: Iterable[FloatArray], frames: int) -> Iterator[FloatArray]:
    """The pieces without their first `frames` frames."""
    for piece in pieces:
        if frames < len(piece):
            yield piece[frames:]
        frames = max(0, frames - len(piece))


def counted(pieces: Iterable[FloatArray], report: Callable[[int], None]) -> Iterator[FloatArray]:
    """Pass pieces through, telling `report` the number of frames so far before each is handed on."""
    frames = 0
    for piece in pieces:
        frames += len(piece)
        report(frames)
        yield piece
