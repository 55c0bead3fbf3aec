"""Stands within `assay.serve.tracing`: counts each request, times it and writes one line about it."""

from __future__ import annotations

import logging
import time
from http import HTTPStatus
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from assay.serve.access.principal import Principal
from assay.serve.operation.metrics import METHODS, Metrics
from assay.serve.request_id import request_id_of

UNMATCHED = "unmatched"
QUIET = frozenset({"/livez", "/readyz", "/metrics"})  # asked every few seconds by machines
log = logging.getLogger("assay.serve.requests")


class Observed:
    """ASGI middleware. The route is told as its template: what clients put into paths goes into no log and no metric.

    Args:
        app: What is observed.
        metrics: Where it is counted.
    """

    def __init__(self, app: ASGIApp, *, metrics: Metrics) -> None:
        self.app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on and look at the answer."""
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        request_id_of(scope)  # into its state, should nobody stand further out
        started = time.perf_counter()
        status = 500  # if the app falls over before it answers
        sent = 0

        async def watched(message: Message) -> None:
            nonlocal status, sent
            kind = message["type"]
            if kind in ("http.response.start", "websocket.http.response.start"):
                status = message["status"]
            elif kind == "websocket.accept":
                status = HTTPStatus.SWITCHING_PROTOCOLS
            elif kind == "websocket.close" and status == 500:
                status = HTTPStatus.FORBIDDEN  # what a server makes of a close before the acceptance
            sent += len(message.get("body", b""))
            await send(message)

        try:
            with self._metrics.in_progress.track_inprogress():
                await self.app(scope, receive, watched)
        finally:
            self._tell(scope, int(status), sent, time.perf_counter() - started)

    def _tell(self, scope: Scope, status: int, sent: int, seconds: float) -> None:
        method = "WEBSOCKET" if scope["type"] == "websocket" else str(scope["method"])
        route = getattr(scope.get("route"), "path", None) or UNMATCHED
        state: dict[str, Any] = scope["state"]
        code = state.get("error_code")
        self._metrics.answered(method, route, status, seconds, code)
        principal = state.get("principal")
        shown = method if method in METHODS else "other"
        log.log(
            logging.DEBUG if route in QUIET else logging.INFO,
            "%s %s %d in %.0f ms",
            shown,
            route,
            status,
            1e3 * seconds,
            extra={
                "request_id": state["request_id"],
                "method": shown,
                "route": route,
                "status": status,
                "duration_ms": round(1e3 * seconds, 3),
                "bytes_sent": sent,
                "principal": principal.id if isinstance(principal, Principal) else None,
                "address": state.get("address"),
                "error_code": code,
            },
        )
