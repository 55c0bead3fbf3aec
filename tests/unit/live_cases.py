"""Streams of made scores: what `assay.live` says is told by the numbers given, and costs no network."""

import numpy as np

from assay.audio.speech import CHUNK
from assay.live import Stream, score_now
from assay.media.pcm import PcmFormat
from assay.models.registry import detector_card
from assay.settings import Settings

UNLIKE = {"timings_ms", "path", "sha256", "container", "codec", "findings", "provenance", "evidence"}


class MadeSpeech:
    """Somebody speaks all the time, or nobody ever."""

    def __init__(self, speaks):
        self._speaks, self._held = np.float32(speaks), 0

    def push(self, samples):
        chunks, self._held = divmod(self._held + samples.size, CHUNK)
        return np.full(chunks, self._speaks)

    def finish(self):
        return np.full(1 if self._held else 0, self._speaks)


class MadeDetector:
    """The card of the shipped detector, and logits out of a hat."""

    provider = ""

    def __init__(self, mean=-2.0, speaks=True):
        self.card = detector_card("audio-resnet")
        self.calls, self._mean, self._speaks = [], mean, speaks
        self._random = np.random.default_rng(2)

    def speech_stream(self):
        return MadeSpeech(self._speaks)

    def logits(self, stretch):
        windows, parts = self.logits_of(stretch[None])
        return windows[0], parts[0]

    def logits_of(self, stretches):
        self.calls.append(stretches.shape)
        windows = (stretches.shape[1] - self.card.window_samples) // self.card.hop_samples + 1
        shape = (stretches.shape[0], windows + 8)
        logits = self._random.normal(self._mean, 0.3, shape).astype(np.float32)
        return logits[:, :windows], logits


def listen(detector, data, form, chunk=None, settings=None, **options):
    """Messages about a whole stream that comes in pieces of `chunk` bytes."""
    stream = Stream(detector, settings or Settings(), form, **options)
    messages = []
    for first in range(0, len(data), chunk or max(1, len(data))):
        stream.feed(data[first : first + (chunk or len(data))])
        messages += score_now(stream, detector.logits)
    stream.end()
    return messages + score_now(stream, detector.logits)


def pcm16(samples, rate=16_000, channels=1):
    """Float samples as bytes, with their format."""
    whole = np.clip(np.round(np.asarray(samples) * 32768), -32768, 32767)
    return whole.astype("<i2").tobytes(), PcmFormat("pcm16", rate, channels)


def lively(seconds, rate=16_000):
    """Noise with pauses, as bytes with their format: nothing that the policy finds too poor to judge."""
    noise = np.random.default_rng(6).standard_normal(round(seconds * rate))
    loud = np.arange(noise.size) // (rate // 4) % 4 > 0
    return pcm16(np.where(loud, 0.05, 0.0005) * noise, rate)
