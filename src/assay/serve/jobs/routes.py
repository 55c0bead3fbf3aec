"""REST of jobs.

Errors have the shape of the whole interface: ``{"error": {"code", "message", "context", "request_id"}}``. A job belongs
to the key that it was handed in with; to others it does not exist.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request, Response
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from pydantic import BaseModel, ValidationError
from starlette.concurrency import run_in_threadpool

from assay.errors import AssayError, LimitExceeded
from assay.result import ErrorDetail, ScanResult
from assay.serve.context import Context
from assay.serve.jobs.addresses import target_of
from assay.serve.jobs.errors import BadSubmission, JobError, QueueUnreachable
from assay.serve.jobs.options import JobOptions, JobPage, JobView
from assay.serve.jobs.queue import JobQueue
from assay.serve.jobs.receive import Stored, receive
from assay.serve.jobs.store import MEDIA_OF, JobStore, Submission
from assay.serve.jobs.tables import State, new_id
from assay.serve.jobs.worker import folder_of

log = logging.getLogger("assay.serve.jobs")

POLL_S = {"queued": 2, "running": 1}
YES, NO = ("1", "true", "yes", "on"), ("", "0", "false", "no", "off")


class ErrorInfo(ErrorDetail):
    """What went wrong with a request."""

    request_id: str = ""


class ErrorAnswer(BaseModel):
    """The body of every answer that is an error."""

    error: ErrorInfo


def answer_to(error: AssayError, request: Request) -> JSONResponse:
    """An error of our tree as the interface tells it."""
    status = getattr(error, "status", 413 if isinstance(error, LimitExceeded) else 422)
    wait = getattr(error, "retry_after_s", None)
    detail = ErrorDetail(code=error.code, message=error.message, context=error.context)
    return _answer(detail, request, status, {} if wait is None else {"Retry-After": str(wait)})


def _answer(detail: ErrorDetail, request: Request, status: int, headers: dict[str, str] | None = None) -> JSONResponse:
    info = ErrorInfo(**detail.model_dump(), request_id=str(getattr(request.state, "request_id", "")))
    return JSONResponse(ErrorAnswer(error=info).model_dump(mode="json"), status, headers)


class JobRoute(APIRoute):
    """A route that answers errors of jobs itself, and others where the application it is part of does not."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The usual one, with errors turned into answers."""
        usual = super().get_route_handler()

        async def handler(request: Request) -> Response:
            try:
                return await usual(request)
            except JobError as error:
                return answer_to(error, request)
            except AssayError as error:
                if AssayError in request.app.exception_handlers:
                    raise
                return answer_to(error, request)

        return handler


def _errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    more = {status: {"headers": _RETRY} for status in (409, 429, 503)}
    return {status: {"model": ErrorAnswer, **more.get(status, {})} for status in statuses}


_RETRY = {"Retry-After": {"description": "Seconds to wait", "schema": {"type": "integer"}}}
_LOCATION = {"Location": {"description": "Address of the job", "schema": {"type": "string"}}}
_FORM = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {
                        "file": {"type": "string", "format": "binary"},
                        "webhook": {"type": "string", "format": "uri", "description": "told when the job ends"},
                        "keep": {"type": "boolean", "description": "keep the file until the job is removed"},
                        "max_false_alarm": {"type": "number"},
                        "prior": {"type": "number"},
                        "channels": {"type": "string", "enum": ["mix", "each"]},
                        "stability": {"type": "boolean"},
                        "deep": {"type": "boolean"},
                        "num_frames": {"type": "integer"},
                    },
                }
            }
        },
    }
}


def router(context: Context) -> APIRouter:
    """The routes below ``/api/jobs``; the application they are part of closes them when it ends.

    Args:
        context: Of the service; the tables are there.

    Raises:
        SettingsError: If the queue is not there.
    """
    desk = _Desk(context)

    @asynccontextmanager
    async def lifespan(_: Any) -> AsyncIterator[None]:
        yield
        desk.close()

    routes = APIRouter(prefix="/api/jobs", tags=["jobs"], route_class=JobRoute, lifespan=lifespan)

    @routes.post(
        "",
        status_code=202,
        response_model=JobView,
        responses={
            202: {"headers": {"Location": {"schema": {"type": "string"}}}},
            **_errors(400, 408, 413, 415, 422, 429, 503),
        },
        openapi_extra=_FORM,
    )
    async def submit(
        request: Request,
        response: Response,
        idempotency_key: Annotated[str | None, Header(min_length=1, max_length=255)] = None,
    ) -> JobView:
        """Hand in a file to be scored later; the answer names the job, `Location` its address."""
        view, new = await desk.submit(request, idempotency_key)
        response.headers["Location"] = f"{request.scope.get('root_path', '')}/api/jobs/{view.id}"
        if not new:
            response.headers["Idempotent-Replayed"] = "true"
        return view

    @routes.get("", response_model=JobPage, responses=_errors(422))
    def list_jobs(
        request: Request,
        state: State | None = None,
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
        after: Annotated[str | None, Query(pattern="^[0-9a-f]{32}$")] = None,
    ) -> JobPage:
        """Your jobs, newest first."""
        return desk.store.page(seen_by(request), state=state, limit=limit, after=after)

    @routes.get("/{job_id}", response_model=JobView, responses={200: {"headers": _RETRY}, **_errors(404, 422)})
    def poll(request: Request, response: Response, job_id: str) -> JobView:
        """One job; `Retry-After` says when to ask again while it is not over."""
        view = desk.store.find(job_id, seen_by(request))
        if view.state in POLL_S:
            response.headers["Retry-After"] = str(POLL_S[view.state])
        return view

    @routes.get("/{job_id}/result", response_model=ScanResult, responses=_errors(404, 409, 410, 422))
    def result(request: Request, job_id: str) -> Response:
        """What scoring found; of a failed job its error, with 422."""
        found = desk.store.result(job_id, seen_by(request))
        if isinstance(found, ErrorDetail):
            return _answer(found, request, 422)
        return Response(found, media_type="application/json")

    @routes.delete("/{job_id}", response_model=JobView, responses=_errors(404, 409, 422))
    @routes.post("/{job_id}/cancel", response_model=JobView, responses=_errors(404, 409, 422))
    def cancel(request: Request, job_id: str) -> JobView:
        """Let a job not run; of one that runs the result is dropped."""
        return desk.cancel(job_id, seen_by(request, change=True))

    return routes


