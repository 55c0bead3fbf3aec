"""The queue before the models: bounded, in time, and given up when nobody waits any more."""

import asyncio
import threading
import time

import pytest
from forms import error_of

from assay.errors import DecodeError, Overloaded, SettingsError, Stopped, TimedOut, Unavailable
from assay.result import ScanFailure, ScanResult
from assay.serve.scoring import Scorer
from assay.settings import Settings
from assay.stopping import check_stop, stopped_by


class Slow:
    """Stands for the line: scans take until `go` is set, and look whether they should stop."""

    def __init__(self, result):
        self.result, self.go = result, threading.Event()
        self.settings = Settings()
        self.begun, self.stopped = 0, 0

    def examine(self, media, *, started):
        self.begun += 1
        try:
            while not self.go.wait(0.01):
                check_stop()
        except Stopped:
            self.stopped += 1
            raise
        return self.result


@pytest.fixture(scope="module")
def result(examples):
    from assay import Detector

    return Detector().scan(examples / "human.wav")


@pytest.fixture
def make_scorer(result):
    """A scorer over the slow line, and that line."""
    made = []

    def make(**settings):
        scorer = Scorer(Settings(serve_jobs=1, serve_batch=1, **settings))
        scorer.detector = Slow(result)
        made.append(scorer)
        return scorer, scorer.detector

    yield make
    for scorer in made:
        scorer.detector.go.set()
        asyncio.run(scorer.close(grace_s=30))


async def until(condition):
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0.005)


def start(scorer, path):
    return asyncio.create_task(scorer.scan(path, name="a.wav"))


def test_more_than_may_wait_is_refused_with_an_estimate(make_scorer, examples):
    scorer, line = make_scorer(serve_queue_size=2)

    async def run():
        tasks = [start(scorer, examples / "human.wav") for _ in range(3)]
        await until(lambda: line.begun == 1)
        assert (scorer.running(), scorer.depth(), scorer.has_room()) == (1, 2, False)
        with pytest.raises(Overloaded) as caught:
            await scorer.scan(examples / "human.wav", name="a.wav")
        assert caught.value.context["retry_after_s"] >= 1
        assert caught.value.context["waiting"] == 2
        line.go.set()
        assert await asyncio.gather(*tasks) == [line.result] * 3
        await until(lambda: scorer.running() == 0)
        assert (scorer.depth(), scorer.has_room()) == (0, True)

    asyncio.run(run())


def test_a_scan_that_takes_too_long_is_told_to_stop_and_frees_its_place(make_scorer, examples):
    scorer, line = make_scorer(serve_timeout_s=0.3)
    told = []
    scorer.observe(lambda outcome, spent_s: told.append((outcome, spent_s)))

    async def run():
        with pytest.raises(TimedOut, match="Submit it as a job"):
            await scorer.scan(examples / "human.wav", name="a.wav")
        await until(lambda: scorer.running() == 0)

    asyncio.run(run())
    assert line.stopped == 1
    assert told[0][0].error.code == "timed_out"
    assert told[0][1] >= 0.3


def test_waiting_for_a_turn_counts_as_time(make_scorer, examples):
    scorer, line = make_scorer(serve_timeout_s=60)

    async def run():
        first = start(scorer, examples / "human.wav")
        await until(lambda: line.begun == 1)
        with pytest.raises(TimedOut):
            await scorer.scan(examples / "human.wav", name="b.wav", timeout_s=0.2)
        assert scorer.depth() == 0  # it left the queue
        line.go.set()
        await first

    asyncio.run(run())
    assert line.begun == 1


def test_who_cancels_leaves_the_queue_or_stops_the_scan(make_scorer, examples):
    scorer, line = make_scorer()

    async def run():
        running, waiting = (start(scorer, examples / "human.wav") for _ in range(2))
        await until(lambda: line.begun == 1)
        for task in (waiting, running):
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        await until(lambda: scorer.running() == 0)

    asyncio.run(run())
    assert (line.begun, line.stopped) == (1, 1)


def test_closing_finishes_what_runs_and_refuses_what_comes(make_scorer, examples):
    scorer, line = make_scorer(serve_grace_s=60)

    async def run():
        task = start(scorer, examples / "human.wav")
        await until(lambda: line.begun == 1)
        closing = asyncio.create_task(scorer.close())
        await until(lambda: scorer.draining)
        with pytest.raises(Unavailable) as caught:
            await scorer.scan(examples / "human.wav", name="b.wav")
        assert caught.value.context["retry_after_s"] > 0
        line.go.set()
        assert await task == line.result
        assert await closing is True

    asyncio.run(run())


def test_closing_stops_what_outlasts_the_grace(make_scorer, examples):
    scorer, line = make_scorer(serve_grace_s=0.1)

    async def run():
        tasks = [start(scorer, examples / "human.wav") for _ in range(2)]
        await until(lambda: line.begun == 1)
        assert await scorer.close() is True
        for task in tasks:
            with pytest.raises(Unavailable, match="stopping"):
                await task

    asyncio.run(run())
    assert line.stopped == 1


