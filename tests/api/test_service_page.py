"""The page about the service is true: its examples run, and it names every limit and code."""

import re
import shlex
from pathlib import Path

import pytest

from assay.serve.answers import HTTP_CODES, STATUSES, status_of
from assay.serve_settings import ServeSettings

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "service.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^curl .+$", PAGE, re.MULTILINE)
ADDRESS = "http://127.0.0.1:5000"


def curl(service, command):
    """What curl would send: -F and -H, as the page uses them."""
    words = iter(shlex.split(command)[1:])
    files, fields, headers, path = [], {}, {}, None
    for word in words:
        if word == "-F":
            name, _, value = next(words).partition("=")
            if value.startswith("@"):
                files.append((name, (Path(value).name, (ROOT / value[1:]).read_bytes())))
            else:
                fields[name] = value
        elif word == "-H":
            name, _, value = next(words).partition(": ")
            headers[name] = value
        else:
            assert word.startswith(ADDRESS), word
            path = word.removeprefix(ADDRESS)
    return service.request("POST" if files else "GET", path, files=files or None, data=fields or None, headers=headers)


@pytest.mark.parametrize("command", EXAMPLES)
def test_examples_run(service, command):
    response = curl(service, command)
    assert response.status_code == 200, response.text
    assert response.headers["content-type"].partition(";")[0] in {"application/json", "text/html"}


def test_every_endpoint_has_an_example_and_a_row(service):
    paths = [path for path in service.get("/api/openapi.json").json()["paths"] if path in PAGE]
    assert len(paths) >= 10
    for path in ("/api/predict/audio", "/api/predict/image", "/api/predict/video", "/api/predict/multimodal"):
        assert any(example.endswith(path) for example in EXAMPLES)
    for path in ("/api/batch-predict", "/api/health", "/api/models", "/api/stats", "/readyz"):
        assert any(example.endswith(path) for example in EXAMPLES)


def test_every_status_is_explained():
    rows = dict(re.findall(r"^\| (\d{3}) \| (.+?) \|", PAGE, re.MULTILINE))
    for kind in STATUSES:
        assert str(status_of(kind("x"))) in rows or status_of(kind("x")) == 501
    for status in (400, 404, 405, 413, 415, 429):
        assert f"`{HTTP_CODES[status]}`" in rows[str(status)]


def test_every_limit_is_named():
    own = [name for name in ServeSettings.model_fields if name.startswith("serve_max") or "upload" in name]
    own += [
        "serve_jobs",
        "serve_queue_size",
        "serve_timeout_s",
        "serve_grace_s",
        "serve_batch",
        "serve_batch_wait_ms",
        "serve_memory_bytes",
    ]
    assert [name for name in own if f"`{name}`" not in PAGE] == []
