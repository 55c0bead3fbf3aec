"""What the speech engines say: sentences of our own in `texts.tsv`, with numbers, years and hours filled in.

A line is a language code, a tab and a sentence; ``{hour}``, ``{small}``, ``{number}`` and ``{year}`` become digits,
which every engine reads out in its own way.
"""

from __future__ import annotations

from collections import defaultdict
from importlib.resources import files
from pathlib import Path

import numpy as np

from assay.errors import TrainingError

RANGES = {"{hour}": (1, 13), "{small}": (2, 20), "{number}": (21, 2000), "{year}": (1780, 2030)}
DATES = {
    "en": ("The number is {digits}.", "The date of birth is the {day} of {month}, {year}."),
    "de": ("Die Nummer lautet {digits}.",),
    "es": ("El número es {digits}.",),
    "fr": ("Le numéro est le {digits}.",),
    "it": ("Il numero è {digits}.",),
    "pt": ("O número é {digits}.",),
}
MONTHS = ("January", "March", "May", "July", "August", "October", "November", "December")
ORDINALS = ("first", "second", "third", "fifth", "ninth", "twelfth", "twentieth", "thirtieth")


def read_texts(path: Path | None = None) -> dict[str, list[str]]:
    """Sentences by language code, from `path` or our own.

    Raises:
        TrainingError: If the file cannot be read or a line is not a language, a tab and a sentence.
    """
    source = files("assay.training.fakes").joinpath("texts.tsv") if path is None else path
    texts: dict[str, list[str]] = defaultdict(list)
    try:
        lines = source.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise TrainingError(f"The texts '{source}' cannot be read: {error}. They must be UTF-8.") from error
    for number, line in enumerate(lines, 1):
        language, tab, sentence = line.partition("\t")
        if not line.strip() or line.startswith("#"):
            continue
        if not tab or not language.strip() or not sentence.strip():
            raise TrainingError(f"'{source}' line {number}: expected a language code, a tab and a sentence: {line!r}")
        texts[language.strip()].append(sentence.strip())
    if not texts:
        raise TrainingError(f"'{source}' holds no sentences; a line is a language code, a tab and a sentence.")
    return dict(texts)


def draw(texts: dict[str, list[str]], language: str, rng: np.random.Generator) -> str:
    """One sentence of a language; one in eight is a number or a date where we know how to say so."""
    spoken = DATES.get(language, ())
    pool = spoken if spoken and rng.random() < 0.125 else texts[language]
    sentence = str(pool[int(rng.integers(len(pool)))])
    sentence = sentence.replace("{digits}", " ".join(str(digit) for digit in rng.integers(0, 10, 7)))
    sentence = sentence.replace("{day}", str(rng.choice(ORDINALS))).replace("{month}", str(rng.choice(MONTHS)))
    for slot, (low, high) in RANGES.items():
        sentence = sentence.replace(slot, str(int(rng.integers(low, high))))
    return sentence
