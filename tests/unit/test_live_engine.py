"""The engine: many streams, each with its own answers, whatever happens to the others."""

import threading
import time

import numpy as np
import pytest
from live_cases import MadeDetector, listen, lively, pcm16

from assay.audio.detector import AudioDetector
from assay.live import Engine, Stream
from assay.live.engine import BATCH
from assay.media.pcm import PcmFormat
from assay.settings import Settings

RATE = 16_000


class Listener:
    """Collects what is said about a stream."""

    def __init__(self, engine, form, detector=None):
        self.messages, self.done = [], threading.Event()
        self.stream = Stream(detector or engine.detector, Settings(), form)
        self.ticket = engine.open(self.stream, self)
        self.engine = engine

    def __call__(self, messages):
        self.messages += messages
        if messages and messages[-1].type in ("result", "error"):
            self.done.set()

    def send(self, data, *, end=False):
        self.stream.feed(data)
        if end:
            self.stream.end()
        self.engine.wake()

    def result(self):
        assert self.done.wait(300)  # on a busy machine
        return self.messages[-1]


@pytest.fixture
def engine():
    made = Engine(MadeDetector(), threads=2)
    yield made
    made.close()
    assert not any(thread.is_alive() for thread in made._threads)


def test_many_streams_get_the_answers_that_each_gets_alone(speech):
    detector = AudioDetector("audio-resnet")
    samples, rate = speech
    sounds = [np.roll(samples, 4_000 * n)[: samples.size - 3_000 * n] for n in range(6)]
    engine = Engine(detector, threads=2)
    listeners = [Listener(engine, PcmFormat("pcm16", rate)) for _ in sounds]
    for second in range(8):
        for listener, sound in zip(listeners, sounds, strict=True):
            part = sound[second * rate : (second + 1) * rate]
            listener.send(pcm16(part)[0], end=second == 7)
    for listener, sound in zip(listeners, sounds, strict=True):
        alone = listen(detector, *pcm16(sound), chunk=2 * rate)[-1].result
        got = listener.result().result
        assert got.llr == pytest.approx(alone.llr, abs=1e-3)
        assert (got.sha256, got.verdict, got.segments == ()) == (alone.sha256, alone.verdict, alone.segments == ())
        times = [message.time_s for message in listener.messages]
        assert times == sorted(times)
    engine.close()


def test_streams_that_are_due_together_share_a_call_of_the_network(engine):
    data, form = lively(6)
    listeners = [Listener(engine, form) for _ in range(8)]
    with engine._changed:  # nothing is taken before all are there
        for listener in listeners:
            listener.stream.feed(data)
            listener.stream.end()
        engine._changed.notify_all()
    assert len([listener.result() for listener in listeners]) == 8
    assert max(shape[0] for shape in engine.detector.calls) == BATCH
    assert sum(shape[0] for shape in engine.detector.calls) == 8


def test_who_is_due_first_is_scored_first():
    detector = MadeDetector()
    engine = Engine(detector, threads=0)
    data, form = lively(30)
    fast, slow = (Listener(engine, form) for _ in range(2))
    fast.stream.feed(data)
    engine._score([fast.ticket])  # a quarter of a minute ahead
    fast.stream.feed(data)
    slow.stream.feed(data[: 2 * RATE])
    for ticket in (fast.ticket, slow.ticket):
        ticket.busy = False
    assert engine._next() == [slow.ticket, fast.ticket]
    assert slow.ticket.due < fast.ticket.due - 10


def test_a_stream_that_fails_ends_alone(engine):
    class Broken(MadeDetector):
        def speech_stream(self):
            class Failing:
                def push(self, samples):
                    raise RuntimeError("a slip")

            return Failing()

    good, bad = Listener(engine, PcmFormat("pcm16", RATE)), Listener(engine, PcmFormat("pcm16", RATE), Broken())
    for listener in (good, bad):
        listener.send(bytes(12 * RATE), end=True)
    assert bad.result().code == "unexpected"
    assert "slip" not in bad.result().message
    assert good.result().type == "result"
    assert not engine._tickets


def test_a_network_that_fails_ends_those_who_asked(engine, monkeypatch):
    def broken(stretches):
        raise RuntimeError("a slip")

    monkeypatch.setattr(engine.detector, "logits_of", broken)
    listener = Listener(engine, PcmFormat("pcm16", RATE))
    listener.send(bytes(12 * RATE))
    assert (listener.result().code, listener.result().close_code) == ("unexpected", 1011)
    monkeypatch.undo()
    again = Listener(engine, PcmFormat("pcm16", RATE))
    again.send(bytes(12 * RATE), end=True)
    assert again.result().type == "result"


def test_a_stream_without_sound_is_an_error_of_its_sender(engine):
    listener = Listener(engine, PcmFormat("pcm16", RATE))
    listener.send(b"", end=True)
    assert (listener.result().code, listener.result().close_code) == ("empty", 4400)


def test_a_stream_that_was_dropped_is_forgotten(engine):
    listener = Listener(engine, PcmFormat("pcm16", RATE))
    engine.drop(listener.ticket)
    listener.send(bytes(12 * RATE), end=True)
    time.sleep(0.05)
    assert listener.messages == []
    assert not engine._tickets
