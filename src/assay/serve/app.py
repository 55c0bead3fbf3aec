"""The application: one context, and the rooms around it.

request ──> Tracing (id, log, faults) ──> access ──> routes ──> answers (one shape for errors)
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import Any

from fastapi import FastAPI

from assay._version import __version__
from assay.serve import answers, predict, status
from assay.serve.context import Context
from assay.serve.database import Database
from assay.serve.readiness import Readiness
from assay.serve.scoring import Scorer
from assay.serve.tally import ServiceTally
from assay.serve.tracing import Tracing
from assay.serve.uploads import UploadFolder
from assay.settings import Settings, load_settings

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
    folder, readiness, tally = UploadFolder(settings.serve_folder), Readiness(context), ServiceTally()
    scorer.observe(tally)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        context.database.create_tables()
        readiness.start()
        yield
        await readiness.close()
        app.state.idle = await scorer.close()
        folder.close()
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
    app.include_router(status.router(context, readiness, tally))
    app.include_router(predict.router(context, readiness, folder))
    for room in _rooms("jobs", "live"):
        app.include_router(room.router(context))
    for room in _rooms("operation", "access"):
        room.install(app, context)
    answers.install(app)
    app.add_middleware(Tracing)  # added last, so it is the outermost
    return app


def _rooms(*names: str) -> Iterator[Any]:
    """Those of the rooms that this installation has."""
    for name in names:
        if find_spec(f"assay.serve.{name}") is not None:
            room: ModuleType = import_module(f"assay.serve.{name}")
            yield room
