"""The WebSocket of live sound: what is accepted, what is refused and how, over the test client and a real server."""

import json
import re
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest
import soundfile

pytest.importorskip("fastapi", reason="needs the extra 'serve'")
pytest.importorskip("uvicorn", reason="needs the extra 'serve'")

from pydantic import TypeAdapter
from starlette.websockets import WebSocketDisconnect
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

sys.path.insert(0, str(Path(__file__).parent))
from live_server import TestClient, make_app, served

from assay import Detector
from assay.live.messages import ToClient

ADDRESS = "/api/stream?encoding=pcm16&sample_rate=16000"
START = {"type": "start", "encoding": "pcm16", "sample_rate": 16_000}
SAME = 1e-3
WAIT_S = 300  # a busy machine is slow now and then


@pytest.fixture(scope="module")
def client():
    with TestClient(make_app(serve_live_streams=4, serve_live_streams_per_address=2)) as made:
        yield made


@pytest.fixture(scope="module")
def server():
    with served() as address:
        yield address


@pytest.fixture(scope="module")
def human(examples):
    samples, rate = soundfile.read(examples / "human.wav", dtype="int16")
    assert rate == 16_000
    return samples


def read(socket):
    """The next message, checked against the schema."""
    text = socket.receive_text() if hasattr(socket, "receive_text") else socket.recv(WAIT_S)
    return TypeAdapter(ToClient).validate_json(text)


def until_end(socket):
    """All messages that are left; the connection must be closed behind them."""
    messages = []
    try:
        while True:
            messages.append(read(socket))
    except WebSocketDisconnect as closed:
        return messages, closed.code
    except ConnectionClosed as closed:
        return messages, closed.rcvd.code


def refused(socket):
    """Code of the error that ends a stream, its message, and the close code."""
    messages, code = until_end(socket)
    assert messages[-1].type == "error"
    assert messages[-1].close_code == code
    return messages[-1].code, messages[-1].message, code


# A stream


def test_a_stream_is_heard_and_ends_with_the_result_of_a_scan(client, human):
    with client.websocket_connect(ADDRESS) as socket:
        ready = read(socket)
        assert (ready.type, ready.encoding, ready.sample_rate, ready.channels) == ("ready", "pcm16", 16_000, 1)
        data = human.tobytes()
        for first in range(0, len(data), 6_401):
            socket.send_bytes(data[first : first + 6_401])
        socket.send_text('{"type": "end"}')
        messages, code = until_end(socket)
    assert code == 1000
    *updates, last = messages
    assert [update.time_s for update in updates] == [1, 2, 3, 4, 5, 6, 7]
    assert [update.state for update in updates] == ["waiting"] * 4 + ["scoring"] * 3
    scanned = Detector(jobs=1).scan((human, 16_000))
    assert (last.result.verdict, last.result.duration_s) == (scanned.verdict, scanned.duration_s)
    assert last.result.llr == pytest.approx(scanned.llr, abs=SAME)


def test_the_format_may_come_in_the_first_message(client):
    with client.websocket_connect("/api/stream") as socket:
        socket.send_json(
            {"type": "start", "encoding": "mulaw", "sample_rate": 8_000, "channels": 2, "channel": "first"}
        )
        ready = read(socket)
        assert (ready.encoding, ready.sample_rate, ready.channels, ready.channel) == ("mulaw", 8_000, 2, "first")
        socket.send_bytes(b"\xff" * 2 * 8_000 * 6)
        socket.send_json({"type": "end"})
        messages, _ = until_end(socket)
    assert messages[-1].result.codec == "ulaw"
    assert messages[-1].result.reasons[0].code == "silence"
    assert messages[-1].time_s == 6


def test_a_reset_begins_anew(client, human):
    with client.websocket_connect(ADDRESS) as socket:
        assert read(socket).type == "ready"
        socket.send_bytes(human[: 16_000 * 5].tobytes())
        socket.send_json({"type": "reset"})
        socket.send_bytes(human[:8_000].tobytes())
        socket.send_json({"type": "end"})
        messages, _ = until_end(socket)
    behind = messages[[message.type for message in messages].index("ready") + 1 :]
    assert [message.type for message in behind] == ["result"]
    assert behind[0].time_s == 0.5


