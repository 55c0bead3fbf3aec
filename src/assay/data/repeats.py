"""Files with the same content: equal bytes, equal samples or pixels, or copies encoded, scaled or cut again."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from assay.data.facts import LOOKED_AT_S, Facts
from assay.data.overlap import THRESHOLD, FloatArray, Originals, envelope
from assay.data.prints import PICTURE_ALIKE, SOUND_ALIKE, Prints, alike
from assay.data.protocol import Trial
from assay.errors import MediaError
from assay.media import open_media

if TYPE_CHECKING:
    from assay.settings import Settings

Kind = Literal["bytes", "content", "copy"]
_BLOCK_S = 30.0
_MOST_ENVELOPES = 256  # kept while copies are confirmed


@dataclass(frozen=True)
class Repeat:
    """Two files with the same content.

    Attributes:
        one: Index of the one.
        other: Index of the other, larger.
        kind: Equal ``bytes``, equal decoded ``content``, or a ``copy``, alike to eye or ear.
        likeness: 1 for the first two; correlation of levels for sounds, product of prints for pictures.
    """

    one: int
    other: int
    kind: Kind
    likeness: float = 1.0


def repeats_of(trials: Sequence[Trial], facts: Sequence[Facts], settings: Settings) -> list[Repeat]:
    """Find them.

    Args:
        trials: Any media.
        facts: Of each.
        settings: Hold the limits of decoding; sounds that seem alike are read again.

    Returns:
        Of files that are all equal, each with the first; of copies, every pair. In the order of the files.
    """
    exact = list(_equal(facts))
    copies = {repeat.other for repeat in exact}
    found = exact
    for medium, least in (("sound", SOUND_ALIKE), ("picture", PICTURE_ALIKE), ("video", PICTURE_ALIKE)):
        rows = [
            index
            for index, each in enumerate(facts)
            if each.medium == medium and each.prints is not None and index not in copies
        ]
        prints: list[Prints] = [each for index in rows if (each := facts[index].prints) is not None]
        pairs = [(rows[one], rows[other], likeness) for one, other, likeness in alike(prints, least)]
        if medium == "sound":
            found += _confirmed(pairs, trials, settings)
        else:
            found += [Repeat(*pair[:2], "copy", round(pair[2], 3)) for pair in pairs]
    return sorted(found, key=lambda repeat: (repeat.one, repeat.other))


def _equal(facts: Sequence[Facts]) -> Iterator[Repeat]:
    for kind, digest in (("bytes", "sha256"), ("content", "content")):
        same: dict[str, list[int]] = defaultdict(list)
        for index, each in enumerate(facts):
            if getattr(each, digest):
                same[getattr(each, digest)].append(index)
        for first, *others in same.values():
            for other in others:
                if kind == "bytes" or facts[first].sha256 != facts[other].sha256:
                    yield Repeat(first, other, "bytes" if kind == "bytes" else "content")


def _confirmed(
    pairs: Sequence[tuple[int, int, float]], trials: Sequence[Trial], settings: Settings
) -> Iterator[Repeat]:
    """What `overlap` calls a copy, too."""
    read = _keeping(lambda index: _envelope(trials[index], settings))
    by_one: dict[int, list[int]] = defaultdict(list)
    for one, other, _ in pairs:
        by_one[one].append(other)
    for one, others in by_one.items():
        for match in Originals([read(one)]).matches([read(other) for other in others], threshold=THRESHOLD):
            yield Repeat(one, others[match.index], "copy", round(match.correlation, 3))


def _keeping(read: Callable[[int], FloatArray]) -> Callable[[int], FloatArray]:
    """Remembers the latest envelopes."""
    kept: dict[int, FloatArray] = {}

    def look_up(index: int) -> FloatArray:
        if index not in kept:
            if len(kept) >= _MOST_ENVELOPES:
                kept.pop(next(iter(kept)))
            kept[index] = read(index)
        return kept[index]

    return look_up


def _envelope(trial: Trial, settings: Settings) -> FloatArray:
    pieces: list[FloatArray] = []
    with suppress(MediaError):  # it has changed since it was looked at; what is read counts
        for (block,) in open_media(trial.file, settings=settings).blocks(block_s=_BLOCK_S):
            pieces.append(block)
            if len(pieces) * _BLOCK_S >= LOOKED_AT_S:
                break
    return envelope(pieces)
