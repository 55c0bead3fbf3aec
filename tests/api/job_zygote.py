"""Starts workers and servers of jobs at once: everything is imported here, and each of them is a fork of this process.

A new Python would spend seconds on imports before a kill could meet it at work. A fork shares nothing that matters: no
thread runs here, no connection is open, no model is loaded. Commands come as lines of JSON; each answer is a pid.
"""

import json
import os
import signal
import sys
import threading

import psycopg
import redis
import uvicorn
from job_toys import make_app, make_context

import assay.line
from assay.cli import main
from assay.serve.jobs import recorder, start_embedded
from assay.settings import load_settings


def serve(port):
    """As `assay serve` does: routes, and a worker inside."""
    context = make_context(load_settings())
    worker = start_embedded(context, record=recorder(context))
    try:
        uvicorn.run(make_app(context), port=port, log_level="error")
    finally:
        worker.stop()


def fork(command):
    pid = os.fork()
    if pid:
        return pid
    os.environ.update(command["environment"])
    os.dup2(os.open(command["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND), 2)
    os.dup2(2, 1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    try:
        if command["what"] == "worker":
            main(["worker"])
        else:
            serve(command["port"])
    except SystemExit as ended:
        os._exit(ended.code or 0)
    os._exit(0)


if __name__ == "__main__":
    assert all((assay.line, psycopg, redis)), "imported for those who are forked"
    assert threading.active_count() == 1
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for them
    for line in sys.stdin:
        sys.stdout.write(f"{fork(json.loads(line))}\n")
        sys.stdout.flush()
