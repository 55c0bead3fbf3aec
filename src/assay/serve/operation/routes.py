"""REST of what is counted, kept and told."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel, Field
from sqlalchemy import select

from assay.serve.access import Principal, require
from assay.serve.answers import documented
from assay.serve.context import Context
from assay.serve.operation import history
from assay.serve.operation.audit import AuditEntry, AuditState, seal_of, verify
from assay.serve.operation.drift import DriftView, accept, look
from assay.serve.operation.history import LARGEST_ID, PRINTED, HistoryPage, HistoryQuery, HistoryView, iso
from assay.serve.operation.metrics import Metrics
from assay.serve.operation.retention import remove_file
from assay.serve.request_id import request_id_of

Number = Annotated[int, Path(ge=1, le=LARGEST_ID)]
Filter = Annotated[str | None, Query(max_length=64, pattern=PRINTED)]
Reader = Annotated[Principal, Depends(require("history"))]
Reviewer = Annotated[Principal, Depends(require("review"))]
Admin = Annotated[Principal, Depends(require("admin"))]


class AuditView(BaseModel):
    """An entry of the audit log; `at` is ISO 8601, UTC."""

    seq: int
    at: str
    actor: str
    actor_name: str
    action: str
    target: str
    outcome: str
    detail: str = Field(description="a JSON object")
    request_id: str
    previous: str
    digest: str


class AuditPage(BaseModel):
    """Entries, newest first; `next` goes into ``before`` for the page behind this one, None at the end."""

    items: list[AuditView]
    next: int | None


class Accepted(BaseModel):
    """Of how many models the next scores are the new reference."""

    models: int


def history_router(context: Context) -> APIRouter:
    """``/api/history``: what was found, appeals and overrides."""
    router = APIRouter(prefix="/api/history", tags=["history"], responses=documented(405))
    database = context.database

    @router.get("")
    def search(principal: Reader, query: Annotated[HistoryQuery, Query()]) -> HistoryPage:
        """Results that you may see, newest first."""
        with database.session() as session:
            return history.search(session, principal, query)

    @router.get("/{number}", responses=documented(404))
    def one(principal: Reader, number: Number) -> HistoryView:
        """A result, and what people said about it."""
        with database.session() as session:
            return history.view_of(history.find(session, principal, number))

    @router.post("/{number}/appeal", responses=documented(404))
    def appeal(principal: Reader, number: Number, said: history.Appeal, request: Request) -> HistoryView:
        """Say that a verdict is wrong, and why."""
        with database.session() as session:
            return history.appeal(
                session, seal_of(context.settings), principal, number, said, request_id=request_id_of(request.scope)
            )

    @router.post("/{number}/override", responses=documented(404))
    def override(principal: Reviewer, number: Number, said: history.Override, request: Request) -> HistoryView:
        """Put a person's verdict beside that of the machine, which stays visible."""
        with database.session() as session:
            return history.override(
                session, seal_of(context.settings), principal, number, said, request_id=request_id_of(request.scope)
            )

    @router.delete("/{number}", status_code=204, responses=documented(404))
    def remove(principal: Admin, number: Number, request: Request) -> Response:
        """Delete a result, what was said about it, its file if that was kept, and the job that it came from."""
        with database.session() as session:
            request_id = request_id_of(request.scope)
            remove_file(history.remove(session, seal_of(context.settings), principal, number, request_id=request_id))
        return Response(status_code=204)

    return router


def audit_router(context: Context) -> APIRouter:
    """``/api/audit``: who did what."""
    router = APIRouter(prefix="/api/audit", tags=["audit"], responses=documented(405))

    @router.get("")
    def entries(
        _admin: Admin,
        actor: Filter = None,
        action: Filter = None,
        target: Filter = None,
        before: Annotated[int | None, Query(ge=1, le=LARGEST_ID)] = None,
        limit: Annotated[int, Query(ge=1, le=500)] = 50,
    ) -> AuditPage:
        """Entries of the audit log, newest first."""
        wanted = select(AuditEntry).order_by(AuditEntry.seq.desc()).limit(limit + 1)
        for column, value in ((AuditEntry.actor, actor), (AuditEntry.action, action), (AuditEntry.target, target)):
            if value is not None:
                wanted = wanted.where(column == value)
        if before is not None:
            wanted = wanted.where(AuditEntry.seq < before)
        with context.database.session() as session:
            found = list(session.scalars(wanted))
        items = [_audit_view(entry) for entry in found[:limit]]
        return AuditPage(items=items, next=items[-1].seq if len(found) > limit else None)

    @router.get("/verify")
    def check(
        _admin: Admin,
        seq: Annotated[int | None, Query(ge=1, le=LARGEST_ID, description="an entry that is known")] = None,
        digest: Annotated[str, Query(pattern="^[0-9a-f]{64}$", description="and its digest")] = "0" * 64,
    ) -> AuditState:
        """Check the whole chain: whether anything was altered, removed or put in between."""
        with context.database.session() as session:
            return verify(session, seal_of(context.settings), known=None if seq is None else (seq, digest))

    return router


def drift_router(context: Context) -> APIRouter:
    """``/api/drift``: whether scores still come from where they came from."""
    router = APIRouter(prefix="/api/drift", tags=["drift"], responses=documented(405))

    @router.get("")
    def state(_principal: Reader) -> list[DriftView]:
        """How the scores of each model compare with its first ones here."""
        return look(context)

    @router.post("/{media}/accept", responses=documented(404))
    def accepted(principal: Admin, media: Literal["audio", "image", "video"], request: Request) -> Accepted:
        """Take what comes in now for what is to be expected."""
        return Accepted(models=accept(context, principal, media, request_id=request_id_of(request.scope)))

    return router


def metrics_router(context: Context, metrics: Metrics) -> APIRouter:
    """``/metrics``."""
    router = APIRouter(tags=["metrics"], responses=documented(405))
    guard = [] if context.settings.serve_metrics_open else [Depends(require("metrics"))]

    @router.get("/metrics", dependencies=guard, response_class=Response)
    def read() -> Response:
        """Metrics in Prometheus's text format."""
        return Response(generate_latest(metrics.registry), media_type=CONTENT_TYPE_LATEST)

    return router


def _audit_view(entry: AuditEntry) -> AuditView:
    fields = {name: getattr(entry, name) for name in AuditView.model_fields if name != "at"}
    return AuditView(**fields, at=iso(entry.at))
