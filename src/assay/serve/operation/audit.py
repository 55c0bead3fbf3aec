"""Audit log: who did what, when, on what, and how it ended. Entries are only ever added, and each seals the one before.

The digest of an entry covers all of its fields and the digest before it, so that a change, a hole or an entry put in
between breaks the chain (Haber & Stornetta, J. Cryptology 3, 1991). The last digest stands in `AuditHead` and, once its
transaction is committed, in the log (``assay.serve.audit``).

What it shows, and what not: with ``serve_audit_key_file`` the digest is an HMAC (RFC 2104), and whoever can write to
the database but lacks that file can neither change nor invent an entry. Without it they could compute the whole chain
anew. In both cases they could cut off its end together with the head; compare a digest that was logged elsewhere:
``verify(…, known=(seq, digest))``.

Times are seconds since 1970, UTC.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

from sqlalchemy import (
    BigInteger,
    CursorResult,
    Float,
    String,
    Text,
    bindparam,
    delete,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, Session, mapped_column

from assay.errors import SettingsError
from assay.serve.access.principal import Principal
from assay.serve.database import Base
from assay.serve.operation.audit_log import tell_once_committed
from assay.settings import Settings

GENESIS = "0" * 64
PURGED = "audit.purge"
LEAST_SECRET = 32  # bytes


class AuditHead(Base):
    """The end of the chain; whoever adds an entry holds this row, so entries come one after the other."""

    __tablename__ = "audit_head"

    id: Mapped[int] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger)
    digest: Mapped[str] = mapped_column(String(64))


class AuditEntry(Base):
    """One thing that was done.

    Attributes:
        seq: From 1 on, without holes.
        actor: Identifier of who did it; `actor_name` for people.
        action: Such as ``predict``, ``key.revoke``, ``history.override``.
        target: On what: a SHA-256, a key's or an entry's identifier.
        outcome: ``done``, a verdict, or the code of an error.
        detail: JSON object.
        request_id: Of the request, or empty.
        previous, digest: The chain.
    """

    __tablename__ = "audit"

    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    at: Mapped[float] = mapped_column(Float(53), index=True)
    actor: Mapped[str] = mapped_column(String(64))
    actor_name: Mapped[str] = mapped_column(String(200))
    action: Mapped[str] = mapped_column(String(64))
    target: Mapped[str] = mapped_column(String(64), index=True)
    outcome: Mapped[str] = mapped_column(String(64))
    detail: Mapped[str] = mapped_column(Text)
    request_id: Mapped[str] = mapped_column(String(64))
    previous: Mapped[str] = mapped_column(String(64))
    digest: Mapped[str] = mapped_column(String(64))


# Written once: SQLAlchemy takes longer to build a statement than a database to carry it out.
_ADD = insert(AuditEntry)
_STEP = update(AuditHead).where(AuditHead.id == 1).values(seq=AuditHead.seq + bindparam("count"))
_HEAD = select(AuditHead.seq, AuditHead.digest).where(AuditHead.id == 1)
_END = update(AuditHead).where(AuditHead.id == 1).values(digest=bindparam("end"))


@dataclass(frozen=True)
class AuditState:
    """What checking the chain found.

    Attributes:
        intact: Whether nothing is amiss.
        entries: How many were looked at.
        head_seq, head_digest: The end of the chain.
        broken_at: The first entry that is amiss, or None.
        why: What is amiss there.
    """

    intact: bool
    entries: int
    head_seq: int
    head_digest: str
    broken_at: int | None = None
    why: str = ""


def seal_of(settings: Settings) -> bytes:
    """The secret that seals the log; empty if none is set.

    Raises:
        SettingsError: If the file cannot be read or is too short.
    """
    return b"" if settings.serve_audit_key_file is None else _read_seal(settings.serve_audit_key_file)


@lru_cache(maxsize=8)
def _read_seal(path: Path) -> bytes:
    try:
        secret = path.read_bytes().strip()
    except OSError as error:
        raise SettingsError(f"serve_audit_key_file: '{path}' cannot be read ({error.strerror}).") from error
    if len(secret) < LEAST_SECRET:
        raise SettingsError(
            f"serve_audit_key_file: '{path}' holds {len(secret)} bytes; at least {LEAST_SECRET} are needed:"
            " openssl rand -hex 32 > FILE"
        )
    return secret


@dataclass(frozen=True)
class Deed:
    """What an entry tells; see `AuditEntry`."""

    actor: Principal
    action: str
    target: str
    outcome: str = "done"
    detail: Mapping[str, Any] = field(default_factory=dict)
    request_id: str = ""


def append(
    session: Session,
    seal: bytes,
    actor: Principal,
    action: str,
    target: str,
    *,
    outcome: str = "done",
    detail: Mapping[str, Any] | None = None,
    request_id: str = "",
    now: float | None = None,
) -> None:
    """Add an entry in the transaction of what it tells of, so that neither is without the other.

    Until that transaction ends no other entry is added; keep it short. Not within a savepoint, which may be rolled back
    alone.
    """
    append_all(session, seal, [Deed(actor, action, target, outcome, detail or {}, request_id)], now=now)


def append_all(session: Session, seal: bytes, deeds: Sequence[Deed], *, now: float | None = None) -> None:
    """Add entries, as `append`; so many cost little more than one. The session's own changes go first."""
    if not deeds:
        return
    session.flush()
    at = round(time.time() if now is None else now, 3)
    last, previous = _next(session, len(deeds))
    rows = []
    for seq, deed in enumerate(deeds, start=last - len(deeds) + 1):
        row: dict[str, Any] = {
            "seq": seq,
            "at": at,
            "actor": deed.actor.id,
            "actor_name": deed.actor.name,
            "action": deed.action,
            "target": deed.target[:64],
            "outcome": deed.outcome,
            "detail": json.dumps(dict(deed.detail), sort_keys=True),
            "request_id": deed.request_id[:64],
            "previous": previous,
        }
        previous = row["digest"] = _digest(row, seal)
        rows.append(row)
    connection = session.connection()
    connection.execute(_ADD, rows)
    connection.execute(_END, {"end": previous})
    tell_once_committed(session, rows)


