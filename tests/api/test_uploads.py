"""What arrives: limits while reading, names that are labels, files that are gone afterwards."""

import asyncio
import os
import stat
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import signals
from forms import BOUNDARY, END, error_of, part
from starlette.requests import Request

from assay.errors import BadRequest, SettingsError, UploadTooSlow
from assay.serve.multipart import LINGER_S, ClientGone, FormRules, label, received
from assay.serve.uploads import UploadFolder

WAV = signals.wav(signals.noise(seconds=0.3))


def rules(**changes):
    given = {
        "file_field": "file",
        "fields": ("note",),
        "max_files": 1,
        "file_bytes": 10_000_000,
        "request_bytes": 20_000_000,
        "memory_bytes": 0,
        "wait_s": 5.0,
        "bytes_per_s": 1_000,
        **changes,
    }
    return FormRules(**given)


@pytest.fixture
def folder(tmp_path):
    made = UploadFolder(tmp_path)
    yield made
    made.close()


def receive(folder, pieces, rules=None, *, pause_s=0.0, look=lambda form: None, headers=()):
    """Receive a form whose body comes in these pieces; what `look` says within the block."""
    messages = [{"type": "http.request", "body": piece, "more_body": True} for piece in pieces]
    if messages and messages[-1]["type"] == "http.request":
        messages[-1]["more_body"] = False
    return asyncio.run(_receive(folder, messages, rules or globals()["rules"](), pause_s, look, headers))


async def _receive(folder, messages, rules, pause_s, look, headers):
    coming = iter(messages)

    async def next_message():
        await asyncio.sleep(pause_s)
        return next(coming)

    kind = f"multipart/form-data; boundary={BOUNDARY}".encode()
    scope = {"type": "http", "method": "POST", "headers": [(b"content-type", kind), *headers]}
    async with received(Request(scope, next_message), rules, folder) as form:
        return look(form)


def left_in(folder):
    """Names in the folder of this process."""
    return [path.name for path in folder.path.iterdir()]


def content(upload):
    return upload.source if isinstance(upload.source, bytes) else upload.source.read_bytes()


def seen(form):
    return [(upload.name, content(upload)) for upload in form.files], form.fields


BODY = part("note", b"hello") + part("file", WAV, "a.wav", ["Content-Type: text/html"]) + END


@pytest.mark.parametrize("size", [1, 2, 7, 64, 100_000])
def test_a_form_is_the_same_however_it_is_cut(folder, size):
    pieces = [BODY[at : at + size] for at in range(0, len(BODY), size)]
    assert receive(folder, pieces, look=seen) == ([("a.wav", WAV)], {"note": "hello"})
    assert left_in(folder) == ["lock"]


@pytest.mark.parametrize(
    ("memory", "kinds"),
    [(0, "fff"), (999, "fff"), (1_000, "mff"), (2_500, "mmf"), (2_500_000, "mmf"), (3_000_000, "mmm")],
)
@pytest.mark.parametrize("size", [100, 65_536])
def test_small_files_stay_in_memory_as_long_as_together_they_fit(folder, memory, kinds, size):
    contents = [os.urandom(1_000), os.urandom(1_000), os.urandom(2_500_000)]
    body = b"".join(part("file", data, f"{n}") for n, data in enumerate(contents)) + END
    pieces = [body[at : at + size] for at in range(0, len(body), size)]

    def look(form):
        return [("m" if isinstance(each.source, bytes) else "f", content(each), each.size) for each in form.files]

    found = receive(folder, pieces, rules(memory_bytes=memory, max_files=3), look=look)
    assert "".join(kind for kind, _, _ in found) == kinds
    assert [(data, size) for _, data, size in found] == [(data, len(data)) for data in contents]
    assert left_in(folder) == ["lock"]


def test_data_that_looks_like_a_boundary_is_data(folder):
    tricky = b"\r\n--" + BOUNDARY.encode()[:-1] + b"\r\n--\r\n\r\n--" + b"x" * 10
    assert receive(folder, [part("file", tricky, "x") + END], look=seen)[0] == [("x", tricky)]


def test_a_large_file_is_written_as_it_comes(folder):
    data = os.urandom(5_000_000)
    body = part("file", data, "x") + END
    pieces = [body[at : at + 65_536] for at in range(0, len(body), 65_536)]
    assert receive(folder, pieces, look=seen)[0] == [("x", data)]


