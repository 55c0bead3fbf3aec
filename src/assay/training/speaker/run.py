"""From protocols to the calibration, thresholds and error rates on the encoder's card.

Persons of `train` partitions fit and choose; their own figures come from folds: each group of sources is judged by a
centre, a calibration and a threshold that the other groups gave. Persons of `eval` partitions who are in no `train` set
are scored once with what is written on the card. Lengths and ways are measured on train persons, likewise by folds.
"""

from __future__ import annotations

import logging
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from assay.errors import TrainingError
from assay.training.calibrate import RATES
from assay.training.speaker.comparing import (
    FOLDS,
    Clip,
    Enrolled,
    Fitted,
    compare,
    divided,
    enrolment,
    fit,
    folds_of,
    group_of,
)
from assay.training.speaker.corpus import Utterance, chosen, read_protocols
from assay.training.speaker.figures import Comparisons, rates, summary
from assay.training.speaker.hearing import AS_IT_CAME, WAYS, Hearing

log = logging.getLogger("assay.training.speaker")

PER_PERSON = 10  # files heard of each person
LEAST_SPEECH_S = 1.0  # of a file that takes part; shorter ones only where lengths are compared
LENGTHS_S = (0.5, 1.0, 1.5, 2.0, 3.0, 4.0)
PER_CONDITION = 1  # probes of each enrolled person that are shortened and sent other ways
PER_SPOOF = 3  # spoofs of each enrolled person and method
RATE = 0.01  # of the point that conditions are reported at
WORSE = 1.5  # times the rate of misses at the longest length that is still enough
ACTED = frozenset({"Ethio2021/ASED_V1", "Rahul5430/Speech-Emotion-Recognition-System", "Xeonen/TurEV-DB"})


@dataclass
class Study:
    """Persons of one partition, heard.

    Attributes:
        clips: All that was heard of them.
        enrolled, probes: Who is compared with what.
        numbers: A number for each person.
    """

    clips: list[Clip]
    enrolled: list[Enrolled] = field(init=False)
    probes: list[Clip] = field(init=False)
    numbers: dict[str, int] = field(init=False)

    def __post_init__(self) -> None:
        self.enrolled, self.probes = divided(self.clips)
        people = sorted({clip.utterance.person for clip in self.clips})
        self.numbers = {person: number for number, person in enumerate(people)}


@dataclass
class Folds:
    """What each group is judged by: everything fitted without it."""

    study: Study
    centred: bool
    of_group: dict[str, int] = field(init=False)
    fitted: list[Fitted] = field(init=False)

    def __post_init__(self) -> None:
        self.of_group = folds_of(self.study.enrolled, self.study.clips)
        self.fitted = [self._without(fold) for fold in range(FOLDS)]

    def _without(self, fold: int) -> Fitted:
        clips = [clip for clip in self.study.clips if self.of_group[group_of(clip.utterance)] != fold]
        probes = [clip for clip in self.study.probes if self.of_group[group_of(clip.utterance)] != fold]
        enrolled = [one for one in self.study.enrolled if self.of_group[one.group] != fold]
        return fit(clips, enrolled, probes, self.study.numbers, centred=self.centred)

    def compare(
        self, probes: Sequence[Clip], rate: float = RATE, enrolled: Sequence[Enrolled] | None = None
    ) -> Comparisons:
        """Every enrolment against these probes; the scores are llrs moved so that each fold's threshold is at 0."""
        people = list(self.study.enrolled if enrolled is None else enrolled)
        llrs, moved = np.zeros((len(people), len(probes))), np.zeros((len(people), len(probes)))
        for fold, fitted in enumerate(self.fitted):
            rows = [row for row, one in enumerate(people) if self.of_group[one.group] == fold]
            if rows:
                llrs[rows] = fitted.llrs([people[row] for row in rows], probes)
                moved[rows] = llrs[rows] - fitted.impostor.threshold(rate)
        return compare(people, probes, moved, self.study.numbers, llrs)


