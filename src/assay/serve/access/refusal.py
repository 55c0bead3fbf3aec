"""How a refusal looks: one JSON object over HTTP, and over a WebSocket that was not accepted yet."""

from __future__ import annotations

import math
from typing import Any

from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse
from starlette.types import Message, Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketState

from assay.errors import AssayError
from assay.serve.request_id import request_id_of

POLICY_VIOLATION = 1008  # RFC 6455, 7.4.1


def error_body(error: AssayError, request_id: str) -> dict[str, Any]:
    """What every error of the service looks like."""
    told = {"code": error.code, "message": error.message, "context": error.context, "request_id": request_id}
    return {"error": told}


def refusal(scope: Scope, error: AssayError, status: int) -> JSONResponse:
    """The response to a request that is refused."""
    scope.setdefault("state", {})["error_code"] = error.code
    headers = {}
    if status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="assay"'
    wait_s = error.context.get("retry_after_s")
    if isinstance(wait_s, int | float):
        headers["Retry-After"] = str(max(1, math.ceil(wait_s)))
    return JSONResponse(error_body(error, request_id_of(scope)), status, headers)


async def refuse(scope: Scope, receive: Receive, send: Send, error: AssayError, status: int) -> None:
    """Answer a request that goes no further."""
    if scope["type"] == "websocket":
        await deny(WebSocket(scope, receive, send), error, status)
    else:
        await refusal(scope, error, status)(scope, receive, send)


async def deny(socket: WebSocket, error: AssayError, status: int) -> None:
    """Refuse a WebSocket: with a response where it only asked to connect and the server can, else by closing it."""
    if socket.client_state is WebSocketState.CONNECTING:
        await socket.receive()
    response = refusal(socket.scope, error, status)
    asked = socket.application_state is WebSocketState.CONNECTING
    if asked and "websocket.http.response" in (socket.scope.get("extensions") or {}):
        await socket.send_denial_response(response)
    else:
        await socket.close(POLICY_VIOLATION, error.code)


async def answer(connection: HTTPConnection, error: Exception) -> JSONResponse | None:
    """Exception handler of `AccessError` and `RecordNotFound`, for HTTP and WebSocket."""
    assert isinstance(error, AssayError)
    status = getattr(error, "status", 404)
    if isinstance(connection, WebSocket):
        await deny(connection, error, status)
        return None
    return refusal(connection.scope, error, status)


def with_subprotocol(message: Message, name: str) -> Message:
    """An acceptance that names a subprotocol, unless it names one already."""
    return message if message.get("subprotocol") else {**message, "subprotocol": name}
