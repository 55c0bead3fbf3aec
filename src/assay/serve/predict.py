"""`POST /api/predict/…` and `/api/batch-predict`: a file in, its result out.

The fields of a request besides the file are settings of the line for this file alone:

- ``num_frames``: the setting of the same name, frames of a video that are looked at.
- ``stability``: the setting of the same name, whether the verdict is held against other deliveries.
- ``confidence_threshold`` t: the posterior from which flagging pays. By Bayes' rule that is the decision at a cost of a
  false alarm of t / (1 - t) misses, so it becomes the setting ``false_alarm_cost``; what came of it stands in
  ``operating_point`` of the result. It changes the verdict and no score.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from fastapi import APIRouter, Request
from fastapi.routing import APIRoute
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from assay.errors import AssayError, Overloaded, SettingsError, Unavailable
from assay.result import Outcome, ScanFailure, ScanResult
from assay.serve.access import require
from assay.serve.answers import documented
from assay.serve.context import Context
from assay.serve.cutting import Cut
from assay.serve.multipart import ClientGone, Form, FormRules, Upload
from assay.serve.operation.recording import Recorder
from assay.serve.readiness import Readiness
from assay.serve.reception import Reception
from assay.serve.samples import result_sample
from assay.serve.scoring import Media, Scorer

FIELDS = ("confidence_threshold", "num_frames", "stability")
STATUSES = (400, 405, 408, 413, 415, 422, 500, 503, 504)
AGAIN_S = 0.1  # how soon a file of a batch asks again for room
Answer = TypeVar("Answer")


class BatchAnswer(BaseModel):
    """The outcomes of the files of one request, in their order."""

    model_config = ConfigDict(extra="forbid")

    results: list[Outcome] = Field(description="a ScanResult, or a ScanFailure where a file could not be analysed")


class _Door:
    """What all routes share: a form comes in, its files are scanned, what came out is written down."""

    def __init__(self, context: Context, readiness: Readiness, reception: Reception, recorder: Recorder) -> None:
        self.settings = context.settings
        self._scorer: Scorer = context.scorer
        self._readiness, self._reception, self._recorder = readiness, reception, recorder

    @asynccontextmanager
    async def form(self, request: Request, rules: FormRules) -> AsyncIterator[Form]:
        """The form of a request, if its files can be scored; nothing is read before."""
        self._readiness.require()
        self._scorer.require_room()
        async with self._reception.form(request, rules) as form:
            yield form

    async def scan(
        self, request: Request, upload: Upload, changes: dict[str, Any], media: tuple[Media, ...] = ()
    ) -> ScanResult:
        """Scan a file; a result is given once it is written down, and failures are written down, too."""
        try:
            result = await self._scorer.scan(upload.source, name=upload.name, changes=changes, media=media)
        except (Overloaded, Unavailable):  # nothing was looked at
            raise
        except AssayError as error:
            await self._recorder.write(request, ScanFailure.of(upload.name, error), upload.name)
            raise
        await self._recorder.write(request, result, upload.name)
        return result

    async def scan_all(self, request: Request, form: Form) -> list[Outcome]:
        """As many of them at once as the service scores at once; beyond, they wait here and not in the queue."""
        changes, turn = changes_of(form.fields), asyncio.Semaphore(self._scorer.jobs)

        async def outcome(upload: Upload) -> Outcome:
            async with turn:
                try:
                    await self._until_room()
                    return await self.scan(request, upload, changes)
                except AssayError as error:
                    return ScanFailure.of(upload.name, error)

        return list(await asyncio.gather(*(outcome(upload) for upload in form.files)))

    async def _until_room(self) -> None:
        """Of several files, which have been let in together, each waits for room."""
        clock = asyncio.get_running_loop().time
        until = clock() + self.settings.serve_timeout_s
        while not self._scorer.has_room() and clock() < until:
            await asyncio.sleep(AGAIN_S)


def router(context: Context, readiness: Readiness, reception: Reception, recorder: Recorder) -> APIRouter:
    """The routes that scan."""
    routes = APIRouter(tags=["predict"], route_class=_Plain)
    door, settings = _Door(context, readiness, reception, recorder), context.settings
    one = FormRules.of(settings, fields=FIELDS)
    several = FormRules.of(settings, fields=FIELDS, file_field="files", max_files=settings.serve_max_files)

    async def scanned(request: Request, media: tuple[Media, ...]) -> Response:
        async with door.form(request, one) as form:
            (upload,) = form.files
            result = await unless_gone(request, door.scan(request, upload, changes_of(form.fields), media))
        return Response(result.model_dump_json(), media_type="application/json")

    def add(kind: str, media: tuple[Media, ...], summary: str) -> None:
        async def predict(request: Request) -> Response:
            return await scanned(request, media)

        predict.__doc__ = f"{summary} The content of the file decides what it is, neither its name nor its type."
        routes.add_api_route(
            f"/api/predict/{kind}",
            predict,
            methods=["POST"],
            operation_id=f"predict_{kind}",
            summary=summary,
            openapi_extra=_body(one),
            responses={
                200: {"model": ScanResult, "description": "What was found", **result_sample()},
                **documented(*STATUSES),
            },
        )

    add("audio", ("audio",), "Scan a recording.")
    add("image", ("image",), "Scan a picture.")
    add("video", ("video",), "Scan a video with its sound.")
    add("multimodal", (), "Scan a recording, a picture or a video.")

    @routes.post(
        "/api/batch-predict",
        operation_id="batch_predict",
        openapi_extra=_body(several),
        responses={200: {"model": BatchAnswer, "description": "One outcome per file"}, **documented(*STATUSES)},
    )
    async def batch(request: Request) -> Response:
        """Scan several files of any kind; each has a result or an error of its own, in the order in which they came."""
        async with door.form(request, several) as form:
            outcomes = await unless_gone(request, door.scan_all(request, form))
        return Response(BatchAnswer(results=outcomes).model_dump_json(), media_type="application/json")

    return routes


class _Plain(APIRoute):
    """A route whose function takes the request and nothing else, and is called with it at once.

    FastAPI's own way to the same call, through dependencies and validation that are not there, takes a third of the
    time that the service spends beside a scan.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Who asks is checked first."""
        allowed, answer = require("predict"), self.endpoint

        async def handle(request: Request) -> Response:
            await allowed(request)
            response: Response = await answer(request)
            return response

        return handle


async def unless_gone(request: Request, work: Coroutine[Any, Any, Answer]) -> Answer:
    """The answer of `work`, which is cancelled when the client hangs up.

    Raises:
        ClientGone: If it has.
    """
    with Cut() as cut:
        watching = asyncio.ensure_future(_hung_up(request, cut))
        try:
            return await work
        finally:
            watching.cancel()
    raise ClientGone


async def _hung_up(request: Request, cut: Cut) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
    cut.now()


def changes_of(fields: dict[str, str]) -> dict[str, Any]:
    """Settings for one scan, from the fields of a form; an empty field counts as none.

    Raises:
        SettingsError: If one is not what it should be.
    """
    changes: dict[str, Any] = {}
    if threshold := fields.get("confidence_threshold", "").strip():
        told = _number(threshold, float)
        if told is None or not 0 < told < 1:
            raise SettingsError(
                f"confidence_threshold is {threshold[:40]!r}; give a probability above 0 and below 1, such as 0.9.",
                field="confidence_threshold",
            )
        changes["false_alarm_cost"] = told / (1 - told)
    if frames := fields.get("num_frames", "").strip():
        count = _number(frames, int)
        if count is None or not 1 <= count <= 10_000:
            raise SettingsError(
                f"num_frames is {frames[:40]!r}; give a whole number from 1 to 10,000.", field="num_frames"
            )
        changes["num_frames"] = int(count)
    if stability := fields.get("stability", "").strip():
        if stability not in ("true", "false"):
            raise SettingsError(f"stability is {stability[:40]!r}; give true or false.", field="stability")
        changes["stability"] = stability == "true"
    return changes


def _number(text: str, kind: type[float] | type[int]) -> float | None:
    try:
        return kind(text) if len(text) <= 40 and text.isascii() and "_" not in text else None
    except ValueError:
        return None


def _body(rules: FormRules) -> dict[str, Any]:
    """The request as OpenAPI says it; the form is read by `received`, not by FastAPI."""
    content: dict[str, Any] = {"type": "string", "format": "binary", "description": "a recording, picture or video"}
    several = rules.max_files > 1
    files = {"type": "array", "items": content, "minItems": 1, "maxItems": rules.max_files} if several else content
    threshold = {
        "type": "number",
        "exclusiveMinimum": 0,
        "exclusiveMaximum": 1,
        "example": 0.9,
        "description": "posterior from which flagging pays; sets false_alarm_cost to t / (1 - t) for this request",
    }
    frames = {
        "type": "integer",
        "minimum": 1,
        "maximum": 10_000,
        "example": 32,
        "description": "frames of a video that are looked at, evenly spread; replaces fps",
    }
    stability = {
        "type": "boolean",
        "description": "hold the verdict against other deliveries of the file, which takes several times as long",
    }
    fields = {"confidence_threshold": threshold, "num_frames": frames, "stability": stability}
    schema = {
        "type": "object",
        "required": [rules.file_field],
        "properties": {rules.file_field: files, **fields},
        "additionalProperties": False,
    }
    return {"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": schema}}}}
