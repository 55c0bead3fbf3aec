"""The frozen report that `evaluate` fills in, and the options it was made with.

A report carries its trial counts and options, so that it can be read on its own. Rates and probabilities are
in [0, 1], Cllr in bits, thresholds on the scale of the scores (higher means more spoof). `to_dict` is ready
for JSON.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, Final

from assay.metrics.decisions import Confusion
from assay.metrics.intervals import Interval

_FIGURES: Final = (
    "accuracy", "balanced_accuracy", "precision", "recall", "specificity", "f1", "apcer", "bpcer",
)  # fmt: skip


@dataclass(frozen=True)
class EvaluationOptions:
    """Parameters that the figures depend on.

    Attributes:
        prior: Prior probability of spoof in min and actual DCF, in (0, 1); default of ASVspoof 5.
        cost_miss: Cost of a spoof trial called bona fide, > 0.
        cost_false_alarm: Cost of a bona fide trial called spoof, > 0.
        posterior_prior: Prior at which posteriors are judged (calibration error, Brier score), in (0, 1); 0.5
            makes them independent of the share of spoof among the trials.
        n_bins: Bins of equal width of the calibration error, >= 1.
        confidence: Level of all intervals, in (0, 1).
        n_resamples: Bootstrap resamples; 0 leaves the intervals of EER and AUC out.
        seed: Of the bootstrap.
    """

    prior: float = 0.05
    cost_miss: float = 10.0
    cost_false_alarm: float = 1.0
    posterior_prior: float = 0.5
    n_bins: int = 15
    confidence: float = 0.95
    n_resamples: int = 1000
    seed: int = 0

    @property
    def costs(self) -> dict[str, float]:
        """Prior and costs as the DCF functions take them."""
        return {"prior": self.prior, "cost_miss": self.cost_miss, "cost_false_alarm": self.cost_false_alarm}


DEFAULT_OPTIONS: Final = EvaluationOptions()


@dataclass(frozen=True)
class RankingFigures:
    """What depends on the order of the scores only; see `assay.metrics.curves` and `assay.metrics.costs`."""

    eer: float
    eer_threshold: float
    eer_interval: Interval | None
    auc: float
    auc_interval: Interval | None
    average_precision: float
    min_dcf: float
    min_cllr: float


@dataclass(frozen=True)
class CalibrationFigures:
    """What depends on the values of the LLRs; `act_dcf` and `cllr` belong beside their minima."""

    act_dcf: float
    min_dcf: float
    cllr: float
    min_cllr: float
    expected_calibration_error: float
    brier_score: float


@dataclass(frozen=True)
class DecisionFigures:
    """Counts at a threshold, with exact intervals of both error rates."""

    threshold: float
    confusion: Confusion
    false_alarm_interval: Interval
    miss_interval: Interval


@dataclass(frozen=True)
class Evaluation:
    """The figures of one set of trials.

    Attributes:
        n_bona_fide: Bona fide trials, borrowed ones included.
        n_spoof: Spoof trials, borrowed ones included.
        ranking: Figures of the order of the scores.
        calibration: Figures of the LLRs; None without LLRs.
        decision: Figures at the threshold; None without a threshold.
        options: The parameters used.
        borrowed: The key, 'bona_fide' or 'spoof', of which the group had no trial and the pooled trials stand
            in; None when all trials are the set's own.
    """

    n_bona_fide: int
    n_spoof: int
    ranking: RankingFigures
    calibration: CalibrationFigures | None
    decision: DecisionFigures | None
    options: EvaluationOptions
    borrowed: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """The report as plain dicts, numbers and None, ready for JSON; NaN and infinities become None."""
        plain: dict[str, Any] = _plain(self)
        return plain


@dataclass(frozen=True)
class GroupedEvaluation:
    """Figures of all trials together and of each group, by label in alphabetical order."""

    pooled: Evaluation
    groups: Mapping[str, Evaluation]

    def to_dict(self) -> dict[str, Any]:
        """The report as plain dicts, numbers and None, ready for JSON; NaN and infinities become None."""
        return {
            "pooled": self.pooled.to_dict(),
            "groups": {label: figures.to_dict() for label, figures in self.groups.items()},
        }


def _plain(value: Any) -> Any:
    """Dataclasses to dicts, recursively; a `Confusion` also shows its figures."""
    if is_dataclass(value):
        plain = {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
        if isinstance(value, Confusion):
            plain |= {name: _plain(getattr(value, name)) for name in _FIGURES}
        return plain
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
