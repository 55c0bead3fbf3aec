"""`assay data stats`: what a protocol holds, by partition, key, source and generator: files, hours, bytes.

Lengths come from headers, of videos as of recordings; a file that states none is decoded. Pictures have none.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assay.data.grouping import values_of
from assay.data.protocol import Trial, read_protocol
from assay.errors import MediaError
from assay.media import AudioMedia, open_moving
from assay.media.blocks import SAMPLE_RATE_HZ

if TYPE_CHECKING:
    from assay.settings import Settings

BY = ("partition", "key", "source", "generator", "language", "licence")


@dataclass(frozen=True)
class Size:
    """One file: seconds, nan for a picture or what cannot be read, and bytes."""

    seconds: float
    size_bytes: int
    readable: bool


@dataclass(frozen=True)
class Line:
    """Files that share a value of a column.

    Attributes:
        column: ``partition``, ``key``, …
        value: Theirs; empty where the protocol says nothing.
        bona_fide: Files of this key.
        spoof: Files of this key.
        hours: Of sound and video.
        megabytes: Of all files, 10^6 bytes.
        persons: Different speakers and identities.
    """

    column: str
    value: str
    bona_fide: int
    spoof: int
    hours: float
    megabytes: float
    persons: int


@dataclass(frozen=True)
class Stats:
    """What a protocol holds.

    Attributes:
        lines: By column, in the order of `BY`, the largest value first.
        unreadable: Files that could not be opened.
        seconds: Length of each trial, nan for a picture.
        trials: In the same order.
    """

    lines: tuple[Line, ...]
    unreadable: int
    seconds: tuple[float, ...]
    trials: tuple[Trial, ...]

    def of(self, column: str) -> list[Line]:
        """The lines of one column."""
        return [line for line in self.lines if line.column == column]

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "trials": len(self.trials),
            "unreadable": self.unreadable,
            "lines": [asdict(line) for line in self.lines],
        }


def stats(
    protocol: Path,
    *,
    settings: Settings,
    progress: Callable[[int, int], None] | None = None,
) -> Stats:
    """Count a protocol.

    Args:
        protocol: CSV or Parquet.
        settings: Hold `jobs`, the threads, and the limits of decoding.
        progress: Called with files done and files in all.

    Raises:
        ProtocolError: If the protocol is malformed.
    """
    trials = read_protocol(protocol)
    sizes: list[Size] = []
    with ThreadPoolExecutor(settings.jobs) as pool:
        try:
            for size in pool.map(partial(_size, settings=settings), trials):
                sizes.append(size)
                if progress is not None:
                    progress(len(sizes), len(trials))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    lines = tuple(line for column in BY for line in _lines(column, trials, sizes))
    unreadable = sum(not size.readable for size in sizes)
    return Stats(lines, unreadable, tuple(size.seconds for size in sizes), tuple(trials))


def _size(trial: Trial, settings: Settings) -> Size:
    try:
        media = open_moving(trial.file, settings=settings)
        size = trial.file.stat().st_size
        if isinstance(media, AudioMedia):
            seconds = media.declared_duration_s
            if seconds is None:
                seconds = sum(block.shape[1] for block in media.blocks()) / SAMPLE_RATE_HZ
        elif hasattr(media, "info"):
            seconds = media.info.duration_s or math.nan
        else:
            seconds = math.nan
    except (MediaError, OSError):
        return Size(math.nan, 0, readable=False)
    return Size(seconds, size, readable=True)


def _lines(column: str, trials: Sequence[Trial], sizes: Sequence[Size]) -> Iterator[Line]:
    counts = Counter(getattr(trial, column) for trial in trials)
    if set(counts) == {""}:
        return
    for value, _ in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
        rows = [i for i, trial in enumerate(trials) if getattr(trial, column) == value]
        keys = Counter(trials[i].key for i in rows)
        lengths = [sizes[i].seconds for i in rows if math.isfinite(sizes[i].seconds)]
        persons = {
            (name, person)
            for i in rows
            for name in ("speaker", "identity")
            for person in values_of(getattr(trials[i], name))
        }
        yield Line(
            column,
            value,
            keys["bona_fide"],
            keys["spoof"],
            sum(lengths) / 3600,
            sum(sizes[i].size_bytes for i in rows) / 1e6,
            len(persons),
        )
