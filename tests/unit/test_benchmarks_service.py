"""The arithmetic and the clients of the benchmark of the service."""

import json
import re
import socket
from threading import Thread

import pytest


@pytest.fixture
def scripts(monkeypatch, request):
    monkeypatch.syspath_prepend(str(request.config.rootpath / "benchmarks"))
    import service
    import service_clients

    return service, service_clients


@pytest.fixture
def pair():
    ours, theirs = socket.socketpair()
    ours.settimeout(10)
    yield ours, theirs
    ours.close()
    theirs.close()


@pytest.mark.parametrize("sent", [b"HTTP/1.1 2", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}"])
def test_a_server_that_hangs_up_ends_a_client(scripts, pair, sent):
    _, clients = scripts
    ours, theirs = pair
    theirs.sendall(sent)
    theirs.close()
    ended = []

    def ask():
        try:
            clients.answer(ours)
        except ConnectionError as error:
            ended.append(str(error))

    asking = Thread(target=ask, daemon=True)
    asking.start()
    asking.join(5)
    assert ended == ["the server hung up"]


def test_a_whole_answer_is_read_to_its_end(scripts, pair):
    _, clients = scripts
    ours, theirs = pair
    theirs.sendall(b"HTTP/1.1 503 Busy\r\ncontent-length: 2\r\n\r\n{}")
    assert clients.answer(ours) == 503


def test_the_range_stands_beside_the_median(scripts):
    service, _ = scripts
    assert service.spread([0.8, 0.85, 0.9123]) == "85.0% (80.0%–91.2%)"


def test_the_page_shows_what_was_measured(scripts, request):
    """The section is made of the figures beside it, by the script's own functions."""
    service, _ = scripts
    folder = request.config.rootpath / "benchmarks"
    found = json.loads((folder / "service.json").read_text(encoding="utf-8"))
    page = (folder / "README.md").read_text(encoding="utf-8")
    (section,) = re.findall(r"<!-- service -->\n(.*?)\n<!-- /service -->", page, flags=re.DOTALL)
    assert section == service.table(found, found["facts"])