def test_the_schema_of_messages_is_served(client):
    schema = client.get("/api/stream/schema").json()
    assert {"from_client", "to_client"} == set(schema)
    names = {"Ready", "Update", "Result", "SlowDown", "GoOn", "Error"}
    assert names <= set(schema["to_client"]["$defs"])
    assert {"Start", "End", "Reset"} <= set(schema["from_client"]["$defs"])


# What is refused


@pytest.mark.parametrize(
    ("query", "code", "words", "close"),
    [
        ("encoding=opus&sample_rate=16000", "bad_message", "'pcm16', 'mulaw' or 'alaw'", 4400),
        ("encoding=pcm16", "bad_message", "sample_rate: Field required", 4400),
        ("sample_rate=16000", "bad_message", "encoding: Field required", 4400),
        ("encoding=pcm16&sample_rate=fast", "bad_message", "valid integer", 4400),
        ("encoding=pcm16&sample_rate=16000&channel=left", "bad_message", "'mean' or 'first'", 4400),
        ("encoding=pcm16&sample_rate=4000", "unsupported", "4000 Hz.*8000 to 48000", 4415),
        ("encoding=pcm16&sample_rate=96000", "unsupported", "96000 Hz", 4415),
        ("encoding=pcm16&sample_rate=-1", "unsupported", "-1 Hz", 4415),
        ("encoding=pcm16&sample_rate=16000&channels=0", "unsupported", "0 channels", 4415),
        ("encoding=pcm16&sample_rate=16000&channels=9999999", "unsupported", "9999999 channels", 4415),
    ],
)
def test_formats_that_are_not_heard_are_refused(client, query, code, words, close):
    with client.websocket_connect(f"/api/stream?{query}") as socket:
        found = refused(socket)
    assert found[0::2] == (code, close)
    assert re.search(words, found[1]), found[1]


@pytest.mark.parametrize(
    ("text", "code", "close"),
    [
        ("hello", "bad_message", 4400),
        ("[]", "bad_message", 4400),
        ("{}", "bad_message", 4400),
        ('{"type": "stop"}', "bad_message", 4400),
        ('{"type": "end", "more": 1}', "bad_message", 4400),
        ("\N{GRINNING FACE}", "bad_message", 4400),
        ("[" * 4_000, "bad_message", 4400),
        ('{"type": "' + "x" * 5_000 + '"}', "message_too_long", 1009),
        (json.dumps(START), "second_start", 4400),
    ],
)
def test_texts_that_mean_nothing_are_refused(client, text, code, close):
    with client.websocket_connect(ADDRESS) as socket:
        assert read(socket).type == "ready"
        socket.send_text(text)
        assert refused(socket)[0::2] == (code, close)


@pytest.mark.parametrize("first", [b"\x00\x01", '{"type": "end"}', '{"type": "reset"}'])
def test_sound_before_its_format_is_refused(client, first):
    with client.websocket_connect("/api/stream") as socket:
        (socket.send_bytes if isinstance(first, bytes) else socket.send_text)(first)
        assert refused(socket)[0::2] == ("no_start", 4400)


def test_a_frame_that_is_too_long_is_refused(client):
    with client.websocket_connect(ADDRESS) as socket:
        read(socket)
        socket.send_bytes(bytes(2 * 16_000 * 10 + 2))
        code, message, close = refused(socket)
    assert (code, close) == ("frame_too_long", 1009)
    assert "320,002 bytes" in message


def test_half_a_sample_at_the_end_is_told_behind_the_result(client):
    with client.websocket_connect(ADDRESS) as socket:
        read(socket)
        socket.send_bytes(bytes(32_001))
        socket.send_json({"type": "end"})
        messages, close = until_end(socket)
    assert [message.type for message in messages] == ["update", "result", "error"]
    assert (messages[2].code, close) == ("odd_bytes", 4400)
    assert "1 bytes are left, and pcm16 of 1 channels has 2" in messages[2].message


