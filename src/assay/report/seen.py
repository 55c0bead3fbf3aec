"""What the medium at hand adds to a result: its waveform and spectrogram, its pixels, the faces of its persons.

Nothing is scored here, and nothing is kept but what is drawn. The medium must be the one that was scanned: its digest
is compared first.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from assay.audio.features.spectra import power, spectra
from assay.errors import MediaError, ReportError
from assay.media import SAMPLE_RATE_HZ, AudioMedia, open_moving
from assay.settings import Settings, load_settings

if TYPE_CHECKING:
    from assay.media.pictures import Picture
    from assay.media.videos import Video
    from assay.result import ScanResult

COLUMNS = 860
ROWS = 128
N_FFT = 512
FLOOR_DB = -70.0
LONGEST_S = 1800.0  # decoding more than half an hour would make the reader wait
MOST_FACES = 12
FACE_PIXELS = 96
TICK_S = 0.001  # times in a result are rounded

Pixels = NDArray[np.uint8]
Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Sound:
    """A recording, as far as it is drawn.

    Attributes:
        duration_s: What the columns span, from 0 on.
        wave: Least and largest sample of each column, full scale 1: shape (2, columns).
        levels: Decibels below the loudest place, shape (rows, columns); row 0 is the lowest band.
        high_hz: Upper edge of the highest band; the lowest begins at 0.
    """

    duration_s: float
    wave: Floats
    levels: Floats
    high_hz: float


@dataclass(frozen=True, eq=False)
class Seen:
    """What there is to draw; what is None or missing is not drawn.

    Attributes:
        sound: Of a recording or of a sound track.
        picture: Upright pixels, shape (height, width, 3).
        faces: Of a video, by person: the face where the face detector is surest, a square.
        frames: Of a video, by second: those that a map of an explanation lies over.
        notes: What could not be drawn, and why.
    """

    sound: Sound | None = None
    picture: Pixels | None = None
    faces: dict[int, Pixels] = field(default_factory=dict)
    frames: dict[float, Pixels] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def look(
    source: Any, result: ScanResult, *, settings: Settings | None = None, frames_s: tuple[float, ...] = ()
) -> Seen:
    """Look at the medium of a result.

    Args:
        source: As for `assay.scan`.
        result: Of this very medium.
        settings: Hold the limits; None loads them.
        frames_s: Seconds of a video at which frames are wanted besides faces.

    Raises:
        ReportError: If it is another medium.
        MediaError: If it cannot be opened.
    """
    media = open_moving(source, settings=settings if settings is not None else load_settings())
    if media.sha256 != result.sha256:
        raise ReportError(
            f"'{media.path}' is not the file that was scanned: its SHA-256 begins with {media.sha256[:12]}, that of the"
            f" result with {result.sha256[:12]}. Give the file as it was scanned, or none.",
            sha256=media.sha256,
            expected=result.sha256,
        )
    if isinstance(media, AudioMedia):
        sound, notes = _heard(media, result.duration_s, "The recording")
        return Seen(sound=sound, notes=notes)
    from assay.media.pictures import Picture

    return _still(media) if isinstance(media, Picture) else _moving(media, result, frames_s)


def _still(picture: Picture) -> Seen:
    return Seen(picture=picture.pixels)


def _moving(video: Video, result: ScanResult, frames_s: tuple[float, ...]) -> Seen:
    track = video.audio()
    starts_s = video.info.sound_starts_s or 0.0
    sound, notes = (None, ()) if track is None else _heard(track, result.duration_s, "The sound track", starts_s)
    wanted = sorted(
        (face.box_s, face.track_id, face.box)
        for face in sorted(result.faces, key=lambda one: -(one.llr if one.llr is not None else -99.0))[:MOST_FACES]
        if face.box_s is not None and face.track_id is not None
    )
    try:
        found = _frames(video, {*frames_s, *(second for second, _, _ in wanted)})
    except MediaError as error:
        return Seen(sound=sound, notes=(*notes, f"Frames could not be drawn: {error.message}"))
    faces = {person: _square(found[second], box) for second, person, box in wanted if second in found}
    return Seen(sound, None, faces, {second: found[second] for second in frames_s if second in found}, notes)


def _frames(video: Video, seconds: set[float]) -> dict[float, Pixels]:
    """The frame nearest at or after each second, in one pass; none for a second behind the end."""
    waiting, found = sorted(seconds), dict[float, Pixels]()
    if not waiting:
        return found
    for frame in video.frames(at=waiting, end_s=waiting[-1] + 1.0):
        while waiting and waiting[0] <= frame.time_s + TICK_S:
            found[waiting.pop(0)] = frame.pixels
    return found


def _square(pixels: Pixels, box: tuple[float, float, float, float]) -> Pixels:
    """The face with a rim around it, as a square."""
    left, top, right, bottom = box
    half = 0.65 * max(right - left, bottom - top, 2.0)
    rows, columns = pixels.shape[:2]
    half = min(half, min(rows, columns) / 2)
    across = min(max((left + right) / 2, half), columns - half)
    down = min(max((top + bottom) / 2, half), rows - half)
    first_row, first_column, side = round(down - half), round(across - half), max(1, round(2 * half))
    return pixels[first_row : first_row + side, first_column : first_column + side]


def _heard(
    media: AudioMedia, duration_s: float | None, name: str, starts_s: float = 0.0
) -> tuple[Sound | None, tuple[str, ...]]:
    if not duration_s:
        return None, ()
    if duration_s > LONGEST_S:
        return None, (f"{name} is longer than {LONGEST_S / 60:.0f} minutes and was not drawn.",)
    try:
        return draw_sound(media, duration_s, starts_s), ()
    except MediaError as error:
        return None, (f"{name} could not be drawn: {error.message}",)


def draw_sound(media: AudioMedia, duration_s: float, starts_s: float = 0.0) -> Sound:
    """Waveform and spectrogram of a recording, in one pass and flat memory.

    Args:
        media: What is heard.
        duration_s: What the drawing spans.
        starts_s: Where in it the first sample is.

    Raises:
        MediaError: As `AudioMedia.blocks` does.
    """
    columns = max(1, min(COLUMNS, int(duration_s * SAMPLE_RATE_HZ / 32)))
    per_column = duration_s * SAMPLE_RATE_HZ / columns
    # Frames overlap by half where the recording is long; where it is short each column has one of its own.
    hop = int(min(max(per_column, 32), N_FFT / 2))
    wave = np.stack([np.full(columns, np.inf, np.float32), np.full(columns, -np.inf, np.float32)])
    energy = np.zeros((columns, ROWS), np.float64)
    counts = np.zeros(columns)
    for first, block in _pieces(media, round(starts_s * SAMPLE_RATE_HZ)):
        place = np.minimum(((first + np.arange(block.size)) / per_column).astype(np.int64), columns - 1)
        starts = np.flatnonzero(np.diff(place, prepend=-1))
        np.minimum.at(wave[0], place[starts], np.minimum.reduceat(block, starts))
        np.maximum.at(wave[1], place[starts], np.maximum.reduceat(block, starts))
        for frame, spectrum in spectra(block, N_FFT, hop):
            bands = power(spectrum)[:, 1:].reshape(len(spectrum), ROWS, -1).mean(2)
            at = (first + (frame + np.arange(len(bands))) * hop) / per_column
            column = np.minimum(at.astype(np.int64), columns - 1)
            np.add.at(energy, column, bands)
            np.add.at(counts, column, 1)
    return Sound(duration_s, np.where(np.isfinite(wave), wave, 0), _levels(energy, counts), SAMPLE_RATE_HZ / 2)


def _pieces(media: AudioMedia, first: int) -> Iterator[tuple[int, Floats]]:
    """Place of the first sample, and samples, of each block; what lies before the beginning is left out."""
    for block in media.blocks():
        kept = block[0, max(0, -first) :]
        if kept.size:
            yield max(0, first), kept
        first += block.shape[1]


def _levels(energy: NDArray[np.float64], counts: NDArray[np.float64]) -> Floats:
    mean = energy / np.maximum(counts, 1)[:, None]
    # A column between two frames is as the one before it.
    filled = np.maximum.accumulate(np.where(counts > 0, np.arange(counts.size), 0))
    mean = mean[filled].T
    loudest = float(mean.max(initial=0.0))
    if loudest <= 0:
        return np.full(mean.shape, FLOOR_DB, np.float32)
    decibels: Floats = np.maximum(10 * np.log10(np.maximum(mean / loudest, 1e-12)), FLOOR_DB).astype(np.float32)
    return decibels
