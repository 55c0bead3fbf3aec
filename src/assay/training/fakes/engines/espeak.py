"""espeak-ng: formant synthesis, and diphones when it drives MBROLA."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from assay.errors import MissingExtra
from assay.training.fakes.engines.engine import Engine, Spoken, from_wav
from assay.training.fakes.installed import program, run

VOICES = {
    "ca": ("ca",), "cs": ("cs",), "da": ("da",), "de": ("de",), "el": ("el",),
    "en": ("en-us", "en-gb", "en-gb-scotland", "en-gb-x-rp", "en-gb-x-gbclan", "en-029"),
    "es": ("es", "es-419"), "fi": ("fi",), "fr": ("fr-fr", "fr-be"), "hi": ("hi",), "hu": ("hu",), "it": ("it",),
    "lt": ("lt",), "nl": ("nl",), "pl": ("pl",), "pt": ("pt", "pt-br"), "ro": ("ro",), "ru": ("ru",), "sv": ("sv",),
    "tr": ("tr",), "uk": ("uk",),
}  # fmt: skip
VARIANTS = ("", "f1", "f2", "f3", "f4", "f5", "m1", "m2", "m3", "m4", "m5", "m6", "m7", "m8")
MBROLA = Path("/usr/share/mbrola")  # where Debian's voices lie
DIPHONES = {
    "cs": ("cz2",), "de": ("de2", "de4", "de5", "de7"), "el": ("gr2",), "en": ("us1", "us2", "us3", "en1"),
    "es": ("es1", "es2", "es4"), "fr": ("fr1", "fr4"), "hu": ("hu1",), "it": ("it3", "it4"), "lt": ("lt1",),
    "nl": ("nl2",), "pl": ("pl1",), "pt": ("br1", "br3", "pt1"), "ro": ("ro1",), "sv": ("sw1", "sw2"),
    "tr": ("tr1", "tr2"),
}  # fmt: skip


def _say(text: str, voice: str, rng: np.random.Generator) -> Spoken:
    pace, pitch = int(rng.integers(120, 200)), int(rng.integers(25, 75))
    command = [program("espeak-ng", "espeak-ng"), "--stdout", "-v", voice, "-s", str(pace), "-p", str(pitch)]
    return Spoken(from_wav(run(command, text.encode())), voice)


def _formants(text: str, language: str, rng: np.random.Generator) -> Spoken:
    voice, variant = str(rng.choice(VOICES[language])), str(rng.choice(VARIANTS))
    return _say(text, f"{voice}+{variant}" if variant else voice, rng)


def _diphones(text: str, language: str, rng: np.random.Generator) -> Spoken:
    return _say(text, f"mb-{rng.choice(_installed()[language])}", rng)


def _installed() -> dict[str, tuple[str, ...]]:
    present = {
        language: tuple(voice for voice in voices if (MBROLA / voice / voice).exists())
        for language, voices in DIPHONES.items()
    }
    return {language: voices for language, voices in present.items() if voices}


def _formant_languages() -> tuple[str, ...]:
    program("espeak-ng", "espeak-ng")
    return tuple(VOICES)


def _diphone_languages() -> tuple[str, ...]:
    program("espeak-ng", "espeak-ng mbrola mbrola-us1")
    program("mbrola", "mbrola mbrola-us1")
    if not _installed():
        raise MissingExtra("MBROLA has no voices here. Install some of Debian's mbrola-*.", extra="mbrola-us1")
    return tuple(_installed())


ESPEAK = Engine("espeak-ng", "espeak-ng-formant(own)", "GPL-3.0-or-later", _formant_languages, _formants)
MBROLA_ENGINE = Engine("mbrola", "espeak-ng+MBROLA(own)", "MBROLA voice licence", _diphone_languages, _diphones)
