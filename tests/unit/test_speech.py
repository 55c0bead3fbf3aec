"""Speech activity: what it hears, and that cutting the stream changes nothing."""

import hashlib
import json
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import assay
from assay.audio.speech import CHUNK, CONTEXT, SAMPLE_RATE_HZ, SpeechActivity
from assay.errors import InvalidArray

WEIGHTS = Path(next(iter(assay.__path__))) / "weights"


def syllables(seconds, seed=0):
    """Five a second: harmonics of a gliding pitch under three gliding formants."""
    rng = np.random.default_rng(seed)
    time, knots = np.arange(int(SAMPLE_RATE_HZ * seconds)) / SAMPLE_RATE_HZ, np.arange(seconds * 5 + 1) / 5
    pitch = 130 + 15 * np.sin(4 * time)
    phase = 2 * np.pi * np.cumsum(pitch) / SAMPLE_RATE_HZ
    formants = [
        (np.interp(time, knots, rng.uniform(low, high, knots.size)), width, level)
        for low, high, width, level in ((300, 800, 130, 1), (900, 2_200, 160, 0.6), (2_300, 3_000, 230, 0.3))
    ]
    voice = np.zeros(time.size)
    for k in range(1, 40):
        gain = sum(level * np.exp(-(((k * pitch - f) / width) ** 2)) for f, width, level in formants)
        voice += (gain + 0.003) * np.sin(k * phase)
    return (0.2 * np.sin(5 * np.pi * time) ** 2 * voice).astype(np.float32)


def noise(seconds):
    return np.random.default_rng(0).normal(0, 0.01, int(SAMPLE_RATE_HZ * seconds)).astype(np.float32)


def whole(activity, samples):
    stream = activity.stream()
    return np.concatenate([stream.push(samples), stream.finish()])


class RecordingSession:
    """Answers each chunk with its mean, and keeps what it was given."""

    def __init__(self):
        self.feeds = []

    def run(self, outputs, feed):
        assert outputs == ["probability", "h_out", "c_out"]
        self.feeds.append(feed)
        chunks = feed["samples"][CONTEXT:].reshape(-1, CHUNK)
        return [chunks.mean(axis=1), feed["h"] + len(chunks), feed["c"] - len(chunks)]


@pytest.fixture(scope="module")
def activity():
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    path = WEIGHTS / "silero-vad.onnx"
    return SpeechActivity(onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"]))


def test_card_describes_the_weight_beside_it():
    card = json.loads((WEIGHTS / "silero-vad.json").read_text(encoding="utf-8"))
    weight = (WEIGHTS / card["file"]).read_bytes()
    assert (len(weight), hashlib.sha256(weight).hexdigest()) == (card["size_bytes"], card["sha256"])
    assert "MIT License" in (WEIGHTS / "silero-vad.LICENSE").read_text(encoding="utf-8")


def test_syllables_are_speech_and_noise_and_silence_are_not(activity):
    assert np.median(whole(activity, syllables(4))) > 0.4
    assert np.median(whole(activity, noise(4))) < 0.1
    assert np.median(whole(activity, np.zeros(4 * SAMPLE_RATE_HZ, np.float32))) < 0.1


def test_speech_is_found_where_it_is(activity):
    found = whole(activity, np.concatenate([noise(2), syllables(2), noise(2)])) > 0.5
    edges = np.flatnonzero(np.diff(found.astype(int))) * CHUNK / SAMPLE_RATE_HZ
    assert edges[0] == pytest.approx(2, abs=0.3)
    assert edges[-1] == pytest.approx(4, abs=0.3)


@settings(max_examples=15, deadline=None)
@given(cuts=st.lists(st.integers(0, 3 * SAMPLE_RATE_HZ), max_size=12))
def test_answer_is_the_same_however_the_stream_is_cut(activity, cuts):
    samples = np.concatenate([syllables(2), noise(1)])
    stream = activity.stream()
    parts = [stream.push(part) for part in np.split(samples, sorted(cuts))]
    assert np.allclose(np.concatenate([*parts, stream.finish()]), whole(activity, samples), rtol=0, atol=1e-5)


def test_two_streams_do_not_share_their_state(activity):
    first, second = activity.stream(), activity.stream()
    speech, silence = syllables(1), noise(1)
    together = [(first.push(a), second.push(b)) for a, b in zip(np.split(speech, 4), np.split(silence, 4), strict=True)]
    assert np.allclose(np.concatenate([a for a, _ in together]), activity.stream().push(speech), rtol=0, atol=1e-5)


@pytest.mark.parametrize(("samples", "answers"), [(0, 0), (1, 1), (511, 1), (512, 1), (513, 2), (1024, 2)])
def test_every_started_chunk_gets_one_answer(samples, answers):
    assert whole(SpeechActivity(RecordingSession()), np.ones(samples, np.float32)).size == answers


def test_chunks_follow_each_other_without_gap_and_the_last_is_filled_with_zeros():
    samples = np.arange(1, 1_301, dtype=np.float32)
    session = RecordingSession()
    stream = SpeechActivity(session).stream()
    answers = np.concatenate([*(stream.push(part) for part in np.split(samples, [3, 700])), stream.finish()])
    assert answers.tolist() == [256.5, 768.5, sum(range(1_025, 1_301)) / 512]
    assert session.feeds[0]["samples"][:CONTEXT].tolist() == [0] * CONTEXT
    assert session.feeds[1]["samples"][:CONTEXT].tolist() == list(range(449, 513))
    assert [feed["h"].flat[0] for feed in session.feeds] == [0, 1, 2]


def test_long_block_is_answered_in_calls_of_four_seconds():
    session = RecordingSession()
    assert SpeechActivity(session).stream().push(np.zeros(300 * CHUNK, np.float32)).size == 300
    assert [feed["samples"].size for feed in session.feeds] == [64 + 512 * 128, 64 + 512 * 128, 64 + 512 * 44]


def test_finished_stream_starts_anew():
    session = RecordingSession()
    stream = SpeechActivity(session).stream()
    stream.push(np.ones(1_000, np.float32))
    stream.finish()
    stream.push(np.ones(512, np.float32))
    assert session.feeds[-1]["h"].flat[0] == 0
    assert session.feeds[-1]["samples"][:CONTEXT].tolist() == [0] * CONTEXT


@pytest.mark.parametrize("wrong", [np.zeros(4), np.zeros((2, 4), np.float32), np.zeros(4, np.int16), [0.0]])
def test_anything_but_a_row_of_float32_is_an_error(wrong):
    with pytest.raises(InvalidArray, match="1-D float32"):
        SpeechActivity(RecordingSession()).stream().push(wrong)
