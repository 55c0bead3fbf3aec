"""Embeddings of files as they came, shortened, and after what may happen on the way; kept on disk once made."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from assay.audio.deliveries import DELIVERIES, filtered
from assay.audio.speech import SAMPLE_RATE_HZ, SpeechActivity
from assay.errors import MediaError
from assay.media import open_media
from assay.settings import Settings
from assay.speaker.encoder import Float32, SpeakerEncoder
from assay.speaker.voice import gather, levelled

log = logging.getLogger("assay.training.speaker")
AS_IT_CAME = "as it came"
NOISE_DB = 15.0
SAVE_EVERY = 100


@dataclass(frozen=True)
class Heard:
    """What a file gives under one condition.

    Attributes:
        embedding: Shape (256,); zeros where nobody speaks.
        speech_s: Seconds of speech.
    """

    embedding: Float32
    speech_s: float


class _Samples:
    """Samples as a recording."""

    notes: tuple[str, ...] = ()

    def __init__(self, samples: Float32) -> None:
        self._samples = samples

    def blocks(self, *, channels: Literal["mix", "each"] = "mix", block_s: float = 30.0) -> Iterator[Float32]:
        del channels, block_s
        yield self._samples[None]


def with_noise(samples: Float32) -> Float32:
    """Pink-like noise `NOISE_DB` below the level of the whole; the same for the same length."""
    rng = np.random.default_rng(samples.size)
    spectrum = np.fft.rfft(rng.standard_normal(samples.size))
    spectrum /= np.sqrt(np.maximum(np.arange(spectrum.size), 1))
    noise = np.fft.irfft(spectrum, samples.size)
    level = np.sqrt(np.mean(samples.astype(np.float64) ** 2)) * 10 ** (-NOISE_DB / 20)
    return np.asarray(samples + noise * (level / max(np.sqrt(np.mean(noise**2)), 1e-12)), np.float32)


def in_room(samples: Float32) -> Float32:
    """A made room: exponentially decaying noise, 0.5 s to -60 dB, behind the direct sound."""
    rng = np.random.default_rng(7)
    time = np.arange(SAMPLE_RATE_HZ // 2) / SAMPLE_RATE_HZ
    response = rng.standard_normal(time.size) * np.exp(-6.9 * time / 0.5) * 0.05
    response[0] = 1.0
    size = samples.size + response.size
    wet = np.fft.irfft(np.fft.rfft(samples, size) * np.fft.rfft(response, size), size)
    return np.asarray(wet[: samples.size], np.float32)


WAYS: dict[str, Callable[[Float32], Float32]] = {
    "telephone (µ-law, 8 kHz)": lambda samples: filtered(samples, DELIVERIES["telephone (µ-law, 8 kHz)"]()),
    "Opus 24 kbit/s": lambda samples: filtered(samples, DELIVERIES["Opus 24 kbit/s"]()),
    f"noise at {NOISE_DB:g} dB": with_noise,
    "room (T60 0.5 s)": in_room,
}


class Hearing:
    """Makes and keeps embeddings.

    Args:
        settings: Limits of decoding.
        encoder: The encoder.
        kept: File of embeddings made before (.npz), read and written.
    """

    def __init__(self, settings: Settings, encoder: SpeakerEncoder, kept: Path) -> None:
        self._settings, self._encoder, self._kept = settings, encoder, kept
        self._activity = SpeechActivity()
        self._found: dict[str, Heard] = {}
        if kept.is_file():
            with np.load(kept, allow_pickle=False) as old:
                rows = zip(old["names"], old["embeddings"], old["speech_s"], strict=True)
                self._found = {str(name): Heard(embedding, float(speech)) for name, embedding, speech in rows}
        self._new = 0

    def hear(self, path: Path, condition: str = AS_IT_CAME, seconds: float | None = None) -> Heard | None:
        """A file under a condition, its speech cut to `seconds`; None if it cannot be read or holds less speech."""
        name = f"{path}|{condition}|{seconds or ''}"
        if name not in self._found:
            self._found[name] = self._make(path, condition, seconds)
            self._new += 1
            if self._new % SAVE_EVERY == 0:
                self.save()
        found = self._found[name]
        return found if found.embedding.any() else None

    def save(self) -> None:
        """Write what was made."""
        if self._new:
            names, heard = list(self._found), list(self._found.values())
            arrays: dict[str, NDArray[np.generic]] = {
                "names": np.array(names),
                "embeddings": np.stack([one.embedding for one in heard]),
                "speech_s": np.array([one.speech_s for one in heard]),
            }
            self._kept.parent.mkdir(parents=True, exist_ok=True)
            with self._kept.with_suffix(".part").open("wb") as file:
                np.savez(file, **arrays)  # type: ignore[arg-type]  # NumPy's stub takes the arrays for its option
            self._kept.with_suffix(".part").replace(self._kept)
            log.info("%d embeddings", len(names))

    def _make(self, path: Path, condition: str, seconds: float | None) -> Heard:
        nothing = Heard(np.zeros(256, np.float32), 0.0)
        try:
            media = open_media(path, settings=self._settings)
            if condition == AS_IT_CAME:
                speech, speech_s, _, _ = gather(media, self._activity)
            else:
                samples = np.concatenate([block[0] for block in media.blocks()])
                speech, speech_s, _, _ = gather(_Samples(WAYS[condition](samples)), self._activity)
        except MediaError as error:
            log.warning("%s: %s", path, error)
            return nothing
        if seconds is not None:
            if speech_s < seconds:
                return nothing
            # Of what is let through some is not speech; the cut is by the share that is.
            speech = speech[: round(speech.size * seconds / speech_s)]
            speech_s = seconds
        return Heard(self._encoder.embed(levelled(speech)), speech_s) if speech.size else nothing
