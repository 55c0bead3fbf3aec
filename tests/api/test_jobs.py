"""Jobs through the public door, the same on SQLite, on Redis with PostgreSQL, and on PostgreSQL alone."""

import json
import os
import pickle
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from job_servers import BACKENDS, settings_of
from job_toys import clip, ended, hand_in, make_context, service, wait_until
from sqlalchemy import update

from assay.errors import DecodeError
from assay.result import ScanResult
from assay.serve.database import Database
from assay.serve.jobs.keeper import Keeper
from assay.serve.jobs.leases import Leases
from assay.serve.jobs.queue import JobQueue
from assay.serve.jobs.scanning import DetectorScan
from assay.serve.jobs.store import JobStore
from assay.serve.jobs.tables import Job, JobResult
from assay.serve.jobs.worker import Worker, folder_of
from assay.settings import load_settings


@pytest.fixture(params=BACKENDS)
def make(request, tmp_path):
    """Make a context on one of the backends; all of a test share database and queue."""
    shared = settings_of(request.param, tmp_path / "service")
    made = []

    def make(**more):
        context = make_context(load_settings(threads=1, **shared, **more))
        made.append(context)
        return context

    yield make
    for context in made:
        context.database.close()


@pytest.fixture(scope="module")
def scan():
    """The whole line, loaded once."""
    return DetectorScan(load_settings(threads=1))


class Held:
    """The whole line, which waits for a word before it answers."""

    def __init__(self, scan):
        self.scan, self.begun, self.go, self.count = scan, threading.Event(), threading.Event(), 0

    def __call__(self, path, label, options):
        self.count += 1
        result = self.scan(path, label, options)
        self.begun.set()
        assert self.go.wait(30)
        return result


@pytest.fixture
def held(scan):
    held = Held(scan)
    yield held
    held.go.set()


@contextmanager
def kept(context):
    """Store, leases, and a keeper that nobody calls but the test."""
    settings = context.settings
    store, leases, queue = JobStore(context.database, settings), Leases(context.database, settings), JobQueue(settings)
    yield store, leases, Keeper(store, leases, queue, folder_of(settings))
    queue.close()


def media_left(context):
    return sorted(path.name for path in folder_of(context.settings).iterdir())


def test_a_job_gives_what_a_scan_gives(make, scan, speech):
    context, data = make(), clip(speech, 1)
    with service(context, scan=scan) as client:
        answer = hand_in(client, data, "../talks\\a.wav", prior="0.01")
        assert answer.status_code == 202
        job = answer.json()
        assert answer.headers["location"] == f"/api/jobs/{job['id']}"
        assert (job["label"], job["attempts"], job["size_bytes"]) == ("a.wav", 0, len(data))
        done = ended(client, job["id"])
        result = ScanResult.model_validate_json(client.get(f"/api/jobs/{job['id']}/result").text)
    import assay

    alone = assay.scan(data, name="a.wav", prior=0.01, threads=1)
    assert (done["state"], done["verdict"], done["error"]) == ("done", alone.verdict, None)
    assert done["submitted"] <= done["started"] <= done["ended"]
    assert (result.path, result.sha256, result.llr) == ("a.wav", alone.sha256, alone.llr)
    assert result.spoof_probability == alone.spoof_probability
    assert media_left(context) == []


def test_a_broken_file_fails_with_its_code_and_keeps_no_path(make, scan):
    context = make()
    with service(context, scan=scan) as client:
        job = ended(client, hand_in(client, b"RIFF" + b"\0" * 40, "bad.wav").json()["id"])
        answer = client.get(f"/api/jobs/{job['id']}/result")
    assert job["state"] == "failed"
    assert answer.status_code == 422
    assert answer.json()["error"]["code"] == job["error"]["code"] == "unsupported"
    assert str(context.settings.serve_folder) not in answer.text
    assert media_left(context) == []


def test_there_is_no_result_before_the_end(make, held, speech):
    with service(make(), scan=held) as client:
        job = hand_in(client, clip(speech, 2)).json()
        held.begun.wait(30)
        poll, result = client.get(f"/api/jobs/{job['id']}"), client.get(f"/api/jobs/{job['id']}/result")
        assert poll.json()["state"] == "running"
        assert int(poll.headers["retry-after"]) >= 1
        assert (result.status_code, result.json()["error"]["code"]) == (409, "job_not_done")
        assert int(result.headers["retry-after"]) >= 1
        held.go.set()
        assert ended(client, job["id"])["state"] == "done"


