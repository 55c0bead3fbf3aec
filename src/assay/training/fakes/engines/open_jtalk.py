"""Open JTalk: Japanese HMM synthesis (HTS working group, 2008), with the voice of Nagoya Institute of Technology."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from assay.errors import MissingExtra
from assay.training.fakes.engines.engine import Engine, Spoken, from_wav
from assay.training.fakes.installed import program, run

PACKAGES = "open-jtalk open-jtalk-mecab-naist-jdic hts-voice-nitech-jp-atr503-m001"
DICTIONARY = Path("/var/lib/mecab/dic/open-jtalk/naist-jdic")  # where Debian's packages put it
VOICES = Path("/usr/share/hts-voice")


def _speak(text: str, language: str, rng: np.random.Generator) -> Spoken:
    voice = sorted(VOICES.glob("*/*.htsvoice"))
    chosen = voice[int(rng.integers(len(voice)))]
    settings = {
        "-r": rng.uniform(0.8, 1.3),  # pace
        "-fm": rng.uniform(-4, 6),  # semitones
        "-a": rng.uniform(0.38, 0.48),  # all-pass constant: formants
        "-jf": rng.uniform(0.6, 1.4),  # liveliness of pitch
        "-b": rng.uniform(0.0, 0.4),  # postfilter
    }
    flags = [part for name, value in settings.items() for part in (name, f"{value:.3f}")]
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out.wav"
        command = [program("open_jtalk", PACKAGES), "-x", str(DICTIONARY), "-m", str(chosen), *flags, "-ow", str(out)]
        run(command, text.encode())
        return Spoken(from_wav(out.read_bytes()), chosen.stem)


def _languages() -> tuple[str, ...]:
    program("open_jtalk", PACKAGES)
    if not DICTIONARY.exists() or not any(VOICES.glob("*/*.htsvoice")):
        raise MissingExtra(f"Open JTalk needs a dictionary and a voice: Debian's {PACKAGES}.", extra=PACKAGES)
    return ("ja",)


ENGINE = Engine("open-jtalk", "Open-JTalk-HTS(own)", "see package licence", _languages, _speak)
