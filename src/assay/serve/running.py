"""Runs the application in uvicorn and ends it properly.

Told to stop (SIGTERM, SIGINT), it goes on listening while it finishes within ``serve_grace_s`` what it is scoring, and
answers 503 with ``Retry-After`` to whoever sends more, so that a balancer turns to others instead of meeting a closed
port. Told again, it stops at once.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import socket
import sys
from types import FrameType
from typing import TYPE_CHECKING

import uvicorn

from assay.errors import SettingsError
from assay.serve.app import create_app

if TYPE_CHECKING:
    from collections.abc import Callable

    from fastapi import FastAPI

    from assay.serve.acts import Acts
    from assay.serve.scoring import Scorer
    from assay.settings import Settings

BACKLOG = 512
LAST_ANSWERS_S = 5  # for clients that read slowly, once nothing is scored any more
log = logging.getLogger("assay.serve")


class _Server(uvicorn.Server):
    """Drains before it exits."""

    def __init__(self, config: uvicorn.Config, scorer: Scorer, acts: Acts) -> None:
        super().__init__(config)
        self._scorer, self._acts = scorer, acts
        self._draining: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        await super().startup(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """The first signal drains, the second stops."""
        if self._scorer.draining or self._loop is None:
            self.should_exit = self.force_exit = True
            return
        self._scorer.drain()
        self._loop.call_soon_threadsafe(self._drain)

    def _drain(self) -> None:
        self._draining = asyncio.get_running_loop().create_task(self._exit_when_idle())

    async def _exit_when_idle(self) -> None:
        while self._scorer.grace_s and (self._scorer.running() or self._acts.running):
            await asyncio.sleep(0.05)
        self.should_exit = True


def bind(host: str, port: int) -> socket.socket:
    """A socket that listens.

    Raises:
        SettingsError: If the address is in use or not ours.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        if os.name == "posix":  # elsewhere it would let two programs share a port
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(BACKLOG)
    except (OSError, UnicodeError) as error:
        listening.close()
        reason = getattr(error, "strerror", None) or str(error)
        raise SettingsError(
            f"The service cannot listen on {host} port {port}: {reason}. End what listens there, or choose another"
            " port with --port (0 takes a free one).",
            serve_host=host,
            serve_port=port,
        ) from error
    return listening


def serve(settings: Settings, *, told: Callable[[str], None]) -> None:
    """Serve until told to stop.

    Args:
        settings: In force.
        told: Called with the address once the port is ours.

    Raises:
        SettingsError, ModelError, MissingExtra: As `create_app`, and if the port cannot be had.
    """
    listening = bind(settings.serve_host, settings.serve_port)
    app = create_app(settings)
    scorer: Scorer = app.state.context.scorer
    config = uvicorn.Config(
        app,
        http="h11",  # keeps no more than 64 KiB of a head; httptools, which is taken where it is there, keeps any
        log_config=None,
        log_level="warning",
        access_log=False,  # `assay.serve.operation` writes one, with the request id
        server_header=False,
        proxy_headers=False,  # `assay.serve.access` reads them, of proxies that are trusted
        timeout_graceful_shutdown=LAST_ANSWERS_S,
        ws_max_size=2**23,
    )
    host, port = listening.getsockname()[:2]
    told(f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}")
    server = _Server(config, scorer, app.state.acts)
    # What is there now stays. Left to itself the collector looks at all of it, half a million objects, every few
    # thousand requests, and at what each request leaves, which counting frees, every few of them.
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
    # A thread that comes back from the network with its scores waits for the interpreter no longer than this.
    sys.setswitchinterval(0.0005)
    try:
        asyncio.run(_serve(server, listening))
    finally:
        listening.close()
    _end(app)


async def _serve(server: _Server, listening: socket.socket) -> None:
    await server.serve([listening])


def _end(app: FastAPI) -> None:
    """Python waits for threads, also for one that a decoder never leaves."""
    if not app.state.idle:
        log.error("a scan cannot be stopped; the process ends without it")
        logging.shutdown()
        os._exit(1)
