"""Prepares one recording for training: one channel, 16 kHz, without the silence around it, short, 16 bit.

    bytes ── assay.media ──> mean of channels, 16 kHz ── trim ──> ── cut ──> ── level ──> int16

Decisions
- Silence at both ends is cut since its length tells the source, not the key. A frame of 20 ms is silent if its level is
  more than 40 dB below that of the loudest frame, as librosa's ``effects.trim`` has it with ``top_db=40``; a margin of
  0.1 s stays. What is loudest is never silent, so nothing is emptied.
- What is kept is the beginning; at most `LOOKED_AT_S` more than is kept is decoded, so hours cost no more than minutes.
- A peak over full scale is scaled down to it. Nothing else is done to the level, and nothing is clipped.
- ``.gsm`` is bare GSM 06.10 frames, which nothing but the name tells; assay.media tells kinds by content.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import soundfile
from numpy.typing import NDArray

from assay.errors import MediaError
from assay.media import SAMPLE_RATE_HZ, open_media

if TYPE_CHECKING:
    from assay.settings import Settings

Samples = NDArray[np.float32]

SHORTEST_S = 0.7
MARGIN_S = 0.1
LOOKED_AT_S = 30.0
SILENT_DB = 40.0
FRAME = SAMPLE_RATE_HZ // 50
UNDECODABLE = "cannot be decoded"
TOO_SHORT = f"shorter than {SHORTEST_S} s"
SILENT = "digital silence"
_GSM_FRAME_BYTES, _GSM_RATE_HZ = 33, 8_000


@dataclass(frozen=True)
class Prepared:
    """A recording as it is stored.

    Attributes:
        samples: Shape (n,), int16, 16 kHz, n >= 0.7 s.
        original_sample_rate: Hz, before.
        original_codec: Container and codec before, "mp4 aac".
    """

    samples: NDArray[np.int16]
    original_sample_rate: int
    original_codec: str

    @property
    def duration_s(self) -> float:
        """Length of what is kept."""
        return len(self.samples) / SAMPLE_RATE_HZ


@dataclass(frozen=True)
class Unfit:
    """Why a recording is not kept; `detail` is what the decoder said."""

    reason: str
    detail: str = ""


def prepare(data: bytes, name: str, *, max_seconds: float, settings: Settings) -> Prepared | Unfit:
    """Decode, trim and cut.

    Args:
        data: The file.
        name: What it was called; its ending matters for ``.gsm`` only.
        max_seconds: Kept from the start of the trimmed recording, >= `SHORTEST_S`.
        settings: Hold the limits of decoding.
    """
    wav = _gsm_as_wav(data) if name.lower().endswith(".gsm") else None
    try:
        media = open_media(wav or data, settings=settings, name=name)
        # One block: what follows it is never decoded.
        samples = next(media.blocks(block_s=max_seconds + LOOKED_AT_S))[0]
    except MediaError as error:
        return Unfit(UNDECODABLE, error.message)
    if not np.isfinite(samples).all():
        return Unfit(UNDECODABLE, "it holds samples that are not finite")
    kept = trim(samples)[: round(max_seconds * SAMPLE_RATE_HZ)]
    if len(kept) < SHORTEST_S * SAMPLE_RATE_HZ:
        return Unfit(TOO_SHORT)
    if not kept.any():
        return Unfit(SILENT)
    # As decoders have it, -32768 is -1; so what was 16 bit at 16 kHz already comes out bit by bit.
    scaled = kept * 2.0**15
    scaled /= max(1.0, float(scaled.max()) / 32_767, float(-scaled.min()) / 32_768)
    codec = "gsm gsm" if wav else f"{media.container} {media.codec}"
    return Prepared(np.round(scaled).astype(np.int16), media.sample_rate_hz, codec)


def trim(samples: Samples) -> Samples:
    """Cut the silence at both ends, as the module says.

    Args:
        samples: Shape (n,), 16 kHz.

    Returns:
        A view of shape (m,), 0 < m <= n; everything if all of it is digital silence or n is 0.
    """
    frames = -(-len(samples) // FRAME)
    padded = np.zeros(frames * FRAME, np.float32)
    padded[: len(samples)] = samples
    energy = np.square(padded.reshape(frames, FRAME), dtype=np.float64).sum(axis=1)
    if not energy.any():
        return samples
    (loud,) = np.nonzero(energy >= energy.max() * 10 ** (-SILENT_DB / 10))
    margin = round(MARGIN_S * SAMPLE_RATE_HZ)
    return samples[max(0, int(loud[0]) * FRAME - margin) : (int(loud[-1]) + 1) * FRAME + margin]


def flac(samples: NDArray[np.int16]) -> bytes:
    """Samples (n,) at 16 kHz as a FLAC file of 16 bit."""
    file = io.BytesIO()
    soundfile.write(file, samples, SAMPLE_RATE_HZ, format="FLAC", subtype="PCM_16")
    return file.getvalue()


def _gsm_as_wav(data: bytes) -> bytes | None:
    """Bare GSM frames as a WAV file; None if these are none."""
    if not data or len(data) % _GSM_FRAME_BYTES or any(first >> 4 != 0xD for first in data[::_GSM_FRAME_BYTES]):
        return None
    layout = {"samplerate": _GSM_RATE_HZ, "channels": 1, "format": "RAW", "subtype": "GSM610"}
    samples, rate = soundfile.read(io.BytesIO(data), dtype="int16", **layout)
    file = io.BytesIO()
    soundfile.write(file, samples, rate, format="WAV", subtype="PCM_16")
    return file.getvalue()
