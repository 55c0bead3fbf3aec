"""hibari, a small student of Kokoro with a source-filter synthesis of its own (wheel hibari-tts, Apache-2.0)."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from assay.training.fakes.engines.engine import Engine, Spoken, at_rate
from assay.training.fakes.installed import wheel


@cache
def _load() -> Any:
    wheel("hibari", "hibari-tts")
    import hibari

    return hibari.Hibari(threads=1)


def _speak(text: str, language: str, rng: np.random.Generator) -> Spoken:
    engine = _load()
    made = engine(text, speed=float(rng.uniform(0.8, 1.3)), seed=int(rng.integers(2**31)))
    pitch = float(2 ** (rng.uniform(-4, 3) / 12)) if rng.random() < 0.6 else 1.0  # its wheel holds one voice
    return Spoken(at_rate(np.asarray(made, np.float32), engine.sample_rate, pitch), str(engine.voice))


def _languages() -> tuple[str, ...]:
    _load()
    return ("en",)


ENGINE = Engine("hibari", "hibari(own)", "Apache-2.0", _languages, _speak)
