"""Outermost: every request has an id and an answer, whatever happens inside; `assay.serve.operation` logs it.

Plain ASGI and no `BaseHTTPMiddleware`, which would hide from a handler that its client has hung up.
"""

from __future__ import annotations

import logging
import re
import secrets
from collections.abc import MutableMapping
from typing import TYPE_CHECKING, Any

from starlette.requests import Request

from assay.errors import AssayError
from assay.serve.answers import problem, problem_of
from assay.serve.request_id import request_id_of

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

SANE_ID = re.compile(r"[A-Za-z0-9._:-]{1,64}")
log = logging.getLogger("assay.serve")


class Tracing:
    """Wraps the application."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        told = dict(scope["headers"]).get(b"x-request-id", b"").decode("latin-1")
        scope["assay.request_id"] = told if SANE_ID.fullmatch(told) else secrets.token_hex(8)
        request_id_of(scope)  # into its state, for everybody further in
        if scope["type"] == "websocket":
            await self._websocket(scope, receive, send)
            return
        await self._http(scope, receive, send)

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def tell(message: Message) -> None:
            if message["type"] == "websocket.http.response.start":  # refused before it was accepted
                _add_headers(message, scope["assay.request_id"])
            await send(message)

        await self._app(scope, receive, tell)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        status = 0

        async def tell(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                _add_headers(message, scope["assay.request_id"])
            await send(message)

        try:
            await self._app(scope, receive, tell)
        except AssayError as error:  # of a middleware; those of routes are answered further in
            if status:
                raise
            await _answer(error, scope, receive, tell)
        except Exception:  # the outermost place: a fault of ours becomes an answer
            log.exception("fault while answering %s", _shown(scope), extra=_fields(scope))
            if not status:
                await _answer_fault(scope, receive, tell)


def _shown(scope: Scope) -> str:
    return f"{scope['method']} {scope['path'][:200]!r}"


def _fields(scope: Scope) -> dict[str, Any]:
    return {"request_id": scope["assay.request_id"], "method": scope["method"], "path": scope["path"][:200]}


def _add_headers(message: MutableMapping[str, Any], request_id: str) -> None:
    headers = (
        (b"x-request-id", request_id.encode("latin-1")),
        (b"x-content-type-options", b"nosniff"),
        (b"cache-control", b"no-store"),
    )
    given = list(message.get("headers") or ())
    there = {name.lower() for name, _ in given}
    message["headers"] = [*given, *((name, value) for name, value in headers if name not in there)]


async def _answer(error: AssayError, scope: Scope, receive: Receive, send: Send) -> None:
    await problem_of(Request(scope, receive), error)(scope, receive, send)


async def _answer_fault(scope: Scope, receive: Receive, send: Send) -> None:
    message = "This is a fault in Assay; please report it with the request id and what the log says."
    await problem(Request(scope, receive), 500, "unexpected", message)(scope, receive, send)