def test_an_idempotency_key_stands_for_one_job(make, speech):
    context, data = make(), clip(speech, 3)
    with service(context, work=False) as client, ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: hand_in(client, data, key="key-1", prior="0.1"), range(8)))
        assert {answer.status_code for answer in answers} == {202}
        assert len({answer.json()["id"] for answer in answers}) == 1
        assert sum("idempotent-replayed" not in answer.headers for answer in answers) == 1
        for other in (
            hand_in(client, clip(speech, 4), key="key-1", prior="0.1"),
            hand_in(client, data, key="key-1", prior="0.2"),
        ):
            assert (other.status_code, other.json()["error"]["code"]) == (422, "idempotency_key_reused")
        assert hand_in(client, data, key="key-1", prior="0.1", who="somebody").json()["id"] != answers[0].json()["id"]
        assert len(media_left(context)) == 2


def test_a_cancelled_job_never_runs(make, held, speech):
    context = make()
    with service(context, scan=held) as client:
        first = hand_in(client, clip(speech, 5)).json()["id"]
        held.begun.wait(30)
        second = hand_in(client, clip(speech, 6)).json()["id"]
        answer = client.delete(f"/api/jobs/{second}")
        assert (answer.status_code, answer.json()["state"]) == (200, "cancelled")
        assert client.post(f"/api/jobs/{second}/cancel").json()["state"] == "cancelled"
        held.go.set()
        assert ended(client, first)["state"] == "done"
        third = hand_in(client, clip(speech, 7)).json()["id"]  # the queue is in order: the second had its turn
        assert ended(client, third)["state"] == "done"
        assert held.count == 2
        assert client.get(f"/api/jobs/{second}/result").status_code == 410
        done = client.delete(f"/api/jobs/{first}")
        assert (done.status_code, done.json()["error"]["code"]) == (409, "job_ended")
    assert media_left(context) == []


def test_the_result_of_a_job_cancelled_while_it_ran_is_dropped(make, held, speech):
    context = make()
    with service(context, scan=held) as client:
        job = hand_in(client, clip(speech, 8)).json()["id"]
        held.begun.wait(30)
        assert client.delete(f"/api/jobs/{job}").json()["state"] == "cancelled"
        held.go.set()
        assert ended(client, hand_in(client, clip(speech, 9)).json()["id"])["state"] == "done"
        assert client.get(f"/api/jobs/{job}").json()["state"] == "cancelled"
    with context.database.session() as session:
        assert session.get(JobResult, job) is None


def test_the_queue_is_bounded(make, speech):
    context = make(serve_max_jobs=3, serve_max_jobs_each=2)
    with service(context, work=False) as client:
        mine = [hand_in(client, clip(speech, number), who="me") for number in range(3)]
        assert [answer.status_code for answer in mine] == [202, 202, 429]
        yours = [hand_in(client, clip(speech, number), who="you") for number in range(3, 5)]
        assert [answer.status_code for answer in yours] == [202, 503]
        assert all(int(answer.headers["retry-after"]) >= 1 for answer in (mine[2], yours[1]))
        client.delete(f"/api/jobs/{mine[0].json()['id']}", headers={"X-Who": "me"})
        assert hand_in(client, clip(speech, 5), who="me").status_code == 202
    assert len(media_left(context)) == 3


def test_the_bound_holds_for_all_who_come_at_once(make, speech):
    context = make(serve_max_jobs=5)
    with service(context, work=False) as client, ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda number: hand_in(client, clip(speech, number)).status_code, range(12)))
    assert sorted(answers) == [202] * 5 + [503] * 7


def test_an_address_of_no_job_is_told_as_wrong(make):
    with service(make(), work=False) as client:
        for name in ("%00", "a%00b", "job", "0" * 31, "0" * 33, "A" * 32, "0" * 32 + "%0A"):
            for method, path in (("GET", ""), ("GET", "/result"), ("DELETE", ""), ("POST", "/cancel")):
                answer = client.request(method, f"/api/jobs/{name}{path}")
                assert (answer.status_code, answer.json()["error"]["code"]) == (422, "bad_request"), name
        assert client.get(f"/api/jobs/{'0' * 32}").status_code == 404