def hear_study(utterances: Sequence[Utterance], hearing: Hearing, seed: int) -> Study:
    """Hear at most `PER_PERSON` files of each person; those with too little speech are left out."""
    picked = chosen(utterances, PER_PERSON, seed)
    clips = []
    for place, one in enumerate(picked):
        heard = hearing.hear(one.path)
        if heard is not None and heard.speech_s >= LEAST_SPEECH_S:
            clips.append(Clip(one, heard.embedding, heard.speech_s))
        if place % 200 == 0:
            log.info("%d of %d files heard", place, len(picked))
    return Study(clips)


def measure(protocols: Iterable[Path], hearing: Hearing, *, seed: int = 0) -> dict[str, Any]:
    """Everything that the card says: fields of `SpeakerCard` by name.

    Raises:
        TrainingError: If a partition has nobody who can be enrolled.
    """
    utterances = read_protocols(protocols)
    bona_fide = [one for one in utterances if not one.spoof]
    train = [one for one in bona_fide if one.partition == "train"]
    known = {one.person for one in train}
    unseen = [one for one in bona_fide if one.partition == "eval" and one.person not in known]
    study = hear_study(train, hearing, seed)
    log.info("%d enrolled, %d probes", len(study.enrolled), len(study.probes))
    if len(study.enrolled) < FOLDS:
        raise TrainingError(
            f"{len(study.enrolled)} persons can be enrolled; at least {FOLDS} are needed. Give more protocols."
        )
    plain, centred = Folds(study, centred=False), Folds(study, centred=True)
    figures = {
        name: summary(folds.compare(study.probes), 0.0) for name, folds in (("cosine", plain), ("centred", centred))
    }
    log.info("cosine %s", figures["cosine"])
    log.info("centred %s", figures["centred"])
    use_centre = figures["centred"]["cllr"] < figures["cosine"]["cllr"]
    folds = centred if use_centre else plain
    final = fit(study.clips, study.enrolled, study.probes, study.numbers, centred=use_centre, spread=True)
    lengths, least_probe = probe_lengths(folds, hearing)
    enrolments, least_enrol = enrolment_lengths(folds, hearing)
    measured = {
        "seed": seed,
        "back_ends": figures,
        "development": development(folds),
        "probe_speech": lengths,
        "enrolment_speech": enrolments,
        "recordings_enrolled": recordings_enrolled(folds),
        "ways": ways(folds, hearing),
        "spoofs": spoofs(folds, [one for one in utterances if one.spoof and one.partition == "train"], hearing),
        "eval": reported(final, hear_study(unseen, hearing, seed)),
    }
    hearing.save()
    return {
        "min_probe_speech_s": least_probe,
        "min_enrol_speech_s": least_enrol,
        "centre": [] if final.centre is None else [round(float(value), 6) for value in final.centre],
        "calibration": final.calibration.model_dump(),
        "impostor": final.impostor.model_dump(),
        "operating_points": operating_points(folds, final),
        "data": data_of(study),
        "measured": measured,
    }


def development(folds: Folds) -> dict[str, Any]:
    """Figures of development persons, together and in parts; rates at each fold's own threshold of the 1 % point."""
    study = folds.study
    found = folds.compare(study.probes)

    def part(people: Iterable[Enrolled]) -> dict[str, Any]:
        chosen_ones = sorted({study.numbers[one.person] for one in people})
        return summary(found.where(np.isin(found.enrolled, chosen_ones)), 0.0)

    by_language: dict[str, list[Enrolled]] = defaultdict(list)
    by_source: dict[str, list[Enrolled]] = defaultdict(list)
    for one in study.enrolled:
        by_language[one.language].append(one)
        by_source[one.source].append(one)
    return {
        "all": part(study.enrolled),
        "read or spoken": part(one for one in study.enrolled if one.source not in ACTED),
        "acted emotions": part(one for one in study.enrolled if one.source in ACTED),
        "by_language": {name: part(people) for name, people in sorted(by_language.items())},
        "by_source": {name: part(people) for name, people in sorted(by_source.items())},
    }


