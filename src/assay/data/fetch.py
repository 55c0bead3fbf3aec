"""`assay data fetch`: from a catalogue to a folder of files with their protocol, in one run that can be killed.

    catalogue ── draw ──> rows ── repositories ──> bytes ── prepare ──> file ──> state.jsonl
                                                                            all of it ──> protocol.csv, report.csv

One thread reads repositories, one after the other; `jobs` threads prepare what comes out. Whatever their order, the
protocol has that of the catalogue. A file goes to its name only when it is whole, and into the state only then.

Recordings that are equal after preparation are one recording: it is kept once if all copies have one key, and not at
all if they have both, because then one of the keys is wrong.
"""

from __future__ import annotations

import hashlib
import logging
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from assay.data.catalogue import Row, draw, read_catalogue
from assay.data.places import GITHUB, Content, Gone, Places
from assay.data.prepare import SHORTEST_S, UNDECODABLE, Unfit, flac, prepare
from assay.data.protocol import COLUMNS, write_csv
from assay.data.repositories import contents
from assay.data.state import Done, State
from assay.errors import DataError

if TYPE_CHECKING:
    from assay.settings import Settings

log = logging.getLogger("assay.data.fetch")

CACHE = ".cache"
PROTOCOL, REPORT = "protocol.csv", "report.csv"
EXTRA_COLUMNS = (
    *("commit", "original_path", "method", "style", "confidence"),
    *("original_sample_rate", "original_codec", "duration_s"),
)
_AHEAD = 8  # contents read ahead of each thread that prepares


@dataclass(frozen=True)
class Tally:
    """How a fetch ended.

    Attributes:
        protocol: The protocol that was written.
        counts: Rows per status: ``fetched``, ``gone``, ``unfit``, ``duplicate``, ``conflict``.
    """

    protocol: Path
    counts: dict[str, int]


