"""What an importer is, and what importers share: finding files, and the words corpora have for keys and partitions."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from assay.data.protocol import Key, Trial
from assay.errors import DataError

SOUNDS = frozenset(
    (".wav", ".flac", ".mp3", ".ogg", ".opus", ".m4a", ".aac", ".amr", ".webm", ".aiff", ".aif", ".caf", ".au")
)
PICTURES = frozenset((".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp", ".gif", ".heic", ".avif"))
VIDEOS = frozenset((".mp4", ".mov", ".mkv", ".avi", ".mpg", ".mpeg", ".webm"))
MEDIA = SOUNDS | PICTURES | VIDEOS

_BONA_FIDE = frozenset(("real", "bonafide", "genuine", "original", "originals", "human", "authentic", "natural"))
_SPOOF = frozenset(
    [
        *("fake", "fakes", "spoof", "spoofed", "synthetic", "synthesis", "synthesized", "synthesised", "generated"),
        *("deepfake", "deepfakes", "manipulated", "forged", "ai"),
    ]
)
_PARTITIONS = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "dev", "development"), "dev"),
    **dict.fromkeys(("test", "testing", "eval", "evaluation"), "eval"),
}


@dataclass
class Listing:
    """What an importer found.

    Attributes:
        trials: One per file that is there; paths are relative to the corpus' folder, which is their `root`.
        missing: Files that the corpus lists and that are not there.
        ignored: Files that are there and whose key nothing tells.
    """

    trials: list[Trial]
    missing: list[str] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)

    def add(self, files: Mapping[str, str], name: str, **fields: Any) -> None:
        """Add a trial that the corpus lists, or its name to what is missing.

        Args:
            files: Path of each file that is there, by name.
            name: Of the trial.
            fields: Of `Trial`, without its path.
        """
        if name in files:
            self.trials.append(Trial(path=files[name], **fields))
        else:
            self.missing.append(name)


@dataclass(frozen=True)
class Importer:
    """One corpus or layout.

    Attributes:
        name: On the command line.
        title: What people call it.
        expects: What its folder holds, in a sentence.
        licence: Of the media; goes into every trial.
        citation: Whom to cite.
        read: From the corpus' folder to what is in it.
    """

    name: str
    title: str
    expects: str
    licence: str
    citation: str
    read: Callable[[Path], Listing]


def files_in(folder: Path, suffixes: frozenset[str] = MEDIA) -> Iterator[str]:
    """Files with one of these endings, hidden ones left out, as paths relative to the folder, sorted."""
    found = []
    for top, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        inside = Path(top).relative_to(folder)
        found += [
            (inside / name).as_posix()
            for name in names
            if not name.startswith(".") and os.path.splitext(name)[1].lower() in suffixes  # noqa: PTH122 - a million
        ]
    yield from sorted(found)


def by_stem(folder: Path, suffixes: frozenset[str]) -> dict[str, str]:
    """Relative path of each file by its name without ending; of equal names the first."""
    found: dict[str, str] = {}
    for path in files_in(folder, suffixes):
        found.setdefault(Path(path).stem, path)
    return found


def lists_in(folder: Path, pattern: str, corpus: str) -> list[Path]:
    """The lists of a corpus, anywhere below its folder, sorted.

    Raises:
        DataError: If there is none.
    """
    found = sorted(path for path in folder.rglob(pattern) if path.is_file())
    if not found:
        raise DataError(
            f"'{folder}' holds no file '{pattern}', with which {corpus} tells its keys. Give the folder of the unpacked"
            " corpus, with its lists in it."
        )
    return found


def fields_of(path: Path, least: int) -> Iterator[tuple[int, list[str]]]:
    """Line number and words of each line of a list.

    Raises:
        DataError: If it cannot be read, or a line has fewer words than `least`.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"'{path}' cannot be read as a list: {error}. Unpack the corpus again.") from error
    for number, line in enumerate(lines, 1):
        words = line.split()
        if words and len(words) < least:
            raise DataError(
                f"'{path}' line {number} has {len(words)} fields; {least} are expected. Is it the right list?"
            )
        if words:
            yield number, words


def plain(name: str) -> str:
    """A name in small letters without what stands between its words."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


def key_of(name: str) -> Key | None:
    """The key that a folder or label names, in whatever spelling; None if none."""
    word = plain(name)
    if word in _BONA_FIDE:
        return "bona_fide"
    return "spoof" if word in _SPOOF else None


def labelled(label: str, where: str) -> Key:
    """The key that a list states.

    Raises:
        DataError: If it is none.
    """
    key = key_of(label)
    if key is None:
        raise DataError(f"{where}: '{label}' is no key; accepted are 'bonafide' and 'spoof' and words for them.")
    return key


def partition_of(name: str) -> str | None:
    """``train``, ``dev`` or ``eval`` if a folder is named after a partition; None if it is not."""
    return _PARTITIONS.get(plain(name))


def words_of(name: str) -> Sequence[str]:
    """A folder's name, or its parts if it is made of a partition and a key (``training_fake``)."""
    parts = re.split(r"[-_ ]", name)
    told = [part for part in parts if partition_of(part)]
    rest = "".join(part for part in parts if not partition_of(part))
    return (*told, rest) if told and rest and key_of(rest) else (name,)