def probe_lengths(folds: Folds, hearing: Hearing) -> tuple[list[dict[str, Any]], float]:
    """Figures by seconds of speech in the probe, on probes that have the longest; and the shortest that is enough.

    Enough is the shortest at which, at the 1 % point, the enrolled speaker is missed at most `WORSE` times as often as
    at the longest.
    """
    probes = _few(folds, least_s=LENGTHS_S[-1])
    rows = []
    for seconds in LENGTHS_S:
        clips = _heard(probes, hearing, AS_IT_CAME, seconds)
        rows.append({"speech_s": seconds, **summary(folds.compare(clips), 0.0)})
    return rows, _enough(rows)


def enrolment_lengths(folds: Folds, hearing: Hearing) -> tuple[list[dict[str, Any]], float]:
    """Figures by seconds of speech in all of an enrolment, one recording each, and the shortest that is enough."""
    long = [clip for clip in folds.study.clips if clip.speech_s >= LENGTHS_S[-1]]
    firsts: dict[str, Clip] = {}
    enrolled_files = {one.person: one.files for one in folds.study.enrolled}
    for clip in long:
        if clip.utterance.row in enrolled_files.get(clip.utterance.person, frozenset()):
            firsts.setdefault(clip.utterance.person, clip)
    rows = []
    for seconds in LENGTHS_S:
        people = [enrolment([clip]) for clip in _heard(list(firsts.values()), hearing, AS_IT_CAME, seconds)]
        rows.append({"speech_s": seconds, **summary(folds.compare(folds.study.probes, enrolled=people), 0.0)})
    return rows, _enough(rows)


def recordings_enrolled(folds: Folds) -> list[dict[str, Any]]:
    """Figures by the number of recordings enrolled with, over persons who have enough for all of them."""
    by_person: dict[str, list[Clip]] = defaultdict(list)
    for clip in folds.study.clips:
        by_person[clip.utterance.person].append(clip)
    counts = (1, 3, 5)
    enough = {person: own for person, own in by_person.items() if len(own) > counts[-1]}
    probes = [clip for own in enough.values() for clip in own[counts[-1] :]]
    probes += [clip for person, own in by_person.items() if person not in enough for clip in own[:2]]
    rows = []
    for count in counts:
        people = [enrolment(own[:count]) for own in enough.values()]
        rows.append({"recordings": count, **summary(folds.compare(probes, enrolled=people), 0.0)})
    return rows


def ways(folds: Folds, hearing: Hearing) -> list[dict[str, Any]]:
    """Figures by what the probe went through; enrolments as they came."""
    probes = _few(folds)
    rows = []
    for condition in (AS_IT_CAME, *WAYS):
        clips = _heard(probes, hearing, condition)
        rows.append({"way": condition, **summary(folds.compare(clips), 0.0)})
        log.info("%s", rows[-1])
    return rows


def spoofs(folds: Folds, utterances: Sequence[Utterance], hearing: Hearing) -> list[dict[str, Any]]:
    """How often a spoof of an enrolled person is taken for that person, at the 1 % point, by method and generator."""
    enrolled = {one.person: one for one in folds.study.enrolled}
    picked: dict[tuple[str, str], list[Utterance]] = defaultdict(list)
    for one in utterances:
        person = enrolled.get(one.person)
        if person is not None and one.parent not in person.files:
            picked[one.person, one.method].append(one)
    reached: dict[str, list[tuple[str, bool]]] = defaultdict(list)
    for (name, method), own in sorted(picked.items()):
        for clip in _heard_spoofs(chosen(own, PER_SPOOF, 0), hearing):
            fitted = folds.fitted[folds.of_group[enrolled[name].group]]
            llr = float(fitted.llrs([enrolled[name]], [clip])[0, 0])
            passed = llr >= fitted.impostor.threshold(RATE)
            for kind in (method, f"{method}: {clip.utterance.generator}"):
                reached[kind].append((name, passed))
    return [_accepted(kind, found) for kind, found in sorted(reached.items())]