def test_jobs_belong_to_whoever_handed_them_in(make, speech):
    with service(make(), work=False) as client:
        jobs = [hand_in(client, clip(speech, number), who="me").json()["id"] for number in range(5)]
        me, you, reviewer = ({"X-Who": name} for name in ("me", "you", "review"))
        for call in (client.get, client.delete):
            assert call(f"/api/jobs/{jobs[0]}", headers=you).status_code == 404
        assert client.get(f"/api/jobs/{jobs[0]}/result", headers=you).status_code == 404
        assert client.get("/api/jobs", headers=you).json() == {"jobs": [], "next": None}
        assert client.get(f"/api/jobs/{jobs[0]}", headers=reviewer).status_code == 200
        assert client.delete(f"/api/jobs/{jobs[0]}", headers=reviewer).status_code == 404
        assert client.delete(f"/api/jobs/{jobs[0]}", headers={"X-Who": "admin"}).status_code == 200
        first = client.get("/api/jobs", params={"limit": 2}, headers=me).json()
        second = client.get("/api/jobs", params={"limit": 3, "after": first["next"]}, headers=me).json()
        assert [job["id"] for page in (first, second) for job in page["jobs"]] == jobs[::-1]
        assert second["next"] is None
        cancelled = client.get("/api/jobs", params={"state": "cancelled"}, headers=me).json()["jobs"]
        assert [job["id"] for job in cancelled] == jobs[:1]


def test_a_claim_succeeds_once(make, speech):
    context = make()
    with service(context, work=False) as client:
        jobs = [hand_in(client, clip(speech, number)).json()["id"] for number in range(3)]
    leases = Leases(context.database, context.settings)
    with ThreadPoolExecutor(8) as pool:
        claims = list(pool.map(leases.claim, jobs * 8))
    won = [claim for claim in claims if claim is not None]
    assert sorted(claim.job_id for claim in won) == sorted(jobs)
    assert leases.waiting() == []
    assert leases.beat([claim.lease for claim in won] + ["another"]) == {"another"}


def test_a_silent_worker_loses_its_job_and_its_result_is_dropped(make, scan, speech):
    context = make(serve_lease_s=1)
    with service(context, work=False) as client:
        job = hand_in(client, clip(speech, 1)).json()["id"]
    store, leases = JobStore(context.database, context.settings), Leases(context.database, context.settings)
    folder = folder_of(context.settings)
    silent = leases.claim(job)
    assert leases.claim(job) is None
    wait_until(lambda: leases.waiting() == [job])
    other = leases.claim(job)
    result = scan(folder / other.media, other.label, other.options)
    assert leases.beat([silent.lease, other.lease]) == {silent.lease}
    assert not leases.finish(silent, result)
    assert not leases.fail(silent, DecodeError("broken"))
    assert store.find(job, None).state == "running"
    assert leases.finish(other, result)
    assert leases.finish(other, result), "who asks again after a broken connection learns that it is written"
    assert not leases.finish(silent, result)
    assert store.find(job, None).attempts == 2


def test_a_job_that_kills_workers_fails_in_the_end(make, speech):
    context = make(serve_lease_s=1, serve_job_attempts=2)
    with service(context, work=False) as client:
        job = hand_in(client, clip(speech, 1)).json()["id"]
    with kept(context) as (store, leases, keeper):
        told = []
        leases._record = lambda session, claim, outcome: told.append((claim.job_id, claim.label, outcome.error.code))
        for _ in range(2):
            wait_until(lambda: leases.claim(job))
        assert leases.bury() == []  # the second may still be alive
        time.sleep(1.1)
        keeper.sweep()
        found = store.find(job, None)
        assert (found.state, found.error.code) == ("failed", "worker_lost")
        assert told == [(job, found.label, "worker_lost")]
        keeper.tidy()
    assert media_left(context) == []


