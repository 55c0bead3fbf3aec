"""REST of jobs.

A job belongs to the key that it was handed in with; to others it does not exist.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from fastapi import Path as InPath
from pydantic import BaseModel, ValidationError
from starlette.concurrency import run_in_threadpool

from assay.errors import BadSubmission, QueueUnreachable
from assay.result import ErrorDetail, ScanResult
from assay.serve.access import Principal, require
from assay.serve.answers import documented, problem
from assay.serve.context import Context
from assay.serve.fields import flag
from assay.serve.jobs.addresses import target_of
from assay.serve.jobs.courier import check_secret
from assay.serve.jobs.options import JobOptions, JobPage, JobView
from assay.serve.jobs.queue import JobQueue
from assay.serve.jobs.receive import Stored, store
from assay.serve.jobs.store import MEDIA_OF, JobStore, Submission
from assay.serve.jobs.tables import State, new_id
from assay.serve.jobs.worker import folder_of
from assay.serve.multipart import FormRules
from assay.serve.reception import Reception

log = logging.getLogger("assay.serve.jobs")

ID = "^[0-9a-f]{32}$"  # PostgreSQL would not even compare with a NUL
POLL_S = {"queued": 2, "running": 1}
FIELDS = ("webhook", "keep", *JobOptions.model_fields)


_RETRY = {"Retry-After": {"description": "Seconds to wait", "schema": {"type": "integer"}}}
_LOCATION = {"Location": {"description": "Address of the job", "schema": {"type": "string"}}}
JobId = Annotated[str, InPath(pattern=ID)]
User = Annotated[Principal, Depends(require("jobs"))]
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


def router(context: Context, reception: Reception) -> APIRouter:
    """The routes below ``/api/jobs``; the application they are part of closes them when it ends.

    Args:
        context: Of the service.
        reception: Takes the files in.

    Raises:
        SettingsError: If the queue is not there, or webhooks are allowed without a secret.
    """
    desk = _Desk(context, reception)

    @asynccontextmanager
    async def lifespan(_: Any) -> AsyncIterator[None]:
        yield
        desk.close()

    routes = APIRouter(prefix="/api/jobs", tags=["jobs"], lifespan=lifespan)

    @routes.post(
        "",
        status_code=202,
        response_model=JobView,
        responses={
            202: {"headers": _LOCATION},
            **documented(400, 405, 408, 413, 415, 422, 429, 500, 503),
        },
        openapi_extra=_FORM,
    )
    async def submit(
        request: Request,
        response: Response,
        principal: User,
        idempotency_key: Annotated[str | None, Header(min_length=1, max_length=255)] = None,
    ) -> JobView:
        """Hand in a file to be scored later; the answer names the job, `Location` its address."""
        view, new = await desk.submit(request, principal, idempotency_key)
        response.headers["Location"] = f"{request.scope.get('root_path', '')}/api/jobs/{view.id}"
        if not new:
            response.headers["Idempotent-Replayed"] = "true"
        return view

    @routes.get("", response_model=JobPage, responses=documented(405, 422))
    def list_jobs(
        principal: User,
        state: State | None = None,
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
        after: Annotated[str | None, Query(pattern=ID)] = None,
    ) -> JobPage:
        """Your jobs, newest first."""
        return desk.store.page(seen_by(principal), state=state, limit=limit, after=after)

    @routes.get("/{job_id}", response_model=JobView, responses={200: {"headers": _RETRY}, **documented(404, 405, 422)})
    def poll(principal: User, response: Response, job_id: JobId) -> JobView:
        """One job; `Retry-After` says when to ask again while it is not over."""
        view = desk.store.find(job_id, seen_by(principal))
        if view.state in POLL_S:
            response.headers["Retry-After"] = str(POLL_S[view.state])
        return view

    @routes.get("/{job_id}/result", response_model=ScanResult, responses=documented(404, 405, 409, 410, 422))
    def result(principal: User, request: Request, job_id: JobId) -> Response:
        """What scoring found; of a failed job its error, with 422."""
        found = desk.store.result(job_id, seen_by(principal))
        if isinstance(found, ErrorDetail):
            return problem(request, 422, found.code, found.message, found.context)
        return Response(found, media_type="application/json")

    @routes.delete("/{job_id}", response_model=JobView, responses=documented(404, 405, 409, 422))
    @routes.post("/{job_id}/cancel", response_model=JobView, responses=documented(404, 405, 409, 422))
    def cancel(principal: User, job_id: JobId) -> JobView:
        """Let a job not run; of one that runs the result is dropped."""
        return desk.cancel(job_id, seen_by(principal, change=True))

    return routes


def seen_by(principal: Principal, *, change: bool = False) -> str | None:
    """Whose jobs somebody may see, or change; None for everybody's, which reviewers see and admins change."""
    scopes = ("admin",) if change else ("admin", "review")
    return None if any(principal.may(scope) for scope in scopes) else principal.id


class _Desk:
    """Where jobs are handed in."""

    def __init__(self, context: Context, reception: Reception) -> None:
        check_secret(context.settings)
        self._settings, self._reception = context.settings, reception
        self._folder: Path = folder_of(context.settings)
        self._queue = JobQueue(context.settings)
        self._rules = replace(FormRules.of(context.settings, fields=FIELDS), memory_bytes=0)
        self.store = JobStore(context.database, context.settings)

    async def submit(self, request: Request, principal: Principal, key: str | None) -> tuple[JobView, bool]:
        if key is None:  # with a key it may be a job that is there already, however full it is
            await run_in_threadpool(self.store.refuse_when_full, principal.id)
        job_id = new_id()
        path = self._folder / MEDIA_OF.format(job_id)
        async with self._reception.form(request, self._rules) as form:
            (upload,) = form.files
            wanted = self._read(form.fields)
            taken = False
            try:
                stored = await run_in_threadpool(store, upload, path)
                new = _submission(job_id, principal.id, key, upload.name, stored, wanted)
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
        keep = flag("keep", fields.pop("keep", ""), BadSubmission)
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
