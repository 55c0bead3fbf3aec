"""What one file is, measured once: whether it can be read, what is in it, and what about it might tell its key.

    file ── assay.media ──> header, samples or pixels ──> Facts

Decisions
- Sound is decoded to its end, in flat memory; of a video eight frames spread over it are, and its sound is not.
- `content` is a digest of what was decoded (samples of 16 bit at 16 kHz, pixels), so a WAV and a FLAC of the same
  samples are equal. A lossy copy is not; its `prints` are alike.
- Levels are of frames of 20 ms; silence is what lies 40 dB below the loudest, as in `assay.data.prepare`.
- The quality of a JPEG is given as the mean step of its luminance table, 1 for what is not quantised: the leak audit
  needs the order only.
"""

from __future__ import annotations

import hashlib
import io
import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from assay.data.overlap import envelope
from assay.data.prepare import FRAME, SILENT_DB
from assay.data.prints import Prints, picture_print, sound_print
from assay.data.protocol import Trial
from assay.errors import MediaError
from assay.media import SAMPLE_RATE_HZ, AudioMedia, open_moving
from assay.media.pictures import Picture

if TYPE_CHECKING:
    from assay.media.videos import Video
    from assay.settings import Settings

Medium = Literal["sound", "picture", "video", "unreadable"]
LOOKED_AT_S = 60.0  # of a recording, for its prints
FRAMES = 8  # of a video
_QUIET_DB = -120.0
_BLOCK_S = 30.0


@dataclass(frozen=True)
class Facts:
    """One file.

    Attributes:
        medium: What it is; ``unreadable`` with the reason in `error`.
        error: Why it cannot be used, a sentence; empty if it can.
        size_bytes: Of the file.
        sha256: Of its bytes.
        content: Digest of what was decoded.
        form: Container and codec, such as ``"wav pcm_16"``.
        duration_s: Nan for pictures.
        numbers: What else might tell the key, by name; nan where it does not apply.
        prints: See `assay.data.prints`.
    """

    medium: Medium
    error: str = ""
    size_bytes: int = 0
    sha256: str = ""
    content: str = ""
    form: str = ""
    duration_s: float = math.nan
    numbers: dict[str, float] = field(default_factory=dict)
    prints: Prints | None = field(default=None, repr=False, compare=False)


def facts_of(trial: Trial, settings: Settings) -> Facts:
    """Look at a trial's file; what is wrong with it stands in `Facts.error`."""
    try:
        media = open_moving(trial.file, settings=settings)
        size = trial.file.stat().st_size
        if isinstance(media, AudioMedia):
            return replace(_of_sound(media, size), size_bytes=size, sha256=media.sha256)
        if isinstance(media, Picture):
            return replace(_of_picture(media, size), size_bytes=size)
        return replace(_of_video(media, size), size_bytes=size, sha256=media.sha256)
    except (MediaError, OSError) as error:
        return Facts("unreadable", error.message if isinstance(error, MediaError) else str(error))


def _of_sound(media: AudioMedia, size: int) -> Facts:
    powers, peak, count = [np.zeros(0)], 0.0, 0
    digest, looked_at, rest = hashlib.sha256(), [], np.zeros(0, np.float32)
    for (block,) in media.blocks(block_s=_BLOCK_S):
        digest.update(np.round(block * 32_768.0).clip(-32_768, 32_767).astype("<i2").tobytes())
        peak, count = max(peak, float(np.abs(block).max(initial=0))), count + len(block)
        if count <= LOOKED_AT_S * SAMPLE_RATE_HZ:
            looked_at.append(block)
        rest = np.concatenate([rest, block])
        whole = len(rest) // FRAME * FRAME
        powers.append(np.square(rest[:whole].reshape(-1, FRAME), dtype=np.float64).mean(axis=1))
        rest = rest[whole:]
    form = f"{media.container} {media.codec}"
    if not peak:
        return Facts("sound", "it is digital silence", form=form, content=digest.hexdigest())
    duration_s = count / SAMPLE_RATE_HZ
    before, after, share = _silence(np.concatenate(powers))
    power = float(np.concatenate(powers).mean()) if count >= FRAME else peak**2
    numbers = {
        "length": duration_s,
        "sample rate": float(media.sample_rate_hz),
        "channels": float(media.channels),
        "bits per second": 8 * size / duration_s,
        "silence before": before,
        "silence after": after,
        "share of silence": share,
        "level": max(_QUIET_DB, 10 * math.log10(max(power, 1e-12))),
        "peak": max(_QUIET_DB, 20 * math.log10(peak)),
    }
    notes = [note for note in media.notes if "cut off or damaged" in note]
    return Facts(
        "sound",
        notes[0] if notes else "",
        content=digest.hexdigest(),
        form=form,
        duration_s=duration_s,
        numbers=numbers,
        prints=sound_print(envelope(looked_at)),
    )


def _silence(powers: NDArray[np.float64]) -> tuple[float, float, float]:
    """Seconds of silence before and after, and its share, from the power of each frame."""
    if not powers.any():
        return 0.0, 0.0, 1.0
    loud = powers >= powers.max() * 10 ** (-SILENT_DB / 10)
    places = np.flatnonzero(loud)
    frame_s = FRAME / SAMPLE_RATE_HZ
    return int(places[0]) * frame_s, (len(powers) - 1 - int(places[-1])) * frame_s, 1 - float(loud.mean())


def _of_picture(picture: Picture, size: int) -> Facts:
    grey = picture.pixels.mean(axis=2)
    numbers = {
        "width": float(picture.width),
        "height": float(picture.height),
        "bytes per pixel": size / (picture.width * picture.height),
        "JPEG step": _step(picture),
        "EXIF": float(b"Exif\x00\x00" in picture.data[:65_536]),
        "bits": float(picture.bits),
        "level": float(grey.mean()),
        "contrast": float(grey.std()),
    }
    shape = f"{picture.width}x{picture.height}".encode()
    return Facts(
        "picture",
        sha256=hashlib.sha256(picture.data).hexdigest(),
        content=hashlib.sha256(shape + picture.pixels.tobytes()).hexdigest(),
        form=picture.format,
        numbers=numbers,
        prints=picture_print(picture.pixels),
    )


def _step(picture: Picture) -> float:
    """Mean step of the luminance quantisation table; 1 if there is none."""
    if picture.format != "jpeg":
        return 1.0
    with Image.open(io.BytesIO(picture.data)) as image:
        tables = getattr(image, "quantization", None) or {}
    return float(np.mean(tables[0])) if 0 in tables else 1.0


def _of_video(video: Video, size: int) -> Facts:
    digest, prints = hashlib.sha256(), []
    for frame in video.frames(num_frames=FRAMES):
        digest.update(frame.pixels.tobytes())
        prints.append(picture_print(np.asarray(frame.pixels)))
    info = video.info
    if not prints:
        return Facts("video", "no frame of it can be decoded", form=f"{info.container} {info.codec}")
    duration_s = video.decoded_s or info.duration_s or math.nan
    numbers = {
        "length": duration_s,
        "width": float(info.width),
        "height": float(info.height),
        "frames per second": info.fps or math.nan,
        "bits per second": 8 * size / duration_s,
        "has sound": float(info.has_sound),
    }
    return Facts(
        "video",
        content=digest.hexdigest(),
        form=f"{info.container} {info.codec}",
        duration_s=duration_s,
        numbers=numbers,
        prints=np.concatenate(prints),
    )
