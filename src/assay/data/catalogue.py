"""The catalogue: one CSV row per file in somebody's public repository or package, with its key and where it stands.

A catalogue says where data is; a protocol (`assay.data.protocol`) says where it lies on this disk. `assay.data.fetch`
makes the second out of the first. Columns `repo`, `path` and `key` are required; ``commit``, ``generator``,
``method``, ``identity``, ``language``, ``licence``, ``pair``, ``style``, ``partition``, ``confidence`` and ``blob`` are
used where present; others are ignored. ``repo`` is ``OWNER/NAME`` or ``debian:PACKAGE``.

A catalogue is written by others, so everything that becomes a name on this disk or an argument of git is checked here,
once: rows that would lead out of their folder are refused with their line.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import re
import zlib
from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, fields
from pathlib import Path, PurePosixPath

from assay.data.protocol import KEYS, Key
from assay.errors import ProtocolError

DEBIAN = "debian:"
_REQUIRED = ("repo", "path", "key")
# Neither begins with a dash, so neither is an option of a program; no name is a step upwards. An owner has no
# underscore, which keeps `Row.folder` unique.
_REPOSITORY = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*/(?!\.{1,2}$)[A-Za-z0-9._-]+")
_PACKAGE = re.compile(r"debian:[a-z0-9][a-z0-9+.-]+")
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")

SOUND = frozenset(
    [".aac", ".aif", ".aiff", ".amr", ".au", ".caf", ".flac", ".gsm", ".m4a", ".mp3", ".oga", ".ogg", ".opus", ".wav"]
)


@dataclass(frozen=True)
class Row:
    """One file of a catalogue.

    Attributes:
        repo: ``OWNER/NAME`` or ``debian:PACKAGE``.
        path: Inside the repository, or below the package's share folder; relative, with forward slashes.
        key: ``bona_fide`` or ``spoof``.
        commit: 40 or 64 hexadecimal digits where known, else empty.
        identity: Who speaks or is seen.
        pair: Path, in the same repository, of the file that this one was made from.
        blob: Git's id of the content, or its SHA-256; empty if the catalogue gives none.
    """

    repo: str
    path: str
    key: Key
    commit: str = ""
    generator: str = ""
    method: str = ""
    identity: str = ""
    language: str = ""
    licence: str = ""
    pair: str = ""
    style: str = ""
    partition: str = ""
    confidence: str = ""
    blob: str = ""

    @property
    def is_sound(self) -> bool:
        """Whether it is prepared as sound; containers that may hold a picture are if the style is speech."""
        return self.style == "speech" or self.suffix in SOUND

    @property
    def suffix(self) -> str:
        """Of the path, in small letters: letters and digits only, so it is safe in a name."""
        suffix = PurePosixPath(self.path).suffix.lower()
        return suffix if re.fullmatch(r"\.[a-z0-9]{1,8}", suffix) else ""

    @property
    def folder(self) -> str:
        """Name of the folder for this repository's files."""
        return self.repo.replace("/", "__").replace(":", "__")

    @property
    def target(self) -> str:
        """Where the file goes, relative to the folder of the protocol; safe on every system."""
        digest = hashlib.sha256(self.path.encode()).hexdigest()[:12]
        return f"{self.folder}/{digest}{'.flac' if self.is_sound else self.suffix}"


COLUMNS = tuple(field.name for field in fields(Row))