def hold(session: Session) -> None:
    """Let nobody else add entries until the transaction ends, to look before adding one."""
    same = update(AuditHead).where(AuditHead.id == 1).values(seq=AuditHead.seq)
    session.execute(same.execution_options(synchronize_session=False))


def _next(session: Session, count: int) -> tuple[int, str]:
    """Number of the last of so many entries to come, digest of the last there is; the row is ours until the end."""
    connection = session.connection()
    if not connection.execute(_STEP, {"count": count}).rowcount:
        try:
            with session.begin_nested():
                session.add(AuditHead(id=1, seq=0, digest=GENESIS))
        except IntegrityError:  # somebody else was first
            pass
        connection.execute(_STEP, {"count": count})
    seq, digest = connection.execute(_HEAD).one()
    return seq, digest


def _digest(row: Mapping[str, Any], seal: bytes) -> str:
    names = ("seq", "at", "actor", "actor_name", "action", "target", "outcome", "detail", "request_id", "previous")
    text = json.dumps([row[name] for name in names]).encode()
    return hmac.new(seal, text, hashlib.sha256).hexdigest() if seal else hashlib.sha256(text).hexdigest()


def verify(session: Session, seal: bytes, *, known: tuple[int, str] | None = None) -> AuditState:
    """Check the whole chain, in flat memory.

    Args:
        session: To read with.
        seal: As when it was written.
        known: Number and digest of an entry as they were told earlier.
    """
    head = session.get(AuditHead, 1, populate_existing=True)
    seq, digest = (head.seq, head.digest) if head else (0, GENESIS)
    count, last, previous, broken = 0, None, GENESIS, None
    for entry in session.scalars(select(AuditEntry).order_by(AuditEntry.seq).execution_options(yield_per=500)):
        if last is None:
            last, previous = _beginning(session, entry)
        broken = _fault(entry, last, previous, seal, known)
        if broken is not None:
            break
        count, last, previous = count + 1, entry.seq, entry.digest
    if broken is None and (last or 0, previous) != (seq, digest):
        broken = seq, f"the log ends at entry {last or 0}, its head says {seq}"
    if broken is None and known is not None and not (known[0] == 0 or (last or 0) >= known[0]):
        broken = known[0], "the log ends before an entry that is known"
    return AuditState(broken is None, count, seq, digest, *(broken or (None, "")))


def _beginning(session: Session, first: AuditEntry) -> tuple[int, str]:
    """What must stand before the first entry: nothing, or what the last purge says it removed."""
    last_purge = select(AuditEntry).where(AuditEntry.action == PURGED).order_by(AuditEntry.seq.desc()).limit(1)
    purge = session.scalar(last_purge)
    if purge is None:
        return 0, GENESIS
    told = json.loads(purge.detail)
    return int(told["through"]), str(told["digest"])


def _fault(
    entry: AuditEntry, last: int, previous: str, seal: bytes, known: tuple[int, str] | None
) -> tuple[int, str] | None:
    if entry.seq != last + 1:
        return last + 1, f"entries {last + 1} to {entry.seq - 1} are missing"
    if entry.previous != previous:
        return entry.seq, "it does not follow from the entry before"
    if not hmac.compare_digest(entry.digest, _digest(vars(entry), seal)):
        return entry.seq, "it was altered, or sealed with another secret"
    if known is not None and entry.seq == known[0] and entry.digest != known[1]:
        return entry.seq, "it is not the entry that is known"
    return None


def purge_audit(session: Session, seal: bytes, actor: Principal, before: float, *, now: float | None = None) -> int:
    """Remove entries older than a time; the last of them is told in a new one, from which the chain goes on.

    Returns:
        How many were removed.
    """
    hold(session)  # another process may be about to remove more, or less
    first_kept = session.scalar(select(func.min(AuditEntry.seq)).where(AuditEntry.at >= before))
    old = select(AuditEntry).order_by(AuditEntry.seq.desc()).limit(1)
    last = session.scalar(old if first_kept is None else old.where(AuditEntry.seq < first_kept))
    if last is None:
        return 0
    told = {"through": last.seq, "digest": last.digest}
    append(session, seal, actor, PURGED, "audit", detail=told, now=now)
    gone = delete(AuditEntry).where(AuditEntry.seq <= last.seq)
    return cast("CursorResult[Any]", session.execute(gone)).rowcount
