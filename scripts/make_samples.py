"""Makes the samples of the web page, out of ``examples/media``, whose sources and licences hold for them.

    python scripts/make_samples.py

Recordings are the same samples as FLAC, which takes half the space of WAV. The splice is made here: a person who reads,
with one sentence of eSpeak NG in between, at the reader's level.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import soundfile
import soxr

from assay.serve.page.samples import samples_folder

MEDIA = Path(__file__).parent.parent / "examples" / "media"
RATE = 16_000
AFTER = slice(int(15.39 * RATE), int(21.39 * RATE))  # of the long reading: a sentence that the short one lacks


def main() -> None:
    """Write every sample."""
    folder = samples_folder()
    folder.mkdir(exist_ok=True)
    reading, machine = _read("human.wav"), _read("vocoded.wav")
    inserted = _read("espeak.wav")
    inserted *= np.sqrt(np.mean(reading**2) / np.mean(inserted**2))
    splice = np.concatenate([reading, inserted, _read("human-long.flac")[AFTER]])
    for name, samples in (
        ("person-reading", reading),
        ("machine-copy", machine),
        ("one-sentence-replaced", np.clip(splice, -1, 1)),
    ):
        soundfile.write(folder / f"{name}.flac", samples, RATE, subtype="PCM_16")
    shutil.copyfile(MEDIA / "tagged.png", folder / "generator-mark.png")
    shutil.copyfile(MEDIA / "talking-drawing.mp4", folder / "talking-drawing.mp4")


def _read(name: str) -> np.ndarray:
    samples, rate = soundfile.read(MEDIA / name, dtype="float32")
    return samples if rate == RATE else soxr.resample(samples, rate, RATE)


if __name__ == "__main__":
    main()
