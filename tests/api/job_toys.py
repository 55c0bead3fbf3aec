"""A small service of jobs to test: router and worker behind a real server, and short real sounds to score."""

import io
import threading
import time
from contextlib import asynccontextmanager, contextmanager

import httpx
import numpy as np
import soundfile
import uvicorn
from fastapi import FastAPI

from assay.serve import answers
from assay.serve.access import LOCAL
from assay.serve.access.principal import Principal
from assay.serve.access.scopes import SCOPES
from assay.serve.context import Context
from assay.serve.database import Database
from assay.serve.jobs import recorder, router, start_embedded
from assay.serve.reception import Reception
from assay.serve.tracing import Tracing

SECRET = "a-secret-of-the-tests-long-enough"


class Introducing:
    """Stands for `assay.serve.access`: the header X-Who says who asks; scopes are ``jobs`` and that name."""

    def __init__(self, app):
        self.app = app

    async def __call__(self, scope, receive, send):
        name = dict(scope.get("headers", ())).get(b"x-who", b"").decode()
        who = Principal(name, name, frozenset({"jobs", name} & set(SCOPES))) if name else LOCAL
        scope.setdefault("state", {})["principal"] = who
        await self.app(scope, receive, send)


def make_app(context):
    """Jobs alone, whose errors are answered as those of the whole service are."""
    reception = Reception(context.settings)

    @asynccontextmanager
    async def lifespan(_app):
        yield
        reception.close()

    app = FastAPI(lifespan=lifespan)
    app.include_router(router(context, reception))
    answers.install(app)
    app.add_middleware(Introducing)
    app.add_middleware(Tracing)
    return app


def make_context(settings, scorer=None):
    database = Database.of(settings)
    database.create_tables()
    return Context(settings, database, scorer)


@contextmanager
def served(app):
    """A client of an app behind a real server on a free port."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    wait_until(lambda: server.started)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
            yield client
    finally:
        server.should_exit = True
        thread.join()


@contextmanager
def service(context, *, scan=None, work=True):
    """A client of jobs, with the embedded worker."""
    worker = start_embedded(context, scan=scan, record=recorder(context)) if work else None
    try:
        with served(make_app(context)) as client:
            yield client
    finally:
        if worker is not None:
            worker.stop()


def wait_until(holds, limit_s=30.0):
    until = time.monotonic() + limit_s
    while time.monotonic() < until:
        if found := holds():
            return found
        time.sleep(0.02)
    raise AssertionError(f"not within {limit_s} s")


def clip(speech, number, seconds=0.5):
    """A short WAV out of a person's reading; another one for each number."""
    samples, rate = speech
    start = (number * 997) % (len(samples) - int(seconds * rate))
    target = io.BytesIO()
    part = samples[start : start + int(seconds * rate)] * np.float32(1 - number / 1e5)
    soundfile.write(target, part, rate, format="WAV")
    return target.getvalue()


def hand_in(client, data, name="clip.wav", key=None, **fields):
    headers = {} if key is None else {"Idempotency-Key": key}
    who = fields.pop("who", None)
    if who:
        headers["X-Who"] = who
    return client.post("/api/jobs", files={"file": (name, data)}, data=fields, headers=headers)


def ended(client, job_id, limit_s=30.0, **more):
    """The job, once it is over."""

    def over():
        job = client.get(f"/api/jobs/{job_id}", **more).json()
        return job if job["state"] not in ("queued", "running") else None

    return wait_until(over, limit_s)
