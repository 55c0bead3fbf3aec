"""Who speaks in the files of protocols: persons, not labels.

Labels come from folders and pages of the sources. Many name a corpus (``VCTK``), not somebody, and one person has
several labels (``LibriSpeech-1089`` and ``LibriTTS-1089``). What is not surely one person is left out: a wrong label
would count as an error of the encoder.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from assay.data.protocol import Trial, read_protocol

# Corpora, studios and groups of people.
SEVERAL = frozenset(
    [
        "vctk",
        "libritts",
        "librispeech",
        "libritts/librispeech",
        "librispeech/libritts",
        "librispeech/vctk",
        "libritts/vctk",
        "libritts/daps-unseen",
        "cmu-arctic/lj",
        "expresso",
        "fisher",
        "emov-db",
        "libritts-ood",
        "vctk-unseen",
        "vcc2018",
        "google-internal",
        "esd",
        "jvs",
        "line-ja-studio",
    ]
)
# Sources whose labels are a language, a codec's test signals, conversations or characters.
UNSURE = frozenset(
    [
        "debian:klettres-data",
        "debian:ktuberling-data",
        "drowe67/codec2",
        "DIN05AUR/Audio_DeepFake_Detection",
        "boson-ai/higgs-audio",
        "taylorlu/Speaker-Diarization",
        "linfeng-feng/SEFlow",
        "styletts-zs/styletts-zs.github.io",
    ]
)
LIBRI = re.compile(r"(?:LibriSpeech|LibriTTS)-(\d+)")
VCTK = re.compile(r"VCTK[-_](p\d+)")
OWN = "(own)"  # made by `assay data fakes`
CHANGED = frozenset({"WORLD-VC(own)"})  # its voice is moved away from the speaker's on purpose


@dataclass(frozen=True)
class Utterance:
    """One file.

    Attributes:
        path: The file.
        person: Who speaks, or whose voice a spoof is made to have.
        source, language, licence: Of its row.
        partition: ``train`` or ``eval``.
        spoof: Whether it is synthetic.
        method: Of a spoof: ``copy-synthesis`` (its own recording analysed and made anew) or ``clone`` (other words, or
            another person's words, in this voice).
        generator: Of a spoof.
        row, parent: Path in the protocol, and that of the recording a spoof was made of.
    """

    path: Path
    person: str
    source: str
    language: str
    licence: str
    partition: str
    spoof: bool = False
    method: str = ""
    generator: str = ""
    row: str = ""
    parent: str = ""


def person_of(speaker: str, source: str) -> str | None:
    """The person behind a label; None if it may be several."""
    if not speaker or speaker.lower() in SEVERAL or source in UNSURE:
        return None
    if speaker.lower() == "lj":
        return "LJ"
    if found := LIBRI.match(speaker):
        return f"Libri-{found[1]}"
    return f"VCTK-{found[1]}" if (found := VCTK.match(speaker)) else speaker


def read_protocols(paths: Iterable[Path]) -> list[Utterance]:
    """Every row that says who speaks, bona fide and spoof; of a source only the rows of its first protocol.

    Raises:
        ProtocolError: If a protocol cannot be read.
    """
    found: list[Utterance] = []
    for path in paths:
        known = {(one.source, one.partition, one.spoof) for one in found}
        made = [_utterance(trial) for trial in read_protocol(path)]
        found += [one for one in made if one and (one.source, one.partition, one.spoof) not in known]
    return found


def _utterance(trial: Trial) -> Utterance | None:
    person = person_of(trial.speaker, trial.source)
    if person is None or trial.generator in CHANGED:
        return None
    method = ""
    if trial.key == "spoof":
        # Our own vocoders remake a recording; what others say to be in a person's voice has other words or another
        # source.
        method = "copy-synthesis" if trial.parent and trial.generator.endswith(OWN) else "clone"
    return Utterance(
        path=trial.file,
        person=person,
        source=trial.source,
        language=trial.language or "unknown",
        licence=trial.licence or "unknown",
        partition=trial.partition or "train",
        spoof=trial.key == "spoof",
        method=method,
        generator=trial.generator,
        row=trial.path,
        parent=trial.parent,
    )


def chosen(utterances: Sequence[Utterance], most: int, seed: int) -> list[Utterance]:
    """At most so many files of each person, drawn at random, the same for the same seed."""
    by_person: dict[str, list[Utterance]] = defaultdict(list)
    for one in sorted(utterances, key=lambda one: str(one.path)):
        by_person[one.person].append(one)
    rng = np.random.default_rng(seed)
    picked = []
    for person in sorted(by_person):
        files = by_person[person]
        picked += [files[int(i)] for i in sorted(rng.permutation(len(files))[:most])]
    return picked
