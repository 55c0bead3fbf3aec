"""The rooms of the service together: one guard before all of them, one record of all that was found."""

import asyncio
import json
import logging
import threading
import time

import httpx
import pytest
import service_toys as toys
from forms import error_of
from sqlalchemy.exc import OperationalError

from assay.serve.access import PUBLIC
from assay.serve.app import create_app
from assay.serve.database import Database
from assay.serve.jobs.store import JobStore
from assay.serve.operation import recording
from assay.serve.operation.audit import AuditEntry
from assay.settings import Settings
from assay.stopping import check_stop

ANY_KEY = {"/api/models", "/api/stats"}  # tell nothing about anybody
JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    """A folder whose database has keys: each by its scopes."""
    folder = tmp_path_factory.mktemp("keyed")
    context = toys.make_context(folder)
    names = ("user", "other", "reviewer", "admin", "monitor", "nothing")
    scopes = {"other": "user", "nothing": "speaker"}
    made = {name: toys.make_key(context, scopes.get(name, name)) for name in names}
    context.database.close()
    return folder / "service", {name: key.id for name, (key, _) in made.items()}, {n: t for n, (_, t) in made.items()}


@pytest.fixture(scope="module")
def keyed(make_service, keys):
    """The whole service, which asks for keys."""
    return make_service(serve_folder=keys[0], serve_require_key=True).until_ready()


@pytest.fixture(scope="module")
def texts(keys):
    return keys[2]


@pytest.fixture(scope="module")
def wav(examples):
    return (examples / "human.wav").read_bytes()


def operations(service):
    paths = service.app.openapi()["paths"]
    return [(method.upper(), path) for path, found in paths.items() for method in found]


def test_every_endpoint_is_guarded(keyed, texts):
    found = operations(keyed)
    assert len(found) >= 25
    for method, path in found:
        real = path.replace("{job_id}", "0" * 32).replace("{number}", "1").replace("{media}", "audio")
        real = real.replace("{id}", "0" * 32)
        without = keyed.request(method, real)
        wrong = keyed.request(method, real, headers=toys.bearer(texts["user" if "speakers" in path else "nothing"]))
        if path in PUBLIC:
            assert {without.status_code, wrong.status_code} <= {200}, path
            continue
        assert error_of(without, 401)["code"] == "key_required", path
        if path in ANY_KEY:
            assert wrong.status_code == 200, path
        else:
            assert error_of(wrong, 403)["code"] == "scope_missing", path


def test_the_stream_is_guarded(keyed, texts):
    client = toys.client_of(keyed.app)
    for headers, status in (({}, 401), (toys.bearer(texts["nothing"]), 403)):
        with (
            pytest.raises(toys.WebSocketDenialResponse) as refused,
            client.websocket_connect("ws://localhost/api/stream", headers=headers),
        ):
            pass
        assert refused.value.status_code == status
    with client.websocket_connect(
        "ws://localhost/api/stream?encoding=pcm16&sample_rate=16000", headers=toys.bearer(texts["user"])
    ) as socket:
        assert json.loads(socket.receive_text())["type"] == "ready"


def test_pages_of_other_sites_open_no_stream(service):
    client = toys.client_of(service.app)
    with (
        pytest.raises(toys.WebSocketDenialResponse) as refused,
        client.websocket_connect("ws://localhost/api/stream", headers={"origin": "https://elsewhere.example"}),
    ):
        pass
    assert refused.value.status_code == 403


def stream(service, text, samples):
    """What the service says last about sound that is sent over the WebSocket."""
    client = toys.client_of(service.app)
    address = "ws://localhost/api/stream?encoding=pcm16&sample_rate=16000"
    with client.websocket_connect(address, headers=toys.bearer(text)) as socket:
        for start in range(0, len(samples), 16_000):
            socket.send_bytes(samples[start : start + 16_000])
        socket.send_text('{"type": "end"}')
        while True:
            told = json.loads(socket.receive_text())
            if told["type"] in {"result", "error"}:
                return told


def test_what_a_stream_ended_with_is_in_the_history_of_whoever_sent_it(keyed, texts, wav, monkeypatch):
    result = stream(keyed, texts["user"], wav[44:])["result"]
    newest = history(keyed, texts["user"])[0]
    assert (newest["label"], newest["verdict"], newest["sha256"]) == (
        "live stream",
        result["verdict"],
        result["sha256"],
    )

    def away(*given, **more):
        raise OperationalError("insert", {}, Exception("away"))

    monkeypatch.setattr(recording, "record_all", away)
    assert stream(keyed, texts["user"], wav[44:])["code"] == "unavailable"


