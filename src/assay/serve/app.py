"""The application: one context, and the rooms around it.

request ──> Tracing (id, faults) ──> Observed (log, metrics) ──> Access (who asks) ──> routes ──> answers (errors)
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from sqlalchemy.exc import SQLAlchemyError

from assay._version import __version__
from assay.errors import AssayError
from assay.serve import (
    access,
    answers,
    describe,
    jobs,
    live,
    operation,
    page,
    predict,
    reports,
    speakers,
    status,
)
from assay.serve.acts import Acts
from assay.serve.context import Context
from assay.serve.database import Database
from assay.serve.jobs import Worker
from assay.serve.jobs.store import JobStore
from assay.serve.readiness import Readiness
from assay.serve.reception import Reception
from assay.serve.scoring import Scorer
from assay.serve.tally import ServiceTally
from assay.serve.tracing import Tracing
from assay.settings import Settings, load_settings

log = logging.getLogger("assay.serve")
DESCRIPTION = (
    "Tells whether a recording, a picture or a video is bona fide or synthetic, where and why, and says so when it"
    " cannot tell. Scores rise for spoof. Files are removed once they are scored, and no address is ever fetched."
)


def create_app(settings: Settings | None = None) -> FastAPI:
    """Build the service for one process.

    Args:
        settings: In force; None loads them (file, environment).

    Returns:
        The application; `app.state.context` is its `Context`. Models are loaded and tested when it starts.

    Raises:
        SettingsError: If a setting, the database or the folder cannot be used.
        ModelError: If a model is unknown or altered.
        MissingExtra: If a setting needs what is not installed.
    """
    settings = settings or load_settings()
    scorer = Scorer(settings)
    context = Context(settings=settings, database=Database.of(settings), scorer=scorer)
    reception, readiness, tally = Reception(settings), Readiness(context), ServiceTally()
    recorder = operation.Recorder(context, more=lambda: scorer.depth() > 0)
    scorer.observe(tally)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        context.database.create_tables()
        readiness.start()
        working = asyncio.create_task(_worker(context, readiness))
        yield
        scorer.drain()
        await readiness.settled()
        if (worker := await working) is not None:
            await asyncio.to_thread(worker.stop, scorer.grace_s)
        app.state.idle = await scorer.close() and not app.state.acts.running
        recorder.close()
        reception.close()
        context.database.close()

    app = FastAPI(
        title="Assay",
        version=__version__,
        description=DESCRIPTION,
        openapi_url="/api/openapi.json",
        docs_url=None,  # both would load scripts from other hosts
        redoc_url=None,
        lifespan=lifespan,
    )
    app.state.context = context
    app.state.idle = True
    app.state.acts = Acts(context, readiness)
    app.state.speakers = speakers.Desk(context, app.state.acts, reception)
    app.state.queue_depth = JobStore(context.database, settings).counts
    for routes in (
        status.router(context, readiness, tally),
        predict.router(context, readiness, reception, recorder),
        jobs.router(context, reception),
        live.router(context, recorder),
        describe.router(context),
        page.router(context),
        speakers.router(app.state.speakers, settings),
        reports.router(context, app.state.acts, reception),
    ):
        app.include_router(routes)
    access.install(app, context)
    operation.install(app, context)
    answers.install(app)
    app.add_middleware(Tracing)  # added last, so it is the outermost
    return app


async def _worker(context: Context, readiness: Readiness) -> Worker | None:
    """The worker inside the service, once the models have passed their self-test; else jobs wait for others."""
    await readiness.settled()
    if readiness.state != "ready":
        return None
    try:
        return jobs.start_embedded(context, record=jobs.recorder(context))
    except (AssayError, SQLAlchemyError):  # both were there a moment ago, so they may come back
        log.exception("the service works on no jobs itself; start it again, or `assay worker`")
        return None
