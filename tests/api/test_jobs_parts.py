"""Parts of jobs that need no backend of their own: what is sent, how a job ends, the command."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from forms import BOUNDARY, END, error_of, part
from huey.registry import Message
from job_toys import clip, ended, hand_in, make_context, service, wait_until

import assay
from assay.errors import AssayError, MissingExtra, SettingsError, Stopped
from assay.serve.jobs.options import JobOptions
from assay.serve.jobs.queue import JobQueue, JsonMessages
from assay.serve.jobs.scanning import DetectorScan, ScorerScan
from assay.serve.jobs.store import JobStore
from assay.serve.jobs.tables import new_id
from assay.serve.jobs.worker import Worker
from assay.settings import load_settings
from assay.stopping import check_stop


@pytest.fixture(scope="module")
def scan():
    return DetectorScan(load_settings(threads=1))


@pytest.fixture
def make(tmp_path):
    made = []

    def make(**more):
        made.append(make_context(load_settings(serve_folder=tmp_path / "service", threads=1, **more)))
        return made[-1]

    yield make
    for context in made:
        context.database.close()


def files_of(context):
    """Files that lie in the folders of jobs and uploads, locks left out."""
    folder = context.settings.serve_folder
    found = [path for name in ("jobs", "uploads") for path in (folder / name).rglob("*")]
    return [path for path in found if path.is_file() and path.name != "lock"]


def job_of(context, scan, data):
    """A job that one worker with this scan has ended."""
    with service(context, scan=scan) as client:
        return ended(client, hand_in(client, data).json()["id"])


def test_a_fault_of_ours_ends_the_job_and_tells_nothing_of_the_inside(make, speech):
    def faulty(path, label, options):
        raise RuntimeError(f"secret {path}")

    job = job_of(make(), faulty, clip(speech, 1))
    assert (job["state"], job["error"]["code"]) == ("failed", "unexpected")
    assert "secret" not in json.dumps(job)


def test_a_file_that_was_altered_is_not_scored_as_the_one_handed_in(make, scan, speech):
    def swapped(path, label, options):
        path.write_bytes(clip(speech, 99))
        return scan(path, label, options)

    assert job_of(make(), swapped, clip(speech, 1))["error"]["code"] == "upload_altered"


def test_a_job_that_takes_too_long_has_failed_and_what_it_finds_is_dropped(make, scan, speech):
    go = threading.Event()

    def slow(path, label, options):
        result = scan(path, label, options)
        assert go.wait(60)
        return result

    context = make(serve_job_timeout_s=0.2, serve_lease_s=1)
    with service(context, scan=slow) as client:
        job = ended(client, hand_in(client, clip(speech, 1)).json()["id"])
        go.set()
    assert (job["state"], job["error"]["code"]) == ("failed", "took_too_long")
    assert JobStore(context.database, context.settings).find(job["id"], None).state == "failed"


class Busy(AssayError):
    code = "overloaded"


class BusyScorer:
    """Scans as `assay.serve.scoring.Scorer` does; is full at first."""

    def __init__(self, scan):
        self.scan_, self.asked = scan, []

    async def scan(self, path, *, name, changes, timeout_s=None):
        self.asked.append((name, changes, timeout_s))
        if len(self.asked) == 1:
            raise Busy("full")
        return await asyncio.to_thread(self.scan_, path, name, JobOptions(**changes))


def test_a_scorer_that_is_full_is_asked_again(make, scan, speech):
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    scorer = BusyScorer(scan)
    context = make(serve_lease_s=1)
    with service(context, scan=ScorerScan(scorer, loop, longest_s=9.0)) as client:
        job = ended(client, hand_in(client, clip(speech, 1), prior="0.25").json()["id"])
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()
    assert (job["state"], job["attempts"]) == ("done", 1)
    assert scorer.asked == [("clip.wav", {"prior": 0.25}, 9.0)] * 2


class EndlessScorer:
    """Scans until it is cancelled."""

    def __init__(self):
        self.begun, self.cancelled = threading.Event(), threading.Event()

    async def scan(self, path, *, name, changes, timeout_s=None):
        self.begun.set()
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            self.cancelled.set()
            raise


def endless(begun, ended):
    """A scan that goes on until it is told to stop."""

    def scan(path, label, options):
        begun.set()
        until = time.monotonic() + 60
        try:
            while time.monotonic() < until:
                time.sleep(0.01)
                check_stop()
        except Stopped:
            ended.set()
            raise

    return scan


@pytest.mark.parametrize("inside", ["thread", "scorer"])
def test_a_job_that_is_cancelled_is_stopped_while_it_runs(make, speech, inside):
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    scorer = EndlessScorer()
    given = endless(scorer.begun, scorer.cancelled) if inside == "thread" else ScorerScan(scorer, loop, longest_s=60)
    with service(make(serve_lease_s=1), scan=given) as client:
        job = hand_in(client, clip(speech, 1)).json()["id"]
        assert scorer.begun.wait(20)
        assert client.delete(f"/api/jobs/{job}").json()["state"] == "cancelled"
        assert scorer.cancelled.wait(20)
        assert client.get(f"/api/jobs/{job}").json()["state"] == "cancelled"
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


def test_an_end_is_recorded_in_the_transaction_that_writes_it(make, scan, speech):
    told = []

    def record(session, claim, outcome):
        told.append((claim.owner, claim.label, outcome))
        if len(told) == 1:
            raise RuntimeError("no history, no result")

    context = make(serve_lease_s=1)
    worker = Worker(context, jobs=1, scan=scan, record=record)
    with service(context, work=False) as client:
        job = ended(client, hand_in(client, clip(speech, 1), "a.wav", who="me").json()["id"], headers={"X-Who": "me"})
    worker.stop()
    assert [(owner, label) for owner, label, _ in told] == [("me", "a.wav")] * 2
    assert (job["state"], job["attempts"], told[1][2].verdict) == ("done", 2, job["verdict"])


@pytest.mark.parametrize(
    ("fields", "told", "code"),
    [
        ({"prior": "1.5"}, "prior", "bad_submission"),
        ({"num_frames": "0"}, "num_frames", "bad_submission"),
        ({"channels": "left"}, "channels", "bad_submission"),
        ({"keep": "perhaps"}, "keep", "bad_submission"),
        ({"audio_model": "other"}, "audio_model", "bad_request"),
        ({"serve_folder": "/"}, "serve_folder", "bad_request"),
        ({"prior": ["0.1", "0.2"]}, "prior", "bad_request"),
    ],
)
def test_wrong_fields_are_named_and_leave_nothing(make, speech, fields, told, code):
    context = make()
    with service(context, work=False) as client:
        answer = hand_in(client, clip(speech, 1), **fields)
        assert client.get("/api/jobs").json()["jobs"] == []
    assert (answer.status_code, answer.json()["error"]["code"]) == (422 if code == "bad_submission" else 400, code)
    assert told in answer.json()["error"]["message"]
    assert set(answer.json()["error"]) == {"code", "message", "context", "request_id"}
    assert files_of(context) == []


def test_requests_that_are_no_form_are_refused(make, speech):
    context = make(max_file_bytes=1000)
    with service(context, work=False) as client:
        answers = [
            client.post("/api/jobs", content=b"abc"),
            client.post("/api/jobs", data={"file": "abc"}),
            client.post("/api/jobs", data={"prior": "0.5"}, files={"other": b"abc"}),
            client.post("/api/jobs", files=[("file", b"abc"), ("file", b"def")]),
            client.post("/api/jobs", content=b"abc", headers={"content-type": "multipart/form-data"}),
            hand_in(client, b""),
            hand_in(client, b"x" * 1001),
            hand_in(client, b"x" * 3_000_000),
            client.post("/api/jobs", files={"file": b"abc"}, headers={"Idempotency-Key": "k" * 256}),
        ]
        found = [answer.status_code for answer in answers]
    assert found == [415, 415, 400, 413, 415, 422, 413, 413, 422]
    assert files_of(context) == []


SLOW = {"serve_upload_wait_s": 0.3, "serve_upload_bytes_per_s": 10_000_000}


@pytest.mark.parametrize(
    ("settings", "body", "status", "code"),
    [
        ({}, part("file", b"x" * 100, "a.wav"), 400, "bad_request"),  # no end
        ({}, part("file", b"x" * 100, "a.wav") + part("file", b"y", "b.wav") + END, 413, "limit_exceeded"),
        ({}, part("file", b"x", "a.wav", ["X: " + "y" * 5_000]) + END, 400, "bad_request"),
        ({}, b"--another\r\n\r\n", 400, "bad_request"),
        ({}, part("prior", b"1" * 5_000) + END, 400, "bad_request"),
        ({"serve_max_upload_bytes": 99}, part("file", b"x" * 100, "a.wav") + END, 413, "limit_exceeded"),
        ({"serve_max_request_bytes": 99}, part("file", b"x" * 90, "a.wav") + END, 413, "limit_exceeded"),
        (SLOW, None, 408, "too_slow"),
    ],
)
def test_uploads_are_held_to_the_limits_of_all_uploads(make, settings, body, status, code):
    context = make(**settings)
    with service(context, work=False) as client:
        kind = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
        answer = client.post("/api/jobs", content=trickle() if body is None else body, headers=kind)
        assert error_of(answer, status)["code"] == code
        assert client.get("/api/jobs").json()["jobs"] == []
        assert files_of(context) == []


def trickle():
    """A form that does not come to its end within the time that is accepted."""
    yield part("file", b"x" * 2_000_000, "a.wav")[:-2]
    for _ in range(40):
        time.sleep(0.05)
        yield b"x"


def test_no_more_requests_arrive_at_once_than_may(make, speech):
    context = make(serve_max_uploads=1)
    with service(context, work=False) as client:
        address = (client.base_url.host, client.base_url.port)
        with socket.create_connection(address) as arriving:
            head = (
                f"POST /api/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9000\r\n"
                f"Content-Type: multipart/form-data; boundary={BOUNDARY}\r\n\r\n"
            )
            arriving.sendall(head.encode() + part("file", b"x" * 100, "a.wav")[:-2])
            answer = wait_until(lambda: refused(hand_in(client, clip(speech, 1))))
        assert error_of(answer, 503)["code"] == "overloaded"
        assert int(answer.headers["retry-after"]) >= 1
        wait_until(lambda: not refused(hand_in(client, clip(speech, 1))))


def refused(answer):
    return answer if answer.status_code != 202 else None


def test_ids_sort_by_age_and_differ():
    ids = [new_id() for _ in range(1000)]
    assert len(set(ids)) == 1000
    assert [one[:12] for one in ids] == sorted(one[:12] for one in ids)


def test_messages_hold_an_id_and_nothing_else():
    job = new_id()
    data = JsonMessages().serialize(Message(id="1", name="task", args=(job,), kwargs={}))
    assert json.loads(data) == {"id": "1", "task": "task", "job": job}
    assert JsonMessages().deserialize(memoryview(data)).args == (job,)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("amqp://127.0.0.1", "'amqp:' is no queue"),
        ("redis://127.0.0.1:1/0", "does not answer"),
        ("redis://127.0.0.1:port/0", "no URL of Redis"),
        ("postgresql://127.0.0.1:1/none?connect_timeout=1", "does not answer"),
    ],
)
def test_a_queue_that_is_not_there_is_refused_at_the_start(url, why, tmp_path):
    with pytest.raises(SettingsError, match=why):
        JobQueue(load_settings(serve_queue=url, serve_folder=tmp_path))


def test_a_missing_client_names_its_extra(monkeypatch, tmp_path):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match=r"assay\[redis\]"):
        JobQueue(load_settings(serve_queue="redis://127.0.0.1/0", serve_folder=tmp_path))


@pytest.mark.parametrize("processes", [1, 2])
def test_the_command_works_until_it_is_told_to_stop(make, speech, tmp_path, processes):
    context = make()
    environment = {
        **os.environ,
        "ASSAY_SERVE_FOLDER": str(context.settings.serve_folder),
        "PYTHONPATH": str(Path(assay.__file__).parents[1]),
    }
    command = [sys.executable, "-m", "assay", "worker", "--jobs", "1", "--processes", str(processes)]
    worker = subprocess.Popen(command, env=environment, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    try:
        with service(context, work=False) as client:
            jobs = [hand_in(client, clip(speech, number)).json()["id"] for number in range(2)]
            assert [ended(client, job, 300)["state"] for job in jobs] == ["done"] * 2
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(120) == 0
    finally:
        worker.kill()
        told = worker.communicate()[1]
    assert "Traceback" not in told
    assert wait_until(lambda: not list((context.settings.serve_folder / "jobs").iterdir()))


def test_processes_that_cannot_start_end_the_command(tmp_path):
    environment = {**os.environ, "ASSAY_SERVE_QUEUE": "amqp://a", "PYTHONPATH": str(Path(assay.__file__).parents[1])}
    command = [sys.executable, "-m", "assay", "worker", "--processes", "2"]
    done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 2
    assert "'amqp:' is no queue" in done.stderr
    assert "Traceback" not in done.stderr
