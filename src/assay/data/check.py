"""`assay data check`: whether data can be trained on and measured with.

    protocol ── facts of every file ──> unreadable
                                    ──> repeats ──> duplicates, conflicts, content across partitions
             ── columns ──────────────────────────> people and parents across partitions, keys
                                    ──> leak audit

An error is what makes figures wrong; a warning is what may. Files are looked at in threads, and what stays of each is
some hundred numbers.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from assay.data.facts import Facts, facts_of
from assay.data.grouping import PEOPLE, values_of
from assay.data.leaks import Audit, Leak, audit
from assay.data.protocol import KEYS, Trial, read_protocol
from assay.data.repeats import Repeat, repeats_of

if TYPE_CHECKING:
    from assay.settings import Settings

Severity = Literal["error", "warning", "note"]
_ORDER: tuple[Severity, ...] = ("error", "warning", "note")


@dataclass(frozen=True)
class Finding:
    """Something a user should know.

    Attributes:
        severity: ``error``, ``warning`` or ``note``.
        code: Stable name.
        message: A sentence.
        paths: Files it is about, as the protocol names them.
    """

    severity: Severity
    code: str
    message: str
    paths: tuple[str, ...] = ()


@dataclass(frozen=True)
class Report:
    """What was found.

    Attributes:
        trials: Rows looked at.
        media: Files by what they are, ``unreadable`` among them.
        findings: Errors first.
        audit: The leak audit; None if it was not asked for.
    """

    trials: int
    media: dict[str, int]
    findings: tuple[Finding, ...]
    audit: Audit | None

    def count(self, severity: Severity) -> int:
        """Findings of a severity."""
        return sum(finding.severity == severity for finding in self.findings)

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "trials": self.trials,
            "media": self.media,
            "errors": self.count("error"),
            "warnings": self.count("warning"),
            "findings": [asdict(finding) for finding in self.findings],
            "leaks": None if self.audit is None else [_leak(leak) for leak in self.audit.leaks],
            "leak_groups": None if self.audit is None else self.audit.groups,
        }


def check(
    protocol: Path,
    *,
    settings: Settings,
    partition: str | None = None,
    copies: bool = True,
    leaks: bool = True,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> Report:
    """Check a protocol and its files.

    Args:
        protocol: CSV or Parquet.
        settings: Hold `jobs`, the threads, and the limits of decoding.
        partition: Only trials of this one; then nothing is told about others.
        copies: Whether to look for repeats.
        leaks: Whether to audit leaks.
        seed: Of the audit.
        progress: Called with files done and files in all.

    Raises:
        ProtocolError: If the protocol is malformed, a key is none, or a path stands twice.
    """
    trials = read_protocol(protocol, partition=partition)
    facts = []
    with ThreadPoolExecutor(settings.jobs) as pool:
        try:
            for done, each in enumerate(pool.map(partial(facts_of, settings=settings), trials), 1):
                facts.append(each)
                if progress is not None:
                    progress(done, len(trials))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    findings = [*_unusable(trials, facts), *_keys(trials), *_people(trials), *_parents(trials)]
    if copies:
        findings += _repeated(trials, repeats_of(trials, facts, settings))
    found = audit(trials, facts, seed=seed) if leaks else None
    findings += _leaking(found)
    findings.sort(key=lambda finding: _ORDER.index(finding.severity))
    media = Counter(each.medium for each in facts)
    return Report(len(trials), {str(name): n for name, n in media.items()}, tuple(findings), found)


def _unusable(trials: Sequence[Trial], facts: Sequence[Facts]) -> Iterator[Finding]:
    for trial, each in zip(trials, facts, strict=True):
        if each.error:
            code = "unreadable" if each.medium == "unreadable" else "unusable"
            yield Finding("error", code, f"'{trial.path}' cannot be used: {each.error}", (trial.path,))


def _keys(trials: Sequence[Trial]) -> Iterator[Finding]:
    """Partitions without a key; what has no partition counts as one."""
    for partition in sorted({trial.partition for trial in trials}):
        present = {trial.key for trial in trials if trial.partition == partition}
        for key in KEYS:
            if key not in present:
                name = f"Partition '{partition}'" if partition else "The protocol"
                yield Finding(
                    "error", "one_key", f"{name} has no {key} trial; nothing can be learnt or measured there."
                )
    marked = [trial.path for trial in trials if trial.key == "bona_fide" and trial.generator]
    if marked:
        message = f"{len(marked)} bona fide trials name a generator; one of the two is wrong."
        yield Finding("error", "generator_of_bona_fide", message, tuple(marked))


def _people(trials: Sequence[Trial]) -> Iterator[Finding]:
    for column in PEOPLE:
        places: dict[str, set[str]] = defaultdict(set)
        for trial in trials:
            for value in values_of(getattr(trial, column)):
                places[value].add(trial.partition)
        shared = {value: sorted(names) for value, names in places.items() if len(names) > 1}
        if not shared or (column == "source" and len(places) == 1):  # one corpus, parted: source tells nothing
            continue
        value, names = next(iter(sorted(shared.items())))
        message = (
            f"{len(shared)} of {len(places)} {column} values are in several partitions, such as '{value}' in {names};"
            " `assay data split` parts by groups."
        )
        yield Finding("warning", f"{column}_across_partitions", message)


def _parents(trials: Sequence[Trial]) -> Iterator[Finding]:
    by_path = {trial.path: trial for trial in trials}
    apart = [
        trial.path for trial in trials if trial.parent in by_path and by_path[trial.parent].partition != trial.partition
    ]
    if apart:
        message = f"{len(apart)} files are in another partition than the file they were made from."
        yield Finding("error", "parent_across_partitions", message, tuple(apart))


def _repeated(trials: Sequence[Trial], repeats: Iterable[Repeat]) -> Iterator[Finding]:
    for repeat in repeats:
        one, other = trials[repeat.one], trials[repeat.other]
        same = {"bytes": "have the same bytes", "content": "decode to the same", "copy": "are copies of one another"}
        what = f"'{one.path}' and '{other.path}' {same[repeat.kind]}"
        what += f" (likeness {repeat.likeness:.2f})" if repeat.kind == "copy" else ""
        paths = (one.path, other.path)
        across = one.partition != other.partition
        if across:
            message = f"{what}, in partitions '{one.partition}' and '{other.partition}'."
            yield Finding("error", "content_across_partitions", message, paths)
        if one.key != other.key and repeat.kind != "copy":
            yield Finding("error", "key_conflict", f"{what}, but one is bona fide and the other spoof.", paths)
        elif one.key != other.key and not _related(one, other):
            message = f"{what}, one bona fide and one spoof. If one was made from the other, name it as parent."
            yield Finding("warning", "unnamed_parent", message, paths)
        elif one.key == other.key and not across and not (repeat.kind == "copy" and _related(one, other)):
            code = "duplicate" if repeat.kind != "copy" else "near_duplicate"
            yield Finding("warning", code, f"{what}; it counts twice.", paths)


def _related(one: Trial, other: Trial) -> bool:
    """Whether one was made from the other, or both from the same file."""
    return (one.parent or one.path) == (other.parent or other.path)


def _leaking(found: Audit | None) -> Iterator[Finding]:
    if found is None:
        return
    for leak in found.leaks:
        if leak.leaks:
            more = f", more of it in {leak.higher}" if leak.higher else ""
            message = (
                f"{leak.medium}: {leak.name} tells the key with an AUC of {leak.auc:.2f}"
                f" ({leak.interval.low:.2f}-{leak.interval.high:.2f}{more})."
            )
            yield Finding("warning", "leak", message)
    yield from (Finding("note", "no_audit", note) for note in found.notes)


def _leak(leak: Leak) -> dict[str, Any]:
    return {**asdict(leak), "leaks": leak.leaks}
