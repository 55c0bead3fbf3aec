"""Two things that every transaction on jobs is made of: one at a time, and compare-and-set."""

from __future__ import annotations

from typing import Any, cast

from sqlalchemy import CursorResult, Update, text
from sqlalchemy.orm import Session

SUBMISSIONS = 0x61737361  # "assa": the advisory lock that submissions take on PostgreSQL


def alone(session: Session) -> None:
    """Begin a transaction that no other one of its kind runs beside, so that what it counts stays true.

    SQLite has one writer, and says so at the beginning; PostgreSQL has locks that belong to no row.
    """
    if session.get_bind().dialect.name == "sqlite":
        session.execute(text("BEGIN IMMEDIATE"))
    else:
        session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": SUBMISSIONS})


def changed(session: Session, statement: Update) -> int:
    """Rows that an update found and changed.

    PostgreSQL looks at a row again once whoever held it has committed (READ COMMITTED), SQLite lets one write at a
    time; so of several updates that ask for the same old state one succeeds.
    """
    statement = statement.execution_options(synchronize_session=False)
    return cast("CursorResult[Any]", session.execute(statement)).rowcount
