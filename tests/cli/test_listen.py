"""`assay listen`: a pipe or a microphone in, a line a second out."""

import io
import json
import sys
import types

import numpy as np
import pytest

from assay import Detector
from assay.cli import exits
from assay.live.messages import Result, Update

RATE = 16_000


@pytest.fixture
def pipe(monkeypatch):
    """Put bytes on standard input."""

    def put(data):
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(data)))

    return put


@pytest.fixture
def human(examples):
    return (examples / "human.wav").read_bytes()


@pytest.fixture
def raw(speech):
    samples, rate = speech
    assert rate == RATE
    return np.round(samples * 32768).astype("<i2").tobytes()


def lines(done):
    return [json.loads(line) for line in done.out.splitlines()]


def test_a_wav_stream_is_heard_to_its_end(run, pipe, human, real_detector):
    pipe(human)
    done = run("listen", "-")
    assert done.code == exits.OK, done.err
    *seconds, last = done.out.splitlines()
    assert len(seconds) == 7
    assert seconds[0].split()[0] == "0:01"
    assert "The first score comes after 4.1 s" in seconds[0]
    assert "all 0." in seconds[-1]
    assert last.startswith("-: ")
    assert "Probability of synthesis" in last


def test_the_result_is_that_of_a_scan(run, pipe, raw, speech, real_detector):
    pipe(raw)
    done = run("listen", "-", "--rate", RATE, "--format", "jsonl")
    *updates, last = lines(done)
    assert [Update.model_validate(update).time_s for update in updates] == [1, 2, 3, 4, 5, 6, 7]
    result, scanned = Result.model_validate(last).result, Detector(jobs=1).scan(speech)
    assert (result.verdict, result.path) == (scanned.verdict, "-")
    assert result.llr == pytest.approx(scanned.llr, abs=1e-3)


def test_raw_mulaw_is_heard(run, pipe, real_detector):
    pipe(b"\xff" * 8_000 * 5)
    done = run("listen", "-", "--rate", "8000", "--encoding", "mulaw", "-f", "jsonl", "--quiet")
    (last,) = lines(done)
    assert last["result"]["codec"] == "ulaw"
    assert last["result"]["reasons"][0]["code"] == "silence"


def test_it_stops_after_a_duration(run, pipe, raw, real_detector):
    pipe(raw)
    done = run("listen", "-", "--rate", RATE, "--duration", "2.5", "-f", "jsonl")
    assert lines(done)[-1]["time_s"] == 2.5


def test_an_alarm_is_told_once_and_ends_with_its_code(run, pipe, examples, real_detector):
    pipe((examples / "espeak.wav").read_bytes())
    done = run("listen", "-", "--fail-on", "spoof")
    assert done.code == exits.FLAGGED
    assert done.out.count("Alarm at 0:05: ") == 1
    assert "likely synthetic" in done.out.splitlines()[-1]


def test_a_terminal_shows_one_line_that_rolls(run, pipe, human, monkeypatch, real_detector):
    pipe(human)
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    out = run("listen", "-").out
    assert out.count("\r\x1b[K") == 8
    assert out.count("\n") == 1


@pytest.mark.parametrize(
    ("data", "arguments", "code", "words"),
    [
        (b"", ("-",), exits.INPUT_FAILED, "Standard input is empty"),
        (b"\x00\x01" * 100, ("-",), exits.USAGE, "Raw sound needs its sample rate"),
        (b"\x00\x01" * 100, ("-", "--rate", "4000"), exits.INPUT_FAILED, "4000 Hz is not heard live"),
        (b"\x00\x01" * 100, ("-", "--rate", "16000", "--channels", "9"), exits.INPUT_FAILED, "9 channels"),
        (b"\x00\x01" * 100, ("call.wav",), exits.USAGE, "neither mic nor -"),
        (b"\x00\x01" * 100, ("-", "--rate", "16000", "--duration", "0"), exits.USAGE, "more than 0"),
        (b"\x00\x01" * 100, ("-", "--rate", "16000", "--model", "no-such"), exits.MODEL, "no model 'no-such'"),
        (b"RIFF\x00\x00\x00\x00WAVEfmt ", ("-",), exits.INPUT_FAILED, "ends before its first sample"),
    ],
)
def test_what_cannot_be_heard_ends_with_a_message_and_a_code(run, pipe, data, arguments, code, words):
    pipe(data)
    done = run("listen", *arguments)
    assert done.code == code
    assert words in done.err
    assert "Traceback" not in done.err


# The microphone


class Stream:
    """A microphone that hears six seconds of a hum, and then somebody presses Ctrl-C."""

    def __init__(self, *, callback, samplerate, channels, dtype, device):
        assert (dtype, device) == ("int16", 3)
        hum = np.round(3000 * np.sin(np.arange(6 * samplerate) / 9)).astype("<i2")
        self._callback, self._sound = callback, np.repeat(hum, channels).tobytes()

    def __enter__(self):
        for first in range(0, len(self._sound), 4_000):
            self._callback(memoryview(self._sound)[first : first + 4_000], 2_000, None, None)

    def __exit__(self, *_):
        pass


def test_the_microphone_is_heard_until_it_is_interrupted(run, monkeypatch, real_detector):
    from assay.cli import microphone

    class Queue(microphone.SimpleQueue):
        def get(self):
            if self.empty():
                raise KeyboardInterrupt
            return super().get()

    monkeypatch.setattr(microphone, "SimpleQueue", Queue)
    made = types.SimpleNamespace(RawInputStream=Stream, PortAudioError=OSError)
    monkeypatch.setitem(sys.modules, "sounddevice", made)
    done = run("listen", "--device", "3", "--rate", "48000", "--channels", "2", "-f", "jsonl")
    assert done.code == exits.INTERRUPTED
    assert lines(done)[-1]["result"]["duration_s"] == 6
    assert lines(done)[-1]["result"]["channels"] == 2


def test_without_sounddevice_the_extra_and_a_pipe_are_named(run, monkeypatch):
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    done = run("listen")
    assert done.code == exits.USAGE
    assert "assay[microphone]" in done.err
    assert "arecord" in done.err


def test_a_microphone_that_is_not_there_is_told(run, monkeypatch, real_detector):
    class Missing:
        def __init__(self, **_):
            raise ValueError("no input device matching 'x'")

    made = types.SimpleNamespace(RawInputStream=Missing, PortAudioError=OSError)
    monkeypatch.setitem(sys.modules, "sounddevice", made)
    done = run("listen", "--device", "x")
    assert done.code == exits.INPUT_FAILED
    assert "no input device matching 'x'" in done.err
