"""What every text-to-speech engine has in common.

An engine is found when it is used: a wheel, or a program of Debian; where it is absent, `MissingExtra` names what to
install. It speaks one sentence with a voice, pace and pitch drawn from the generator, so a file is determined by seed,
engine, number and the voices that are installed.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import soundfile
import soxr

from assay.errors import TrainingError
from assay.training.sound import SAMPLE_RATE_HZ, Samples


@dataclass(frozen=True)
class Spoken:
    """A spoken sentence.

    Attributes:
        samples: Shape (n,), 16 kHz float32.
        voice: The engine's name for the speaker.
    """

    samples: Samples
    voice: str


@dataclass(frozen=True)
class Engine:
    """One text-to-speech system.

    Attributes:
        name: The name the command line uses.
        generator: What the protocol's ``generator`` column says.
        licence: Of the engine and the voices, as far as their packages state it.
        languages: ISO codes it has voices for here; called when the engine is used. Raises `MissingExtra`.
        speak: ``(text, language, rng) -> Spoken``.
    """

    name: str
    generator: str
    licence: str
    languages: Callable[[], tuple[str, ...]]
    speak: Callable[[str, str, np.random.Generator], Spoken]


def from_wav(data: bytes) -> Samples:
    """Samples of a WAV file in memory at 16 kHz."""
    try:
        samples, rate = soundfile.read(io.BytesIO(data), dtype="float32", always_2d=True)
    except (OSError, soundfile.SoundFileError) as error:
        raise TrainingError(f"A speech engine wrote no sound: {error}.") from error
    return at_rate(samples.mean(axis=1), rate)


def at_rate(samples: Samples, rate_hz: float, pitch: float = 1.0) -> Samples:
    """Samples at 16 kHz; played `pitch` times as fast first, which moves pitch and formants together."""
    return np.asarray(soxr.resample(samples, rate_hz * pitch, SAMPLE_RATE_HZ), dtype=np.float32)
