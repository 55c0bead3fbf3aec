"""What lengths, numbers of recordings, ways and spoofs do to error rates, on development persons and by folds."""

from __future__ import annotations

import logging
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np

from assay.training.speaker.comparing import Clip, enrolment
from assay.training.speaker.corpus import Utterance, chosen
from assay.training.speaker.figures import summary
from assay.training.speaker.folds import LEAST_SPEECH_S, RATE, Folds
from assay.training.speaker.hearing import AS_IT_CAME, WAYS, Hearing

log = logging.getLogger("assay.training.speaker")

LENGTHS_S = (0.5, 1.0, 1.5, 2.0, 3.0, 4.0)
PER_CONDITION = 1  # probes of each enrolled person that are shortened and sent other ways
PER_SPOOF = 3  # spoofs of each enrolled person and method
WORSE = 1.5  # times the rate of misses at the longest length that is still enough


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
