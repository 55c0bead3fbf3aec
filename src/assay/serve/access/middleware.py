"""Stands before every request and WebSocket: name, rate, key; and puts safe headers on what goes out.

Closed by default: without a good key nothing but the public paths is reached, whatever an endpoint forgot to ask for.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import partial
from http import HTTPStatus

from anyio import to_thread
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from assay.errors import AccessError, KeyRequired, RateLimited
from assay.serve.access.callers import (
    SUBPROTOCOL,
    address_of,
    check_host,
    check_origin,
    is_loopback,
    key_of,
    keys_required,
)
from assay.serve.access.keys import authenticate
from assay.serve.access.limits import TokenBuckets, bucket_of
from assay.serve.access.principal import ANYBODY, LOCAL, NOBODY, Principal
from assay.serve.access.refusal import refuse, with_subprotocol
from assay.serve.context import Context
from assay.serve.database import AWAY, away
from assay.serve.request_id import request_id_of

# Nothing inline, nothing from elsewhere; blob: for the file that the user chose. No text may become markup or script
# (trusted types), so that a hostile file name stays a name in whatever the page does with it.
PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; media-src 'self' blob:;"
    " connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none';"
    " require-trusted-types-for 'script'; trusted-types 'none'"
)
DATA_POLICY = "default-src 'none'; frame-ancestors 'none'"
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(self)",
}


class Access:
    """ASGI middleware that puts a `Principal` into ``request.state.principal`` or refuses.

    Args:
        app: What it stands before.
        context: Settings and database.
        public: Paths that need no key; one that ends in ``/`` stands for all below it.
    """

    def __init__(self, app: ASGIApp, *, context: Context, public: Collection[str]) -> None:
        settings = context.settings
        self.app = app
        self._context = context
        self._required = keys_required(settings)
        self._keyless = LOCAL if is_loopback(settings.serve_host) else ANYBODY
        self._public = frozenset(public)
        self._below = tuple(path for path in public if path.endswith("/") and path != "/")
        self._keys = TokenBuckets(settings.serve_key_rate)
        self._addresses = TokenBuckets(settings.serve_address_rate if self._required else 0)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let through, or refuse."""
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        guarded = partial(_guarded, scope, send)
        try:
            scope.setdefault("state", {})["principal"] = await self._admit(scope)
        except AccessError as error:
            await refuse(scope, receive, guarded, error, error.status)
            return
        except AWAY as error:
            told = away(error, request_id_of(scope))
            await refuse(scope, receive, guarded, told, HTTPStatus.SERVICE_UNAVAILABLE)
            return
        await self.app(scope, receive, guarded)

    async def _admit(self, scope: Scope) -> Principal:
        settings = self._context.settings
        check_host(scope, settings)
        address = address_of(scope, settings.serve_trusted_proxies)
        scope["state"]["address"] = address
        _within_rate(self._addresses.take(bucket_of(address)), "from this address")
        if scope["path"] in self._public or scope["path"].startswith(self._below or "\0"):
            return NOBODY
        text = key_of(scope)
        if text is None:
            if self._required:
                raise KeyRequired(
                    "This service needs an API key: send the header 'Authorization: Bearer KEY' or 'X-API-Key: KEY'."
                    " The operator makes keys with `assay keys create`."
                )
            check_origin(scope, settings)
            return self._keyless
        principal = await to_thread.run_sync(authenticate, self._context.database, text)
        _within_rate(self._keys.take(principal.id, principal.rate), "with this key")
        return principal


def _within_rate(wait_s: float, whose: str) -> None:
    if wait_s > 0:
        raise RateLimited(
            f"Too many requests {whose}. The next one may come in {wait_s:.1f} s.", retry_after_s=round(wait_s, 3)
        )


async def _guarded(scope: Scope, send: Send, message: Message) -> None:
    """Send on; a response with the headers that keep browsers from harm, unless it set them itself."""
    if message["type"] in ("http.response.start", "websocket.http.response.start"):
        headers = MutableHeaders(scope=message)
        for name, value in HEADERS.items():
            headers.setdefault(name, value)
        page = headers.get("content-type", "").startswith("text/html")
        headers.setdefault("Content-Security-Policy", PAGE_POLICY if page else DATA_POLICY)
        if not page:
            headers.setdefault("Cache-Control", "no-store")  # results are about persons
    elif message["type"] == "websocket.accept" and SUBPROTOCOL in (scope.get("subprotocols") or ()):
        # A browser that brings its key as a subprotocol hangs up unless the other one it offered is chosen.
        message = with_subprotocol(message, SUBPROTOCOL)
    await send(message)
