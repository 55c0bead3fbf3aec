"""Two systems on the same trials: differences of their error rates, with paired intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from assay.errors import ProtocolError
from assay.evaluate.trials import ScoredTrial, source_groups, split
from assay.metrics import EvaluationOptions, PairedDifference, auc, equal_error_rate, paired_difference
from assay.metrics.bootstrap import Metric

METRICS: dict[str, Metric] = {"eer": lambda *classes: equal_error_rate(*classes).rate, "auc": auc}


@dataclass(frozen=True)
class Comparison:
    """The system that is evaluated (first) against another one (second).

    Attributes:
        name: Of the other.
        n_bona_fide, n_spoof: Trials that both scored.
        left_out: Trials that only one of them scored.
        differences: By metric, first minus second; below 0 the first has the lower error rate, above 0 the larger area.
    """

    name: str
    n_bona_fide: int
    n_spoof: int
    left_out: int
    differences: dict[str, PairedDifference]

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {
            "name": self.name,
            "bona_fide": self.n_bona_fide,
            "spoof": self.n_spoof,
            "left_out": self.left_out,
            **{
                metric: {
                    "first": one.first,
                    "second": one.second,
                    "difference": one.difference,
                    "interval": [one.interval.low, one.interval.high],
                }
                for metric, one in self.differences.items()
            },
        }


def compare(
    first: Sequence[ScoredTrial],
    second: Sequence[float | None],
    name: str,
    *,
    options: EvaluationOptions | None = None,
) -> Comparison:
    """Compare two systems over the trials that both scored, whole sources resampled together.

    Args:
        first: Trials with the scores of one.
        second: Scores of the same trials by the other, in the same order; None where it has none.
        name: Of the other.
        options: Confidence, resamples (at least one is drawn) and seed.

    Raises:
        ProtocolError: If they share no trial of a key.
    """
    options = options or EvaluationOptions()
    both = [
        (one, replace(one, score=score))
        for one, score in zip(first, second, strict=True)
        if one.score is not None and score is not None
    ]
    ours, theirs = [one for one, _ in both], [other for _, other in both]
    if len({one.trial.key for one in ours}) < 2:
        raise ProtocolError(f"There are no trials of both keys that '{name}' scored, too; nothing can be compared.")
    only_one = sum((one.score is None) != (score is None) for one, score in zip(first, second, strict=True))
    mine, others = split(ours), split(theirs)
    differences = {
        key: paired_difference(
            metric,
            mine,
            others,
            n_resamples=max(1, options.n_resamples),
            confidence=options.confidence,
            seed=options.seed,
            groups=source_groups(ours),
        )
        for key, metric in METRICS.items()
    }
    return Comparison(name, mine[0].size, mine[1].size, only_one, differences)
