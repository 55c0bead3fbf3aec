"""The queue on huey: ids of jobs, so that a worker wakes at once. Losing it loses nothing; see the package.

SQLite by default, Redis or PostgreSQL by URL. Messages are JSON; huey's own serialiser would unpickle whatever stands
in the queue, and whoever may write there could run code in every worker.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Callable
from pathlib import Path
from threading import Lock
from typing import Any

from huey import Huey, PostgresHuey, RedisHuey, SqliteHuey
from huey.consumer import Consumer
from huey.registry import Message

from assay.errors import MissingExtra, QueueUnreachable, SettingsError
from assay.settings import Settings
from assay.urls import without_password

NAME = "assay-jobs"
SQLITE_WAIT_S = 30.0
LONGEST_NAP_S = 0.5  # how long a job may lie in a SQLite file before somebody looks
TABLES_LOCK = 0x61737371  # "assq", among the advisory locks of PostgreSQL
JOB_ID = re.compile(r"[0-9a-f]{32}")


class JsonMessages:
    """Messages of huey as JSON: which task, and the id of a job. Anything else is refused."""

    def serialize(self, message: Any) -> bytes:
        """Bytes of a message."""
        return json.dumps({"id": message.id, "task": message.name, "job": message.args[0]}).encode()

    def deserialize(self, data: bytes) -> Message:
        """The message that `serialize` wrote.

        Raises:
            ValueError: If it is anything else.
        """
        told = json.loads(bytes(data))
        if not isinstance(told, dict) or set(told) != {"id", "task", "job"}:
            raise ValueError("a message in the queue is none of ours")
        if not all(isinstance(value, str) for value in told.values()) or not JOB_ID.fullmatch(told["job"]):
            raise ValueError("a message in the queue names no job")
        return Message(id=told["id"], name=told["task"], retries=0, retry_delay=0, args=(told["job"],), kwargs={})


class JobQueue:
    """Wakes workers.

    Args:
        settings: `serve_queue` and `serve_folder` are used.

    Raises:
        SettingsError: If the URL is of another kind, or the queue does not answer.
        MissingExtra: If its client is not installed.
    """

    def __init__(self, settings: Settings) -> None:
        self._huey = _connect(settings)
        self._errors = _errors_of(self._huey)
        self._closing = Lock()
        self._handle: Callable[[str], None] = lambda job_id: None

        def run_job(job_id: str) -> None:
            self._handle(job_id)

        self._run_job = self._huey.task(name="run_job")(run_job)
        # Each thread that listens on PostgreSQL has a connection of its own, which only that thread can close.
        self._huey.on_shutdown(name="close")(self.close)
        try:
            self._huey.storage.queue_size()
        except self._errors as error:
            told = without_password(str(error), settings.serve_queue.get_secret_value())
            raise SettingsError(f"The queue that serve_queue names does not answer: {told}.") from error

    def wake(self, job_id: str) -> None:
        """Put an id in.

        Raises:
            QueueUnreachable: If the queue does not answer; a sweep puts the job in later.
        """
        try:
            self._run_job(job_id)
        except self._errors as error:
            raise QueueUnreachable(f"The queue does not answer: {error}.") from error

    def pending(self) -> set[str]:
        """Ids that wait in the queue.

        Raises:
            QueueUnreachable: If it does not answer.
        """
        try:
            found = self._huey.storage.enqueued_items()
        except self._errors as error:
            raise QueueUnreachable(f"The queue does not answer: {error}.") from error
        return {job_id for data in found if (job_id := self._job_of(data))}

    def _job_of(self, data: bytes) -> str | None:
        try:
            return str(self._huey.serializer.deserialize(data).args[0])
        except ValueError:
            return None

    def consume(self, handle: Callable[[str], None], jobs: int) -> Consumer:
        """Threads that call `handle` with each id; the caller stops them with ``stop(graceful=True)``."""
        self._handle = handle
        consumer = Consumer(self._huey, workers=jobs, periodic=False, scheduler_interval=60, max_delay=LONGEST_NAP_S)
        # Signals belong to whoever runs the process: the command, or the server that a worker lives in.
        consumer._set_signal_handlers = lambda: None
        consumer.start()
        return consumer

    def close(self) -> None:
        """Let go of the connections that this thread uses; they open again when they are needed."""
        with self._closing:  # huey looks whether there is one before it takes its own lock
            self._huey.storage.close()


def _connect(settings: Settings) -> Huey:
    url, more = settings.serve_queue.get_secret_value(), {"results": False, "serializer": JsonMessages()}
    kind = url.partition(":")[0].partition("+")[0]
    if not url:
        folder: Path = settings.serve_folder
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return SqliteHuey(NAME, filename=str(folder.resolve() / "queue.sqlite3"), timeout=SQLITE_WAIT_S, **more)
    if kind in ("redis", "rediss", "unix"):
        if not _installed("redis"):
            raise MissingExtra.of("redis", "A queue on Redis")
        try:
            return RedisHuey(NAME, url=url, **more)
        except ValueError as error:
            raise SettingsError(
                f"serve_queue is no URL of Redis: {without_password(str(error), url)}. Write redis://HOST:PORT/NUMBER."
            ) from error
    if kind in ("postgresql", "postgres"):
        if not _installed("psycopg"):
            raise MissingExtra.of("postgresql", "A queue on PostgreSQL")
        import psycopg

        dsn = re.sub(r"^\w+(\+\w+)?:", "postgresql:", url)
        try:
            # Several that start at once would all make huey's tables, and "if not exists" does not keep them apart.
            with psycopg.connect(dsn, autocommit=True) as alone:
                alone.execute("SELECT pg_advisory_lock(%s)", (TABLES_LOCK,))
                return PostgresHuey(NAME, dsn=dsn, **more)
        except psycopg.Error as error:
            raise SettingsError(
                f"The queue that serve_queue names does not answer: {without_password(str(error), url)}."
            ) from error
    raise SettingsError(f"serve_queue: '{kind}:' is no queue; give redis://... or postgresql://..., or leave it empty.")


def _installed(module: str) -> bool:
    from importlib.util import find_spec

    return find_spec(module) is not None


def _errors_of(huey: Huey) -> tuple[type[Exception], ...]:
    """What the client of a queue raises when the queue does not answer."""
    if isinstance(huey, RedisHuey):
        from redis.exceptions import RedisError

        return (RedisError, OSError)
    if isinstance(huey, PostgresHuey):
        import psycopg

        return (psycopg.Error, OSError)
    return (sqlite3.Error, OSError)
