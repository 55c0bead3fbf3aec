"""Where in a recording somebody speaks: a probability for every 32 ms.

The network is silero-vad (MIT, github.com/snakers4/silero-vad), rebuilt by ``scripts/convert_silero_vad.py``
so that one call answers many chunks. It is recurrent, so a stream keeps its state from block to block: a long
file runs in flat memory, and the answer does not depend on how the samples are cut.

Conventions: samples are mono float32 at 16 kHz, shape (n,), full scale ±1. Answer k belongs to the samples
[512 k, 512 (k + 1)), that is to the 32 ms from 0.032 k seconds on. High means speech, of a human or a machine
alike: this says nothing about bona fide or spoof.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from assay.errors import InvalidArray

if TYPE_CHECKING:
    import onnxruntime

SAMPLE_RATE_HZ = 16_000
CHUNK = 512  # samples of one answer
CONTEXT = 64  # samples before a chunk that the network also sees
CHUNKS_PER_CALL = 128  # 4 s: the arrays between the layers then stay in the processor's second-level cache
STATE_SHAPE = (1, 1, 128)

Float32 = NDArray[np.float32]


class Spoken:
    """What says in which chunks of a recording somebody speaks.

    Attributes:
        speech: Whether somebody does, per chunk.
    """

    speech: NDArray[np.bool_]

    @property
    def speech_s(self) -> float:
        """Seconds of speech."""
        return float(np.count_nonzero(self.speech)) * CHUNK / SAMPLE_RATE_HZ


class SpeechActivity:
    """Speech probability every 32 ms of a 16 kHz stream.

    Args:
        session: An ONNX Runtime session of ``silero-vad``; None loads the packaged weight, checked.
        threads: Threads of the packaged network. One is fastest: small arrays, and a sequential LSTM.

    Raises:
        ModelError: If the packaged weight or its card is missing or damaged.
    """

    def __init__(self, session: onnxruntime.InferenceSession | None = None, threads: int = 1) -> None:
        if session is None:
            from assay.models.weights import load_session  # loads onnxruntime

            session = load_session("silero-vad", threads=threads)
        self._session = session

    def stream(self) -> SpeechStream:
        """A new stream, one for each file and channel; streams share the session, not their state."""
        return SpeechStream(self._session)


class SpeechStream:
    """The state of one recording while its samples come in; made by `SpeechActivity.stream`."""

    _held: Float32  # context, then the samples of an unfinished chunk
    _h: Float32
    _c: Float32

    def __init__(self, session: onnxruntime.InferenceSession) -> None:
        self._session = session
        self._restart()

    def push(self, samples: Float32) -> Float32:
        """Take the next samples.

        Args:
            samples: Shape (n,), float32, 16 kHz; n may be anything, also 0.

        Returns:
            Speech probabilities in [0, 1] of the chunks completed by these samples, shape (k,), maybe k = 0.

        Raises:
            InvalidArray: If `samples` is not a 1-D float32 array.
        """
        if not isinstance(samples, np.ndarray) or samples.ndim != 1 or samples.dtype != np.float32:
            given = f"{getattr(samples, 'dtype', type(samples).__name__)} {getattr(samples, 'shape', '')}".strip()
            raise InvalidArray(f"Speech activity takes a 1-D float32 array of samples, not {given}.", given=given)
        held = np.concatenate([self._held, samples])
        chunks = (held.size - CONTEXT) // CHUNK
        answers = [
            self._answer(held[first * CHUNK : min(first + CHUNKS_PER_CALL, chunks) * CHUNK + CONTEXT])
            for first in range(0, chunks, CHUNKS_PER_CALL)
        ]
        self._held = held[chunks * CHUNK :].copy()  # a view would keep the whole block alive
        return np.concatenate(answers) if answers else np.empty(0, np.float32)

    def finish(self) -> Float32:
        """End the recording, and start anew.

        Returns:
            The probability of the last chunk, filled up with zeros, shape (1,); shape (0,) if none is left.
        """
        missing = CONTEXT + CHUNK - self._held.size
        last = self.push(np.zeros(missing, np.float32)) if missing < CHUNK else np.empty(0, np.float32)
        self._restart()
        return last

    def _restart(self) -> None:
        self._held = np.zeros(CONTEXT, np.float32)  # context, then the samples of an unfinished chunk
        self._h = np.zeros(STATE_SHAPE, np.float32)
        self._c = np.zeros(STATE_SHAPE, np.float32)

    def _answer(self, samples: Float32) -> Float32:
        """One call of the network: ``samples (64 + 512 k,)`` to ``(k,)`` probabilities."""
        feed = {"samples": samples, "h": self._h, "c": self._c}
        probability: Float32
        probability, self._h, self._c = self._session.run(["probability", "h_out", "c_out"], feed)
        return probability
