"""Which verdicts would change under the models and settings in force now.

Two ways, the better one first:

- The file was kept: it is scanned again.
- Only its score was kept, and the weight is still the same: the score meets the thresholds in force now. That follows
  the verdict on whole files; a verdict that came about otherwise (a part stands out, too little speech) is left alone.

Nothing is written: the list is for people, who may then override (`assay.serve.operation.history`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from assay.errors import AssayError
from assay.models.card import DetectorCard, PictureCard
from assay.models.registry import load_card
from assay.policy import rate_in_force
from assay.result import ScanResult
from assay.serve.database import Database
from assay.serve.operation.tables import HistoryEntry
from assay.settings import Settings

Scan = Callable[[Path, str], ScanResult]
"""File and name to show; raises errors of our tree."""


@dataclass(frozen=True)
class Change:
    """A verdict that would be another one.

    Attributes:
        id: In the history.
        how: ``scanned`` again, or its ``score`` met other thresholds.
    """

    id: int
    sha256: str
    label: str
    media: str
    how: str
    before: str
    after: str
    llr_before: float | None
    llr_after: float | None
    model_before: str
    model_after: str


@dataclass
class Rescored:
    """What was found.

    Attributes:
        changes: Verdicts that would change.
        same: How many would not.
        unknown: Identifiers of results of which nothing can be told: neither file nor score is of use.
        failed: Identifiers, and codes of the errors, of files that could not be scanned again.
    """

    changes: list[Change] = field(default_factory=list)
    same: int = 0
    unknown: list[int] = field(default_factory=list)
    failed: dict[int, str] = field(default_factory=dict)


def rescore(
    database: Database, settings: Settings, scan: Scan, *, media: str | None = None, limit: int | None = None
) -> Rescored:
    """Go through the history, the newest result of each file, the newest file first.

    Args:
        database: Of the service.
        settings: In force now.
        scan: Scans with the models in force now.
        media: Only this medium.
        limit: At most so many files.
    """
    found = Rescored()
    with database.session() as session:
        entries = list(_newest(session, media, limit))
    for entry in entries:
        try:
            told = _again(entry, scan) or _by_score(entry, settings)
        except AssayError as error:
            found.failed[entry.id] = error.code
            continue
        if told is None:
            found.unknown.append(entry.id)
        elif told.after == told.before:
            found.same += 1
        else:
            found.changes.append(told)
    return found


def _newest(session: Session, media: str | None, limit: int | None) -> Iterator[HistoryEntry]:
    newest = select(func.max(HistoryEntry.id)).group_by(HistoryEntry.sha256, HistoryEntry.media)
    wanted = select(HistoryEntry).where(HistoryEntry.id.in_(newest)).order_by(HistoryEntry.id.desc()).limit(limit)
    if media is not None:
        wanted = wanted.where(HistoryEntry.media == media)
    yield from session.scalars(wanted)


def _again(entry: HistoryEntry, scan: Scan) -> Change | None:
    path = None if entry.kept is None else Path(entry.kept)
    if path is None or not path.is_file():
        return None
    result = scan(path, entry.label)
    if result.sha256 != entry.sha256:
        return None  # another file lies there now
    model = result.model.name if result.model else ""
    return _change(entry, "scanned", result.verdict, result.llr, model)


def _by_score(entry: HistoryEntry, settings: Settings) -> Change | None:
    """What the kept score means now; None if that cannot be told."""
    threshold, below = entry.threshold_llr, entry.bona_fide_below_llr
    if entry.llr is None or threshold is None or below is None or not entry.max_false_alarm:
        return None
    if entry.verdict != _verdict(entry.llr, threshold, below):
        return None  # something else decided
    name = {"audio": settings.audio_model, "image": settings.image_model}.get(entry.media)
    card = load_card(name) if name else None
    if not isinstance(card, DetectorCard | PictureCard) or card.sha256 != entry.model_sha256:
        return None
    # How much of the accepted rate this question might spend; it depends on length and channels, which are not kept.
    share = min(1.0, card.decision.file.p_value(threshold) / entry.max_false_alarm)
    now = card.decision.file.threshold(rate_in_force(card.decision.file, settings) * share)
    after = _verdict(entry.llr, now, card.decision.bona_fide_below_llr)
    return _change(entry, "score", after, entry.llr, card.name)


def _verdict(llr: float, threshold: float, below: float) -> str:
    if llr >= threshold:
        return "spoof"
    return "bona_fide" if llr <= below else "inconclusive"


def _change(entry: HistoryEntry, how: str, after: str, llr: float | None, model: str) -> Change:
    return Change(
        id=entry.id,
        sha256=entry.sha256,
        label=entry.label,
        media=entry.media,
        how=how,
        before=entry.verdict,
        after=after,
        llr_before=entry.llr,
        llr_after=llr,
        model_before=entry.model,
        model_after=model,
    )
