"""Flite: diphones and statistical voices, English (Black & Lenzo, 2001)."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from assay.training.fakes.engines.engine import Engine, Spoken, from_wav
from assay.training.fakes.installed import program, run

VOICES = {"kal16": 105, "awb": 120, "rms": 95, "slt": 170, "kal": 105}  # usual pitch in Hz


def _speak(text: str, language: str, rng: np.random.Generator) -> Spoken:
    voice = str(rng.choice(list(VOICES), p=[0.15, 0.3, 0.25, 0.25, 0.05]))
    pitch, stretch = VOICES[voice] * 2 ** (rng.uniform(-3, 3) / 12), rng.uniform(0.8, 1.3)
    settings = [f"int_f0_target_mean={pitch:.1f}", f"duration_stretch={stretch:.2f}"]
    flags = [flag for setting in settings for flag in ("--setf", setting)]
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out.wav"
        run([program("flite", "flite"), "-voice", voice, *flags, "-t", text, "-o", str(out)])
        return Spoken(from_wav(out.read_bytes()), voice)


def _languages() -> tuple[str, ...]:
    program("flite", "flite")
    return ("en",)


ENGINE = Engine("flite", "Flite(own)", "BSD-like", _languages, _speak)
