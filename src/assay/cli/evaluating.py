"""What `assay evaluate` does with its options: who scores, what is measured beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from assay.cli.extras import training_extra
from assay.cli.progress import progress_bar
from assay.errors import ProtocolError
from assay.evaluate import (
    Comparison,
    ConditionFigures,
    Point,
    Report,
    ScoredTrial,
    System,
    assess,
    compare,
    condition_figures,
    join_scores,
    read_scores,
    read_verifier,
    scan_protocol,
    scanned_conditions,
)
from assay.evaluate.assessment import Assessment
from assay.evaluate.robustness import CLEAN
from assay.evaluate.scores import Higher, Scale
from assay.evaluate.trials import drawn, read_extra, usual_groups
from assay.metrics import EvaluationOptions

if TYPE_CHECKING:
    from assay.data import Trial
    from assay.settings import Settings

Conditions = Callable[["Wanted", list[ScoredTrial]], Iterator[tuple[str, list[float | None]]]]


@dataclass(frozen=True)
class Wanted:
    """What the command line asked for; see the options of `assay evaluate`."""

    system: str | None
    protocol: Path
    settings: Settings
    partition: str | None = None
    by: tuple[str, ...] = ()
    threshold: float | None = None
    higher: Higher | None = None
    column: str | None = None
    scale: Scale | None = None
    missing: Literal["error", "skip"] = "error"
    compare: tuple[str, ...] = ()
    robustness: bool = False
    asv_scores: Path | None = None
    worst: int = 10
    resamples: int = 1000
    sample: int | None = None

    def trials(self) -> list[Trial]:
        """Those of the protocol that are measured."""
        from assay.data import read_protocol

        trials = read_protocol(self.protocol, partition=self.partition)
        return trials if self.sample is None else drawn(trials, self.sample)


@dataclass(frozen=True)
class _Scored:
    """Trials with scores, who scored, the threshold in force if there is one, and what can be scored again."""

    trials: list[ScoredTrial]
    system: System
    point: Point | None
    conditions: Conditions


def measure(wanted: Wanted) -> Report:
    """Score, measure, compare.

    Raises:
        AssayError: As the parts do.
    """
    verifier = None if wanted.asv_scores is None else read_verifier(wanted.asv_scores)
    found = _scored(wanted)
    trials = _with_columns(wanted, found.trials)
    options = EvaluationOptions(n_resamples=wanted.resamples)
    point = found.point if wanted.threshold is None else Point(wanted.threshold, "as given")
    assessment = assess(
        trials,
        found.system,
        point=point,
        by=wanted.by or usual_groups(wanted.protocol),
        verifier=verifier,
        worst=wanted.worst,
        options=options,
    )
    return Report(
        assessment,
        wanted.protocol,
        wanted.partition,
        tuple(_compared(wanted, trials, options)),
        tuple(_conditions(wanted, found, assessment, options)) if wanted.robustness else (),
        sample=wanted.sample,
    )


def _scored(wanted: Wanted) -> _Scored:
    if wanted.system is not None:
        path = Path(wanted.system)
        if path.is_dir():
            return _by_network(wanted, path)
        if path.is_file():
            return _by_file(wanted, path)
    return _by_detector(wanted)


def _by_detector(wanted: Wanted) -> _Scored:
    with progress_bar(True, None) as bar:
        scanned = scan_protocol(
            wanted.protocol,
            settings=wanted.settings,
            partition=wanted.partition,
            sample=wanted.sample,
            progress=bar.at,
        )
    trials = [
        ScoredTrial(trial, row["llr"], row["verdict"], row["reason"] if row["llr"] is None else "")
        for trial, row in zip(scanned.trials, scanned.rows, strict=True)
    ]
    details = {"version": scanned.model["version"], "sha256": scanned.model["sha256"]}
    system = System(scanned.model["name"], "detector", True, details)
    point = Point(scanned.threshold_llr, scanned.origin)

    def again(wanted: Wanted, clean: list[ScoredTrial]) -> Iterator[tuple[str, list[float | None]]]:
        with progress_bar(True, None) as bar:
            yield from scanned_conditions(clean, scanned.media, wanted.settings, progress=bar.at)

    return _Scored(trials, system, point, again)


def _by_file(wanted: Wanted, path: Path) -> _Scored:
    trials = wanted.trials()
    found = read_scores(path, higher=wanted.higher, column=wanted.column, scale=wanted.scale)
    scores = join_scores(trials, found, missing=wanted.missing)
    scored = [ScoredTrial(trial, score) for trial, score in zip(trials, scores, strict=True)]
    details = {"column": found.column, "scale": found.scale}
    return _Scored(scored, System(path.name, "scores", found.llrs, details), None, _cannot)


def _cannot(wanted: Wanted, clean: list[ScoredTrial]) -> Iterator[tuple[str, list[float | None]]]:
    raise ProtocolError(
        f"--robustness scores files again, and '{wanted.system}' holds scores alone. Give a model, or make scores of"
        " changed files with your system and compare them: --compare."
    )


def _by_network(wanted: Wanted, folder: Path) -> _Scored:
    with training_extra("Measuring a training run"):
        from assay.training.measure import conditions, score_trials
        from assay.training.trained import read_trained

    trained = read_trained(folder)
    trials = wanted.trials()
    with progress_bar(True, None) as bar:
        found = score_trials(trained, trials, progress=bar.at)
    scored = [ScoredTrial(trial, one.score, reason=one.reason) for trial, one in zip(trials, found, strict=True)]
    system = System(folder.name, "network", False, {"architecture": trained.architecture.name})

    def again(wanted: Wanted, clean: list[ScoredTrial]) -> Iterator[tuple[str, list[float | None]]]:
        kept = [one.trial if one.score is not None else None for one in clean]
        with progress_bar(True, None) as bar:
            yield from conditions(trained, kept, progress=bar.at)

    return _Scored(scored, system, None, again)


def _with_columns(wanted: Wanted, trials: list[ScoredTrial]) -> list[ScoredTrial]:
    """The trials with what their protocol says in further columns."""
    known = set(trials[0].trial.__dataclass_fields__)
    further = [name for name in (wanted.by or usual_groups(wanted.protocol)) if name not in known]
    if not further:
        return trials
    values = read_extra(wanted.protocol, further)
    return [replace(one, extra=values[one.trial.path]) for one in trials]


def _compared(wanted: Wanted, trials: list[ScoredTrial], options: EvaluationOptions) -> Iterator[Comparison]:
    for named in wanted.compare:
        name, _, key = named.rpartition("=")
        told: Higher | None = key if name and key in ("spoof", "bona_fide") else None  # type: ignore[assignment]
        path = Path(name if told else named)
        found = read_scores(path, higher=told or wanted.higher, column=wanted.column, scale=wanted.scale)
        scores = join_scores([one.trial for one in trials], found, missing=wanted.missing)
        yield compare(trials, scores, path.name, options=options)


def _conditions(
    wanted: Wanted, found: _Scored, assessment: Assessment, options: EvaluationOptions
) -> Iterator[ConditionFigures]:
    clean, threshold = list(assessment.scored), assessment.point.threshold
    changed = found.conditions(wanted, clean)
    yield condition_figures(CLEAN, [one.score for one in clean], clean, threshold, options=options)
    for name, scores in changed:
        yield condition_figures(name, scores, clean, threshold, options=options)
