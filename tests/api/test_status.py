"""What the service says of itself, request ids, and one shape for every error."""

import asyncio
import logging

import httpx
import pytest
from forms import error_of

from assay import errors
from assay.errors import AssayError, SelfTestFailed, SettingsError
from assay.models.registry import model_names
from assay.serve import answers, readiness
from assay.serve.answers import STATUSES, status_of
from assay.serve.app import create_app
from assay.serve.database import Database
from assay.serve.samples import sample
from assay.settings import Settings


def test_alive_is_not_ready_until_the_models_are_tested(make_service, examples):
    service = make_service()
    assert service.get("/livez").json() == {"alive": True}
    response = service.get("/readyz")
    assert error_of(response, 503)["context"]["checks"].keys() == {"models"}
    assert int(response.headers["retry-after"]) >= 1
    assert service.get("/api/health").json()["status"] == "starting"
    early = service.predict("audio", (examples / "human.wav").read_bytes())
    assert error_of(early, 503)["code"] == "unavailable"
    service.until_ready()
    assert service.get("/api/health").json()["status"] == "ready"
    assert {name for name, check in service.get("/readyz").json()["checks"].items() if check["passed"]} == {
        "models",
        "database",
        "accepting",
    }


def test_a_model_that_fails_its_self_test_answers_nobody(make_service, examples, monkeypatch):
    def fail(settings):
        raise SelfTestFailed("it says something else")

    monkeypatch.setattr(readiness, "run_self_tests", fail)
    service = make_service()
    service.run(service_failed(service))
    assert "something else" in error_of(service.get("/readyz"), 503)["message"]
    error = error_of(service.predict("audio", (examples / "human.wav").read_bytes()), 503)
    assert "something else" in error["message"]


def test_a_fault_while_models_are_tested_is_told_and_the_service_still_closes(tmp_path, monkeypatch, caplog):
    def fail(settings):
        raise MemoryError("secret")

    monkeypatch.setattr(readiness, "run_self_tests", fail)

    async def run():
        app = create_app(Settings(serve_folder=tmp_path / "service", close_s=0))
        async with app.router.lifespan_context(app):
            transport = httpx.ASGITransport(app)
            async with asyncio.timeout(60), httpx.AsyncClient(transport=transport, base_url="http://localhost") as ask:
                while (await ask.get("/api/health")).json()["status"] == "starting":
                    await asyncio.sleep(0.02)
                return app, await ask.get("/readyz")

    app, response = asyncio.run(run())
    message = error_of(response, 503)["message"]
    assert "MemoryError" in message
    assert "secret" not in message
    assert "MemoryError: secret" in caplog.text
    assert app.state.idle
    assert list((tmp_path / "service" / "uploads").iterdir()) == []


async def service_failed(service):
    async with asyncio.timeout(60), service.client() as client:
        while (await client.get("/api/health")).json()["status"] != "failed":
            await asyncio.sleep(0.02)


def test_a_database_that_is_gone_is_not_ready(make_service, tmp_path):
    service = make_service(serve_database=f"sqlite:///{tmp_path / 'a.sqlite3'}").until_ready()
    from sqlalchemy import create_engine

    service.context.database.engine = create_engine(f"sqlite:///{tmp_path / 'no' / 'a.sqlite3'}")
    assert error_of(service.get("/readyz"), 503)["context"]["checks"].keys() == {"database"}
    assert service.get("/livez").status_code == 200


def test_a_database_that_is_away_is_told_as_such_and_no_fault_of_ours(make_service, tmp_path, caplog):
    from sqlalchemy import create_engine

    service = make_service(serve_database=f"sqlite:///{tmp_path / 'a.sqlite3'}")
    database = service.context.database
    paths = ("/api/jobs", f"/api/jobs/{'0' * 32}", "/api/history", "/api/audit", "/api/drift")
    database._sessions.configure(bind=create_engine(f"sqlite:///{tmp_path / 'no' / 'a.sqlite3'}"))
    given = [service.get(path) for path in paths]
    database._sessions.configure(bind=database.engine)  # it comes back, or the worker would complain to other tests
    said = "the database does not answer: unable to open database file"
    told = {record.request_id for record in caplog.records if record.getMessage() == said}
    for response in given:
        error = error_of(response, 503)
        assert (error["code"], response.headers["retry-after"]) == ("unavailable", "5")
        assert error["message"].startswith("The database does not answer.")
        assert error["request_id"] in told
    assert [service.get(path).status_code for path in paths] == [200, 404, 200, 200, 200]


def test_a_folder_that_cannot_be_made_is_a_setting_to_mend(tmp_path):
    (tmp_path / "file").touch()
    folder = tmp_path / "file" / "service"
    with pytest.raises(SettingsError, match=r"serve_folder: '.*file.service' cannot be made .*ASSAY_SERVE_FOLDER"):
        Database.of(Settings(serve_folder=folder))


