"""A service that hears live sound and nothing else, in this process, on a free port of the loopback."""

import asyncio
import contextlib
import socket
import threading
import time
import warnings

import uvicorn
from fastapi import FastAPI

from assay.serve.access import LOCAL
from assay.serve.context import Context
from assay.serve.live import router
from assay.settings import Settings

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # newer starlette would rather have httpx2
    from fastapi.testclient import TestClient

__all__ = ["TestClient", "make_app", "served"]


class Introducing:
    """Stands for `assay.serve.access`: everybody is the local user."""

    def __init__(self, app):
        self.app = app

    async def __call__(self, scope, receive, send):
        scope.setdefault("state", {})["principal"] = LOCAL
        await self.app(scope, receive, send)


def make_app(**settings):
    """An application around a context of its own."""
    app = FastAPI()
    app.include_router(router(Context(settings=Settings(**settings), database=None, scorer=None)))
    app.add_middleware(Introducing)
    return app


@contextlib.contextmanager
def served(**settings):
    """Run the application under uvicorn; yields host and port."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        config = uvicorn.Config(make_app(**settings), log_level="critical", timeout_graceful_shutdown=2)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=lambda: asyncio.run(server.serve(sockets=[bound])), daemon=True)
        thread.start()
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.01)
        try:
            yield f"127.0.0.1:{bound.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(60)
            assert not thread.is_alive()
