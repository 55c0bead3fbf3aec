"""From protocols to the calibration, thresholds and error rates on the encoder's card.

Persons of `train` partitions fit and choose; their own figures come from folds: each group of sources is judged by a
centre, a calibration and a threshold that the other groups gave. Persons of `eval` partitions who are in no `train` set
are scored once with what is written on the card. Lengths and ways are measured on train persons, likewise by folds.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from assay.errors import TrainingError
from assay.training.calibrate import RATES
from assay.training.speaker.comparing import FOLDS, Enrolled, Fitted, compare, fit
from assay.training.speaker.conditions import enrolment_lengths, probe_lengths, recordings_enrolled, spoofs, ways
from assay.training.speaker.corpus import read_protocols
from assay.training.speaker.figures import rates, summary
from assay.training.speaker.folds import RATE, Folds, Study, hear_study
from assay.training.speaker.hearing import Hearing

log = logging.getLogger("assay.training.speaker")

ACTED = frozenset({"Ethio2021/ASED_V1", "Rahul5430/Speech-Emotion-Recognition-System", "Xeonen/TurEV-DB"})


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
