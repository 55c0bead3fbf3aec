"""What is told of an evaluation: titles, tables of text, data. Markdown, JSON and the page are made from this.

A table is titles and rows of plain text, so that every form shows the same figures with the same digits.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from assay.evaluate.assessment import Assessment, Worst
from assay.evaluate.comparison import Comparison
from assay.evaluate.robustness import ConditionFigures
from assay.evaluate.verdicts import DECIDED, OUTCOMES
from assay.metrics import Evaluation, Interval

TITLES = {
    "eer": "EER",
    "auc": "ROC-AUC",
    "average_precision": "average precision",
    "min_dcf": "minDCF",
    "act_dcf": "actDCF",
    "min_tdcf": "min t-DCF",
    "cllr": "Cllr (bits)",
    "min_cllr": "min Cllr (bits)",
    "expected_calibration_error": "ECE",
    "brier_score": "Brier score",
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "precision": "precision",
    "recall": "recall (sensitivity)",
    "specificity": "specificity",
    "f1": "F1",
    "apcer": "APCER (spoof called bona fide)",
    "bpcer": "BPCER (bona fide called spoof)",
}
NONE = "–"


@dataclass(frozen=True)
class Cell:
    """Text of a table, and the file it links to, if any."""

    text: str
    link: Path | None = None


@dataclass(frozen=True)
class Table:
    """One table.

    Attributes:
        title: What it shows.
        columns: Their titles.
        rows: A cell for each column.
        note: What to know when reading it.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: str = ""

    def to_markdown(self) -> str:
        """The table under its title."""
        lines = [f"## {self.title}", ""]
        if self.note:
            lines += [self.note, ""]
        lines += ["| " + " | ".join(self.columns) + " |", "|---" * len(self.columns) + "|"]
        lines += ["| " + " | ".join(cell.text.replace("|", "\\|") for cell in row) + " |" for row in self.rows]
        return "\n".join(lines)


@dataclass(frozen=True)
class Report:
    """An evaluation with what was measured beside it.

    Attributes:
        assessment: The figures.
        protocol: Its file.
        partition: The part of it that was measured; None for all.
        comparisons: With other systems.
        conditions: Under changes; the clean row first, if any.
        sample: Trials of each key that were drawn, at most; None for all.
    """

    assessment: Assessment
    protocol: Path
    partition: str | None = None
    comparisons: tuple[Comparison, ...] = ()
    conditions: tuple[ConditionFigures, ...] = field(default=())
    sample: int | None = None

    @property
    def title(self) -> str:
        """What was measured on what."""
        part = f", {self.partition}" if self.partition else ""
        part += f", at most {self.sample} of each key" if self.sample else ""
        return f"{self.assessment.system.name} on {self.protocol.name}{part}"

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {
            "protocol": str(self.protocol),
            "partition": self.partition,
            "sample": self.sample,
            **self.assessment.to_dict(),
            "comparisons": [one.to_dict() for one in self.comparisons],
            "robustness": [one.to_dict() for one in self.conditions],
        }

    def to_markdown(self) -> str:
        """All tables for a document or a terminal."""
        return "\n\n".join([f"# {self.title}", *(table.to_markdown() for table in self.tables())])

    def tables(self) -> Iterator[Table]:
        """All tables in the order in which they are shown."""
        found = self.assessment
        yield _figures(found)
        yield _confusion(found)
        if found.verdicts:
            yield _verdicts(found)
        yield _best(found)
        for column, groups in found.groups.items():
            yield _group(column, groups.groups)
        if self.comparisons:
            yield _compared(found.system.name, self.comparisons)
        if self.conditions:
            yield _robustness(self.conditions)
        for title, errors in (
            ("Worst false accepts: spoofs called bona fide", found.false_accepts),
            ("Worst false rejects: bona fide called spoof", found.false_rejects),
        ):
            if errors:
                yield _errors(title, errors)
        if found.unscored:
            yield _unscored(found)


def _row(*texts: str) -> tuple[Cell, ...]:
    return tuple(map(Cell, texts))


def number(value: float) -> str:
    """Three decimals; a dash for what is not defined."""
    return NONE if value != value else f"{value:.3f}"


def span(interval: Interval | None) -> str:
    """An interval; a dash for none."""
    return NONE if interval is None else f"{interval.low:.3f}–{interval.high:.3f}"


def _figures(found: Assessment) -> Table:
    pooled = found.pooled
    level = f"{pooled.options.confidence:.0%}"
    rows = [
        _row("trials", f"{pooled.n_bona_fide} bona fide, {pooled.n_spoof} spoof", f"{len(found.unscored)} unscored")
    ]
    rows += [_row(TITLES[one.name], number(one.value), span(one.interval)) for one in found.figures]
    area, sources = found.auc_within_sources
    if area is not None:
        rows.append(_row("ROC-AUC within sources, mean", number(area), f"{sources} sources of both keys"))
    note = f"Intervals by resampling whole sources. Calls at {found.point.threshold:.3f} ({found.point.origin})."
    return Table("Figures", ("figure", "value", level), tuple(rows), note)


