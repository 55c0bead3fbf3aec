"""One spoken sentence as a clip of a corpus.

Decision: a sentence is made like a recording: a random stretch, pauses at the ends shortened to a random rest, at a
drawn level, half of them through the Opus encoder that our corpora are stored with. Neither length nor loudness nor
the lack of a codec may tell that it was spoken by a machine.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from assay.errors import TrainingError
from assay.training.codecs import STORE, transcode
from assay.training.fakes.engines import Engine
from assay.training.fakes.method import write_flac
from assay.training.fakes.texts import draw
from assay.training.sound import Samples

FRAME = 160  # 10 ms
PAUSE_DB = -45.0  # below the loudest frame
LONGEST_REST = 4_800  # 0.3 s
LEVELS_DB = (-34.0, -16.0)
STORED = 0.5


def languages_of(engine: Engine, texts: dict[str, list[str]]) -> tuple[str, ...]:
    """Languages that the engine speaks here and that there are sentences in.

    Raises:
        MissingExtra: If the engine is not installed.
        TrainingError: If there are none.
    """
    spoken = engine.languages()
    common = tuple(language for language in spoken if language in texts)
    if not common:
        raise TrainingError(f"'{engine.name}' speaks {', '.join(spoken)}; the texts are in {', '.join(texts)}.")
    return common


def speak_to(
    path: Path,
    engine: Engine,
    languages: tuple[str, ...],
    texts: dict[str, list[str]],
    rng: np.random.Generator,
    *,
    max_samples: int,
) -> tuple[str, str]:
    """Write the sentence that `rng` determines as FLAC, unless it is there; tell its voice and language.

    Both are kept in a file beside it: only the engine knows the voice, and with other texts or voices another language
    would be drawn.
    """
    # In proportion to the root of the number of sentences: the big languages lead, the small ones are heard.
    weights = np.sqrt([len(texts[language]) for language in languages])
    language = str(rng.choice(languages, p=weights / weights.sum()))
    text = draw(texts, language, rng)
    beside = path.with_suffix(".voice")
    if not path.exists() or not beside.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        spoken = engine.speak(text, language, rng)
        beside.write_text(f"{spoken.voice}\n{language}", encoding="utf-8")
        clip = as_recorded(spoken.samples, rng, max_samples=max_samples)
        write_flac(path, transcode(clip, STORE) if rng.random() < STORED else clip)
    voice, _, spoken_language = beside.read_text(encoding="utf-8").partition("\n")
    return voice, spoken_language or language


def as_recorded(samples: Samples, rng: np.random.Generator, *, max_samples: int) -> Samples:
    """A stretch of a sentence, of random place, rests and level.

    Raises:
        TrainingError: If there is no sound.
    """
    starts = np.arange(0, len(samples), FRAME)
    frames = np.sqrt(np.add.reduceat(samples**2, starts) / FRAME) if len(samples) else np.zeros(1)
    if not frames.max() > 0:
        raise TrainingError("A speech engine spoke silence.")
    loud = np.flatnonzero(frames > frames.max() * 10 ** (PAUSE_DB / 20))
    before, after = (int(rest) for rest in rng.integers(0, LONGEST_REST, 2))
    clip = samples[max(0, loud[0] * FRAME - before) : (loud[-1] + 1) * FRAME + after]
    start = int(rng.integers(0, max(1, len(clip) - max_samples + 1)))
    clip = clip[start : start + max_samples]
    clip = clip * np.float32(10 ** (rng.uniform(*LEVELS_DB) / 20) / max(float(np.sqrt(np.mean(clip**2))), 1e-9))
    return np.asarray(clip / max(1.0, float(np.abs(clip).max())), dtype=np.float32)
