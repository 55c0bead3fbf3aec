"""Entries of the audit log are told in the log of the process, ``assay.serve.audit``, once they are in the chain."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import event
from sqlalchemy.orm import Session, SessionTransaction

UNTOLD = "assay.audit"  # in `Session.info`: entries that are not told yet
log = logging.getLogger("assay.serve.audit")


def tell_once_committed(session: Session, rows: Sequence[Mapping[str, Any]]) -> None:
    """Log entries when the transaction that adds them is committed, and not at all if it is rolled back.

    Args:
        session: Of that transaction.
        rows: Columns of `assay.serve.operation.audit.AuditEntry`.
    """
    session.info.setdefault(UNTOLD, []).extend(rows)


@event.listens_for(Session, "after_commit")
def _tell(session: Session) -> None:
    """Log what was added: a digest that is noted elsewhere is a proof only if its entry is in the chain."""
    if session.in_nested_transaction():  # a savepoint; what it is in may still fail
        return
    for row in session.info.pop(UNTOLD, ()):
        log.info(
            "%s %s by %s: %s",
            row["action"],
            row["target"],
            row["actor"],
            row["outcome"],
            extra={"audit_seq": row["seq"], "audit_digest": row["digest"], "request_id": row["request_id"]},
        )


@event.listens_for(Session, "after_soft_rollback")
def _forget(session: Session, ended: SessionTransaction) -> None:
    if ended.parent is None:
        session.info.pop(UNTOLD, None)
