"""Who may ask, and how often: keys, scopes, rate limits, CORS, names, safe headers.

    request ──> name of the service ──> rate of the address ──> key ──> rate of the key ──> scope ──> endpoint
                   400                     429                  401         429               403

On loopback nobody needs a key (`LOCAL`, with all scopes); on any other address everybody does, unless
``serve_require_key = false`` says otherwise. See docs/operation.md.
"""

from __future__ import annotations

import logging
from collections.abc import Collection

from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware

from assay.errors import AccessError, RecordNotFound, SettingsError
from assay.serve.access.callers import is_loopback, keys_required
from assay.serve.access.dependencies import principal_of, require
from assay.serve.access.keys import any_active
from assay.serve.access.middleware import Access
from assay.serve.access.openapi import describe
from assay.serve.access.principal import LOCAL, Principal
from assay.serve.access.refusal import answer
from assay.serve.context import Context

__all__ = ["LOCAL", "PUBLIC", "Principal", "check_start", "install", "principal_of", "require"]

PUBLIC = frozenset({"/livez", "/readyz", "/api/health", "/", "/page/"})  # the last two are the page, see serve.page
log = logging.getLogger("assay.serve.access")


def install(app: FastAPI, context: Context, *, public: Collection[str] = PUBLIC) -> None:
    """Put the guard before an app; to be called before `assay.serve.operation.install`.

    Args:
        app: To be guarded.
        context: Settings and database, whose tables are made.
        public: Paths that need no key; one that ends in ``/`` stands for all below it.

    Raises:
        SettingsError: As `check_start`.
    """
    context.database.create_tables()
    check_start(context)
    settings = context.settings
    if settings.serve_metrics_open:
        public = {*public, "/metrics"}
    app.add_middleware(Access, context=context, public=public)
    if settings.serve_cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.serve_cors_origins,
            allow_methods=["GET", "POST", "DELETE"],
            allow_headers=["Authorization", "X-API-Key", "Content-Type", "Idempotency-Key"],
            expose_headers=["Retry-After", "X-Request-Id"],
        )
    for kind in (AccessError, RecordNotFound):
        app.add_exception_handler(kind, answer)  # type: ignore[arg-type] # also for WebSockets, which have no response
    describe(app, public)


def check_start(context: Context) -> None:
    """Refuse to start a service that nobody could call, and say aloud when everybody can.

    Raises:
        SettingsError: If keys are required and there is none.
    """
    settings = context.settings
    if keys_required(settings):
        with context.database.session() as session:
            if any_active(session):
                return
        raise SettingsError(
            f"The service is to listen on {settings.serve_host} and asks for API keys, but there is none. Make one:"
            " assay keys create NAME --role user. Or listen on 127.0.0.1, where none is needed; or, behind something"
            " else that checks who asks, set serve_require_key = false."
        )
    if not is_loopback(settings.serve_host):
        log.warning("anybody who reaches %s may use the service: serve_require_key is false", settings.serve_host)
