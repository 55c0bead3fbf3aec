"""What the access room adds to the OpenAPI description: how keys are sent, and the refusals of every endpoint."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from fastapi import FastAPI

SCHEMES = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "An API key: `assay_ID_SECRET`."},
    "key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
}
REFUSED = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "message", "context", "request_id"],
            "properties": {
                "code": {"type": "string", "examples": ["key_required"]},
                "message": {"type": "string"},
                "context": {"type": "object"},
                "request_id": {"type": "string"},
            },
        }
    },
}
STATUSES = {
    "400": "The service was called by a name that is not its own, or the request is malformed.",
    "401": "No API key, or one that is malformed, unknown, expired or revoked.",
    "403": "The API key is not for this, or a page of another site called.",
    "429": "Too many requests; Retry-After says when the next one may come.",
    "503": "The database does not answer; Retry-After says when to ask again.",
}
PUBLIC_STATUSES = ("400", "429")


def describe(app: FastAPI, public: Collection[str]) -> None:
    """Have the description of an app tell about keys and refusals; what an endpoint says itself stays."""
    original: Callable[[], dict[str, Any]] = app.openapi

    def openapi() -> dict[str, Any]:
        schema = original()
        parts = schema.setdefault("components", {})
        parts.setdefault("securitySchemes", {}).update(SCHEMES)
        parts.setdefault("schemas", {}).setdefault("Refused", REFUSED)
        schema["security"] = [{}, *({name: []} for name in SCHEMES)]
        for path, operations in schema.get("paths", {}).items():
            for operation in operations.values():
                if isinstance(operation, dict):
                    _add_refusals(operation, PUBLIC_STATUSES if path in public else tuple(STATUSES))
        return schema

    app.openapi = openapi  # type: ignore[method-assign] # FastAPI's own way to change the description


def _add_refusals(operation: dict[str, Any], statuses: tuple[str, ...]) -> None:
    responses = operation.setdefault("responses", {})
    for status in statuses:
        content = {"application/json": {"schema": {"$ref": "#/components/schemas/Refused"}}}
        responses.setdefault(status, {"description": STATUSES[status], "content": content})