@pytest.mark.skipif(os.name != "posix", reason="modes of POSIX")
def test_files_are_private_and_their_names_are_random(folder):
    def look(form):
        path = form.files[0].source
        assert path.parent == folder.path
        assert len(path.name) == 32
        return [stat.S_IMODE(each.stat().st_mode) for each in (path, folder.path)]

    assert receive(folder, [BODY], look=look) == [0o600, 0o700]


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("../../../etc/passwd", "passwd"),
        ("..\\..\\windows\\system32\\config", "config"),
        ("/etc/shadow", "shadow"),
        ("C:\\a\\b.wav", "b.wav"),
        ("..", "upload"),
        ("...", "upload"),
        ("/", "upload"),
        ("", "upload"),
        ("a\x00b.wav", "ab.wav"),
        ("a\r\nSet-Cookie: x.wav", "aSet-Cookie: x.wav"),
        ("a\x1b[31m.wav", "a[31m.wav"),
        ("invoice\u202egpj.exe", "invoicegpj.exe"),
        ("日本語 録音.wav", "日本語 録音.wav"),
        ("http://169.254.169.254/latest/meta-data", "meta-data"),
        ("x" * 300 + ".wav", "x" * 99 + "…" + "x" * 96 + ".wav"),
        ("-", "-"),
    ],
)
def test_a_name_is_a_label(name, shown):
    assert label(name) == shown


@pytest.mark.parametrize("name", ["../../../../tmp/evil.wav", "/tmp/evil.wav", "-", "http://127.0.0.1:1/x.wav"])
def test_no_name_leads_anywhere(service, examples, name):
    body = part("file", (examples / "human.wav").read_bytes(), name) + END
    response = service.raw("/api/predict/audio", body)
    assert response.status_code == 200
    assert response.json()["path"] == label(name)
    assert not Path("/tmp/evil.wav").exists()


def test_messages_do_not_tell_where_files_lie(service):
    response = service.predict("audio", b"RIFF\x24\x00\x00\x00WAVE" + b"x" * 100, "a.wav")
    error = error_of(response, 422)
    assert "'a.wav'" in error["message"]
    assert str(service.settings.serve_folder) not in response.text


