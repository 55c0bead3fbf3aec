"""The page about the service is true: its examples run, and it names every limit and code."""

import re
from pathlib import Path

import curls
import pytest

from assay.serve.answers import HTTP_CODES, STATUSES, status_of
from assay.serve_settings import ServeSettings

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "service.md").read_text(encoding="utf-8")
EXAMPLES = curls.examples("service.md")


@pytest.mark.parametrize("command", EXAMPLES)
def test_examples_run(service, command, examples):
    held = {}
    if "@result.json" in command:
        held["result.json"] = service.predict("audio", (examples / "human.wav").read_bytes()).text
    response = curls.run(service, command, held)
    assert response.status_code == 200, response.text
    assert response.headers["content-type"].partition(";")[0] in {"application/json", "text/html"}


def test_examples_of_operation_run(service):
    identity = ""
    for example in curls.examples("operation.md"):
        response = curls.run(service, example.replace("$ID", str(identity)))
        assert response.status_code == (204 if "DELETE" in example else 200), response.text
        if "label=" in example:
            identity = response.json()["items"][0]["id"]
        if example.endswith("/override"):
            assert response.json()["standing"] == "bona_fide"
        if example.endswith("/verify"):
            assert response.json()["intact"] is True


def test_the_example_of_the_stream_runs(service):
    (example,) = curls.examples("live.md")
    assert "from_client" in curls.run(service, example).json()


def test_every_endpoint_has_an_example_that_runs(service):
    """Those of jobs run in test_jobs_docs.py, those of speakers in test_speakers.py, the others here."""
    told = {
        curls.asked(example)
        for page in ("service", "operation", "live", "speaker")
        for example in curls.examples(f"{page}.md")
    }
    told = {(method, re.sub("[$]ID", "{}", path).replace("/drift/audio/", "/drift/{}/")) for method, path in told}
    jobs = (ROOT / "docs" / "jobs.md").read_text(encoding="utf-8")
    for path, methods in service.get("/api/openapi.json").json()["paths"].items():
        for method in methods:
            shown = re.sub(r"[{].+?[}]", "{}", path)
            if path.startswith("/api/jobs"):
                part = path.replace("{job_id}", "$JOB")
                assert f"/{part}".replace("//", "/") in jobs, path
            else:
                assert (method.upper(), shown) in told, (method, path)


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