def test_models_are_those_of_the_installation(service):
    models = service.get("/api/models").json()["models"]
    assert [model["name"] for model in models] == model_names()
    assert {model["name"] for model in models if model["in_use"]} == {"audio-resnet", "picture-lite", "video-lite"}


def test_stats_count_what_was_answered(service, examples):
    before = service.get("/api/stats").json()["scans"]
    service.predict("audio", (examples / "human.wav").read_bytes())
    service.predict("audio", b"hello")
    after = service.get("/api/stats").json()["scans"]
    assert after["scanned"] == before["scanned"] + 1
    assert after["failed"] == before["failed"] + 1
    assert after["errors"]["unsupported"] == before["errors"].get("unsupported", 0) + 1
    assert after["mean_s"] > 0


def test_a_sane_request_id_is_kept_and_another_is_not(service):
    def id_for(told):
        return service.get("/livez", headers={"X-Request-ID": told}).headers["x-request-id"]

    assert id_for("job-17.a:b_c") == "job-17.a:b_c"
    made = {id_for(told) for told in ("", "a b", "<script>", "x" * 65, "a;b")}
    assert len(made) == 5
    assert all(len(each) == 16 for each in made)


def test_a_stream_that_is_refused_has_its_id_too(service):
    """As ASGI tells it: a WebSocket that gets an ordinary answer instead of being accepted."""
    sent = []
    scope = {
        "type": "websocket",
        "path": "/api/stream",
        "raw_path": b"/api/stream",
        "query_string": b"",
        "headers": [(b"host", b"localhost"), (b"x-request-id", b"mine"), (b"x-api-key", b"nonsense")],
        "client": ("127.0.0.1", 1),
        "server": ("localhost", 80),
        "subprotocols": [],
        "extensions": {"websocket.http.response": {}},
    }

    async def receive():
        return {"type": "websocket.connect"}

    async def send(message):
        sent.append(message)

    service.run(service.app(scope, receive, send))
    assert (sent[0]["type"], sent[0]["status"]) == ("websocket.http.response.start", 401)
    assert [value for name, value in sent[0]["headers"] if name.lower() == b"x-request-id"] == [b"mine"]


def test_requests_are_logged_with_their_id(service, caplog):
    with caplog.at_level(logging.INFO, logger="assay.serve"):
        service.get("/api/health", headers={"X-Request-ID": "mine"})
        service.get("/nowhere%0d%0afake line", headers={"X-Request-ID": "yours"})
        service.predict("audio", b"hello")
        service.get("/livez")  # asked every few seconds by machines
    records = [record for record in caplog.records if hasattr(record, "status")]
    assert [(record.request_id, record.status, record.error_code) for record in records[:2]] == [
        ("mine", 200, None),
        ("yours", 404, "no_such_path"),
    ]
    assert [(record.route, record.status, record.error_code) for record in records[2:]] == [
        ("/api/predict/audio", 415, "unsupported")
    ]
    assert all("fake" not in record.getMessage() for record in records)


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nothing", 404, "no_such_path"),
        ("GET", "/docs", 404, "no_such_path"),
        ("GET", "/redoc", 404, "no_such_path"),
        ("GET", "/api/predict/audio", 405, "method_not_allowed"),
        ("DELETE", "/api/health", 405, "method_not_allowed"),
        ("POST", "/api/predict/url", 404, "no_such_path"),
        ("GET", "/api/../../etc/passwd", 404, "no_such_path"),
    ],
)
def test_what_there_is_not_has_the_shape_of_errors(service, method, path, status, code):
    response = service.request(method, path)
    assert error_of(response, status)["code"] == code
    assert status != 405 or response.headers["allow"]


def test_a_fault_is_an_answer_and_a_line_in_the_log(service, monkeypatch, caplog):
    def fail(self):
        raise ZeroDivisionError("secret")

    monkeypatch.setattr("assay.serve.scoring.Scorer.depth", fail)
    response = service.get("/api/stats")
    assert error_of(response, 500)["code"] == "unexpected"
    assert "secret" not in response.text
    assert "ZeroDivisionError: secret" in caplog.text
    assert response.headers["x-request-id"] in [getattr(record, "request_id", "") for record in caplog.records]


def test_every_error_of_the_tree_has_a_status():
    def tree(kind):
        yield kind
        for child in kind.__subclasses__():
            yield from tree(child)

    kinds = [kind for kind in tree(AssayError) if kind.__module__ == errors.__name__]
    statuses = {kind.__name__: status_of(kind("x")) for kind in kinds}
    assert statuses["DecodeError"] == statuses["EmptyMedia"] == statuses["SettingsError"] == 422
    assert statuses["UnsupportedMedia"] == 415
    assert statuses["LimitExceeded"] == 413
    assert statuses["WeightMismatch"] == 500
    assert set(statuses.values()) <= set(answers._SAMPLES) | {501}
    assert set(STATUSES) <= set(kinds)


def test_the_example_of_the_api_is_a_result():
    assert type(sample()).model_validate_json(sample().model_dump_json()) == sample()
