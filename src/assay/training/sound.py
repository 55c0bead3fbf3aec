"""Reads a recording the way training wants it: one channel, 16 kHz, float32.

Everything that training reads comes through here, clips, noises and rooms alike, so a wrong sample rate or a second
channel is converted in one place and never ignored.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from assay.errors import TrainingError

Samples = NDArray[np.float32]
SAMPLE_RATE_HZ = 16_000


def read_sound(path: Path) -> Samples:
    """Decode, average the channels and resample to 16 kHz.

    Returns:
        Shape (n,), n >= 1, float32.

    Raises:
        TrainingError: If the file cannot be read or holds no finite sound; names the file.
    """
    try:
        samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    except (OSError, soundfile.SoundFileError) as error:
        raise TrainingError(f"'{path}' cannot be read as sound: {error}. Correct the file or its row.") from error
    mono = np.asarray(soxr.resample(samples.mean(axis=1), rate, SAMPLE_RATE_HZ), dtype=np.float32)
    if not mono.size or not np.isfinite(mono).all():
        raise TrainingError(f"'{path}' holds no finite sound. Remove it from the data.")
    return mono