def fetch(
    catalogue: Path,
    folder: Path,
    *,
    settings: Settings,
    mirror: Path | None = None,
    base: str = GITHUB,
    partition: str | None = None,
    repos: Collection[str] = (),
    max_per_source: int | None = None,
    max_seconds: float = 12.0,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> Tally:
    """Fetch the files of a catalogue, prepare them and write their protocol.

    Args:
        catalogue: See `assay.data.catalogue`.
        folder: Where everything goes; what an earlier run left there is not done again.
        settings: Hold `jobs`, the threads that prepare, and the limits of decoding.
        mirror: See `assay.data.places.Places`.
        base: Likewise.
        partition: Only rows of this partition.
        repos: Only these repositories; empty for all.
        max_per_source: At most so many rows per repository, as `assay.data.catalogue.draw` draws them.
        max_seconds: Of sound kept per file.
        seed: Of the draw.
        progress: Called with rows done and rows in all.

    Returns:
        Counts per status, and the path of the protocol.

    Raises:
        ProtocolError: If the catalogue is malformed.
        DataError: If a program is missing, the folder holds another preparation, or nothing could be kept.
    """
    if max_seconds < SHORTEST_S:
        raise DataError(f"max_seconds is {max_seconds}; nothing below {SHORTEST_S} s is kept. Give more, such as 12.")
    if mirror is not None and not mirror.is_dir():
        raise DataError(f"The mirror '{mirror}' is no folder. Give the folder with OWNER+NAME/repo in it, or none.")
    rows = read_catalogue(catalogue, partition=partition, repos=repos)
    if max_per_source is not None:
        rows = draw(rows, most=max_per_source, seed=seed)
    state = State(folder, {"max_seconds": max_seconds})
    try:
        pending = [row for row in rows if _is_open(state.get(row))]
        before = len(rows) - len(pending)
        log.info("%d rows, %d of them done already", len(rows), before)
        write = _Writer(folder, max_seconds, settings)
        found = _each(pending, Places(folder / CACHE, mirror, base))
        for done, result in enumerate(_spread(write, found, jobs=settings.jobs), before + 1):
            state.add(result)
            if progress is not None:
                progress(done, len(rows))
        results = [state.get(row) or Done(row.repo, row.path, row.commit, "gone", "removed meanwhile") for row in rows]
    finally:
        state.close()
    results = _without_copies(rows, results)
    counts = Counter(result.status for result in results)
    write_csv(folder / REPORT, ("repo", "path", "status", "reason"), _report(rows, results))
    if not counts["fetched"]:
        raise DataError(f"None of {len(rows)} files could be kept. '{folder / REPORT}' says why of each.")
    write_csv(folder / PROTOCOL, (*COLUMNS, *EXTRA_COLUMNS), _protocol(rows, results))
    return Tally(folder / PROTOCOL, dict(counts))


def _is_open(done: Done | None) -> bool:
    """Whether a row is still to do; what was gone may be there now."""
    return done is None or done.status == "gone"


def _each(rows: Sequence[Row], places: Places) -> Iterator[tuple[Row, Content | Gone]]:
    """The content of every row, repository by repository."""
    sources: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        sources[row.repo].append(row)
    for repo, members in sources.items():
        gone: Counter[str] = Counter()
        for row, content in contents(repo, members, places):
            if isinstance(content, Gone):
                gone[content.reason] += 1
            yield row, content
        log.info("%s: %d files%s", repo, len(members), "".join(f", {n} gone: {why}" for why, n in gone.items()))


def _spread(write: _Writer, found: Iterable[tuple[Row, Content | Gone]], *, jobs: int) -> Iterator[Done]:
    """Write in several threads; few contents are in memory at a time, and results keep their order."""
    waiting: deque[Future[Done]] = deque()
    pool = ThreadPoolExecutor(jobs)
    try:
        for row, content in found:
            waiting.append(pool.submit(write, row, content))
            if len(waiting) >= jobs * _AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


@dataclass(frozen=True)
class _Writer:
    """Prepares one content and puts it in its place."""

    folder: Path
    max_seconds: float
    settings: Settings

    def __call__(self, row: Row, content: Content | Gone) -> Done:
        blank = Done(row.repo, row.path, row.commit, "gone")
        if isinstance(content, Gone):
            return replace(blank, reason=content.reason)
        blank = replace(blank, status="fetched", reason=content.note, commit=content.commit)
        if not row.is_sound:
            self._put(row.target, content.data)
            return replace(blank, digest=hashlib.sha256(content.data).hexdigest())
        made = prepare(content.data, row.path, max_seconds=self.max_seconds, settings=self.settings)
        if isinstance(made, Unfit):
            log.debug("%s: %s: %s", row.repo, made.reason, made.detail)
            return replace(blank, status="gone" if made.reason == UNDECODABLE else "unfit", reason=made.reason)
        self._put(row.target, flac(made.samples))
        return replace(
            blank,
            digest=hashlib.sha256(made.samples.tobytes()).hexdigest(),
            original_sample_rate=made.original_sample_rate,
            original_codec=made.original_codec,
            duration_s=round(made.duration_s, 3),
        )

    def _put(self, target: str, data: bytes) -> None:
        """Write in one step: a file of this name is a whole one."""
        path = self.folder / target
        path.parent.mkdir(exist_ok=True)
        part = path.with_name(f"{path.name}.part")
        part.write_bytes(data)
        part.replace(path)


def _without_copies(rows: Sequence[Row], results: Sequence[Done]) -> list[Done]:
    """The results, with the status of copies changed to ``duplicate`` or ``conflict``."""
    same: dict[str, list[int]] = defaultdict(list)
    for index, result in enumerate(results):
        if result.status == "fetched":
            same[result.digest].append(index)
    changed = list(results)
    for copies in same.values():
        conflict = len({rows[index].key for index in copies}) > 1
        for index in copies if conflict else copies[1:]:
            other = rows[copies[1] if index == copies[0] else copies[0]]
            reason = f"same as {other.repo} {other.path}" + (f", which is {other.key}" if conflict else "")
            changed[index] = replace(results[index], status="conflict" if conflict else "duplicate", reason=reason)
    return changed


def _protocol(rows: Sequence[Row], results: Sequence[Done]) -> Iterator[list[object]]:
    kept = {(row.repo, row.path): row for row, result in zip(rows, results, strict=True) if result.status == "fetched"}
    for row, result in zip(rows, results, strict=True):
        if result.status != "fetched":
            continue
        spoof = row.key == "spoof"
        pair = kept.get((row.repo, row.pair))
        trial = {
            "path": row.target,
            "key": row.key,
            "partition": row.partition,
            # The catalogue says "microphone" and the like of bona fide files; a protocol says nothing there.
            "generator": row.generator if spoof else "",
            "speaker": row.identity,
            "identity": "" if row.is_sound else row.identity,
            "language": row.language,
            "source": row.repo,
            "licence": row.licence,
            "parent": pair.target if pair and spoof and pair.key == "bona_fide" else "",
        }
        more = (row.path, row.method, row.style, row.confidence)
        sound = (
            (result.original_sample_rate, result.original_codec, result.duration_s) if row.is_sound else ("", "", "")
        )
        yield [*(trial[name] for name in COLUMNS), result.commit, *more, *sound]


def _report(rows: Sequence[Row], results: Sequence[Done]) -> Iterator[list[object]]:
    for row, result in zip(rows, results, strict=True):
        yield [row.repo, row.path, result.status, result.reason]
