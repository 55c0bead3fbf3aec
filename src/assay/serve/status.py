"""What the service says of itself: alive, ready, healthy, with which models, how busy."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.exc import SQLAlchemyError

from assay._version import __version__
from assay.errors import Unavailable
from assay.models.registry import list_cards
from assay.result import SCHEMA_VERSION
from assay.serve.answers import documented
from assay.serve.context import Context
from assay.serve.jobs.store import JobStore
from assay.serve.operation import stats
from assay.serve.operation.drift import DriftView
from assay.serve.readiness import Readiness, State
from assay.serve.scoring import Scorer
from assay.serve.tally import ScanCounts, ServiceTally

log = logging.getLogger("assay.serve")


class _Answer(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Alive(_Answer):
    """The process runs and answers; nothing else is looked at."""

    alive: Literal[True] = True


class CheckAnswer(_Answer):
    """One thing that must be right before files are taken."""

    passed: bool
    detail: str


class Ready(_Answer):
    """Files are taken."""

    ready: Literal[True] = True
    checks: dict[str, CheckAnswer]


class Health(_Answer):
    """How the service is, for people and dashboards; always 200."""

    status: State = Field(description="ready; starting; draining: about to stop; failed: a model fails its self-test")
    version: str = Field(description="of Assay")
    schema_version: int = Field(description="of results")
    uptime_s: float = Field(ge=0)
    checks: dict[str, CheckAnswer]


class ModelSummary(_Answer):
    """A model of this installation; `assay models NAME` shows the whole card."""

    name: str
    version: str
    kind: str
    summary: str
    sha256: str
    size_bytes: int
    licence_weights: str
    in_use: bool = Field(description="whether a setting names it as the detector of sound, pictures or videos")


class Models(_Answer):
    """All models of this installation."""

    models: list[ModelSummary]


class Queue(_Answer):
    """How busy the service is."""

    scoring: int = Field(ge=0, description="files being scored")
    waiting: int = Field(ge=0, description="files that wait for their turn")
    jobs: int = Field(ge=1, description="most files scored at once")
    queue_size: int = Field(ge=1, description="most files that may wait")
    estimated_wait_s: int = Field(ge=0, description="until one more file would have its turn")


class Recorded(_Answer):
    """What the database knows, of all processes and over restarts."""

    scans: dict[str, dict[str, int]] = Field(description="by medium and verdict, or ``failed``")
    jobs: dict[str, int] = Field(description="by state")
    drift: list[DriftView]


class Stats(_Answer):
    """Since this process started, and since the database was made."""

    uptime_s: float = Field(ge=0)
    queue: Queue
    scans: ScanCounts = Field(description="of this process, jobs that it scored among them")
    recorded: Recorded | None = Field(description="null while the database does not answer")


def router(context: Context, readiness: Readiness, tally: ServiceTally) -> APIRouter:
    """The routes that change nothing."""
    routes = APIRouter(tags=["status"])
    scorer: Scorer = context.scorer
    store = JobStore(context.database, context.settings)
    summaries = _summaries(context)
    refused = documented(405)

    @routes.get("/livez", responses={**refused})
    async def alive() -> Alive:
        """Whether the process answers. A failure means: restart it."""
        return Alive()

    @routes.get("/readyz", responses=documented(405, 503))
    async def ready() -> Ready:
        """Whether files are taken: models loaded and tested, database there, not about to stop."""
        checks = await readiness.checks()
        failed = {name: check.detail for name, check in checks.items() if not check.passed}
        if failed:
            told = "; ".join(f"{name}: {detail}" for name, detail in failed.items())
            raise Unavailable(f"Not ready: {told}.", checks=failed)
        return Ready(checks=_shown(checks))

    @routes.get("/api/health", responses={**refused})
    async def health() -> Health:
        """How the service is, in detail, whatever the answer."""
        return Health(
            status=readiness.state,
            version=__version__,
            schema_version=SCHEMA_VERSION,
            uptime_s=_uptime_s(readiness),
            checks=_shown(await readiness.checks()),
        )

    @routes.get("/api/models", responses={**refused})
    async def models() -> Models:
        """Which models there are, and which answer."""
        return Models(models=summaries)

    @routes.get("/api/stats", name="stats", responses={**refused})
    async def busy() -> Stats:
        """How busy this process is, and what it has answered since it started."""
        waiting = scorer.depth()
        queue = Queue(
            scoring=scorer.running(),
            waiting=waiting,
            jobs=scorer.jobs,
            queue_size=context.settings.serve_queue_size,
            estimated_wait_s=scorer.estimated_wait_s() if waiting else 0,
        )
        recorded = await asyncio.to_thread(_recorded, context, store)
        return Stats(uptime_s=_uptime_s(readiness), queue=queue, scans=tally.counts(), recorded=recorded)

    return routes


def _recorded(context: Context, store: JobStore) -> Recorded | None:
    try:
        told = stats(context)
        return Recorded(scans=told["scans"], jobs=dict(store.counts().items()), drift=told["drift"])
    except SQLAlchemyError:
        log.exception("the database does not answer")
        return None


def _uptime_s(readiness: Readiness) -> float:
    return round(max(0.0, time.time() - readiness.started), 1)


def _shown(checks: dict[str, Any]) -> dict[str, CheckAnswer]:
    return {name: CheckAnswer(passed=check.passed, detail=check.detail) for name, check in checks.items()}


def _summaries(context: Context) -> list[ModelSummary]:
    settings = context.settings
    used = {settings.audio_model, settings.image_model, settings.video_model}
    return [
        ModelSummary(
            name=card.name,
            version=card.version,
            kind=card.kind,
            summary=card.summary,
            sha256=card.sha256,
            size_bytes=card.size_bytes,
            licence_weights=card.licence_weights,
            in_use=card.name in used,
        )
        for card in list_cards()
    ]