def test_a_file_that_was_kept_goes_when_media_are_not_kept_any_longer(make, scan, speech):
    context = make(serve_keep_media_days=1e-9)
    with service(context, scan=scan) as client:
        job = ended(client, hand_in(client, clip(speech, 1), keep="true").json()["id"])
    with kept(context) as (_, _, keeper):
        keeper.tidy()
    assert job["keep"] is True
    assert media_left(context) == []


def test_jobs_survive_the_loss_of_the_queue(make, scan, speech):
    context = make(serve_lease_s=2)
    with service(context, work=False) as client:
        jobs = [hand_in(client, clip(speech, number)).json()["id"] for number in range(3)]
    queue = JobQueue(context.settings)
    assert queue.pending() == set(jobs)
    queue._huey.storage.flush_queue()
    assert queue.pending() == set()
    queue.close()
    with service(context, scan=scan) as client:
        assert [ended(client, job)["state"] for job in jobs] == ["done"] * 3


class Trap:
    """What a pickle could do."""

    def __reduce__(self):
        return os.mkdir, ("trapped",)


def test_nothing_in_the_queue_is_unpickled(make, scan, speech, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    context = make(serve_lease_s=2)
    queue = JobQueue(context.settings)
    for foreign in (pickle.dumps(Trap()), b"{}", b'{"id": "1", "task": "os.system", "job": "x"}', b"\xff"):
        queue._huey.storage.enqueue(foreign)
    assert queue.pending() == set()
    queue.close()
    with service(context, scan=scan) as client:
        assert ended(client, hand_in(client, clip(speech, 1)).json()["id"])["state"] == "done"
    assert not (tmp_path / "trapped").exists()


def test_a_worker_told_to_stop_gives_back_what_it_does_not_finish(make, held, scan, speech):
    context = make(serve_grace_s=0)
    with service(context, work=False) as client:
        job = hand_in(client, clip(speech, 1)).json()["id"]
    worker = Worker(context, jobs=1, scan=held)
    held.begun.wait(30)
    worker.stop()
    store = JobStore(context.database, context.settings)
    found = store.find(job, None)
    assert (found.state, found.attempts, found.started) == ("queued", 0, None)
    with service(context, scan=scan) as client:
        assert ended(client, job)["attempts"] == 1
    held.go.set()
    for _, thread in worker._consumer.worker_threads:
        thread.join(30)
    assert store.find(job, None).attempts == 1


def test_old_jobs_go_with_their_results_and_files(make, scan, speech):
    context = make()
    with service(context, scan=scan) as client:
        stays = hand_in(client, clip(speech, 1), keep="true").json()["id"]
        late = hand_in(client, clip(speech, 2)).json()["id"]
        assert [ended(client, job)["state"] for job in (stays, late)] == ["done"] * 2
    folder = folder_of(context.settings)
    (folder / f"{late}.media").write_bytes(b"as a kill after the commit leaves it")
    (folder / "fresh.part").write_bytes(b"is just arriving")
    (folder / "stale.part").write_bytes(b"never arrived")
    os.utime(folder / "stale.part", (0, 0))
    with kept(context) as (store, _, keeper):
        keeper.tidy()
        assert media_left(context) == [f"{stays}.media", "fresh.part"]
        with context.database.session() as session:
            session.execute(update(Job).where(Job.id == stays).values(ended=Job.ended - 31 * 86_400))
        keeper.tidy()
        assert media_left(context) == ["fresh.part"]
        assert [job.id for job in store.page(None).jobs] == [late]
    with context.database.session() as session:
        assert session.get(JobResult, stays) is None


@pytest.mark.parametrize("backend", BACKENDS)
def test_tables_are_made_once_by_many_who_start_at_once(backend, tmp_path):
    settings = load_settings(**settings_of(backend, tmp_path))

    def start(_):
        database = Database.of(settings)
        database.create_tables()
        JobQueue(settings).close()
        found = JobStore(database, settings).counts()
        database.close()
        return found

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(start, range(8))) == [{}] * 8


def test_counts_are_by_state(make, speech):
    context = make()
    with service(context, work=False) as client:
        jobs = [hand_in(client, clip(speech, number)).json()["id"] for number in range(3)]
        client.delete(f"/api/jobs/{jobs[0]}")
    assert JobStore(context.database, context.settings).counts() == {"queued": 2, "cancelled": 1}
    json.dumps(JobStore(context.database, context.settings).counts())