def test_a_stream_without_sound_is_an_error(client):
    with client.websocket_connect(ADDRESS) as socket:
        read(socket)
        socket.send_json({"type": "end"})
        assert refused(socket)[0::2] == ("empty", 4400)


def test_too_many_streams_are_refused_and_places_come_free(client):
    with client.websocket_connect(ADDRESS) as one, client.websocket_connect(ADDRESS) as two:
        assert read(one).type == read(two).type == "ready"
        with client.websocket_connect(ADDRESS) as three:
            assert refused(three)[0::2] == ("too_many_streams_of_address", 4429)
    with client.websocket_connect(ADDRESS) as again:
        assert read(again).type == "ready"
    with TestClient(make_app(serve_live_streams=1)) as full, full.websocket_connect(ADDRESS) as one:
        assert read(one).type == "ready"
        with full.websocket_connect(ADDRESS) as two:
            assert refused(two)[0::2] == ("too_many_streams", 1013)


def test_who_sends_nothing_is_closed():
    with TestClient(make_app(serve_live_idle_s=0.2)) as impatient:
        for address in (ADDRESS, "/api/stream"):
            with impatient.websocket_connect(address) as socket:
                code, message, close = refused(socket)
                assert (code, close) == ("idle", 4408)
                assert "0.2 s" in message


def test_an_unknown_model_is_told(human):
    with TestClient(make_app(audio_model="no-such")) as wrong, wrong.websocket_connect(ADDRESS) as socket:
        assert refused(socket)[0::2] == ("model_not_found", 1011)


# Over a real connection


def test_many_clients_at_once_get_their_own_answers(server, human):
    with ExitStack() as opened:
        sockets = [opened.enter_context(connect(f"ws://{server}{ADDRESS}")) for _ in range(4)]
        for n, socket in enumerate(sockets):
            assert read(socket).type == "ready"
            sound = human[: 8_000 * (5 + n)]
            for first in range(0, sound.size, 4_000):
                socket.send(sound[first : first + 4_000].tobytes())
            socket.send('{"type": "end"}')
        for n, socket in enumerate(sockets):
            messages, code = until_end(socket)
            assert code == 1000
            assert messages[-1].time_s == (5 + n) / 2


def test_who_sends_faster_than_it_is_heard_is_told_and_slowed():
    # 96 s in frames of 4 s, where no more than 5 s may wait.
    with served(serve_live_buffer_s=5.0) as address, connect(f"ws://{address}{ADDRESS}") as socket:
        assert read(socket).buffer_s == 5.0
        noise = np.random.default_rng(0).integers(-3_000, 3_000, 4 * 16_000).astype("<i2").tobytes()
        for _ in range(24):
            socket.send(noise)
        socket.send('{"type": "end"}')
        messages, code = until_end(socket)
    assert code == 1000
    kinds = [message.type for message in messages]
    assert kinds.count("slow_down") == kinds.count("go_on") >= 1
    assert messages[-1].time_s == 96
    # What waits is the limit and the frame that went over it.
    assert max(message.behind_s for message in messages if message.type in ("update", "slow_down")) <= 9.1


def test_a_client_that_goes_away_makes_room():
    with served(serve_live_streams=1) as address:
        for _ in range(3):
            for _ in range(200):  # the place of the one before may not be free yet
                with connect(f"ws://{address}{ADDRESS}") as socket:
                    if read(socket).type == "ready":
                        socket.send(bytes(64_000))
                        socket.socket.shutdown(2)  # no word of farewell
                        break
                time.sleep(0.05)
            else:
                pytest.fail("no place came free")


def test_the_server_going_down_closes_streams():
    with ExitStack() as opened:
        with served() as address:
            socket = opened.enter_context(connect(f"ws://{address}{ADDRESS}"))
            assert read(socket).type == "ready"
        with pytest.raises(ConnectionClosed) as closed:
            socket.recv(WAIT_S)
        assert closed.value.rcvd is None or closed.value.rcvd.code in (1001, 1012)