def _confusion(found: Assessment) -> Table:
    assert found.pooled.decision is not None
    calls = found.pooled.decision.confusion
    alarm, miss = found.pooled.decision.false_alarm_interval, found.pooled.decision.miss_interval
    rows = (
        _row("bona fide", str(calls.cleared), str(calls.false_alarms), number(calls.bpcer), span(alarm)),
        _row("spoof", str(calls.missed), str(calls.detected), number(calls.apcer), span(miss)),
    )
    note = "Exact intervals, which take files as independent; where no error was seen they say what that is worth."
    columns = ("key", "called bona fide", "called spoof", "wrong", f"{found.pooled.options.confidence:.0%}")
    return Table("Confusion matrix", columns, rows, note)


def _verdicts(found: Assessment) -> Table:
    rows = []
    for key, counts in found.verdicts.items():
        decided = sum(counts[verdict] for verdict in DECIDED) / max(1, sum(counts.values()))
        rows.append(_row(key, *(str(counts[verdict]) for verdict in OUTCOMES), f"{decided:.0%}"))
    return Table("Verdicts", ("key", *OUTCOMES, "decided"), tuple(rows))


def _best(found: Assessment) -> Table:
    rows = [
        _row(name.replace("_", " "), number(threshold), number(calls.accuracy), number(calls.f1))
        + _row(number(calls.apcer), number(calls.bpcer))
        for name, (threshold, calls) in found.best.items()
    ]
    note = "Chosen on these very trials, so they flatter; take a threshold from development data."
    return Table("Best thresholds", ("best for", "threshold", "accuracy", "F1", "APCER", "BPCER"), tuple(rows), note)


def _group(column: str, groups: Any) -> Table:
    rows = []
    for label, one in groups.items():
        if column == "generator" and one.borrowed == "spoof":
            continue
        rows.append(_row(label, *_group_cells(one)))
    columns = (column, "bona fide", "spoof", "EER", "", "AUC", "", "BPCER", "APCER", "Cllr")
    note = f"A {column} of one key is measured against all trials of the other key."
    return Table(f"By {column}", columns, tuple(rows), note)


def _group_cells(one: Evaluation) -> Iterator[str]:
    assert one.decision is not None
    calls, ranking = one.decision.confusion, one.ranking
    own_bona_fide, own_spoof = one.borrowed != "bona_fide", one.borrowed != "spoof"
    yield str(one.n_bona_fide) if own_bona_fide else NONE
    yield str(one.n_spoof) if own_spoof else NONE
    yield number(ranking.eer)
    yield span(ranking.eer_interval)
    yield number(ranking.auc)
    yield span(ranking.auc_interval)
    yield number(calls.bpcer) if own_bona_fide else NONE
    yield number(calls.apcer) if own_spoof else NONE
    yield NONE if one.calibration is None else number(one.calibration.cllr)


def _compared(name: str, comparisons: tuple[Comparison, ...]) -> Table:
    rows = []
    for one in comparisons:
        for metric, found in one.differences.items():
            apart = "yes" if found.interval.low > 0 or found.interval.high < 0 else "no"
            rows.append(
                _row(one.name, TITLES[metric], number(found.first), number(found.second), f"{found.difference:+.3f}")
                + _row(f"{found.interval.low:+.3f} to {found.interval.high:+.3f}", apart)
                + _row(f"{one.n_bona_fide + one.n_spoof} ({one.left_out} left out)")
            )
    columns = ("other", "figure", name, "other's", "difference", "interval", "told apart", "trials of both")
    note = f"Differences are {name} minus the other, on trials that both scored, the same sources resampled for both."
    return Table("Compared", columns, tuple(rows), note)


def _robustness(conditions: tuple[ConditionFigures, ...]) -> Table:
    rows = [
        _row(one.condition, number(one.eer), _change(one.eer_change), number(one.auc), _change(one.auc_change))
        + _row(
            number(one.false_alarm_rate),
            number(one.miss_rate),
            _percent(one.turned),
            str(one.unscored),
        )
        for one in conditions
    ]
    columns = ("condition", "EER", "change", "AUC", "change", "BPCER", "APCER", "calls turned", "lost")
    note = "Changes against the clean scores of the same trials, sources resampled in pairs."
    return Table("Robustness", columns, tuple(rows), note)


def _percent(share: float) -> str:
    return NONE if math.isnan(share) else f"{share:.1%}"


def _change(change: tuple[float, Interval] | None) -> str:
    return NONE if change is None else f"{change[0]:+.3f} ({change[1].low:+.3f} to {change[1].high:+.3f})"


def _errors(title: str, errors: tuple[Worst, ...]) -> Table:
    rows = tuple(
        (
            Cell(one.trial.path, one.trial.file),
            *_row(one.trial.generator or NONE, one.trial.source or NONE, number(one.score), number(one.beyond)),
        )
        for one in errors
    )
    return Table(title, ("file", "generator", "source", "score", "beyond the threshold"), rows)


def _unscored(found: Assessment) -> Table:
    rows = tuple(_row(path, reason) for path, reason in found.unscored.items())
    return Table("Without a score", ("file", "reason"), rows)
