"""The addresses of live sound: `/api/stream` (WebSocket) and `/api/stream/schema`, the messages as JSON Schema."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import APIRouter, Depends, WebSocket
from pydantic import TypeAdapter

from assay.live.messages import FromClient, ToClient
from assay.serve.access import require
from assay.serve.answers import documented
from assay.serve.context import Context
from assay.serve.live.room import Room
from assay.serve.live.session import Session
from assay.serve.operation.recording import Recorder


def router(context: Context, recorder: Recorder | None = None) -> APIRouter:
    """Routes of live sound.

    Args:
        context: Of the process.
        recorder: Writes down what streams end with; None for nobody.
    """
    room = Room(context.settings)

    @asynccontextmanager
    async def lifespan(_app: object) -> AsyncIterator[None]:
        yield
        await asyncio.to_thread(room.close)

    guard = [Depends(require("predict"))]
    routes = APIRouter(lifespan=lifespan, tags=["live"], dependencies=guard, responses=documented(405))

    @routes.websocket("/api/stream", name="stream")
    async def stream(websocket: WebSocket) -> None:
        await Session(websocket, room, recorder).run()

    @routes.get("/api/stream/schema", summary="Messages of the WebSocket /api/stream as JSON Schema")
    def schema() -> dict[str, Any]:
        return message_schema()

    return routes


def message_schema() -> dict[str, Any]:
    """JSON Schema of what client and service say, under ``from_client`` and ``to_client``."""
    return {
        "from_client": TypeAdapter(FromClient).json_schema(),
        "to_client": TypeAdapter(ToClient).json_schema(mode="serialization"),
    }
