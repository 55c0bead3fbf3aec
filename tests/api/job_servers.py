"""Real servers of Redis and PostgreSQL on 127.0.0.1, from Debian's packages: one of each for a test run.

Started when a test first asks, on a free port, in a folder of their own, and ended by pid when Python ends. Without
the binaries the test is skipped and says what to install. PostgreSQL refuses to run as root, so it runs as whoever
else there is.
"""

import atexit
import functools
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from itertools import count
from pathlib import Path

import pytest

BACKENDS = ("sqlite", "redis", "postgresql")
_numbers = count(1)


def settings_of(backend, folder):
    """What makes the service use a backend, each time an empty one: ``redis`` is Redis with PostgreSQL behind it."""
    if backend == "sqlite":
        return {"serve_folder": folder}
    database = new_database()
    return {
        "serve_folder": folder,
        "serve_database": database,
        "serve_queue": new_redis() if backend == "redis" else database,
    }


def new_database():
    """URL of an empty database."""
    import psycopg

    port = postgresql()
    name = f"assay_{next(_numbers)}"
    with psycopg.connect(f"postgresql://assay@127.0.0.1:{port}/postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return f"postgresql://assay@127.0.0.1:{port}/{name}"


def new_redis():
    """URL of an empty database of Redis."""
    import redis

    url = f"redis://127.0.0.1:{redis_server()}/{next(_numbers) % 16}"
    with redis.Redis.from_url(url) as connection:
        connection.flushdb()
    return url


@functools.cache
def redis_server():
    """Port of the server."""
    binary = shutil.which("redis-server") or pytest.skip("needs redis-server: apt-get install redis-server")
    folder, port = _folder("redis"), free_port()
    command = [binary, "--bind", "127.0.0.1", "--port", str(port), "--dir", str(folder), "--save", ""]
    _start(command, folder, port)
    return port


@functools.cache
def postgresql():
    """Port of the server."""
    binaries = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    if not binaries:
        pytest.skip("needs PostgreSQL: apt-get install postgresql")
    user = _unprivileged()
    folder, port = _folder("postgresql", user), free_port()
    more = {} if user is None else {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    initdb = [str(binaries[-1] / "initdb"), "-D", str(folder / "data"), "-U", "assay", "-A", "trust", "--no-sync"]
    subprocess.run([*initdb, "-E", "UTF8", "--locale=C"], check=True, stdout=subprocess.DEVNULL, cwd=folder, **more)
    settings = {"listen_addresses": "127.0.0.1", "unix_socket_directories": "", "fsync": "off"}
    options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    command = [str(binaries[-1] / "postgres"), "-D", str(folder / "data"), "-p", str(port), *options]
    # SIGINT: it shuts down without waiting for clients.
    _start(command, folder, port, ready=_takes_queries, stop=signal.SIGINT, **more)
    return port


def _unprivileged():
    """Somebody who is not root, if we are."""
    if os.getuid() != 0:
        return None
    names = {user.pw_name: user for user in pwd.getpwall()}
    return names.get("postgres") or names.get("nobody") or pytest.skip("PostgreSQL needs a user who is not root")


def _folder(name, user=None):
    folder = Path(tempfile.mkdtemp(prefix=f"assay-{name}-"))
    if user is not None:
        os.chown(folder, user.pw_uid, user.pw_gid)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def _is_open(port):
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


def _takes_queries(port):
    """PostgreSQL listens before it is ready."""
    import psycopg

    try:
        psycopg.connect(f"postgresql://assay@127.0.0.1:{port}/postgres").close()
    except psycopg.OperationalError:
        return False
    return True


def _start(command, folder, port, *, ready=_is_open, stop=signal.SIGTERM, **more):
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd=folder, **more)

    def end():
        server.send_signal(stop)
        try:
            server.wait(10)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()

    atexit.register(end)
    until = time.monotonic() + 30
    while time.monotonic() < until:
        assert server.poll() is None, (folder / "log").read_text()
        if ready(port):
            return
        time.sleep(0.05)
    raise AssertionError(f"{command[0]} does not answer: {(folder / 'log').read_text()}")


def free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]
