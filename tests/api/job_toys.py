"""A small service of jobs to test: router and worker behind a real server, and short real sounds to score."""

import io
import threading
import time
from contextlib import contextmanager

import httpx
import numpy as np
import soundfile
import uvicorn
from fastapi import FastAPI, Request

from assay.serve.context import Context
from assay.serve.database import Database
from assay.serve.jobs import router, start_embedded

SECRET = "a-secret-of-the-tests-long-enough"


class Who:
    """Stands for `assay.serve.access.Principal`."""

    def __init__(self, name):
        self.id, self.scopes = name, {"jobs", name} & {"jobs", "review", "admin"}

    def may(self, scope):
        return scope in self.scopes


def make_app(context):
    """Jobs alone; the header X-Who says who asks."""
    app = FastAPI()
    app.include_router(router(context))

    @app.middleware("http")
    async def who(request: Request, call_next):
        if name := request.headers.get("x-who"):
            request.state.principal = Who(name)
        return await call_next(request)

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
    worker = start_embedded(context, scan=scan) if work else None
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
