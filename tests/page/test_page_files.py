"""The files of the page over HTTP: which there are, who may have them, and what stands in their headers."""

import gzip
import http.client
import json
import re

import numpy as np
import pytest
import soundfile

pytest.importorskip("fastapi", reason="needs the extra 'serve'")


import httpx
from browsing import keyed_service

from assay import scan
from assay.result import PLAIN_VERDICTS
from assay.serve.page.files import STATIC
from assay.serve.page.samples import SAMPLES, samples_folder

EXPECTED = {
    "person-reading.flac": "bona_fide",
    "machine-copy.flac": "spoof",
    "one-sentence-replaced.flac": "mixed",
    "generator-mark.png": "inconclusive",
    "talking-drawing.mp4": "inconclusive",
}


@pytest.fixture(scope="module")
def client(served):
    with httpx.Client(base_url=served.url) as client:
        yield client


def test_the_page_and_all_it_names_are_there(client):
    page = client.get("/")
    assert page.status_code == 200
    named = re.findall(r'(?:href|src)="(/[^"]+)"', page.text)
    modules = "".join(path.read_text(encoding="utf-8") for path in STATIC.glob("*.js"))
    imported = [f"/page/{name}" for name in re.findall(r'from "\./([^"]+)"', modules)]
    assert len(set(named)) > 10
    for path in {*named, *imported}:
        assert client.get(path).status_code == 200, path
    preloaded = set(re.findall(r'modulepreload" href="(/page/[^"]+)"', page.text))
    assert set(imported) <= preloaded, "a module that is not preloaded waits for the one that imports it"


def test_nothing_in_it_is_inline_or_elsewhere():
    for path in STATIC.iterdir():
        text = path.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
        assert "http://" not in text, path
        assert "https://" not in text, path
        assert not re.search(r"(inner|outer)HTML|insertAdjacentHTML|document\.write|\beval\(|new Function", text), path
    page = (STATIC / "index.html").read_text(encoding="utf-8")
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\bstyle=|\bon\w+=", page)


def test_it_is_small(client):
    total = sum(len(gzip.compress(path.read_bytes())) for path in STATIC.iterdir())
    assert total < 60_000
    assert len(list(STATIC.iterdir())) <= 20


def test_the_policy_allows_nothing_but_its_own(client):
    policy = dict(part.split(" ", 1) for part in client.get("/").headers["content-security-policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert policy["trusted-types"] == "'none'"
    assert "unsafe" not in str(policy)


def test_what_the_browser_has_is_not_sent_again(client):
    first = client.get("/page/page.css")
    assert first.headers["cache-control"] == "no-cache"
    assert first.headers["content-encoding"] == "gzip"
    again = client.get("/page/page.css", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    page = client.get("/")
    kept = client.get("/", headers={"If-None-Match": page.headers["etag"]})
    policy = "content-security-policy"  # a browser takes over what comes with a 304
    assert (kept.status_code, kept.headers[policy]) == (304, page.headers[policy])
    plain = client.get("/page/page.css", headers={"Accept-Encoding": "identity"})
    assert plain.text == first.text
    assert client.head("/").status_code == 200


@pytest.mark.parametrize(
    "path", ["nothing", "../files.py", "%2e%2e/files.py", "samples/../../samples.py", "samples/", "README.md"]
)
def test_only_files_of_the_page_are_answered(client, path):
    answer = client.get(f"/page/{path}")
    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "no_such_path"


def test_it_says_what_the_page_must_know(client):
    told = client.get("/page/start.json").json()
    assert told["verdicts"] == PLAIN_VERDICTS
    assert told["key_required"] is False
    assert told["max_files"] == 32
    assert [one["file"] for one in told["samples"]] == list(EXPECTED)


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda one: one.file)
def test_samples_are_what_they_are_meant_to_show(client, sample):
    answer = client.get(f"/page/samples/{sample.file}")
    assert answer.content == (samples_folder() / sample.file).read_bytes()
    assert len(answer.content) < 400_000
    result = scan(samples_folder() / sample.file)
    assert (result.verdict, result.media) == (EXPECTED[sample.file], sample.media)


def test_samples_are_the_examples(examples):
    for name, origin in (("person-reading.flac", "human.wav"), ("machine-copy.flac", "vocoded.wav")):
        ours, theirs = soundfile.read(samples_folder() / name)[0], soundfile.read(examples / origin)[0]
        np.testing.assert_array_equal(ours, theirs)
    for name, origin in (("generator-mark.png", "tagged.png"), ("talking-drawing.mp4", "talking-drawing.mp4")):
        assert (samples_folder() / name).read_bytes() == (examples / origin).read_bytes()


def test_a_result_in_words_is_what_the_terminal_says(client, samples):
    from assay.report.text import words

    result = scan(samples / "one-sentence-replaced.flac")
    told = client.post("/api/describe", content=result.model_dump_json()).json()
    expected = words(result)
    assert (told["subject"], told["verdict"], told["text"]) == tuple(expected)


@pytest.mark.parametrize(
    ("body", "status"),
    [("{}", 400), ("", 400), ("[" * 5000, 400), ('{"a":' + "1" * (5 * 2**20) + "}", 413)],
    ids=["no result", "nothing", "deep", "too long"],
)
def test_what_is_no_result_is_refused(client, body, status):
    answer = client.post("/api/describe", content=body)
    assert answer.status_code == status
    assert len(answer.text) < 1000


def test_infinite_seconds_are_refused(client, samples):
    told = json.loads(scan(samples / "machine-copy.flac").model_dump_json())
    for segment in told["segments"]:
        segment["end_s"] = float("inf")
    answer = client.post("/api/describe", content=json.dumps(told))
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "bad_request")


def test_stability_is_a_field_of_a_request(client, samples):
    with (samples / "person-reading.flac").open("rb") as file:
        answer = client.post("/api/predict/audio", files={"file": file}, data={"stability": "true"}, timeout=60)
    assert len(answer.json()["stability"]["deliveries"]) >= 5
    wrong = client.post("/api/predict/audio", files={"file": b"x"}, data={"stability": "yes"})
    assert (wrong.status_code, wrong.json()["error"]["code"]) == (422, "bad_setting")


def test_where_keys_are_needed_the_page_comes_without_one_and_nothing_else_does(serve, tmp_path):
    keyed, key = keyed_service(serve, tmp_path)
    with httpx.Client(base_url=keyed.url) as client:
        assert client.get("/").status_code == 200
        assert client.get("/page/start.json").json()["key_required"] is True
        for path in ("/api/history", "/api/openapi.json", "/page", "/pages", "//api/history"):
            assert client.get(path).status_code in (401, 404, 307), path
            assert "items" not in client.get(path).text
        assert client.get("/api/history").status_code == 401
        assert client.get("/api/history", headers={"Authorization": f"Bearer {key}"}).status_code == 200
    host, port = keyed.url.removeprefix("http://").split(":")
    for path in ("/page/../api/history", "/page/%2e%2e/api/history", "/page/..%2fapi%2fhistory"):
        connection = http.client.HTTPConnection(host, int(port))
        connection.request("GET", path)  # as it is: httpx would tidy it up
        assert connection.getresponse().status == 404
        connection.close()
