"""The same trials scored again after what may happen to files on their way; one table beside the clean figures.

Conditions are those of `assay.audio.conditions`, `assay.image.conditions` and `assay.video.conditions`. Both keys go
through every condition alike. A network's owner may add conditions of its own, such as adversarial changes; a row is
made from scores alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from assay.audio.conditions import CONDITIONS as SOUND_CONDITIONS
from assay.audio.conditions import level_of
from assay.audio.deliveries import Filter, Through
from assay.errors import AssayError, MediaError
from assay.evaluate.comparison import compare
from assay.evaluate.trials import ScoredTrial, split
from assay.line import Detector
from assay.media import AudioMedia, open_moving
from assay.metrics import EvaluationOptions, Interval, confusion
from assay.settings import Settings

if TYPE_CHECKING:
    from assay.media.pictures import Picture
    from assay.media.videos import Video

CLEAN = "as it comes"
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class ConditionFigures:
    """Figures under one condition.

    Attributes:
        condition: Its name.
        n_bona_fide, n_spoof: Trials scored here and clean.
        unscored: Trials with a clean score that have none here.
        eer, auc: Here.
        eer_change, auc_change: Here minus clean on the same trials, and its paired interval; None for the clean row.
        false_alarm_rate, miss_rate: At the threshold in force.
        turned: Share of trials whose call changed sides.
    """

    condition: str
    n_bona_fide: int
    n_spoof: int
    unscored: int
    eer: float
    auc: float
    eer_change: tuple[float, Interval] | None
    auc_change: tuple[float, Interval] | None
    false_alarm_rate: float
    miss_rate: float
    turned: float

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""

        def change(one: tuple[float, Interval] | None) -> dict[str, Any] | None:
            return None if one is None else {"value": one[0], "interval": [one[1].low, one[1].high]}

        plain = {name: None if value != value else value for name, value in self.__dict__.items()}
        return {**plain, "eer_change": change(self.eer_change), "auc_change": change(self.auc_change)}


def condition_figures(
    condition: str,
    scores: Sequence[float | None],
    clean: Sequence[ScoredTrial],
    threshold: float,
    *,
    options: EvaluationOptions | None = None,
) -> ConditionFigures:
    """One row of the table.

    Args:
        condition: Its name; `CLEAN` for the scores as they are.
        scores: Of each trial under it; None where there is none.
        clean: The trials with their clean scores.
        threshold: A trial is called spoof when score >= threshold.
        options: Confidence, resamples and seed.

    Returns:
        The row; its figures are NaN if not both keys have a trial with a score.
    """
    both = [
        (one, score) for one, score in zip(clean, scores, strict=True) if one.score is not None and score is not None
    ]
    changed = [replace(one, score=score) for one, score in both]
    bona_fide, spoof = split(changed)
    lost = sum(one.score is not None for one in clean) - len(both)
    if not bona_fide.size or not spoof.size:
        nothing = math.nan
        return ConditionFigures(
            condition, bona_fide.size, spoof.size, lost, nothing, nothing, None, None, nothing, nothing, nothing
        )
    found = compare(changed, [one.score for one, _ in both], CLEAN, options=options)
    calls = confusion(bona_fide, spoof, threshold)
    turned = [(one.score >= threshold) != (score >= threshold) for one, score in both if one.score is not None]
    eer, auc = found.differences["eer"], found.differences["auc"]
    own = condition != CLEAN
    return ConditionFigures(
        condition=condition,
        n_bona_fide=found.n_bona_fide,
        n_spoof=found.n_spoof,
        unscored=lost,
        eer=eer.first,
        auc=auc.first,
        eer_change=(eer.difference, eer.interval) if own else None,
        auc_change=(auc.difference, auc.interval) if own else None,
        false_alarm_rate=calls.bpcer,
        miss_rate=calls.apcer,
        turned=sum(turned) / len(turned),
    )


def scanned_conditions(
    clean: Sequence[ScoredTrial], media: str, settings: Settings, *, progress: Progress | None = None
) -> Iterator[tuple[str, list[float | None]]]:
    """Scores of the models in force under each condition in turn; files without a clean score stay out.

    Args:
        clean: The trials with their clean scores.
        media: ``audio``, ``image`` or ``video``.
        settings: In force: models, jobs.
        progress: Called with the number of files done and in all.

    Raises:
        DataError: If a changed video cannot be stored meanwhile.
        MissingExtra: If this machine lacks an encoder.
    """
    # Whether a verdict holds moves no score, and asking it here would multiply the time.
    detector = Detector(settings=settings.model_copy(update={"stability": False}))
    score = partial({"audio": _sound_scores, "image": _picture_scores, "video": _video_scores}[media], detector)
    wanted = [one if one.score is not None else None for one in clean]
    table: list[dict[str, float | None]] = []
    with ThreadPoolExecutor(settings.jobs) as pool:
        for found in pool.map(lambda one: score(one) if one else {}, wanted):
            table.append(found)
            if progress:
                progress(len(table), len(wanted))
    for name in _names(media):
        yield name, [found.get(name) for found in table]


def _names(media: str) -> list[str]:
    from assay.image.conditions import CONDITIONS as PICTURE_CONDITIONS
    from assay.video.conditions import CONDITIONS as VIDEO_CONDITIONS

    return list({"audio": SOUND_CONDITIONS, "image": PICTURE_CONDITIONS, "video": VIDEO_CONDITIONS}[media])


def _sound_scores(detector: Detector, one: ScoredTrial) -> dict[str, float | None]:
    """One recording under every condition, streamed: no more than a block of it is held."""
    media = open_moving(one.trial.file, settings=detector.settings)
    assert isinstance(media, AudioMedia)
    level = level_of(media)
    return {name: _heard(detector, media, partial(make, level)) for name, make in SOUND_CONDITIONS.items()}


def _heard(detector: Detector, media: AudioMedia, make: Callable[[], Filter]) -> float | None:
    try:
        return detector.sound_judge.llr(Through(media, make))
    except AssayError:  # as in a batch: what could not be scored is counted
        return None


def _picture_scores(detector: Detector, one: ScoredTrial) -> dict[str, float | None]:
    from assay.image.conditions import CONDITIONS, Condition

    picture: Picture = open_moving(one.trial.file, settings=detector.settings)  # type: ignore[assignment]

    def score(change: Condition) -> float | None:
        try:
            return detector.scan(change(picture.pixels)).llr
        except MediaError:  # as in a batch: what could not be scored is counted
            return None

    return {name: score(change) for name, change in CONDITIONS.items()}


def _video_scores(detector: Detector, one: ScoredTrial) -> dict[str, float | None]:
    """One video under every condition, each a file that is gone before the next one is made."""
    from assay.video.conditions import CONDITIONS, Condition, stored

    video: Video = open_moving(one.trial.file, settings=detector.settings)  # type: ignore[assignment]

    def score(condition: Condition) -> float | None:
        try:
            with stored(video, condition, channels=detector.settings.channels) as file:
                return detector.scan(file).llr
        except MediaError:
            return None

    return {name: score(condition) for name, condition in CONDITIONS.items()}
