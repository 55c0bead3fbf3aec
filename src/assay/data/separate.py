"""`assay data separate`: takes out of training what evaluation holds too.

    EVAL.csv ── envelopes ──> Originals ──┐
    PROTOCOL ── envelopes, in batches ────┴──> matches ──> separate.csv, overlap.csv beside it

What sounds alike is told in `assay.data.overlap`; this module reads and writes files. Memory grows with the evaluation
partition only, by about 10 kB per recording of 4 s. A recording that cannot be read is logged and stays as it is; one
of the evaluation partition ends the run, because its copies would go unnoticed.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from assay.data.overlap import SHORTEST, THRESHOLD, FloatArray, Match, Originals, envelope
from assay.data.protocol import Trial, read_protocol, trials_of, write_csv
from assay.data.table import read_table
from assay.errors import DataError, MediaError, ProtocolError
from assay.media import open_media

if TYPE_CHECKING:
    from assay.settings import Settings

log = logging.getLogger("assay.data.separate")

OVERLAP = "overlap"
SEPARATE, REPORT = "separate.csv", "overlap.csv"
COLUMNS = ("path", "key", "eval_path", "eval_key", "correlation", "lag_s")
_BATCH = 256  # trials per step of a thread
_BLOCK_S = 30.0
_NOTHING = envelope([])


@dataclass(frozen=True)
class Separated:
    """What became of one protocol.

    Attributes:
        protocol: The one that was written.
        trials: Rows in it.
        overlaps: Rows whose partition is ``overlap`` now.
        short: Recordings too short to be compared.
        unread: Recordings that could not be read.
    """

    protocol: Path
    trials: int
    overlaps: int
    short: int
    unread: int


def separate(
    protocols: Sequence[Path],
    evaluation: Path,
    *,
    settings: Settings,
    partition: str = "eval",
    threshold: float = THRESHOLD,
    out_name: str = SEPARATE,
    progress: Callable[[int, int], None] | None = None,
) -> list[Separated]:
    """Write each protocol again, with the partition of what repeats a trial of `evaluation` set to ``overlap``.

    Args:
        protocols: With a column ``partition``. Files that are in `evaluation` themselves are left alone.
        evaluation: Protocol of the trials whose copies are looked for.
        settings: Hold `jobs`, the threads, and the limits of decoding.
        partition: Of `evaluation`.
        threshold: Least correlation of a copy, in (0, 1].
        out_name: Of the protocol written beside each.
        progress: Called with trials done and trials in all.

    Returns:
        One per protocol, in their order.

    Raises:
        ProtocolError: If a protocol is malformed or has no column ``partition``.
        DataError: If something would be written over a protocol, or twice.
        MediaError: If a trial of `evaluation` cannot be read.
    """
    tables = [_Table(path) for path in protocols]
    _check_names([table.path for table in tables], evaluation, out_name)
    originals = read_protocol(evaluation, partition=partition)
    known = {trial.file.resolve() for trial in originals}
    wanted = [[trial for trial in table.trials if trial.file.resolve() not in known] for table in tables]
    total, done, results = sum(map(len, wanted)), 0, []
    with ThreadPoolExecutor(settings.jobs) as pool:
        try:
            read = _Reader(settings)
            compare = _Compare(Originals(list(pool.map(read, originals))), threshold, read)
            for table, trials in zip(tables, wanted, strict=True):
                pairs, short, unread = [], 0, 0
                batches = [trials[start : start + _BATCH] for start in range(0, len(trials), _BATCH)]
                for batch, (matches, too_short, failed) in zip(batches, pool.map(compare, batches), strict=True):
                    pairs += [(batch[match.index], originals[match.original], match) for match in matches]
                    short, unread, done = short + too_short, unread + failed, done + len(batch)
                    if progress is not None:
                        progress(done, total)
                write_csv(table.path.with_name(REPORT), COLUMNS, _report(pairs))
                table.write(out_name, {trial.path for trial, _, _ in pairs})
                out = table.path.with_name(out_name)
                results.append(Separated(out, len(table.trials), len(pairs), short, unread))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return results


class _Table:
    """A protocol with its cells as they stand in the file, and its trials."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._table = read_table(path)
        self.trials = trials_of(self._table)
        if "partition" not in self._table.columns:
            raise ProtocolError(
                f"'{path}' has no column 'partition'; its columns are {self._table.columns}. "
                "Add one with 'train' in it, so that an overlap can be told."
            )

    def write(self, name: str, overlaps: set[str]) -> None:
        """Write it beside, with the partition of some paths changed."""
        before = self._table.cells("partition")
        after = [OVERLAP if trial.path in overlaps else old for trial, old in zip(self.trials, before, strict=True)]
        self._table.put("partition", after)
        write_csv(self.path.with_name(name), self._table.columns, self._table.rows)


@dataclass(frozen=True)
class _Reader:
    """Makes the envelope of a trial, in flat memory."""

    settings: Settings

    def __call__(self, trial: Trial) -> FloatArray:
        media = open_media(trial.file, settings=self.settings)
        return envelope(block[0] for block in media.blocks(block_s=_BLOCK_S))


@dataclass(frozen=True)
class _Compare:
    """Matches of a batch of trials, how many of them were too short, and how many could not be read."""

    originals: Originals
    threshold: float
    read: _Reader

    def __call__(self, batch: Sequence[Trial]) -> tuple[list[Match], int, int]:
        given = [self._envelope(trial) for trial in batch]
        failed = sum(each is None for each in given)
        envelopes = [_NOTHING if each is None else each for each in given]
        short = sum(len(each) < SHORTEST for each in envelopes) - failed
        return self.originals.matches(envelopes, threshold=self.threshold), short, failed

    def _envelope(self, trial: Trial) -> FloatArray | None:
        try:
            return self.read(trial)
        except MediaError as error:
            log.warning("not compared: %s", error.message)
            return None


def _check_names(protocols: Sequence[Path], evaluation: Path, out_name: str) -> None:
    if Path(out_name).name != out_name or out_name in ("", "..", REPORT):
        raise DataError(f"'{out_name}' cannot be written beside a protocol. Give a plain name other than '{REPORT}'.")
    written = [path.parent.resolve() / name for path in protocols for name in (out_name, REPORT)]
    given = {
        place for path in (*protocols, evaluation) for place in (path.resolve(), path.parent.resolve() / path.name)
    }
    for path in written:
        if path in given or written.count(path) > 1:
            raise DataError(f"'{path}' would be written over. Give another name, and protocols of different folders.")


def _report(pairs: Iterable[tuple[Trial, Trial, Match]]) -> Iterator[list[object]]:
    for trial, original, match in pairs:
        numbers = (f"{match.correlation:.3f}", f"{match.lag_s:.2f}")
        yield [trial.path, trial.key, original.path, original.key, *numbers]
