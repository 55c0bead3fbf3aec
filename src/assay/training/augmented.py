"""`assay data augment`: copies of recordings and pictures as they come out of the world, listed in a protocol.

    recording ── speed ──> codec ──> Channel (loudspeaker, room, noise, band, overdrive) ──> FLAC
    picture   ── square ──> History (scale, light, noise, JPEG, …) ──────────────────────> PNG

Both chains are the ones that training applies as it goes (`assay.training.augment`, `assay.training.pictures.history`);
stored copies are for trainings and programs that do not. A copy is determined by seed, settings, the number of the copy
and the file that it goes back to, so that a spoof and the bona fide file it was made from are treated alike and the
treatment tells no key. Files that are there are kept; their names hold all of that.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Literal

import numpy as np
import soxr
import torch
from numpy.typing import NDArray

from assay.data import Trial
from assay.data.prepare import flac
from assay.data.protocol import COLUMNS, write_csv
from assay.errors import AssayError, TrainingError
from assay.media import AudioMedia, open_any
from assay.settings import load_settings
from assay.training.augment import Channel
from assay.training.codecs import CODECS, transcode
from assay.training.fakes.pictures.storing import Store, read_pixels, write_picture
from assay.training.parallel import each
from assay.training.pictures.history import EDGE, Chances, History
from assay.training.recipe import Augmentation
from assay.training.sound import SAMPLE_RATE_HZ, Samples, read_sound

EXTRA_COLUMNS = ("parent_root", "augmentation")
SHORTEST_SIDE = 64  # pixels of what comes out
_STEP = 2 * SAMPLE_RATE_HZ  # lengths of windows: few, since each has its own bank of noises
_AT_A_TIME = 16
log = logging.getLogger("assay.training.augmented")


@dataclass(frozen=True)
class Order:
    """What is asked for.

    Attributes:
        folder: For the files and ``protocol.csv``.
        copies: Of each file.
        seed: Decides everything that is drawn.
        settings: Chances for recordings.
        max_seconds: Longest recording; more is cut off.
        max_side: Largest square of a picture, in pixels.
    """

    folder: Path
    copies: int = 1
    seed: int = 0
    settings: Augmentation = field(default_factory=Augmentation)
    max_seconds: float = 12.0
    max_side: int = 512

    def mark(self, origin: str, copy: int) -> str:
        """What determines the treatment of a copy, as a hash."""
        told = repr((self.seed, origin, copy, self.settings, self.max_seconds, self.max_side))
        return hashlib.sha256(told.encode()).hexdigest()


@dataclass(frozen=True)
class Made:
    """What became of the copies: their trials, and why files have none."""

    trials: tuple[Trial, ...]
    failures: tuple[str, ...]


def augment_folder(
    trials: Sequence[Trial], order: Order, *, jobs: int = 1, on_error: Literal["stop", "skip"] = "stop"
) -> Made:
    """Make the copies and write their protocol.

    Args:
        trials: Recordings and pictures.
        order: What is asked for.
        jobs: Processes; the result does not depend on it.
        on_error: ``skip`` leaves out what cannot be read and counts it.

    Raises:
        TrainingError: If two trials have one path, or a file cannot be read and is not to be skipped.
    """
    if len({trial.path for trial in trials}) < len(trials):
        raise TrainingError("The protocols name a path more than once. Paths tell parents apart; rename one folder.")
    order.folder.mkdir(parents=True, exist_ok=True)
    work = [(trial, copy) for trial in trials for copy in range(order.copies)]
    parts = [work[start : start + _AT_A_TIME] for start in range(0, len(work), _AT_A_TIME)]
    rows: list[tuple[str, ...]] = []
    made: list[Trial] = []
    failures: list[str] = []
    for part in each(partial(_portion, order=order), parts, jobs=jobs):
        for trial, parent, copy, failure in part:
            if failure:
                if on_error == "stop":
                    raise TrainingError(f"{failure} Correct it, or leave such files out with --on-error skip.")
                log.warning("left out: %s", failure)
                failures.append(failure)
                continue
            made.append(trial)
            extra = (parent.root.resolve().name, f"{order.seed}/{copy}")
            rows.append((*(str(getattr(trial, name)) for name in COLUMNS), *extra))
        log.info("%d of %d copies", len(made) + len(failures), len(work))
    write_csv(order.folder / "protocol.csv", (*COLUMNS, *EXTRA_COLUMNS), rows)
    return Made(tuple(made), tuple(failures))


_Outcome = tuple[Trial, Trial, int, str]


def _portion(work: Sequence[tuple[Trial, int]], order: Order) -> list[_Outcome]:
    return [_outcome(parent, copy, order) for parent, copy in work]


def _outcome(parent: Trial, copy: int, order: Order) -> _Outcome:
    try:
        path = copy_of(parent, copy, order)
    except AssayError as error:
        return parent, parent, copy, error.message
    where = path.relative_to(order.folder).as_posix()
    return replace(parent, path=where, parent=parent.path, root=order.folder), parent, copy, ""


def copy_of(parent: Trial, copy: int, order: Order) -> Path:
    """Make one copy, or find it.

    Raises:
        AssayError: If the file cannot be read, is a video, or is too small.
    """
    mark = order.mark(parent.parent or parent.path, copy)
    name = hashlib.sha256(f"{mark}/{parent.path}".encode()).hexdigest()[:16]
    for suffix in (".flac", ".png"):
        if (path := order.folder / f"{name}{suffix}").is_file():
            return path
    seed = int(mark[:15], 16)
    if isinstance(open_any(parent.file, settings=load_settings()), AudioMedia):
        samples = read_sound(parent.file)[: round(order.max_seconds * SAMPLE_RATE_HZ)]
        sound = treated_sound(samples, order.settings, order.seed, seed)
        path, part = order.folder / f"{name}.flac", order.folder / f"{name}.part"
        part.write_bytes(flac(np.round(sound.clip(-1, 32_767 / 32_768) * 32_768).astype(np.int16)))
        part.replace(path)
        return path
    path = order.folder / f"{name}.png"
    write_picture(
        path, treated_picture(read_pixels(parent.file, order.max_side), seed, str(parent.file)), Store(".png")
    )
    return path


def treated_sound(samples: Samples, settings: Augmentation, banks: int, seed: int) -> Samples:
    """Send a recording through speed, codec and channel.

    Args:
        samples: Shape (n,), 16 kHz.
        settings: Chances of each part; ``pause`` and ``mask`` belong to batches and are not used.
        banks: Seed of the made noises and rooms.
        seed: Of everything else.

    Returns:
        Shape (m,), at peak 0.5; m is n but for the speed.
    """
    generator = torch.Generator().manual_seed(seed)
    draws = torch.rand(4, generator=generator).tolist()
    if draws[0] < settings.speed:
        pace = 0.9 + 0.2 * draws[1]
        samples = np.asarray(soxr.resample(samples, SAMPLE_RATE_HZ * pace, SAMPLE_RATE_HZ, quality="MQ"), np.float32)
    if draws[2] < settings.codec:
        samples = transcode(samples, CODECS[int(draws[3] * len(CODECS))])
    window = -(-len(samples) // _STEP) * _STEP
    padded = np.zeros((1, window), np.float32)
    padded[0, : len(samples)] = samples
    channel = _channel(settings, window, banks)
    out = channel(torch.from_numpy(padded), torch.zeros(1, dtype=torch.int64), generator)
    return np.asarray(out[0, : len(samples)].numpy(), np.float32)


@lru_cache(maxsize=4)
def _channel(settings: Augmentation, samples: int, seed: int) -> Channel:
    return Channel(settings, samples=samples, noises=None, rooms=None, seed=seed)


def treated_picture(pixels: NDArray[np.uint8], seed: int, name: str) -> NDArray[np.uint8]:
    """Send the largest square of a picture, at a drawn place, through the history of pictures.

    Args:
        pixels: Shape (height, width, 3), uint8 RGB.
        seed: Of everything drawn.
        name: For messages.

    Returns:
        Shape (side, side, 3), side a multiple of 16.

    Raises:
        TrainingError: If the picture is too small.
    """
    square = min(pixels.shape[:2])
    side = (square - EDGE) // 16 * 16
    if side < SHORTEST_SIDE:
        raise TrainingError(f"'{name}' has a side of {square} pixels; at least {SHORTEST_SIDE + EDGE} are needed.")
    generator = torch.Generator().manual_seed(seed)
    places = torch.rand(2, generator=generator).tolist()
    top, left = (int(place * (length - square + 1)) for place, length in zip(places, pixels.shape[:2], strict=True))
    cut = torch.from_numpy(np.ascontiguousarray(pixels[top : top + square, left : left + square]))
    couple = cut.permute(2, 0, 1).float().expand(1, 2, 3, square, square)  # a history treats two sides alike
    treated = History(Chances(), side, generator)(couple)[0, 0]
    return np.asarray(treated.round().clamp(0, 255).permute(1, 2, 0).byte().numpy(), np.uint8)