def history(service, text):
    return service.get("/api/history", headers=toys.bearer(text)).json()["items"]


def test_what_a_request_found_is_in_history_and_audit_of_whoever_asked(keyed, keys, texts, wav):
    _, ids, _ = keys
    answer = keyed.post(
        "/api/predict/audio",
        files={"file": ("mine.wav", wav)},
        headers={**toys.bearer(texts["user"]), "X-Request-ID": "case-1"},
    )
    assert answer.status_code == 200
    newest = history(keyed, texts["user"])[0]
    result = answer.json()
    assert (newest["owner"], newest["label"], newest["sha256"]) == (ids["user"], "mine.wav", result["sha256"])
    assert (newest["verdict"], newest["llr"], newest["job"]) == (result["verdict"], result["llr"], None)
    assert history(keyed, texts["other"]) == []
    assert history(keyed, texts["reviewer"])[0]["id"] == newest["id"]
    error_of(
        keyed.post("/api/predict/audio", files={"file": ("bad.wav", b"RIFF")}, headers=toys.bearer(texts["user"])), 415
    )
    audit = keyed.get("/api/audit?action=predict", headers=toys.bearer(texts["admin"])).json()["items"]
    assert [(entry["outcome"], entry["actor"]) for entry in audit[:2]] == [
        ("unsupported", ids["user"]),
        (result["verdict"], ids["user"]),
    ]
    assert audit[1]["request_id"] == "case-1"


def test_each_file_of_a_batch_is_recorded(keyed, texts, wav):
    before = len(history(keyed, texts["user"]))
    files = [("files", ("a.wav", wav)), ("files", ("b.txt", b"hello")), ("files", ("c.wav", wav))]
    answer = keyed.post("/api/batch-predict", files=files, headers=toys.bearer(texts["user"]))
    assert answer.status_code == 200
    found = history(keyed, texts["user"])
    assert len(found) == before + 2
    assert {entry["label"] for entry in found[:2]} == {"a.wav", "c.wav"}


def test_a_result_that_cannot_be_recorded_is_not_given(keyed, texts, wav, monkeypatch):
    def away(*given, **more):
        raise OperationalError("insert", {}, Exception("away"))

    monkeypatch.setattr(recording, "record_all", away)
    answer = keyed.post("/api/predict/audio", files={"file": ("a.wav", wav)}, headers=toys.bearer(texts["user"]))
    assert error_of(answer, 503)["code"] == "unavailable"
    assert "llr" not in answer.text


def test_results_that_come_together_are_recorded_each(keyed, texts, wav):
    async def ask():
        async with keyed.client(headers=toys.bearer(texts["user"])) as client:
            names = [f"{number}.wav" for number in range(12)]
            asked = (client.post("/api/predict/audio", files={"file": (name, wav)}) for name in names)
            return names, await asyncio.gather(*asked)

    names, answers = keyed.run(ask())
    assert {answer.status_code for answer in answers} == {200}
    newest = history(keyed, texts["user"])[: len(names)]
    assert sorted(entry["label"] for entry in newest) == sorted(names)
    assert keyed.get("/api/audit/verify", headers=toys.bearer(texts["admin"])).json()["intact"]


async def until_over(service, job, headers):
    async with asyncio.timeout(120), service.client(headers=headers) as client:
        while (found := (await client.get(f"/api/jobs/{job}")).json())["state"] in ("queued", "running"):
            await asyncio.sleep(0.05)
    return found


