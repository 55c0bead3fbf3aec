"""One database for jobs, keys, audit and history: SQLite by default, PostgreSQL by URL."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, InterfaceError, NoSuchModuleError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as NoConnectionFree
from sqlalchemy.orm import DeclarativeBase, Session, sessionmaker

from assay.errors import SettingsError, Unavailable
from assay.settings import Settings
from assay.urls import without_password

SQLITE_WAIT_S = 30.0
TABLES_LOCK = 0x61737374  # "asst", among the advisory locks of PostgreSQL
AWAY = (OperationalError, InterfaceError, NoConnectionFree)
"""What a session raises while the database is away: restarted, unreachable, locked, or out of connections."""
BACK_S = 5  # when to ask again
log = logging.getLogger("assay.serve")


class Base(DeclarativeBase):
    """What every table of the service inherits; a room declares its own."""


def away(error: Exception, request_id: str) -> Unavailable:
    """What whoever asks hears of one of `AWAY`; the log has why, without what the statement was about."""
    why = getattr(error, "orig", None) or error
    log.error("the database does not answer: %s", why, extra={"request_id": request_id})
    return Unavailable(f"The database does not answer. Ask again in {BACK_S} s.", retry_after_s=BACK_S)


class Database:
    """The engine and its sessions; may be shared between threads, not between processes that fork.

    Args:
        url: As SQLAlchemy writes it.

    Raises:
        SettingsError: If the URL is malformed, its driver is not installed or the database does not answer.
    """

    def __init__(self, url: str) -> None:
        try:
            told = make_url(url)
            if told.drivername in ("postgresql", "postgres"):
                told = told.set(drivername="postgresql+psycopg")
            self.is_sqlite = told.get_backend_name() == "sqlite"
            more: dict[str, Any] = {"connect_args": {"timeout": SQLITE_WAIT_S}} if self.is_sqlite else {}
            self.engine = create_engine(told, pool_pre_ping=not self.is_sqlite, **more)
            if self.is_sqlite:
                event.listen(self.engine, "connect", _careful)
            self._sessions = sessionmaker(self.engine, expire_on_commit=False)
            with self.engine.connect():
                pass
        except (ArgumentError, NoSuchModuleError, ModuleNotFoundError, ValueError) as error:
            why = without_password(str(error), url)
            raise SettingsError(
                f"serve_database is no URL of a database that can be used here: {why}. Write"
                " postgresql://USER:PASSWORD@HOST/NAME (pip install 'assay[postgresql]') or sqlite:///PATH."
            ) from error
        except SQLAlchemyError as error:
            raise SettingsError(
                f"The database that serve_database names does not answer: {without_password(str(error), url)}."
            ) from error

    @classmethod
    def of(cls, settings: Settings) -> Database:
        """The database that the settings name; its folder is made.

        Raises:
            SettingsError: As `Database`, or if the folder cannot be made.
        """
        if url := settings.serve_database.get_secret_value():
            return cls(url)
        folder: Path = settings.serve_folder
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise SettingsError(
                f"serve_folder: '{folder}' cannot be made ({error.strerror}). Name a folder that can be:"
                " ASSAY_SERVE_FOLDER.",
                serve_folder=str(folder),
            ) from error
        return cls(f"sqlite:///{folder.resolve() / 'service.sqlite3'}")

    def create_tables(self) -> None:
        """Make the tables of all rooms that are imported and not there yet; several processes may start at once."""
        lock = "BEGIN IMMEDIATE" if self.is_sqlite else f"SELECT pg_advisory_xact_lock({TABLES_LOCK})"
        with self.engine.begin() as connection:
            connection.execute(text(lock))
            Base.metadata.create_all(connection)

    @contextmanager
    def session(self) -> Iterator[Session]:
        """A transaction: committed at the end of the block, rolled back where it raises."""
        with self._sessions.begin() as session:
            yield session

    def close(self) -> None:
        """Let go of all connections."""
        self.engine.dispose()


def _careful(connection: Any, _record: Any) -> None:
    """Readers do not wait for writers, and what was committed survives a crash of the machine."""
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
