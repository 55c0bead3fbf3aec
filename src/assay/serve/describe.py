"""`POST /api/describe`: a result in words.

The web page, and whoever else shows results to people, says what the terminal says, and words are composed in one
place: `assay.report.text`. Nothing is looked up or kept; what comes in goes out in another form.
"""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from assay.errors import BadRequest, LimitExceeded
from assay.report.text import words
from assay.result import ScanResult
from assay.serve.access import require
from assay.serve.answers import documented
from assay.serve.context import Context
from assay.serve.samples import sample

MOST_BYTES = 4 * 2**20  # a video of 100 persons and ten hours of sound stay below


class Described(BaseModel):
    """A result as people read it; plain text without markup."""

    model_config = ConfigDict(extra="forbid")

    subject: str = Field(description="name of the file; characters that do not show are spelt out")
    verdict: str = Field(description="in plain words")
    text: str = Field(description="the sentences behind it: how sure, why, where, what was not analysed")


def router(context: Context) -> APIRouter:
    """The route."""
    most = min(MOST_BYTES, context.settings.serve_max_request_bytes)
    routes = APIRouter(tags=["predict"], dependencies=[Depends(require("predict"))])

    @routes.post(
        "/api/describe", openapi_extra=_body(), responses={**documented(400, 405, 413), 422: documented(422)[422]}
    )
    async def describe(request: Request) -> Described:
        """Put a result of this version into words, those that `assay scan` prints."""
        try:
            told = words(ScanResult.model_validate_json(await _within(request, most)))
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(str(part) for part in first["loc"])
            raise BadRequest(
                f"This is no result of this version: {where or 'the whole'}: {first['msg']}. Send what /api/predict"
                " answered, as it came."
            ) from error
        except (OverflowError, ValueError) as error:  # infinite seconds, and the like
            raise BadRequest(f"The result holds numbers that no scan gives: {error}.") from error
        return Described(subject=told.subject, verdict=told.verdict, text=told.rest)

    return routes


async def _within(request: Request, most: int) -> bytes:
    """The body, if it is not too long; what is too long is not kept."""
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > most:
            raise LimitExceeded(f"The result has more than {most:,} bytes, which none has.", limit="result_bytes")
    return bytes(body)


def _body() -> dict[str, Any]:
    content = {"schema": {"$ref": "#/components/schemas/ScanResult"}, "example": sample().model_dump(mode="json")}
    return {"requestBody": {"required": True, "content": {"application/json": content}}}
