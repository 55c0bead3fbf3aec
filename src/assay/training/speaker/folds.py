"""The persons of a partition as they were heard, and folds that judge each group of sources by the others."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from assay.training.speaker.comparing import FOLDS, Clip, Enrolled, Fitted, compare, divided, fit, folds_of, group_of
from assay.training.speaker.corpus import Utterance, chosen
from assay.training.speaker.figures import Comparisons
from assay.training.speaker.hearing import Hearing

log = logging.getLogger("assay.training.speaker")

PER_PERSON = 10  # files heard of each person
LEAST_SPEECH_S = 1.0  # of a file that takes part; shorter ones only where lengths are compared
RATE = 0.01  # of the point that figures are reported at


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
