"""Who is enrolled with what, which probes are compared with whom, and what that gives under a calibration.

A person with enough recordings is enrolled with the first three (drawn at random, see `chosen`); the others, and those
of persons with fewer, are probes. Every enrolled voice is compared with every probe. Impostors of the same source share
its language, channel and manner and are the hard ones; they weigh as much as all others together.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from assay.models.card import Calibration, TailModel
from assay.speaker.encoder import Float32, unit
from assay.training.calibrate import logistic, tail_of
from assay.training.speaker.corpus import Utterance
from assay.training.speaker.figures import Comparisons, Floats

ENROLMENT = 3
FOLDS = 8
FAR = 100  # impostors of other sources that an enrolment is compared with, drawn once: more tell nothing new
SPREAD = 60  # resamples behind the spread of a calibration


@dataclass(frozen=True)
class Clip:
    """A file as it was heard."""

    utterance: Utterance
    embedding: Float32
    speech_s: float


@dataclass(frozen=True)
class Enrolled:
    """A person's enrolment.

    Attributes:
        person, source, language: Of the recordings.
        embedding: As a profile holds it.
        files: What it was made from.
        group: Persons of one group are judged by what others gave.
    """

    person: str
    source: str
    language: str
    embedding: Float32
    files: frozenset[str]
    group: str


def group_of(utterance: Utterance) -> str:
    """Sources that may share speakers or rooms are one group: all that read LibriVox or VCTK sentences, or LJ."""
    read = utterance.person.startswith(("Libri-", "VCTK-")) or utterance.person == "LJ"
    return "readers" if read or utterance.source == "Edresson/YourTTS" else utterance.source


def divided(clips: Sequence[Clip], count: int = ENROLMENT, probes: int = 6) -> tuple[list[Enrolled], list[Clip]]:
    """Enrolments of `count` recordings, and at most `probes` probes of each person, 2 of those who are not enrolled."""
    by_person: dict[str, list[Clip]] = defaultdict(list)
    for clip in clips:
        by_person[clip.utterance.person].append(clip)
    enrolled, rest = [], []
    for person in sorted(by_person):
        own = by_person[person]
        if len(own) <= count:
            rest += own[:2]
            continue
        enrolled.append(enrolment(own[:count]))
        rest += own[count : count + probes]
    return enrolled, rest


def enrolment(clips: Sequence[Clip]) -> Enrolled:
    """As `assay.speaker` makes one."""
    first = clips[0].utterance
    embedding = unit(np.mean([clip.embedding for clip in clips], axis=0))
    files = frozenset(clip.utterance.row for clip in clips)
    return Enrolled(first.person, first.source, first.language, embedding, files, group_of(first))


def mean_voice(clips: Sequence[Clip]) -> Float32:
    """Mean over persons of their mean embeddings."""
    by_person: dict[str, list[Float32]] = defaultdict(list)
    for clip in clips:
        by_person[clip.utterance.person].append(clip.embedding)
    means = [np.mean(own, axis=0) for _, own in sorted(by_person.items())]
    return np.asarray(np.mean(means, axis=0), np.float32)


def scores(enrolled: Sequence[Enrolled], probes: Sequence[Clip], centre: Float32 | None) -> Floats:
    """Cosines of every enrolled voice with every probe, shape (enrolled, probes)."""

    def rows(embeddings: list[Float32]) -> Floats:
        moved = np.asarray(embeddings, np.float64) - (0 if centre is None else centre)
        lengths = np.linalg.norm(moved, axis=1, keepdims=True)
        made: Floats = moved / np.maximum(lengths, 1e-12)
        return made

    made: Floats = rows([one.embedding for one in enrolled]) @ rows([one.embedding for one in probes]).T
    return made


def compare(
    enrolled: Sequence[Enrolled],
    probes: Sequence[Clip],
    values: Floats,
    numbers: dict[str, int],
    llrs: Floats | None = None,
) -> Comparisons:
    """Comparisons with their weights.

    Args:
        enrolled: Who is compared.
        probes: With what.
        values: Their scores, shape (enrolled, probes).
        numbers: A number for each person.
        llrs: The evidence, of the same shape; None if the scores are that.
    """
    person = np.array([numbers[one.person] for one in enrolled])
    other = np.array([numbers[one.utterance.person] for one in probes])
    source = np.array([one.source for one in enrolled])
    other_source = np.array([one.utterance.source for one in probes])
    target = person[:, None] == other[None]
    alike = (source[:, None] == other_source[None]) & ~target
    far = ~alike & ~target
    weight = np.zeros(target.shape)
    rng = np.random.default_rng(0)
    for row in range(len(enrolled)):
        far[row, rng.permutation(np.flatnonzero(far[row]))[FAR:]] = False
        weight[row, target[row]] = 1 / max(1, target[row].sum())
        kinds = [kind[row] for kind in (alike, far) if kind[row].any()]
        for kind in kinds:
            weight[row, kind] = 1 / len(kinds) / kind.sum()
    shape = target.shape
    made = Comparisons(
        score=values.ravel(),
        llr=(values if llrs is None else llrs).ravel(),
        target=target.ravel(),
        weight=weight.ravel(),
        enrolled=np.broadcast_to(person[:, None], shape).ravel(),
        probed=np.broadcast_to(other[None], shape).ravel(),
    )
    return made.where(made.weight > 0)


@dataclass(frozen=True)
class Fitted:
    """What development persons give: the centre, the calibration and the distribution of impostors."""

    centre: Float32 | None
    calibration: Calibration
    impostor: TailModel

    def llrs(self, enrolled: Sequence[Enrolled], probes: Sequence[Clip]) -> Floats:
        """Evidence of every comparison, shape (enrolled, probes)."""
        return self.calibration.apply(scores(enrolled, probes, self.centre))


def fit(
    clips: Sequence[Clip],
    enrolled: Sequence[Enrolled],
    probes: Sequence[Clip],
    numbers: dict[str, int],
    *,
    centred: bool,
    spread: bool = False,
) -> Fitted:
    """Fit everything on these persons; how sure the calibration is only where `spread` asks for it.

    Raises:
        TrainingError: If there are too few comparisons for a distribution.
    """
    centre = mean_voice(clips) if centred else None
    found = compare(enrolled, probes, scores(enrolled, probes, centre), numbers)
    slope, offset = _logistic(found)
    drawn = np.array([_logistic(one) for one in found.resampled(1, SPREAD)]) if spread else np.zeros((2, 2))
    own = int(np.unique(found.enrolled[found.target]).size)
    deviation = drawn.std(axis=0)
    calibration = Calibration(
        slope=slope,
        offset=offset,
        # A likelihood ratio beyond the number of comparisons behind it would be invention.
        lowest=-float(np.log(found.target.sum() + 1)),
        highest=float(np.log(own * (own - 1) + 1)),
        slope_sd=float(deviation[0]),
        offset_sd=float(deviation[1]),
        correlation=float(np.corrcoef(drawn.T)[0, 1]) if deviation.min() > 1e-12 else 0.0,
    )
    others = ~found.target
    # Beyond the limits of the llr everything is one value, so the tail is that of the line without limits.
    impostor = tail_of(slope * found.score[others] + offset, weights=found.weight[others])
    return Fitted(centre, calibration, impostor)


def _logistic(found: Comparisons) -> tuple[float, float]:
    return logistic(found.score, found.target, np.maximum(found.weight, 1e-12))


def folds_of(enrolled: Sequence[Enrolled], clips: Sequence[Clip]) -> dict[str, int]:
    """Fold of each group, the large ones apart."""
    groups = [one.group for one in enrolled] + [group_of(clip.utterance) for clip in clips]
    names, counts = np.unique(groups, return_counts=True)
    order = np.argsort(-counts, kind="stable")
    return {str(names[place]): rank % FOLDS for rank, place in enumerate(order)}
