"""Every file of a protocol through the same scan that users get."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from assay.data import Trial, read_protocol
from assay.errors import ProtocolError
from assay.evaluate.trials import drawn
from assay.line import Detector
from assay.policy import accepted_rate, rate_in_force
from assay.result import Outcome, ScanFailure, ScanResult
from assay.settings import Settings
from assay.zoo_policy import promises

if TYPE_CHECKING:
    from assay.models.card import TrainedCard, ZooCard

Row = dict[str, Any]


@dataclass(frozen=True)
class ScannedProtocol:
    """The scans of a protocol, before any figure.

    Attributes:
        model: Name, version and hash of the model.
        media: Kind of the files.
        threshold_llr: Threshold of a whole file at the accepted false-alarm rate; of a network that does not promise
            that rate, where both error rates of its validation files were equal.
        max_false_alarm: The accepted rate.
        origin: Where the threshold comes from.
        trials: In the order of the protocol.
        rows: One for each trial; see `ProtocolEvaluation`.
        unscored: Path and reason of each file without a score.
    """

    model: dict[str, str]
    media: str
    threshold_llr: float
    max_false_alarm: float
    origin: str
    trials: tuple[Trial, ...]
    rows: tuple[Row, ...]
    unscored: dict[str, str]


def scan_protocol(
    protocol: Path,
    *,
    settings: Settings,
    partition: str | None = None,
    sample: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> ScannedProtocol:
    """Scan every file of a protocol, or a `sample` of each key; else arguments and errors as of `evaluate_protocol`."""
    trials = read_protocol(protocol, partition=partition)
    trials = trials if sample is None else drawn(trials, sample)
    detector = Detector(settings=settings)
    rows: list[Row] = []
    unscored: dict[str, str] = {}
    media: set[str] = set()
    thresholds: list[float] = []
    outcomes = detector.scan_many((trial.file for trial in trials), expanded=True)
    for trial, outcome in zip(trials, outcomes, strict=True):
        row = scanned_row(trial, outcome)
        if isinstance(outcome, ScanResult):
            media.add(outcome.media)
            if outcome.operating_point and outcome.llr is not None:
                thresholds.append(outcome.operating_point.threshold_llr)
        rows.append(row)
        if row["llr"] is None:
            unscored[trial.path] = row["reason"]
        if progress:
            progress(len(rows), len(trials))
    scored = [row for row in rows if row["llr"] is not None]
    if len({row["key"] for row in scored}) < 2:
        raise ProtocolError(f"'{protocol}' has no scored trials of both keys; {len(unscored)} could not be scored.")
    if len(media) > 1:
        raise ProtocolError(
            f"'{protocol}' holds {' and '.join(sorted(media))}, whose scores are not comparable; part it."
        )
    card, rate, threshold, origin = _point(detector, media, settings, thresholds)
    return ScannedProtocol(
        model={"name": card.name, "version": card.version, "sha256": card.sha256},
        media=media.pop(),
        threshold_llr=threshold,
        max_false_alarm=rate,
        origin=origin,
        trials=tuple(trials),
        rows=tuple(rows),
        unscored=unscored,
    )


def _point(
    detector: Detector, media: set[str], settings: Settings, thresholds: list[float]
) -> tuple[TrainedCard, float, float, str]:
    """Card of the model, the accepted rate, the threshold of a whole file at it, and where that comes from.

    Args:
        detector: Of the run.
        media: Kinds that were scored, one.
        settings: In force.
        thresholds: Those that the files were held against. Of a video there is one for each part, and which parts there
            are depends on the video, so the figures of videos are those at the median.
    """
    (kind,) = media
    network = detector.networks.get(kind)
    if network is not None:
        return _network_point(network.card, settings)
    if kind == "video":
        video = detector.video_models.detector.card
        rate = rate_in_force(video.decision.person, settings)
        return video, rate, float(np.median(thresholds)), promised(rate)
    card = detector.picture_model.card if kind == "image" else detector.model.card
    rate = accepted_rate(card, settings)
    return card, rate, card.decision.file.threshold(rate), promised(rate)


def _network_point(card: ZooCard, settings: Settings) -> tuple[TrainedCard, float, float, str]:
    tail = card.decision.file
    rate = settings.max_false_alarm if tail is None else rate_in_force(tail, settings)
    if tail is not None and promises(card, rate):
        return card, rate, tail.threshold(rate), promised(rate)
    return card, rate, card.decision.eer_llr, "equal error rates on its validation files; it does not promise that rate"


def promised(rate: float) -> str:
    """Where a threshold comes from that the card promises a rate of false alarms for."""
    return f"{rate:g} false alarms by the card"


def scanned_row(trial: Trial, outcome: Outcome) -> Row:
    """What an outcome says of a trial."""
    row: Row = {"path": trial.path, "key": trial.key, "generator": trial.generator, "source": trial.source}
    if isinstance(outcome, ScanFailure):
        return {
            **row,
            "llr": None,
            "spoof_probability": None,
            "verdict": "error",
            "reason": outcome.error.code,
        }
    return {
        **row,
        "llr": outcome.llr,
        "spoof_probability": outcome.spoof_probability,
        "verdict": outcome.verdict,
        "reason": outcome.reasons[0].code,
    }
