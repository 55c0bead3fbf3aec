"""Makes the recordings that the benchmarks read, out of the real speech in ``examples/media``.

    python benchmarks/sounds.py FOLDER --files 24 --lengths 60 600 10800

The reading of 24.7 s is repeated end to end, so every file is speech from its first to its last second: that is the
expensive case, since nothing is skipped. Short files start at different places of it. All wav files but the ones for
"other formats" are 16 kHz mono PCM16. Long ones are written block by block.

Prints one JSON object, lists of file names by what they are for. This is a program of its own so that the process that
measures never holds sound, and stays small.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

SPEECH = Path(__file__).parent.parent / "examples" / "media" / "human-long.flac"
RATE = 16_000
SHORT_S = 8
OTHER_RATE = 44_100
OTHER_FILES = 8

Samples = NDArray[np.int16]


def speech_from(speech: Samples, start: int, samples: int) -> Samples:
    """`samples` of the endlessly repeated speech, from `start` on."""
    return np.take(speech, np.arange(start, start + samples), mode="wrap")


def write_short(folder: Path, speech: Samples, files: int) -> list[str]:
    """Distinct files of `SHORT_S` seconds."""
    names = []
    for index in range(files):
        start = index * len(speech) // files
        names.append(str(folder / f"short-{index:02}.wav"))
        soundfile.write(names[-1], speech_from(speech, start, SHORT_S * RATE), RATE, subtype="PCM_16")
    return names


def write_long(folder: Path, speech: Samples, seconds: int) -> str:
    """One file of `seconds`."""
    name = str(folder / f"long-{seconds}.wav")
    with soundfile.SoundFile(name, "w", RATE, 1, subtype="PCM_16") as file:
        left = seconds * RATE
        while left > 0:
            file.write(speech[:left])
            left -= len(speech)
    return name


def write_others(folder: Path, speech: Samples) -> dict[str, list[str]]:
    """Files of `SHORT_S` seconds that have to be resampled or decoded: 44.1 kHz stereo, as wav and as mp3."""
    made: dict[str, list[str]] = {"wav": [], "mp3": []}
    for index in range(OTHER_FILES):
        mono = speech_from(speech, index * len(speech) // OTHER_FILES, SHORT_S * RATE)
        fine = soxr.resample(mono.astype(np.float32) / 2**15, RATE, OTHER_RATE)
        stereo = np.stack([fine, 0.8 * fine], axis=1)
        for form, names in made.items():
            names.append(str(folder / f"other-{index:02}.{form}"))
            soundfile.write(names[-1], stereo, OTHER_RATE, format=form.upper())
    return made


def main() -> None:
    """Write the files and name them on standard output."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--files", type=int, default=24, help=f"how many files of {SHORT_S} s")
    parser.add_argument("--lengths", type=int, nargs="*", default=[], help="seconds of the single long files")
    arguments = parser.parse_args()
    speech, rate = soundfile.read(SPEECH, dtype="int16")
    if rate != RATE or speech.ndim != 1:
        raise SystemExit(f"{SPEECH.name} must be {RATE} Hz mono")
    made = {
        "short": write_short(arguments.folder, speech, arguments.files),
        "long": {seconds: write_long(arguments.folder, speech, seconds) for seconds in arguments.lengths},
        "other": write_others(arguments.folder, speech),
    }
    print(json.dumps(made))


if __name__ == "__main__":
    main()
