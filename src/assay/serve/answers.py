"""What the service answers when it has no result: one shape for every error, and one table of statuses.

    {"error": {"code": "decode_failed", "message": "…", "context": {}, "request_id": "…"}}

Errors that say their `status` themselves have that; others that of their nearest parent in `STATUSES`.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.responses import Response

from assay import errors
from assay.errors import AssayError
from assay.serve.database import AWAY, away
from assay.serve.multipart import ClientGone
from assay.serve.request_id import request_id_of

GONE = 499  # in the log: the client hung up; nginx's number, as HTTP has none
log = logging.getLogger("assay.serve")

STATUSES: dict[type[AssayError], int] = {
    AssayError: 500,
    errors.SettingsError: 422,
    errors.MissingExtra: 501,
    errors.MediaError: 422,
    errors.MediaNotFound: 500,  # what a request sent was there a moment ago
    errors.MediaUnreadable: 500,
    errors.UnsupportedMedia: 415,
    errors.LimitExceeded: 413,
    errors.RecordNotFound: 404,
    errors.SpeakerError: 500,
    errors.ProfileNotFound: 404,
    errors.ProfileOutdated: 409,
    errors.ProfileExpired: 410,
    errors.EnrolmentRefused: 422,
    errors.ServiceError: 500,
    errors.BadRequest: 400,
    errors.UploadTooSlow: 408,
    errors.Overloaded: 503,
    errors.Unavailable: 503,
    errors.TimedOut: 504,
    errors.Stopped: 503,
}
HTTP_CODES = {
    400: "bad_request",
    401: "unauthenticated",
    403: "forbidden",
    404: "no_such_path",
    405: "method_not_allowed",
    409: "conflict",
    413: "limit_exceeded",
    415: "unsupported",
    422: "bad_request",
    429: "rate_limited",
    503: "unavailable",
}


class Problem(BaseModel):
    """What went wrong with a request."""

    model_config = ConfigDict(extra="forbid")

    code: str = Field(description="stable, for programs; docs/errors.md and docs/service.md list them")
    message: str = Field(description="for people: what was given, what is accepted, what to do next")
    context: dict[str, Any] = Field(default_factory=dict, description="the numbers and names behind the message")
    request_id: str = Field(description="the same as in the header X-Request-ID and in the log")


class ErrorAnswer(BaseModel):
    """The answer to every request that has no other."""

    model_config = ConfigDict(extra="forbid")

    error: Problem


def status_of(error: AssayError) -> int:
    """The HTTP status that an error of our tree becomes."""
    own = getattr(error, "status", None)
    return own if own is not None else next(STATUSES[kind] for kind in type(error).__mro__ if kind in STATUSES)


def problem(
    request: Request,
    status: int,
    code: str,
    message: str,
    context: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """The response for an error; its code is kept for log and metrics."""
    request_id = request_id_of(request.scope)
    request.state.error_code = code
    answer = ErrorAnswer(error=Problem(code=code, message=message, context=dict(context or {}), request_id=request_id))
    return Response(answer.model_dump_json(), status, headers, "application/json")


def problem_of(request: Request, error: AssayError) -> Response:
    """The response for an error of our tree; a wait that it names becomes ``Retry-After``."""
    status = status_of(error)
    wait_s = error.context.get("retry_after_s", getattr(error, "retry_after_s", None))
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR and status != HTTPStatus.SERVICE_UNAVAILABLE:
        log.error("%s", error, extra={"request_id": request_id_of(request.scope), "code": error.code})
    headers = {"Retry-After": str(max(1, math.ceil(wait_s)))} if isinstance(wait_s, (int, float)) else {}
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        headers.setdefault("Retry-After", "5")
    return problem(request, status, error.code, error.message, error.context, headers)


def install(app: FastAPI) -> None:
    """Answer every error in the one shape."""
    app.add_exception_handler(AssayError, _on_ours)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(ClientGone, _on_gone)
    for kind in AWAY:
        app.add_exception_handler(kind, _on_away)


def _on_ours(request: Request, error: Exception) -> Response:
    assert isinstance(error, AssayError)
    return problem_of(request, error)


def _on_invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    faults = [{"where": [str(part) for part in one["loc"]], "what": one["msg"]} for one in error.errors()]
    told = "; ".join(f"{'.'.join(fault['where'])}: {fault['what']}" for fault in faults)
    return problem(request, 422, "bad_request", f"The request is not as documented: {told}.", {"faults": faults})


def _on_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    status, message = error.status_code, str(error.detail)
    if status == HTTPStatus.NOT_FOUND and message == HTTPStatus.NOT_FOUND.phrase:
        message = f"There is nothing at {request.url.path[:200]!r}. /api/openapi.json lists what there is."
    if status == HTTPStatus.METHOD_NOT_ALLOWED:
        message = f"{request.method} is not answered here; {(error.headers or {}).get('Allow', 'see the API')} is."
    return problem(request, status, HTTP_CODES.get(status, f"http_{status}"), message, headers=error.headers)


def _on_away(request: Request, error: Exception) -> Response:
    return problem_of(request, away(error, request_id_of(request.scope)))


def _on_gone(_request: Request, _error: Exception) -> Response:
    return Response(status_code=GONE)  # for the log; nobody hears it


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """For ``responses=`` of a route: these statuses with the shape of errors and an example each."""
    return {
        status: {"model": ErrorAnswer, "description": HTTPStatus(status).phrase, **_sample(status)}
        for status in statuses
    }


_SAMPLES: dict[int, tuple[str, str]] = {
    400: ("bad_request", "The form holds no file. Send one in the field 'file'; with curl: -F file=@FILE"),
    401: ("key_required", "This service needs an API key: send the header 'Authorization: Bearer KEY'."),
    403: ("scope_missing", "This needs the scope 'predict', which newsroom does not have."),
    404: ("job_not_found", "There is no job '0190'. GET /api/jobs lists yours."),
    405: ("method_not_allowed", "GET is not answered here; POST is."),
    408: (
        "too_slow",
        "After 16 s 12,288 bytes have arrived. Each request has 15 s and a second more for every 16,384 bytes.",
    ),
    409: ("job_not_done", "The job is running; its result is not there yet. Ask again later."),
    410: ("job_cancelled", "The job was cancelled; there will be no result."),
    413: ("limit_exceeded", "The file has 536,870,913 bytes or more, and this service accepts 536,870,912."),
    415: ("unsupported", "'notes.txt' is no media that this version analyses."),
    422: ("decode_failed", "'a.wav' is a WAV file, but it is damaged."),
    429: ("rate_limited", "Too many requests."),
    500: ("unexpected", "This is a fault in Assay; please report it with the request id."),
    503: ("overloaded", "64 files are waiting already. Ask again in 3 s."),
    504: ("timed_out", "No answer within 120 s. Submit longer files as a job."),
}


def _sample(status: int) -> dict[str, Any]:
    code, message = _SAMPLES.get(status, (HTTP_CODES.get(status, "error"), HTTPStatus(status).phrase))
    error = {"code": code, "message": message, "context": {}, "request_id": "4f6c1d0e9a7b2c35"}
    sample: dict[str, Any] = {"content": {"application/json": {"example": {"error": error}}}}
    if status in (HTTPStatus.CONFLICT, HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE):
        sample["headers"] = {"Retry-After": {"schema": {"type": "integer"}, "description": "seconds to wait"}}
    return sample
