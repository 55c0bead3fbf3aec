"""From samples of speech to an embedding: 256 numbers that are alike for one voice and differ between voices.

The network is that of Resemblyzer (Apache-2.0), trained with the generalised end-to-end loss and rebuilt as ONNX by
``scripts/convert_speaker_encoder.py``. It hears 1.6 s at a time; a recording is the mean of such partial utterances.

Conventions: samples are mono float32 at 16 kHz, shape (n,), full scale ±1, speech only (`assay.speaker.voice`). An
embedding is float32 of shape (256,), of length 1, without negative values. It says nothing about bona fide or spoof: a
good clone of a voice has an embedding like that of the voice.

References:
    Wan et al.: Generalized end-to-end loss for speaker verification, ICASSP 2018. Front end and partial utterances
    follow Resemblyzer 0.1.4, whose answers are met within the parity on the card.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from assay.audio.features.filter_banks import mel_filter_bank
from assay.audio.features.spectra import filtered_power
from assay.audio.speech import SAMPLE_RATE_HZ
from assay.errors import InvalidArray

if TYPE_CHECKING:
    import onnxruntime

MODEL = "resemblyzer"
FRAME, HOP, BANDS = 400, 160, 40  # 25 ms every 10 ms
PARTIAL_FRAMES = 160  # 1.6 s
STEP_FRAMES = 77  # 1.3 partial utterances a second, rounded to whole frames
LEAST_COVERAGE = 0.75  # a last partial utterance with less of its length is left out
PARTIALS_PER_CALL = 32

Float32 = NDArray[np.float32]


class SpeakerEncoder:
    """Embeddings of voices; may be shared between threads.

    Args:
        session: An ONNX Runtime session of the encoder; None loads the packaged weight, checked.
        threads: Threads of the network.
        device: Where the network is computed; see `assay.models.providers`.

    Raises:
        ModelError: If the packaged weight or its card is missing or damaged.
    """

    def __init__(
        self, session: onnxruntime.InferenceSession | None = None, *, threads: int = 1, device: str = "cpu"
    ) -> None:
        if session is None:
            from assay.models.weights import load_session  # loads onnxruntime

            session = load_session(MODEL, threads=threads, device=device)
        self._session = session

    def embed(self, speech: Float32) -> Float32:
        """Embedding of a recording: the mean of its partial utterances, made a length of 1; zeros for silence.

        Args:
            speech: Shape (n,), float32, n >= 1. What is shorter than 1.6 s is filled up with zeros.

        Raises:
            InvalidArray: If `speech` is not a 1-D float32 array, or empty.
        """
        return unit(self.partials(speech).mean(axis=0))

    def partials(self, speech: Float32) -> Float32:
        """Embeddings of the partial utterances, in order of time, shape (k, 256), k >= 1.

        Raises:
            InvalidArray: As `embed`.
        """
        if not isinstance(speech, np.ndarray) or speech.ndim != 1 or speech.dtype != np.float32 or not speech.size:
            given = f"{getattr(speech, 'dtype', type(speech).__name__)} {getattr(speech, 'shape', '')}".strip()
            raise InvalidArray(f"An embedding is made of a 1-D float32 array of samples, not {given}.", given=given)
        starts = partial_starts(speech.size)
        missing = (starts[-1] + PARTIAL_FRAMES) * HOP - speech.size
        bank = mel_filter_bank(SAMPLE_RATE_HZ, n_fft=FRAME, n_mels=BANDS)
        mels = filtered_power(np.pad(speech, (0, max(0, missing))), bank, FRAME, HOP).T  # (frames, bands)
        found = []
        for first in range(0, len(starts), PARTIALS_PER_CALL):
            batch = np.stack([mels[s : s + PARTIAL_FRAMES] for s in starts[first : first + PARTIALS_PER_CALL]])
            found.append(self._session.run(["embedding"], {"mels": batch})[0])
        return np.concatenate(found)


def partial_starts(samples: int) -> list[int]:
    """First frame of each partial utterance of a recording of so many samples; at least one."""
    frames = -(-(samples + 1) // HOP)
    starts = list(range(0, max(1, frames - PARTIAL_FRAMES + STEP_FRAMES + 1), STEP_FRAMES))
    covered = (samples - starts[-1] * HOP) / (PARTIAL_FRAMES * HOP)
    return starts[:-1] if covered < LEAST_COVERAGE and len(starts) > 1 else starts


def unit(embedding: NDArray[np.floating]) -> Float32:
    """An embedding of length 1; zeros stay zeros."""
    length = float(np.linalg.norm(embedding))
    return (embedding / length if length > 0 else embedding).astype(np.float32)