def read_catalogue(path: Path, *, partition: str | None = None, repos: Collection[str] = ()) -> list[Row]:
    """Read a catalogue.

    Args:
        path: CSV file, UTF-8; packed with gzip if its name ends in ``.gz``.
        partition: Keep only rows of this partition; None keeps all.
        repos: Keep only rows of these repositories; empty keeps all.

    Returns:
        The rows in the order of the file.

    Raises:
        ProtocolError: If the file cannot be read, a column is missing, a row is malformed or leads out of its
            repository, a file stands twice, or nothing is left.
    """
    try:
        packed = path.read_bytes()
        text = (gzip.decompress(packed) if path.suffix == ".gz" else packed).decode("utf-8-sig")
        reader = csv.DictReader(io.StringIO(text, newline=""))
        missing = sorted(set(_REQUIRED) - set(reader.fieldnames or ()))
        if missing:
            raise ProtocolError(
                f"The catalogue '{path}' has no column {missing}; its columns are {reader.fieldnames}. "
                f"It needs {list(_REQUIRED)}."
            )
        rows = [_row(given, f"'{path}' line {reader.line_num}") for given in reader]
    except (OSError, EOFError, zlib.error, UnicodeDecodeError, csv.Error) as error:
        raise ProtocolError(
            f"The catalogue '{path}' cannot be read: {error}. It must be a UTF-8 CSV file, or one packed with gzip."
        ) from error
    _once(rows, path)
    _known(rows, repos, path)
    kept = [row for row in rows if partition in (None, row.partition) and (not repos or row.repo in repos)]
    if not kept:
        partitions = sorted({row.partition for row in rows})
        raise ProtocolError(
            f"'{path}' has no rows of partition {partition!r} in the repositories asked for; it has {len(rows)} rows, "
            f"partitions {partitions}. Name one of these."
        )
    return kept


def draw(rows: Iterable[Row], *, most: int, seed: int = 0) -> list[Row]:
    """At most so many rows per repository, spread evenly over (key, generator), the same for the same seed.

    Each row has a rank, the hash of seed and path. Groups of one key and generator take turns, each giving its row of
    the next rank, until `most` are drawn. So a row's fate depends on no other repository and on no order.

    Args:
        rows: Of any repositories.
        most: Rows per repository, >= 1.
        seed: Another seed draws other rows.

    Returns:
        The drawn rows, in their given order.
    """
    rows = list(rows)
    sources: dict[str, dict[tuple[str, str], list[Row]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        sources[row.repo][row.key, row.generator].append(row)
    drawn: set[Row] = set()
    for groups in sources.values():
        turns = [
            (turn, group, row)
            for group, members in groups.items()
            for turn, row in enumerate(sorted(members, key=lambda row: _rank(row, seed)))
        ]
        turns.sort(key=lambda entry: entry[:2])
        drawn.update(row for _, _, row in turns[:most])
    return [row for row in rows if row in drawn]


def _rank(row: Row, seed: int) -> bytes:
    return hashlib.sha256(f"{seed}\0{row.path}".encode()).digest()


def _row(given: dict[str, str | None], place: str) -> Row:
    values = {name: (given.get(name) or "").strip() for name in COLUMNS}
    # A name may begin or end with blanks; git means it as it is.
    values["path"], values["pair"] = given.get("path") or "", given.get("pair") or ""
    key = values.pop("key")
    if key not in KEYS:
        raise ProtocolError(f"{place}: key '{key}' is neither 'bona_fide' nor 'spoof'.")
    row = Row(**values, key=key)
    if not (_REPOSITORY.fullmatch(row.repo) or _PACKAGE.fullmatch(row.repo)):
        raise ProtocolError(f"{place}: repo '{row.repo}' is neither OWNER/NAME nor debian:PACKAGE. Correct the row.")
    if row.commit and not _COMMIT.fullmatch(row.commit):
        raise ProtocolError(f"{place}: commit '{row.commit}' is not 40 or 64 hexadecimal digits. Correct or empty it.")
    if not _inside(row.path):
        raise ProtocolError(
            f"{place}: path {row.path!r} leads out of its repository or is none. "
            "Give a relative path with forward slashes and without '..'."
        )
    return row


def _inside(path: str) -> bool:
    """Whether a path names something below where it starts, on every system."""
    parts = path.split("/")
    return not (set(parts) & {"", ".", ".."}) and "\\" not in path and "\0" not in path and ":" not in parts[0][1:2]


def _once(rows: Iterable[Row], path: Path) -> None:
    seen: set[tuple[str, str]] = set()
    for row in rows:
        if (row.repo, row.path) in seen:
            raise ProtocolError(f"'{path}' lists '{row.path}' of {row.repo} twice; remove one of the rows.")
        seen.add((row.repo, row.path))


def _known(rows: Iterable[Row], repos: Collection[str], path: Path) -> None:
    unknown = sorted(set(repos) - {row.repo for row in rows})
    if unknown:
        raise ProtocolError(f"'{path}' has no rows of {unknown}. Check the names; they are OWNER/NAME as in the file.")
