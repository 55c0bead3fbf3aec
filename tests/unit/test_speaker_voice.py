"""From recordings to embeddings: only speech counts, level does not, and cutting the stream changes nothing."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.audio.speech import CHUNK, SAMPLE_RATE_HZ
from assay.errors import InvalidArray, UnsupportedMedia
from assay.settings import Settings
from assay.speaker.encoder import SpeakerEncoder, partial_starts, unit
from assay.speaker.scoring import cosine
from assay.speaker.voice import AROUND, LEVEL, SpeechGate, VoiceReader, levelled


class LoudIsSpeech:
    """Speech activity without a network: a chunk is speech where its mean magnitude is above 0.5."""

    def __init__(self):
        self._held = np.empty(0, np.float32)

    def stream(self):
        return LoudIsSpeech()

    def push(self, samples):
        self._held = np.concatenate([self._held, samples])
        chunks = self._held.size // CHUNK
        done, self._held = self._held[: chunks * CHUNK], self._held[chunks * CHUNK :]
        return (np.abs(done).reshape(-1, CHUNK).mean(axis=1) > 0.5).astype(np.float32)

    def finish(self):
        left = self._held
        return np.array([np.abs(left).mean() > 0.5], np.float32) if left.size else np.empty(0, np.float32)


def through(samples, cuts=()):
    gate = SpeechGate(LoudIsSpeech())
    kept = [gate.push(part) for part in np.split(samples, sorted(cuts))]
    return np.concatenate([*kept, gate.finish()]), gate.speech_s


def pattern(loud, chunks=40, rest=0):
    """Numbered samples: above 1000 where a chunk is loud, tiny elsewhere."""
    number = np.arange(chunks * CHUNK + rest, dtype=np.float64)
    return np.where(np.isin(number // CHUNK, loud), 1000 + number, number * 1e-6).astype(np.float32)


def test_speech_and_a_tenth_of_a_second_around_it_goes_through():
    samples = pattern([10, 11, 30])
    kept, speech_s = through(samples)
    chunks = [*range(10 - AROUND, 12 + AROUND), *range(30 - AROUND, 31 + AROUND)]
    assert np.array_equal(kept, np.concatenate([samples[c * CHUNK : (c + 1) * CHUNK] for c in chunks]))
    assert speech_s == pytest.approx(3 * CHUNK / SAMPLE_RATE_HZ)


def test_speech_at_both_ends_is_whole():
    samples = pattern([0, 39, 40], rest=100)
    kept, _ = through(samples)
    assert np.array_equal(kept[: CHUNK * (1 + AROUND)], samples[: CHUNK * (1 + AROUND)])
    assert np.array_equal(kept[-100:], samples[-100:])


def test_nothing_goes_through_where_nobody_speaks():
    kept, speech_s = through(pattern([]))
    assert (kept.size, speech_s) == (0, 0.0)


@settings(max_examples=40, deadline=None)
@given(
    cuts=st.lists(st.integers(0, 20 * CHUNK + 77), max_size=8),
    loud=st.lists(st.integers(0, 20), max_size=6),
)
def test_what_goes_through_does_not_depend_on_how_a_stream_is_cut(cuts, loud):
    samples = pattern(loud, chunks=20, rest=77)
    assert np.array_equal(through(samples, cuts)[0], through(samples)[0])


def test_speech_is_brought_to_one_level_and_silence_stays_silence():
    speech = np.random.default_rng(0).normal(0, 0.3, 1_000).astype(np.float32)
    for gain in (1e-4, 1, 3):
        assert np.sqrt(np.mean(levelled(speech * np.float32(gain)) ** 2)) == pytest.approx(LEVEL, rel=1e-4)
    assert not levelled(np.zeros(5, np.float32)).any()


# The encoder


class Means:
    """A session whose embedding is the mean mel of each partial utterance, over and over."""

    def run(self, outputs, feed):
        assert outputs == ["embedding"]
        assert feed["mels"].shape[1:] == (160, 40)
        return [np.tile(feed["mels"].mean(axis=1), 7)[:, :256].astype(np.float32)]


@pytest.mark.parametrize(
    ("seconds", "starts"),
    [
        (0.1, [0]),
        (1.6, [0]),
        (2.0, [0, 77]),  # 1.23 of the 1.6 s from 0.77 s on are there, three quarters
        (3.0, [0, 77, 154]),
        (5.0, [0, 77, 154, 231, 308, 385]),
    ],
)
def test_partial_utterances_by_hand(seconds, starts):
    found = partial_starts(round(seconds * SAMPLE_RATE_HZ))
    covered = [(seconds - start / 100) / 1.6 for start in found]
    assert found == starts[: len(found)]
    assert all(share >= 0.75 for share in covered[1:])
    assert found[0] == 0


def test_a_short_recording_has_one_partial_utterance_and_a_long_one_many():
    encoder = SpeakerEncoder(Means())
    assert encoder.partials(np.ones(100, np.float32)).shape == (1, 256)
    minute = np.ones(60 * SAMPLE_RATE_HZ, np.float32)
    assert encoder.partials(minute).shape == (len(partial_starts(minute.size)), 256)  # more than one call


def test_an_embedding_has_a_length_of_one():
    speech = np.random.default_rng(0).normal(0, 0.1, 40_000).astype(np.float32)
    assert np.linalg.norm(SpeakerEncoder(Means()).embed(speech)) == pytest.approx(1)


@pytest.mark.parametrize("wrong", [np.zeros(0, np.float32), np.zeros(9), np.zeros((2, 9), np.float32), [0.0]])
def test_anything_but_a_row_of_float32_is_an_error(wrong):
    with pytest.raises(InvalidArray, match="1-D float32"):
        SpeakerEncoder(Means()).embed(wrong)


def test_cosines_by_hand():
    one, other = np.array([3.0, 0.0]), np.array([1.0, 1.0])
    assert cosine(one, other) == pytest.approx(np.sqrt(0.5))
    assert cosine(one, other, np.array([1.0, 0.0])) == pytest.approx(0.0)
    assert cosine(one, one) == pytest.approx(1.0)
    assert cosine(one, np.zeros(2)) == 0.0
    assert unit(np.zeros(3)).tolist() == [0, 0, 0]


# Real recordings


@pytest.fixture(scope="module")
def reader():
    return VoiceReader(Settings())


def test_gain_and_pauses_do_not_matter(reader, speech):
    samples, rate = speech
    pause = np.zeros(rate, np.float32)
    first = reader.read((samples, rate)).embedding
    for changed in (samples * np.float32(0.1), np.concatenate([pause, samples, pause])):
        assert cosine(first, reader.read((changed, rate)).embedding) > 0.98


def test_a_video_is_heard(reader, examples):
    voice = reader.read(examples / "talking-drawing.mp4")
    assert voice.speech_s > 3
    assert cosine(voice.embedding, reader.read(examples / "human.wav").embedding) > 0.95


def test_noise_is_nobody(reader, examples):
    voice = reader.read(examples / "noise.ogg")
    assert voice.speech_s < 0.5


def test_a_picture_holds_no_voice(reader, examples):
    with pytest.raises(UnsupportedMedia, match="no sound"):
        reader.read(examples / "tagged.png")


def test_long_recordings_are_heard_as_far_as_they_help(reader, speech, monkeypatch):
    monkeypatch.setattr("assay.speaker.voice.MOST_SPEECH_S", 3.0)
    monkeypatch.setattr("assay.speaker.voice.BLOCK_S", 2.0)
    samples, rate = speech
    voice = reader.read((np.tile(samples, 3), rate))
    assert voice.duration_s < 3 * samples.size / rate
    assert "are enough" in voice.notes[-1]
