"""kill -9 of workers and of the server, at random, while jobs come in: none is lost, none is scored twice.

Each backend gets its 20 kills. The line is the real one, on short real sounds. What counts is written by a trigger in
the database itself, which sees every change of a job, whatever our code believes.
"""

import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import httpx
import pytest
from job_servers import BACKENDS, free_port, settings_of
from job_toys import clip, hand_in, make_context, wait_until
from sqlalchemy import func, select, text

import assay
from assay.serve.jobs.store import JobStore
from assay.serve.jobs.tables import Job, JobResult
from assay.serve.operation import audit
from assay.serve.operation.audit import AuditEntry
from assay.serve.operation.tables import HistoryEntry
from assay.settings import load_settings

KILLS = 20
LONG_S = 120.0  # seconds on a machine on which much else runs
WAITING = 12  # jobs that are kept waiting while processes are killed
WITNESS = {
    "sqlite": [
        "CREATE TRIGGER see AFTER UPDATE ON jobs WHEN new.state = 'done' AND old.state <> 'done'"
        " BEGIN INSERT INTO witness VALUES (new.id); END",
    ],
    "postgresql": [
        "CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN INSERT INTO witness VALUES (new.id); RETURN new; END $$",
        "CREATE TRIGGER see AFTER UPDATE ON jobs FOR EACH ROW"
        " WHEN (new.state = 'done' AND old.state <> 'done') EXECUTE FUNCTION see()",
    ],
}


class Processes:
    """Workers and a server that can be killed and started again."""

    def __init__(self, folder, settings):
        names = {f"ASSAY_{name.upper()}": str(value) for name, value in settings.items()}
        self._environment, self._log, self.port = names, folder / "log", free_port()
        places = [Path(__file__).parent, Path(assay.__file__).parents[1]]
        self._zygote = subprocess.Popen(
            [sys.executable, str(places[0] / "job_zygote.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=folder,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, places)), "OMP_NUM_THREADS": "1"},
        )
        self.pids = {}

    def start(self, name):
        what = name.partition("-")[0]
        command = {"what": what, "environment": self._environment, "log": str(self._log), "port": self.port}
        self._zygote.stdin.write(json.dumps(command) + "\n")
        self._zygote.stdin.flush()
        self.pids[name] = int(self._zygote.stdout.readline())

    def kill(self, name):
        os.kill(self.pids[name], signal.SIGKILL)

    def end(self):
        for name in self.pids:
            with suppress(ProcessLookupError):
                self.kill(name)
        self._zygote.kill()  # it has nothing to tidy up, and on a busy machine a proper end takes its time
        self._zygote.wait()
        self._zygote.stdin.close()
        self._zygote.stdout.close()

    def log(self):
        return self._log.read_text(errors="replace")[-4000:] if self._log.exists() else ""


class Sender(threading.Thread):
    """Hands in jobs as long as it is told to, each until it is taken; a server that dies is asked again."""

    def __init__(self, port, clips, waiting):
        super().__init__(daemon=True)
        self._url, self._clips, self._waiting = f"http://127.0.0.1:{port}", clips, waiting
        self.taken, self.retried, self.over = {}, 0, threading.Event()

    def run(self):
        for number, data in enumerate(self._clips):
            while not self.over.is_set() and self._waiting() >= WAITING:
                time.sleep(0.02)
            if self.over.is_set():
                return
            self.taken[self._hand_in(number, data)] = hashlib.sha256(data).hexdigest()

    def _hand_in(self, number, data):
        while True:
            try:
                with httpx.Client(base_url=self._url, timeout=10) as client:
                    answer = hand_in(client, data, f"{number}.wav", key=f"key-{number}")
            except httpx.HTTPError:
                self.retried += 1
                time.sleep(0.05)
                continue
            assert answer.status_code == 202, answer.text
            return answer.json()["id"]


@pytest.mark.parametrize("backend", BACKENDS)
def test_twenty_kills_lose_nothing_and_score_nothing_twice(backend, tmp_path, speech):
    dice = random.Random(f"kills of {backend}")
    settings = {
        **settings_of(backend, tmp_path / "service"),
        "serve_lease_s": 3,
        "serve_job_attempts": 1000,
        "threads": 1,
        "jobs": 1,
    }
    context = make_context(load_settings(**settings))
    witness(context)
    store = JobStore(context.database, context.settings)
    processes = Processes(tmp_path, settings)
    names = ["server", "worker-1", "worker-2"]
    try:
        for name in names:
            processes.start(name)
        clips = [clip(speech, number, seconds=0.3) for number in range(1000)]
        sender = Sender(processes.port, clips, lambda: store.counts().get("queued", 0))
        sender.start()
        for _ in range(KILLS):
            before = begun(context)
            wait_until(lambda before=before: begun(context) > before, LONG_S)  # so that a kill meets work
            time.sleep(dice.uniform(0, 0.2))
            name = dice.choice(names)
            processes.kill(name)
            processes.start(name)
        sender.over.set()
        sender.join(LONG_S)
        assert not sender.is_alive()
        wait_until(lambda: set(store.counts()) == {"done"}, LONG_S)
    except (AssertionError, ProcessLookupError) as error:  # the latter: one ended by itself
        raise AssertionError(f"{error}\n{store.counts()}\n{processes.log()}") from error
    finally:
        processes.end()
    with context.database.session() as session:
        jobs = dict(session.execute(select(Job.id, Job.sha256)).all())
        results = {result.job_id: json.loads(result.body)["sha256"] for result in session.scalars(select(JobResult))}
        history = list(session.scalars(select(HistoryEntry.job)))
        audited = session.scalar(select(func.count()).select_from(AuditEntry).where(AuditEntry.action == "predict"))
        chain = audit.verify(session, b"")
        seen = [row.id for row in session.execute(text("SELECT id FROM witness"))]
    attempts = begun(context)
    context.database.close()
    assert jobs == sender.taken, "lost, or taken twice"
    assert results == jobs, "every result is that of its file"
    assert sorted(seen) == sorted(jobs), "scored twice, or not at all"
    assert sorted(history) == sorted(jobs), "recorded twice, or not at all"
    assert (audited, chain.intact) == (len(jobs), True)
    assert attempts > len(jobs), "kills met workers at work"


def begun(context):
    """How often a worker began a job, so far."""
    with context.database.session() as session:
        return session.scalar(select(func.sum(Job.attempts))) or 0


def witness(context):
    with context.database.session() as session:
        session.execute(text("CREATE TABLE witness (id VARCHAR(32))"))
        for statement in WITNESS["sqlite" if context.database.is_sqlite else "postgresql"]:
            session.execute(text(statement))