def test_a_job_is_worked_on_inside_the_service_and_recorded_for_its_owner(keyed, keys, texts, wav):
    _, ids, _ = keys
    mine, others = toys.bearer(texts["user"]), toys.bearer(texts["other"])
    job = keyed.post("/api/jobs", files={"file": ("job.wav", wav)}, headers=mine)
    assert job.status_code == 202, job.text
    number = job.json()["id"]
    for path in (f"/api/jobs/{number}", f"/api/jobs/{number}/result"):
        assert error_of(keyed.get(path, headers=others), 404)["code"] == "job_not_found"
    assert keyed.run(until_over(keyed, number, mine))["state"] == "done"
    result = keyed.get(f"/api/jobs/{number}/result", headers=mine).json()
    newest = history(keyed, texts["user"])[0]
    assert (newest["job"], newest["owner"], newest["verdict"]) == (number, ids["user"], result["verdict"])
    failed = keyed.post("/api/jobs", files={"file": ("bad.wav", b"hello")}, headers=mine).json()["id"]
    assert keyed.run(until_over(keyed, failed, mine))["error"]["code"] == "unsupported"
    with keyed.context.database.session() as session:
        entry = session.query(AuditEntry).order_by(AuditEntry.seq.desc()).first()
        assert (entry.outcome, entry.actor, json.loads(entry.detail)["job"]) == ("unsupported", ids["user"], failed)
    assert keyed.get("/api/audit/verify", headers=toys.bearer(texts["admin"])).json()["intact"]


def test_stats_and_metrics_tell_of_jobs_and_scans_of_all_processes(keyed, texts, wav):
    keyed.post("/api/predict/audio", files={"file": ("a.wav", wav)}, headers=toys.bearer(texts["user"]))
    stats = keyed.get("/api/stats", headers=toys.bearer(texts["user"])).json()["recorded"]
    assert sum(stats["scans"]["audio"].values()) >= 1
    assert set(stats["jobs"]) <= {"queued", "running", "done", "failed", "cancelled"}
    metrics = keyed.get("/metrics", headers=toys.bearer(texts["monitor"])).text
    assert "assay_scans_total" in metrics
    keyed.post("/api/jobs", files={"file": ("job.wav", wav)}, headers=toys.bearer(texts["user"]))
    assert "assay_jobs{" in keyed.get("/metrics", headers=toys.bearer(texts["monitor"])).text


def test_without_keys_everything_belongs_to_the_local_user(service, wav):
    job = service.post("/api/jobs", files={"file": ("job.wav", wav)}).json()
    assert service.run(until_over(service, job["id"], {}))["state"] == "done"
    service.predict("audio", wav)
    entries = service.get("/api/history").json()["items"]
    assert {entry["owner"] for entry in entries} == {"local"}
    assert job["id"] in {entry["job"] for entry in entries}


def test_a_result_that_is_deleted_is_not_to_be_had_from_its_job_either(service, wav):
    job = service.post("/api/jobs", files={"file": ("job.wav", wav)}).json()["id"]
    assert service.run(until_over(service, job, {}))["state"] == "done"
    (number,) = (entry["id"] for entry in service.get("/api/history").json()["items"] if entry["job"] == job)
    assert service.request("DELETE", f"/api/history/{number}").status_code == 204
    for path in (f"/api/jobs/{job}", f"/api/jobs/{job}/result"):
        assert error_of(service.get(path), 404)["code"] == "job_not_found"


def test_requests_and_jobs_share_one_time_of_grace_and_jobs_wait_again(tmp_path, wav, monkeypatch):
    settings = Settings(serve_folder=tmp_path / "service", serve_grace_s=3, close_s=0, serve_jobs=1)
    begun = threading.Event()

    def endless(opened, *, started):
        begun.set()
        while True:
            check_stop()
            time.sleep(0.01)

    async def run():
        app = create_app(settings)
        scorer = app.state.context.scorer
        async with app.router.lifespan_context(app):
            transport = httpx.ASGITransport(app)
            async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
                while (await client.get("/readyz")).status_code != 200:
                    await asyncio.sleep(0.02)
                monkeypatch.setattr(scorer.detector, "examine", endless)
                job = (await client.post("/api/jobs", files={"file": ("a.wav", wav)})).json()["id"]
                assert await asyncio.to_thread(begun.wait, 60)
            asked = time.monotonic()
        return job, time.monotonic() - asked, app.state.idle

    job, spent_s, idle = asyncio.run(run())
    assert idle
    assert 3 <= spent_s < 6, "one after the other it would be six"
    database = Database.of(settings)
    found = JobStore(database, settings).find(job, None)
    database.close()
    assert (found.state, found.attempts) == ("queued", 0)


def test_no_password_stands_in_a_log(make_service, caplog, tmp_path):
    with caplog.at_level(logging.DEBUG):
        service = make_service(serve_database=f"sqlite:///{tmp_path / 'a.sqlite3'}")
        logging.getLogger("assay").warning("%r %s", service.settings, service.settings)
    assert str(tmp_path / "a.sqlite3") not in caplog.text
