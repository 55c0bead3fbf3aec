"""What is counted, kept and told: metrics, request log, audit log, history, retention, drift, what a new model changes.

    predict, jobs ──> record ──> history ──> drift monitor ──> /metrics, log, /api/stats
                            └──> audit log          └──> rescore
    every request ──> Observed ──> /metrics, one line in the log

See docs/operation.md.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from anyio import to_thread
from fastapi import FastAPI
from sqlalchemy import select

from assay.serve.context import Context
from assay.serve.operation.audit import seal_of
from assay.serve.operation.drift import look
from assay.serve.operation.metrics import Metrics
from assay.serve.operation.observing import Observed
from assay.serve.operation.recording import Recorder, record
from assay.serve.operation.retention import purge
from assay.serve.operation.routes import audit_router, drift_router, history_router, metrics_router
from assay.serve.operation.tables import ScanCount

__all__ = ["Recorder", "install", "purge", "record", "stats"]

PURGE_EVERY_S = 3600.0
log = logging.getLogger("assay.serve.operation")


def install(app: FastAPI, context: Context) -> None:
    """Observe an app and give it this room's endpoints; to be called after `assay.serve.access.install`.

    ``app.state.queue_depth``, if somebody puts a function there, is asked for the number of jobs in each state.

    Raises:
        SettingsError: If the secret of the audit log cannot be read.
    """
    seal_of(context.settings)
    context.database.create_tables()
    metrics = Metrics(context, lambda: getattr(app.state, "queue_depth", None))
    app.state.metrics = metrics
    app.add_middleware(Observed, metrics=metrics)
    for router in (history_router(context), audit_router(context), drift_router(context)):
        app.include_router(router)
    app.include_router(metrics_router(context, metrics))
    _purge_now_and_then(app, context)


def stats(context: Context) -> dict[str, Any]:
    """What ``/api/stats`` tells of this room: scans by medium and verdict, and drift. Waits for the database."""
    with context.database.session() as session:
        scans: dict[str, dict[str, int]] = {}
        for row in session.scalars(select(ScanCount)):
            scans.setdefault(row.media, {})[row.outcome] = row.count
    return {"scans": scans, "drift": [view.model_dump() for view in look(context)]}


def _purge_now_and_then(app: FastAPI, context: Context) -> None:
    """Have retention run when the service starts and every hour after."""
    lifespan = app.router.lifespan_context

    async def loop() -> None:
        while True:
            try:
                await to_thread.run_sync(purge, context)
            except Exception:  # the outermost place of this task: a database that is away comes back
                log.exception("retention failed; it is tried again in an hour")
            await asyncio.sleep(PURGE_EVERY_S)

    @asynccontextmanager
    async def with_retention(app: FastAPI) -> AsyncIterator[Any]:
        async with lifespan(app) as state:
            task = asyncio.create_task(loop())
            try:
                yield state
            finally:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task

    app.router.lifespan_context = with_retention
