"""Text to phonemes of the International Phonetic Alphabet, by espeak-ng, clause by clause."""

from __future__ import annotations

import re
from collections.abc import Iterator

from assay.training.fakes.installed import program, run

CLAUSE = re.compile(r".+?(?:[,;:.!?…।]+(?=\s|$)|$)")  # a mark within a word or number closes nothing
LANGUAGE_SWITCH = re.compile(r"\([^)]*\)")  # espeak-ng marks words that it reads in another language


def clauses(text: str, voice: str, *, tie: str = "") -> Iterator[tuple[str, str]]:
    """Phonemes and closing punctuation mark of each clause.

    Args:
        text: One sentence or a few.
        voice: espeak-ng's name of the language, such as ``en-us``.
        tie: Character between the letters of one phoneme, for instance of a diphthong.
    """
    command = [program("espeak-ng", "espeak-ng"), "-q", "--ipa", "-v", voice, *([f"--tie={tie}"] if tie else [])]
    for clause in CLAUSE.findall(text):
        words = clause.rstrip(",;:.!?…। ")
        mark = clause[len(words) :].strip()[:1].replace("…", ".").replace("।", ".")
        if words.strip():
            spoken = run(command, words.strip().encode()).decode()
            yield LANGUAGE_SWITCH.sub("", " ".join(spoken.split())), mark