def owner_of(request: Request) -> str:
    """Whose jobs a request hands in: the id of whoever `assay.serve.access` says asks."""
    return str(getattr(getattr(request.state, "principal", None), "id", "local"))


def seen_by(request: Request, *, change: bool = False) -> str | None:
    """Whose jobs a request may see, or change: its own; None for everybody's, which reviewers see and admins change."""
    principal = getattr(request.state, "principal", None)
    may = getattr(principal, "may", None)
    scopes = ("admin",) if change else ("admin", "review")
    return None if may is not None and any(may(scope) for scope in scopes) else owner_of(request)


class _Desk:
    """Where jobs are handed in."""

    def __init__(self, context: Context) -> None:
        self._settings = context.settings
        self._folder: Path = folder_of(context.settings)
        self._queue = JobQueue(context.settings)
        self.store = JobStore(context.database, context.settings)

    async def submit(self, request: Request, key: str | None) -> tuple[JobView, bool]:
        owner, limit = owner_of(request), self._settings.max_file_bytes
        if key is None:  # with a key it may be a job that is there already, however full it is
            await run_in_threadpool(self.store.refuse_when_full, owner)
        job_id = new_id()
        path = self._folder / MEDIA_OF.format(job_id)
        received = await receive(request, path, limit=limit)
        taken = False
        try:
            wanted = self._read(received.fields)
            new = _submission(job_id, owner, key, received.label, received.file, wanted)
            view, taken = await run_in_threadpool(self.store.submit, new)
        finally:
            if not taken:
                path.unlink(missing_ok=True)
        if taken:
            await run_in_threadpool(self._wake, job_id)
        return view, taken

    def close(self) -> None:
        """Let go of the queue."""
        self._queue.close()

    def _wake(self, job_id: str) -> None:
        try:
            self._queue.wake(job_id)
        except QueueUnreachable as error:
            log.warning("%s Job %s waits in the database.", error, job_id)

    def _read(self, given: dict[str, str]) -> _Wanted:
        fields = dict(given)
        webhook = fields.pop("webhook", "") or None
        keep = _flag("keep", fields.pop("keep", ""))
        if webhook is not None:
            target_of(webhook, self._settings)
        try:
            options = JobOptions.model_validate(fields)
        except ValidationError as error:
            wrong = "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors())
            raise BadSubmission(f"The form is wrong: {wrong}. Fields are those of the documentation.") from error
        return _Wanted(options=options, keep=keep, webhook=webhook)

    def cancel(self, job_id: str, owner: str | None) -> JobView:
        view = self.store.cancel(job_id, owner)
        if not view.keep:
            (self._folder / MEDIA_OF.format(view.id)).unlink(missing_ok=True)
        return view


class _Wanted(BaseModel):
    """What a form asks for beside the file."""

    options: JobOptions
    keep: bool
    webhook: str | None


def _submission(job_id: str, owner: str, key: str | None, label: str, stored: Stored, wanted: _Wanted) -> Submission:
    options = wanted.options.model_dump_json(exclude_none=True)
    same = json.dumps([stored.sha256, label, options, wanted.keep, wanted.webhook])
    return Submission(
        id=job_id,
        owner=owner,
        label=label,
        sha256=stored.sha256,
        size_bytes=stored.size_bytes,
        options=options,
        keep=wanted.keep,
        idempotency_key=key,
        request_hash=hashlib.sha256(same.encode()).hexdigest(),
        webhook_url=wanted.webhook,
    )


def _flag(name: str, text: str) -> bool:
    if text.lower() not in (*YES, *NO):
        raise BadSubmission(f"{name}: '{text[:40]}' is neither true nor false.")
    return text.lower() in YES
