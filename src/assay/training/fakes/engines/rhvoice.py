"""RHVoice: HMM voices (Yakovleva, 2012), by its tool RHVoice-test."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from assay.errors import MissingExtra
from assay.training.fakes.engines.engine import Engine, Spoken, from_wav
from assay.training.fakes.installed import program, run

PACKAGES = "rhvoice rhvoice-english rhvoice-russian …"
INSTALLED = Path("/usr/share/RHVoice/voices")  # where Debian's voices lie
VOICES = {
    "en": ("alan", "bdl", "clb", "slt", "evgeniy-eng", "lyubov"),
    "eo": ("spomenka",),
    "mk": ("kiko", "suze"),
    "pl": ("magda", "natan"),
    "pt": ("Leticia-F123",),
    "ru": ("aleksandr", "anna", "arina", "artemiy", "elena", "irina", "mikhail", "pavel", "tatiana", "victoria",
           "vitaliy", "yuriy", "evgeniy-rus"),
    "sq": ("hana",),
    "uk": ("anatol", "marianna", "natalia", "volodymyr"),
}  # fmt: skip


def _present() -> dict[str, tuple[str, ...]]:
    present = {
        language: tuple(voice for voice in voices if (INSTALLED / voice).exists())
        for language, voices in VOICES.items()
    }
    return {language: voices for language, voices in present.items() if voices}


def _speak(text: str, language: str, rng: np.random.Generator) -> Spoken:
    voice = str(rng.choice(_present()[language]))
    tool = program("RHVoice-test", PACKAGES)
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out.wav"
        pace, pitch = str(int(rng.integers(80, 130))), str(int(rng.integers(80, 125)))
        run([tool, "-p", voice, "-r", pace, "-t", pitch, "-o", str(out)], text.encode())
        return Spoken(from_wav(out.read_bytes()), voice)


def _languages() -> tuple[str, ...]:
    program("RHVoice-test", PACKAGES)
    if not _present():
        raise MissingExtra(f"RHVoice has no voices here. Install some of Debian's {PACKAGES}.", extra=PACKAGES)
    return tuple(_present())


ENGINE = Engine("rhvoice", "RHVoice-HTS(own)", "see package licence", _languages, _speak)
