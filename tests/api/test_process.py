"""`assay serve` as a process of its own: it starts, answers, and ends when told."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx
import pytest
from forms import BOUNDARY, error_of, part

import assay
from assay.cli import main
from assay.errors import SettingsError
from assay.serve.running import bind

LIMIT_S = 300


class Process:
    """`assay serve` on a free port, in an empty folder."""

    def __init__(self, folder, **settings):
        environment = {
            **os.environ,
            "PYTHONPATH": str(Path(assay.__file__).parents[1]),
            **{f"ASSAY_{name.upper()}": str(value) for name, value in settings.items()},
        }
        command = [sys.executable, "-m", "assay", "serve", "--port", "0", "--jobs", "1"]
        self._process = subprocess.Popen(command, cwd=folder, env=environment, stderr=subprocess.PIPE, text=True)
        self.lines = []
        self.url = self._address()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _address(self):
        for line in self._process.stderr:
            self.lines.append(line)
            if found := re.fullmatch(r"Assay listens on (http://\S+)\n", line):
                return found[1]
        raise AssertionError(f"it ended: {self.lines}")

    def _read(self):
        self.lines.extend(self._process.stderr)

    def until_ready(self):
        ended = time.monotonic() + LIMIT_S
        while time.monotonic() < ended:
            try:
                if httpx.get(f"{self.url}/readyz").status_code == 200:
                    return self
            except httpx.ConnectError:
                assert self._process.poll() is None, self.lines
            time.sleep(0.1)
        raise AssertionError(f"not ready: {self.lines}")

    def tell(self, number):
        self._process.send_signal(number)

    def ended(self):
        """The exit code, which must come."""
        code = self._process.wait(LIMIT_S)
        self._reader.join(LIMIT_S)
        self._process.stderr.close()
        return code

    def kill(self):
        if self._process.poll() is None:
            self._process.kill()
            self.ended()


@pytest.fixture
def start(tmp_path):
    made = []

    def start(**settings):
        made.append(Process(tmp_path, **settings))
        return made[-1]

    yield start
    for process in made:
        process.kill()


def left(folder):
    return [path for path in (folder / "assay-service" / "uploads").rglob("*") if path.is_file()]


def test_it_starts_answers_finishes_what_it_scores_and_ends(start, tmp_path, examples):
    process = start(close_s=0, num_frames=16, log_level="INFO").until_ready()
    assert httpx.get(f"{process.url}/api/health").json()["status"] == "ready"
    answer = httpx.post(
        f"{process.url}/api/predict/audio",
        files={"file": ("a.wav", (examples / "human.wav").read_bytes())},
        headers={"X-Request-ID": "first"},
        timeout=LIMIT_S,
    )
    assert answer.status_code == 200
    assert answer.json()["path"] == "a.wav"
    assert answer.headers["x-request-id"] == "first"

    # A video takes long enough to be told to stop in the middle of it.
    found = []
    video = (examples / "talking-drawing.mp4").read_bytes()

    def ask():
        files = {"file": ("talk.mp4", video)}
        found.append(httpx.post(f"{process.url}/api/predict/video", files=files, timeout=LIMIT_S))

    asking = threading.Thread(target=ask)
    with httpx.Client(base_url=process.url, timeout=LIMIT_S) as client:
        asking.start()
        while not client.get("/api/stats").json()["queue"]["scoring"]:
            time.sleep(0.01)
        process.tell(signal.SIGTERM)
        refused = client.get("/readyz")
        while refused.status_code == 200:
            refused = client.get("/readyz")
        assert "about to stop" in error_of(refused, 503)["message"]
        late = client.post("/api/predict/audio", files={"file": ("b.wav", b"x")})
        assert error_of(late, 503)["code"] == "unavailable"
        assert int(late.headers["retry-after"]) >= 1
    asking.join(LIMIT_S)
    assert found[0].status_code == 200
    assert found[0].json()["media"] == "video"
    assert process.ended() in (0, -signal.SIGTERM)
    assert left(tmp_path) == []
    assert any("POST /api/predict/audio 200" in line for line in process.lines)
    assert not [line for line in process.lines if "Traceback" in line or "ERROR" in line]


def test_an_upload_of_a_killed_process_is_swept_by_the_next(start, tmp_path):
    process = start().until_ready()
    host, port = process.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as connection:
        head = (
            f"POST /api/predict/audio HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9000000\r\n"
            f"Content-Type: multipart/form-data; boundary={BOUNDARY}\r\n\r\n"
        )
        connection.sendall(head.encode() + part("file", bytes(3_000_000), "a.wav")[:-2])
        ended = time.monotonic() + LIMIT_S
        while sum(path.stat().st_size for path in left(tmp_path)) < 1_000_000:
            assert time.monotonic() < ended
            time.sleep(0.02)
        process.tell(signal.SIGKILL)
        assert process.ended() == -signal.SIGKILL
    assert len(left(tmp_path)) == 2  # the file and the lock
    again = start().until_ready()
    assert [path.name for path in left(tmp_path)] == ["lock"]
    again.tell(signal.SIGINT)
    again.ended()


def test_a_client_that_hangs_up_in_the_middle_leaves_nothing(start, tmp_path):
    process = start(serve_upload_wait_s=1).until_ready()
    host, port = process.url.removeprefix("http://").split(":")
    head = (
        f"POST /api/predict/audio HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9000000\r\n"
        f"Content-Type: multipart/form-data; boundary={BOUNDARY}\r\n\r\n"
    ).encode() + part("file", bytes(1_000), "a.wav")[:-2]
    with socket.create_connection((host, int(port))) as gone:
        gone.sendall(head)
        time.sleep(0.2)
    with socket.create_connection((host, int(port)), timeout=LIMIT_S) as slow:
        slow.sendall(head)
        answer = b""
        while not answer.endswith(b"}}"):
            answer += slow.recv(65_536)
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b'"code":"too_slow"' in answer
    ended = time.monotonic() + LIMIT_S
    while len(left(tmp_path)) > 1:
        assert time.monotonic() < ended
        time.sleep(0.02)
    with socket.create_connection((host, int(port)), timeout=LIMIT_S) as long:
        long.sendall(b"GET /livez HTTP/1.1\r\nHost: localhost\r\nX-Long: " + b"x" * 60_000)
        long.sendall(b"x" * 60_000)
        assert b"400" in long.recv(65_536)[:30]  # of uvicorn, which keeps no more than 64 KiB of a head
    assert httpx.get(f"{process.url}/livez").status_code == 200


def test_a_port_in_use_is_told(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(SystemExit) as ended:
            main(["serve", "--port", str(port)])
    assert ended.value.code == 2
    assert f"cannot listen on 127.0.0.1 port {port}" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("host", ["no.such.host.invalid", "203.0.113.1", "a" * 300])
def test_an_address_that_is_not_ours_is_told(host):
    with pytest.raises(SettingsError, match="cannot listen"):
        bind(host, 0)


def test_a_free_port_is_found():
    with bind("127.0.0.1", 0) as listening:
        assert listening.getsockname()[1] > 0


def test_without_the_extra_its_name_is_told(tmp_path):
    code = "import sys; sys.modules['uvicorn'] = None; from assay.cli import main; main(['serve', '--port', '0'])"
    environment = {**os.environ, "PYTHONPATH": str(Path(assay.__file__).parents[1])}
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 2
    assert "pip install 'assay[serve]'" in done.stderr


def test_importing_the_command_line_loads_no_server():
    code = "import sys, assay.cli; print([m for m in ('fastapi', 'uvicorn', 'sqlalchemy') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout.replace("'", '"')) == []
