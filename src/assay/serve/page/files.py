"""The files of the page, read once when the service starts.

Only names that are in the package are answered, so no path of a request ever meets the file system.
"""

from __future__ import annotations

import gzip
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request
from starlette.exceptions import HTTPException
from starlette.responses import Response

from assay.report.text import NO_PROOF
from assay.result import PLAIN_VERDICTS
from assay.serve.access.callers import keys_required
from assay.serve.access.middleware import PAGE_POLICY
from assay.serve.context import Context
from assay.serve.page.samples import SAMPLES, samples_folder
from assay.settings import Settings

STATIC = Path(__file__).parent / "static"
TYPES = {
    ".css": "text/css; charset=utf-8",
    ".flac": "audio/flac",
    ".html": "text/html; charset=utf-8",
    ".jpg": "image/jpeg",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".mp4": "video/mp4",
    ".png": "image/png",
    ".svg": "image/svg+xml",
}
WORTH_PACKING = frozenset({".css", ".html", ".js", ".json", ".svg"})


@dataclass(frozen=True)
class _File:
    content: bytes
    packed: bytes | None
    kind: str
    tag: str

    @classmethod
    def of(cls, name: str, content: bytes) -> _File:
        suffix = Path(name).suffix
        packed = gzip.compress(content, mtime=0) if suffix in WORTH_PACKING else None
        return cls(content, packed, TYPES[suffix], f'"{hashlib.sha256(content).hexdigest()[:24]}"')

    def answer(self, request: Request) -> Response:
        """The file; nothing but its tag where the browser has it already."""
        # no-cache: kept by the browser, but asked about, so that a new version of Assay never meets an old page
        headers = {"ETag": self.tag, "Cache-Control": "no-cache", "Vary": "Accept-Encoding"}
        if self.kind.startswith("text/html"):
            headers["Content-Security-Policy"] = PAGE_POLICY  # with a 304, too: browsers keep what came last
        if self.tag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        if self.packed is not None and "gzip" in request.headers.get("accept-encoding", ""):
            return Response(self.packed, headers={**headers, "Content-Encoding": "gzip"}, media_type=self.kind)
        return Response(self.content, headers=headers, media_type=self.kind)


def router(context: Context) -> APIRouter:
    """`GET /` and the files below ``/page/``; they are for people, so OpenAPI does not list them."""
    routes = APIRouter(include_in_schema=False)
    files = {name: _File.of(name, content) for name, content in _contents(context.settings).items()}

    @routes.api_route("/", methods=["GET", "HEAD"])
    async def page(request: Request) -> Response:
        return files["index.html"].answer(request)

    @routes.api_route("/page/{name:path}", methods=["GET", "HEAD"])
    async def file(request: Request, name: str) -> Response:
        if name not in files:
            raise HTTPException(404)
        return files[name].answer(request)

    return routes


def _contents(settings: Settings) -> dict[str, bytes]:
    found = {path.name: path.read_bytes() for path in sorted(STATIC.iterdir()) if path.suffix in TYPES}
    found |= {f"samples/{sample.file}": (samples_folder() / sample.file).read_bytes() for sample in SAMPLES}
    return {**found, "start.json": json.dumps(_start(settings)).encode()}


def _start(settings: Settings) -> dict[str, Any]:
    """What the page must know before it asks for anything: words, limits, whether a key is needed."""
    return {
        "verdicts": PLAIN_VERDICTS,
        "no_proof": NO_PROOF,
        "key_required": keys_required(settings),
        "max_file_bytes": min(settings.serve_max_upload_bytes, settings.max_file_bytes),
        "max_files": settings.serve_max_files,
        "samples": [sample.told() for sample in SAMPLES],
    }
