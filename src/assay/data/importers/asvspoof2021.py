"""ASVspoof 2021, logical access, deepfake and physical access, with the keys released afterwards.

Lists: ``keys/{LA,DF,PA}/CM/trial_metadata.txt``; lines are

    LA: LA_0009 LA_E_9332881 alaw ita_tx A07 spoof notrim eval
    DF: LA_0023 DF_E_2000011 nocodec asvspoof A14 spoof notrim progress traditional_vocoder - - - -
    PA: PA_0010 PA_E_1000001 R3 M3 d4 r1 m1 s4 c4 spoof notrim eval

speaker, trial, conditions, attack, key, trimmed or not, subset. LA repeats the attacks of 2019, so they keep that name;
DF holds those of the Voice Conversion Challenges 2018 and 2020, too. The attack of PA is how it was played back. What a
bona fide line states as its attack is ignored. Subsets ``progress``, ``eval`` and ``hidden`` are the partitions.

References:
    README of the evaluation package, github.com/asvspoof-challenge/2021; Liu et al., IEEE/ACM TASLP 31, 2023.
"""

from __future__ import annotations

from pathlib import Path

from assay.data.importers.importer import SOUNDS, Importer, Listing, by_stem, fields_of, labelled, lists_in
from assay.data.protocol import Key, Trial
from assay.errors import DataError

LICENCE = "terms of ASVspoof 2021 (LICENSE in the archive)"
_LEAST = {"LA": 8, "DF": 8, "PA": 12}  # words of a line


def read(folder: Path) -> Listing:
    """See the module."""
    files, found = by_stem(folder, SOUNDS), Listing([])
    for path in lists_in(folder, "trial_metadata.txt", "ASVspoof 2021"):
        if path.parent.name == "ASV":  # the same name, for speaker verification
            continue
        for number, words in fields_of(path, 8):
            where = f"'{path}' line {number}"
            track = words[1].partition("_")[0]
            if len(words) < _LEAST.get(track, 10**6):
                raise DataError(f"{where}: '{words[1]}' is no trial of LA, DF or PA, or fields are missing.")
            trial = _trial(track, words, where, files.get(words[1], ""), folder)
            if trial.path:
                found.trials.append(trial)
            else:
                found.missing.append(words[1])
    return found


def _trial(track: str, words: list[str], where: str, path: str, root: Path) -> Trial:
    at = 9 if track == "PA" else 5
    key: Key = labelled(words[at], where)
    source = f"ASVspoof2021-{track}"
    if track == "DF":
        source = f"{source}/{words[3]}"
    generator = ""
    if key == "spoof":
        corpus = words[3] if track == "DF" and words[3] != "asvspoof" else "ASVspoof2019-LA"
        generator = f"{source}/{'-'.join(words[5:9])}" if track == "PA" else f"{corpus}/{words[4]}"
    return Trial(
        path=path,
        key=key,
        partition=words[at + 2],
        generator=generator,
        speaker=words[0],
        source=source,
        licence=LICENCE,
        root=root,
    )


IMPORTER = Importer(
    name="asvspoof2021",
    title="ASVspoof 2021 LA, DF and PA",
    expects="keys/{LA,DF,PA}/CM/trial_metadata.txt and ASVspoof2021_*_eval/flac.",
    licence=LICENCE,
    citation="Liu et al.: ASVspoof 2021: Towards spoofed and deepfake speech detection in the wild, IEEE/ACM TASLP 31,"
    " 2023.",
    read=read,
)
