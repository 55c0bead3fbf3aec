import json
import logging

import pytest
import service_toys as toys
from fastapi import WebSocket
from prometheus_client.parser import text_string_to_metric_families

from assay import __version__
from assay.logs import JsonFormatter
from assay.serve.access import LOCAL
from assay.serve.operation import install, record
from assay.serve.tracing import Tracing


@pytest.fixture
def context(tmp_path):
    return toys.make_context(tmp_path)


@pytest.fixture
def app(context):
    app = toys.make_app(context)

    @app.get("/broken")
    def broken():
        raise RuntimeError("a fault")

    @app.websocket("/slow/{name}")
    async def slow(socket: WebSocket, name: str):
        await socket.accept()
        await socket.close()

    install(app, context)
    return app


@pytest.fixture
def client(app):
    return toys.client_of(app, raise_server_exceptions=False)


def metrics_of(client, **more):
    """Samples by name and labels."""
    response = client.get("/metrics", **more)
    assert response.status_code == 200
    families = text_string_to_metric_families(response.text)
    return {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in families
        for sample in family.samples
        if not sample.name.endswith("_created")
    }


def requests(found, route, status, method="POST"):
    return found.get(("assay_requests_total", ("method", method), ("route", route), ("status", str(status))))


def test_requests_are_counted_by_template_and_status(client):
    for name in ("a", "b", "secret.wav"):
        client.post(f"/predict/{name}")
    client.post("/predict/a", headers={"Host": "evil.example"})
    client.get("/nowhere/secret.wav")
    client.get("/broken")
    found = metrics_of(client)
    assert requests(found, "/predict/{name}", 200) == 3
    assert requests(found, "unmatched", 400) == 1
    assert requests(found, "unmatched", 404, "GET") == 1
    assert requests(found, "/broken", 500, "GET") == 1
    key = ("assay_request_seconds_count", ("method", "POST"), ("route", "/predict/{name}"))
    assert found[key] == 3
    assert found["assay_errors_total", ("code", "host_refused")] == 1
    assert found["assay_errors_total", ("code", "http_404")] == 1
    assert found["assay_requests_in_progress",] == 1
    assert not any("secret" in str(key) for key in found)


def test_methods_that_somebody_makes_up_are_one_label(client):
    for method in ("BREW", "X" * 50):
        client.request(method, "/predict/a")
    found = metrics_of(client)
    assert {dict(key[1:]).get("method") for key in found} <= {None, "GET", "other"}


def test_web_sockets_are_counted_whether_they_open_or_not(client):
    with client.websocket_connect("ws://localhost/slow/secret"):
        pass
    with pytest.raises(toys.WebSocketDenialResponse), client.websocket_connect("ws://evil.example/live"):
        pass
    found = metrics_of(client)
    assert requests(found, "/slow/{name}", 101, "WEBSOCKET") == 1
    assert requests(found, "unmatched", 400, "WEBSOCKET") == 1


def test_scans_are_counted_over_processes_and_restarts(context, client, tmp_path):
    for llr in (3.0, 3.0, -1.0):
        record(context, LOCAL, toys.make_result(llr), "secret.wav")
    again = toys.make_context(tmp_path)
    record(again, LOCAL, toys.make_result(3.0, media="image"), "secret.png")
    found = metrics_of(client)
    scans = {key[1:]: value for key, value in found.items() if key[0] == "assay_scans_total"}
    assert scans == {
        (("media", "audio"), ("verdict", "spoof")): 2,
        (("media", "audio"), ("verdict", "bona_fide")): 1,
        (("media", "image"), ("verdict", "spoof")): 1,
    }


def test_build_and_models_are_told(client, context):
    found = metrics_of(client)
    build = next(dict(key[1:]) for key in found if key[0] == "assay_build_info")
    assert build["version"] == __version__
    models = {dict(key[1:])["media"]: dict(key[1:])["name"] for key in found if key[0] == "assay_model_info"}
    settings = context.settings
    assert models == {"audio": settings.audio_model, "image": settings.image_model, "video": settings.video_model}


def test_queue_depth_is_asked_of_whoever_knows(app, client):
    assert not any(key[0] == "assay_jobs" for key in metrics_of(client))
    app.state.queue_depth = lambda: {"queued": 4, "running": 1}
    found = metrics_of(client)
    assert (found["assay_jobs", ("state", "queued")], found["assay_jobs", ("state", "running")]) == (4, 1)


def test_metrics_are_told_while_the_database_is_away(context, client, monkeypatch):
    from sqlalchemy.exc import OperationalError

    def away():
        raise OperationalError("select", {}, Exception("away"))

    monkeypatch.setattr(context.database, "session", away)
    assert metrics_of(client)["assay_database_up",] == 0


@pytest.mark.parametrize("is_open", [False, True])
def test_metrics_need_a_key_with_their_scope_unless_opened(tmp_path, is_open):
    context = toys.make_context(tmp_path, serve_require_key=True, serve_metrics_open=is_open)
    _, user = toys.make_key(context, "user")
    _, monitor = toys.make_key(context, "monitor")
    app = toys.make_app(context)
    install(app, context)
    client = toys.client_of(app)
    found = [client.get("/metrics", headers=headers).status_code for headers in ({}, toys.bearer(user))]
    assert found == ([200, 200] if is_open else [401, 403])
    assert metrics_of(client, headers=toys.bearer(monitor))


def test_every_request_is_one_line_that_names_no_file_and_no_key(tmp_path, caplog):
    caplog.set_level(logging.INFO, "assay.serve")
    context = toys.make_context(tmp_path, serve_require_key=True)
    key, text = toys.make_key(context)
    app = toys.make_app(context)
    install(app, context)
    client = toys.client_of(Tracing(app))
    answer = client.post("/predict/secret.wav?token=secret", headers=toys.bearer(text))
    client.post("/predict/secret.wav", headers={"X-API-Key": "secret"})
    client.get("/livez")
    lines = [json.loads(JsonFormatter().format(record)) for record in caplog.records]
    lines = [line for line in lines if line["logger"] == "assay.serve.requests"]
    assert [(line["route"], line["status"], line["principal"], line["error_code"]) for line in lines] == [
        ("/predict/{name}", 200, key.id, None),
        ("unmatched", 401, None, "key_refused"),
    ]
    assert lines[0]["request_id"] == answer.headers["x-request-id"]
    assert lines[0]["duration_ms"] > 0
    assert "secret" not in json.dumps(lines)
    assert text not in caplog.text


@pytest.mark.parametrize("told", [{"state": {"request_id": "given"}}, {"assay.request_id": "given"}])
def test_a_request_id_of_others_is_kept(context, told):
    app = toys.make_app(context)
    install(app, context)

    async def outer(scope, receive, send):
        await app({**scope, **told}, receive, send)

    response = toys.client_of(outer).post("/predict/a", headers={"X-API-Key": "bad"})
    assert response.json()["error"]["request_id"] == "given"
