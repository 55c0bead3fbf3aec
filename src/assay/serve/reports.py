"""`POST /api/explain` and `/api/report`: what moved the score of a file, and a report to keep; both scan the file.

Neither goes into the history, which is of `/api/predict`; reports are in the audit log.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response

from assay.errors import BadRequest
from assay.explain import Explanation
from assay.result import ScanResult
from assay.serve.access import Principal, require
from assay.serve.acts import Acts
from assay.serve.answers import documented
from assay.serve.context import Context
from assay.serve.fields import flag
from assay.serve.multipart import FormRules, Upload
from assay.serve.operation.audit import append, seal_of
from assay.serve.predict import FIELDS, changes_of
from assay.serve.reception import Reception
from assay.serve.request_id import request_id_of
from assay.stopping import check_stop

FORMS = {"pdf": "application/pdf", "html": "text/html; charset=utf-8"}
STATUSES = (400, 405, 408, 413, 415, 422, 500, 503, 504)
User = Annotated[Principal, Depends(require("predict"))]


def router(context: Context, acts: Acts, reception: Reception) -> APIRouter:
    """The two routes."""
    routes = APIRouter(tags=["reports"])
    told = FormRules.of(context.settings, fields=FIELDS)
    wanted = FormRules.of(context.settings, fields=(*FIELDS, "format", "explain", "stability"))
    desk = _Desk(context, acts)

    @routes.post(
        "/api/explain",
        operation_id="explain",
        openapi_extra=_body({}),
        responses={
            200: {"description": "An explanation: docs/explanation.md", "content": _object()},
            **documented(*STATUSES),
        },
    )
    async def explain(request: Request, _principal: User) -> Response:
        """Tell what moved the score of a file: maps, seconds, bands and places. Not what was done to it."""
        acts.require_room()
        async with reception.form(request, told) as form:
            act = partial(desk.explanation, form.files[0], changes_of(form.fields))
            found: Explanation = await acts.run(request, act)
        return JSONResponse(found.as_dict())

    @routes.post(
        "/api/report",
        operation_id="report",
        openapi_extra=_body(
            {
                "format": {"type": "string", "enum": list(FORMS), "default": "pdf"},
                "explain": {"type": "boolean", "description": "draw what moved the score, too"},
                "stability": {"type": "boolean", "description": "scan with this setting"},
            }
        ),
        responses={
            200: {
                "description": "A report: docs/report.md",
                "content": {form.partition(";")[0]: {"schema": {"type": "string"}} for form in FORMS.values()},
            },
            **documented(*sorted({*STATUSES, 501})),
        },
    )
    async def report(request: Request, principal: User) -> Response:
        """Scan a file and make a report that can be read without Assay, as PDF or as one page of HTML."""
        acts.require_room()
        async with reception.form(request, wanted) as form:
            fields = dict(form.fields)
            kind = fields.pop("format", "").strip() or "pdf"
            if kind not in FORMS:
                raise BadRequest(f"format is {kind[:40]!r}; give pdf or html.", field="format")
            explained, stable = (flag(name, fields.pop(name, "")) for name in ("explain", "stability"))
            changes = changes_of(fields) | ({"stability": True} if stable else {})
            act = partial(desk.report, form.files[0], changes, kind, explained=explained)
            result, made = await acts.run(request, act)
        await run_in_threadpool(desk.tell, request, principal, result, kind)
        name = f"assay-{result.sha256[:12]}.{kind}"
        return Response(made, media_type=FORMS[kind], headers={"Content-Disposition": f'attachment; filename="{name}"'})

    return routes


class _Desk:
    """What the routes do in threads."""

    def __init__(self, context: Context, acts: Acts) -> None:
        self._context, self._acts = context, acts

    def explanation(self, upload: Upload, changes: dict[str, Any]) -> Explanation:
        """Of a file; a scan comes first."""
        return self._explained(upload, changes, self._acts.scan(upload.source, name=upload.name, changes=changes))

    def report(
        self, upload: Upload, changes: dict[str, Any], kind: str, *, explained: bool
    ) -> tuple[ScanResult, bytes]:
        """Of a file, with the result that it tells of."""
        from assay.report import html_report, pdf_report

        result = self._acts.scan(upload.source, name=upload.name, changes=changes)
        given = {
            "medium": upload.source,
            "explanation": self._explained(upload, changes, result) if explained else None,
            "settings": self._context.settings,
        }
        check_stop()
        made = pdf_report(result, **given) if kind == "pdf" else html_report(result, **given).encode()
        return result, made

    def _explained(self, upload: Upload, changes: dict[str, Any], result: ScanResult) -> Explanation:
        from assay.explain.door import Explainer

        explainer = Explainer(self._acts.scorer.detector_with(changes))
        source: Path | bytes = upload.source
        return explainer.explain(source, result=result, name=upload.name).explanation

    def tell(self, request: Request, principal: Principal, result: ScanResult, kind: str) -> None:
        """Write into the audit log; waits for the database."""
        with self._context.database.session() as session:
            append(
                session, seal_of(self._context.settings), principal, "report", result.sha256,
                outcome=str(result.verdict), detail={"format": kind}, request_id=request_id_of(request.scope),
            )  # fmt: skip


def _object() -> dict[str, Any]:
    return {"application/json": {"schema": {"type": "object"}}}


def _body(more: dict[str, Any]) -> dict[str, Any]:
    """The request as OpenAPI says it."""
    file = {"type": "string", "format": "binary", "description": "a recording, picture or video"}
    properties: dict[str, Any] = {"file": file, "confidence_threshold": {"type": "number"}}
    properties |= {"num_frames": {"type": "integer", "minimum": 1, "maximum": 10_000}, **more}
    schema = {"type": "object", "required": ["file"], "properties": properties, "additionalProperties": False}
    return {"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": schema}}}}