def test_settings_for_one_file_are_checked(service, examples):
    async def scan(**changes):
        return await service.scorer.scan(examples / "human.wav", name="a.wav", changes=changes)

    assert service.run(scan(prior=0.01)).operating_point.prior == 0.01
    assert service.run(scan()).operating_point.prior == 0.5
    with pytest.raises(SettingsError, match="cannot be set for one file"):
        service.run(scan(serve_folder="/"))
    with pytest.raises(SettingsError, match="prior"):
        service.run(scan(prior=2))


def test_detectors_of_other_settings_share_the_models(service, examples):
    scorer = service.scorer
    other = scorer.detector_with({"num_frames": 7})
    assert other is scorer.detector_with({"num_frames": 7})
    assert other.settings.num_frames == 7
    assert other.model is scorer.detector.model
    assert other.picture_model is scorer.detector.picture_model
    assert other.video_models is scorer.detector.video_models


def test_observers_see_results_and_failures_and_cost_nobody_an_answer(service, examples, caplog):
    told = []

    def broken(outcome, spent_s):
        raise ZeroDivisionError

    service.scorer._observers += [broken, lambda outcome, spent_s: told.append(outcome)]
    try:
        service.predict("audio", (examples / "human.wav").read_bytes())
        service.predict("audio", b"RIFF\x24\x00\x00\x00WAVE" + b"x" * 100)
    finally:
        del service.scorer._observers[-2:]
    assert [type(each) for each in told] == [ScanResult, ScanFailure]
    assert told[1].error.code == DecodeError.code
    assert caplog.text.count("an observer of scans failed") == 2


def test_a_recording_and_a_video_stop_between_blocks_and_frames(examples):
    from assay import Detector

    detector, stop = Detector(num_frames=3, close_s=0), threading.Event()
    stop.set()
    for name in ("human.wav", "talking-drawing.mp4"):
        with stopped_by(stop), pytest.raises(Stopped):
            detector.scan(examples / name)
        assert detector.scan(examples / name).verdict


@pytest.fixture
def slow_service(make_service, result):
    """A ready service over the slow line."""
    service = make_service(serve_jobs=1, serve_queue_size=1, serve_timeout_s=60, serve_memory_bytes=0).until_ready()
    service.scorer.detector = Slow(result)
    yield service
    service.scorer.detector.go.set()


def test_a_client_that_hangs_up_while_it_waits_stops_its_scan(slow_service, examples):
    from forms import BOUNDARY, END, part

    line = slow_service.scorer.detector
    body = part("file", (examples / "human.wav").read_bytes(), "a.wav") + END
    hang_up = asyncio.Event()
    sent = []

    async def run():
        messages = [{"type": "http.request", "body": body, "more_body": False}]

        async def receive():
            if messages:
                return messages.pop()
            await hang_up.wait()
            return {"type": "http.disconnect"}

        async def send(message):
            sent.append(message)

        kind = f"multipart/form-data; boundary={BOUNDARY}".encode()
        headers = [(b"host", b"localhost"), (b"content-type", kind)]
        scope = {
            "type": "http",
            "http_version": "1.1",
            "method": "POST",
            "scheme": "http",
            "path": "/api/predict/audio",
            "raw_path": b"/api/predict/audio",
            "query_string": b"",
            "headers": headers,
            "client": ("127.0.0.1", 1),
            "server": ("service", 80),
        }
        task = asyncio.create_task(slow_service.app(scope, receive, send))
        await until(lambda: line.begun == 1)
        assert len(slow_service.uploads()) == 1
        hang_up.set()
        await task
        await until(lambda: slow_service.scorer.running() == 0)

    slow_service.run(run())
    assert line.stopped == 1
    assert slow_service.uploads() == []
    assert sent[0]["status"] == 499


def test_a_full_queue_is_a_503_that_says_when_to_ask_again(slow_service, examples):
    line, data = slow_service.scorer.detector, (examples / "human.wav").read_bytes()

    async def run():
        async with slow_service.client() as client:

            async def post():
                return await client.post("/api/predict/audio", files={"file": ("a.wav", data)})

            tasks = [asyncio.create_task(post()) for _ in range(2)]
            await until(lambda: slow_service.scorer.depth() == 1)
            refused = await post()
            stats = (await client.get("/api/stats")).json()["queue"]
            line.go.set()
            return refused, stats, [await task for task in tasks]

    refused, stats, served = slow_service.run(run())
    assert error_of(refused, 503)["code"] == "overloaded"
    assert int(refused.headers["retry-after"]) >= 1
    assert (stats["scoring"], stats["waiting"], stats["queue_size"]) == (1, 1, 1)
    assert [response.status_code for response in served] == [200, 200]


def test_an_answer_that_takes_too_long_is_a_504(make_service, result, examples):
    service = make_service(serve_jobs=1, serve_timeout_s=0.3, serve_memory_bytes=0).until_ready()
    service.scorer.detector = Slow(result)
    started = time.monotonic()
    error = error_of(service.predict("audio", (examples / "human.wav").read_bytes()), 504)
    assert error["code"] == "timed_out"
    assert time.monotonic() - started < 30
    assert service.uploads() == []