def reported(final: Fitted, study: Study) -> dict[str, Any]:
    """Figures of persons whom nothing was fitted on, with what stands on the card."""
    if not study.enrolled:
        return {}
    found = compare(study.enrolled, study.probes, final.llrs(study.enrolled, study.probes), study.numbers)
    threshold = final.impostor.threshold(RATE)
    rows = {"all": summary(found, threshold)}
    for name in sorted({one.source for one in study.enrolled}):
        people = [study.numbers[one.person] for one in study.enrolled if one.source == name]
        rows[name] = summary(found.where(np.isin(found.enrolled, people)), threshold)
    return rows


def operating_points(folds: Folds, final: Fitted) -> list[dict[str, Any]]:
    """Thresholds of the card, and what the folds measured at theirs."""
    points = []
    for rate in RATES:
        found = folds.compare(folds.study.probes, rate)
        passed, missed = rates(found, 0.0)
        drawn = np.array([rates(one, 0.0) for one in found.resampled(2)])
        low, high = np.quantile(drawn, [0.025, 0.975], axis=0)
        points.append(
            {
                "max_false_match": rate,
                "threshold_llr": final.impostor.threshold(rate),
                "false_match": passed,
                "false_match_interval": [float(low[0]), float(high[0])],
                "false_non_match": missed,
                "false_non_match_interval": [float(low[1]), float(high[1])],
                "extrapolated": rate < final.impostor.survival[-1],
            }
        )
    return points


def data_of(study: Study) -> list[dict[str, Any]]:
    """Per source: licence, persons and recordings."""
    rows: dict[str, tuple[str, set[str], int]] = {}
    for clip in study.clips:
        one = clip.utterance
        licence, people, count = rows.get(one.source, (one.licence, set(), 0))
        rows[one.source] = (licence, people | {one.person}, count + 1)
    return [
        {"source": name, "licence": licence, "speakers": len(people), "recordings": count}
        for name, (licence, people, count) in sorted(rows.items())
    ]


def _few(folds: Folds, least_s: float = 0.0) -> list[Clip]:
    """`PER_CONDITION` probes of each enrolled person."""
    enrolled = {one.person for one in folds.study.enrolled}
    taken: Counter[str] = Counter()
    picked = []
    for clip in folds.study.probes:
        person = clip.utterance.person
        if person in enrolled and clip.speech_s >= least_s and taken[person] < PER_CONDITION:
            taken[person] += 1
            picked.append(clip)
    return picked


def _heard(clips: Sequence[Clip], hearing: Hearing, condition: str, seconds: float | None = None) -> list[Clip]:
    found = []
    for clip in clips:
        heard = hearing.hear(clip.utterance.path, condition, seconds)
        if heard is not None:
            found.append(Clip(clip.utterance, heard.embedding, heard.speech_s))
    return found


def _heard_spoofs(utterances: Sequence[Utterance], hearing: Hearing) -> list[Clip]:
    heard = ((one, hearing.hear(one.path)) for one in utterances)
    return [Clip(one, h.embedding, h.speech_s) for one, h in heard if h is not None and h.speech_s >= LEAST_SPEECH_S]


def _enough(rows: Sequence[dict[str, Any]]) -> float:
    limit = WORSE * rows[-1]["false_non_match"]
    return float(next(row["speech_s"] for row in rows if row.get("false_non_match", 1.0) <= limit))


def _accepted(kind: str, found: Sequence[tuple[str, bool]]) -> dict[str, Any]:
    """Share accepted, with an interval over persons."""
    by_person: dict[str, list[bool]] = defaultdict(list)
    for name, passed in found:
        by_person[name].append(passed)
    people, rng = list(by_person.values()), np.random.default_rng(3)
    drawn = []
    for _ in range(300):
        picked = [people[int(i)] for i in rng.integers(len(people), size=len(people))]
        drawn.append(np.mean([passed for own in picked for passed in own]))
    low, high = np.quantile(drawn, [0.025, 0.975])
    share = float(np.mean([passed for _, passed in found]))
    return {
        "spoofs": kind,
        "probes": len(found),
        "speakers": len(people),
        "accepted": round(share, 4),
        "accepted_interval": [round(float(low), 4), round(float(high), 4)],
    }