BROKEN = {
    "nothing": b"",
    "no boundary at all": b"hello",
    "no end": part("file", WAV, "a.wav"),
    "cut inside the file": (part("file", WAV, "a.wav") + END)[:500],
    "no file": part("num_frames", b"3") + END,
    "only the end": END,
    "another boundary": BODY.replace(BOUNDARY.encode(), b"other"),
    "an unknown field": part("model", b"x") + part("file", WAV, "a.wav") + END,
    "a field twice": part("num_frames", b"3") * 2 + part("file", WAV, "a.wav") + END,
    "a long field": part("num_frames", b"3" * 5_000) + part("file", WAV, "a.wav") + END,
    "no disposition": f"--{BOUNDARY}\r\nContent-Type: text/plain\r\n\r\nx\r\n".encode() + END,
    "no name": f"--{BOUNDARY}\r\nContent-Disposition: form-data\r\n\r\nx\r\n".encode() + END,
    "a header that is none": f"--{BOUNDARY}\r\n\x00\x01\x02\r\n\r\nx\r\n".encode() + END,
    "long headers": part("file", WAV, "a" * 5_000) + END,
    "many headers": part("file", WAV, "a.wav", [f"X-{n}: y" for n in range(500)]) + END,
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_form_is_a_bad_request(service, name):
    assert error_of(service.raw("/api/predict/audio", BROKEN[name]), 400)["code"] == "bad_request"


@pytest.mark.parametrize(
    "kind", ["", "text/plain", "application/json", "multipart/form-data", "multipart/form-data; boundary=" + "x" * 200]
)
def test_what_is_no_form_is_unsupported(service, kind):
    assert error_of(service.raw("/api/predict/audio", BODY, kind), 415)["code"] == "unsupported"


def test_a_compressed_form_is_unsupported(service):
    import gzip

    response = service.raw("/api/predict/audio", gzip.compress(bytes(10_000_000)), **{"Content-Encoding": "gzip"})
    assert error_of(response, 415)["code"] == "unsupported"


def test_a_second_file_is_too_many(service):
    body = part("file", WAV, "a.wav") * 2 + END
    error = error_of(service.raw("/api/predict/audio", body), 413)
    assert error["code"] == "limit_exceeded"
    assert error["context"]["allowed"] == 1


def test_more_files_than_a_batch_may_hold(service):
    body = part("files", WAV, "a.wav") * 33 + END
    assert error_of(service.raw("/api/batch-predict", body), 413)["context"]["limit"] == "serve_max_files"


def test_a_large_file_and_a_large_request_are_refused_while_they_come(make_service):
    service = make_service(serve_max_upload_bytes=100_000, serve_max_request_bytes=300_000).until_ready()
    error = error_of(service.predict("audio", bytes(100_001)), 413)
    assert error["context"]["limit"] == "serve_max_upload_bytes"
    many = [("files", (f"{n}", bytes(90_000))) for n in range(4)]
    assert (
        error_of(service.post("/api/batch-predict", files=many), 413)["context"]["limit"] == "serve_max_request_bytes"
    )

    async def endless():
        yield part("file", b"", "a.wav")[:-2]
        while True:
            yield bytes(50_000)

    headers = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
    response = service.post("/api/predict/audio", content=endless(), headers=headers)
    assert error_of(response, 413)["code"] == "limit_exceeded"
    assert service.uploads() == []


def test_a_request_that_says_it_is_too_large_is_refused_unread(folder):
    def fail():
        raise AssertionError("it was read")

    async def run():
        scope = {
            "type": "http",
            "headers": [
                (b"content-type", f"multipart/form-data; boundary={BOUNDARY}".encode()),
                (b"content-length", b"99999999999"),
                (b"expect", b"100-continue"),
            ],
        }
        async with received(Request(scope, fail), rules(), folder):
            pass

    from assay.errors import LimitExceeded

    with pytest.raises(LimitExceeded):
        asyncio.run(run())


def test_a_refused_client_may_finish_sending_and_one_that_has_is_answered_at_once(folder):
    taken = []

    async def run(pieces):
        coming = iter(pieces)

        async def next_message():
            piece = next(coming, None)
            if piece is None:  # as a server: nothing comes any more until the client hangs up
                await asyncio.sleep(3_600)
            taken.append(piece)
            return {"type": "http.request", "body": piece, "more_body": piece is not pieces[-1]}

        kind = f"multipart/form-data; boundary={BOUNDARY}".encode()
        request = Request({"type": "http", "headers": [(b"content-type", kind)]}, next_message)
        with pytest.raises(BadRequest):
            async with received(request, rules(), folder):
                pass

    started = time.monotonic()
    asyncio.run(run([b"no", b" form", b" at", b" all"]))
    asyncio.run(run([part("file", WAV, "a.wav")]))
    assert len(taken) == 5
    assert time.monotonic() - started < LINGER_S


def test_a_pause_and_a_trickle_are_too_slow(folder):
    started = time.monotonic()
    with pytest.raises(UploadTooSlow):
        receive(folder, [BODY[:50], BODY[50:]], rules(wait_s=0.2), pause_s=1.0)
    with pytest.raises(UploadTooSlow, match="Each request has"):  # no pause is long, and the whole is
        receive(folder, [BODY[at : at + 1] for at in range(200)], rules(wait_s=0.5, bytes_per_s=1_000), pause_s=0.05)
    assert time.monotonic() - started < 20
    assert left_in(folder) == ["lock"]


def test_a_steady_upload_may_take_longer_than_the_longest_pause(folder):
    pieces = [BODY[at : at + 1_000] for at in range(0, len(BODY), 1_000)]
    found = receive(folder, pieces, rules(wait_s=2.0, bytes_per_s=100), pause_s=0.25, look=seen)
    assert found[0] == [("a.wav", WAV)]


def test_a_client_that_hangs_up_leaves_nothing(folder):
    messages = [{"type": "http.request", "body": BODY[:3_000], "more_body": True}, {"type": "http.disconnect"}]
    with pytest.raises(ClientGone):
        asyncio.run(_receive(folder, messages, rules(), 0, seen, ()))
    assert left_in(folder) == ["lock"]


def test_a_fault_within_the_block_leaves_nothing(folder):
    def fail(form):
        assert form.files[0].source.is_file()
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        receive(folder, [BODY], look=fail)
    assert left_in(folder) == ["lock"]


def test_what_a_killed_process_left_is_swept_and_what_a_living_one_has_is_not(tmp_path):
    code = (
        "import sys, time; from pathlib import Path; from assay.serve.uploads import UploadFolder;"
        "f = UploadFolder(Path(sys.argv[1])); f.create()[1].write(b'secret');"
        "print('there', flush=True); time.sleep(99)"
    )
    other = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE)
    try:
        assert other.stdout.readline() == b"there\n"
        living = UploadFolder(tmp_path)
        assert living.swept == 0
        assert len(list((tmp_path / "uploads").glob("*/*"))) == 3  # two locks and a file
    finally:
        other.kill()
        other.wait()
        other.stdout.close()
    after = UploadFolder(tmp_path)
    assert after.swept == 1
    assert sorted(path.name for path in (tmp_path / "uploads").glob("*/*")) == ["lock", "lock"]
    after.close()
    living.close()
    assert list((tmp_path / "uploads").iterdir()) == []


def test_many_that_start_together_sweep_nobody(tmp_path):
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: UploadFolder(tmp_path), range(24)))
    assert [one.swept for one in made] == [0] * 24
    assert all((one.path / "lock").exists() for one in made)
    for one in made:
        one.close()


def test_a_folder_that_cannot_be_written_is_a_wrong_setting(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingsError, match="serve_folder"):
        UploadFolder(tmp_path / "file")
