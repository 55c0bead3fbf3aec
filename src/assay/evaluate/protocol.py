"""Measures the whole line on a protocol: every file goes through the same scan that users get.

What is scored is the file llr of the result, so decoding, speech activity and calibration are measured too, not the
network alone. Files that could not be scored (an error, or no speech) are counted and named, never dropped in
silence.
"""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assay.evaluate.scanning import Row, scan_protocol
from assay.evaluate.verdicts import DECIDED, OUTCOMES, count_verdicts
from assay.metrics import Evaluation, EvaluationOptions, GroupedEvaluation, evaluate_groups
from assay.settings import Settings

if TYPE_CHECKING:
    pass


@dataclass(frozen=True)
class ProtocolEvaluation:
    """What `evaluate_protocol` found.

    Attributes:
        model: Name, version and hash of the model.
        threshold_llr: Threshold of a whole file at the accepted false-alarm rate.
        generators: Figures pooled, and per generator against all bona fide trials.
        sources: Figures pooled, and per source; a source of one key borrows the other.
        verdicts: For each key, how many files got each verdict, and how many an error instead.
        unscored: Path and reason of each file without a score.
        rows: One per trial: path, key, generator, source, llr, spoof_probability, verdict, reason.
    """

    model: dict[str, str]
    threshold_llr: float
    max_false_alarm: float
    generators: GroupedEvaluation
    sources: GroupedEvaluation
    verdicts: dict[str, dict[str, int]]
    unscored: dict[str, str]
    rows: tuple[Row, ...]

    @property
    def auc_within_sources(self) -> tuple[float | None, int]:
        """Mean AUC of the sources that hold both keys, and how many those are; None if there is none.

        What tells sources apart, such as a microphone, cannot help here.
        """
        areas = [e.ranking.auc for e in self.sources.groups.values() if e.borrowed is None]
        return (sum(areas) / len(areas) if areas else None), len(areas)

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON; without the rows, which `write_scores` writes."""
        return {
            "model": self.model,
            "max_false_alarm": self.max_false_alarm,
            "threshold_llr": self.threshold_llr,
            "pooled": self.sources.pooled.to_dict(),
            "generators": {name: e.to_dict() for name, e in self.generators.groups.items()},
            "sources": {name: e.to_dict() for name, e in self.sources.groups.items()},
            "verdicts": self.verdicts,
            "unscored": self.unscored,
        }

    def summary(self) -> dict[str, Any]:
        """The few figures that go on a card."""
        pooled = self.sources.pooled
        assert pooled.calibration is not None
        assert pooled.decision is not None
        within, _ = self.auc_within_sources
        decided = sum(counts[v] for counts in self.verdicts.values() for v in DECIDED)
        wrong = self.verdicts["spoof"]["bona_fide"] + sum(self.verdicts["bona_fide"][v] for v in ("spoof", "mixed"))
        return {
            "bona_fide": pooled.n_bona_fide,
            "spoof": pooled.n_spoof,
            "eer": round(pooled.ranking.eer, 4),
            "eer_interval": _rounded(pooled.ranking.eer_interval),
            "auc": round(pooled.ranking.auc, 4),
            "auc_interval": _rounded(pooled.ranking.auc_interval),
            "auc_within_sources": None if within is None else round(within, 4),
            "cllr": round(pooled.calibration.cllr, 4),
            "min_cllr": round(pooled.calibration.min_cllr, 4),
            "expected_calibration_error": round(pooled.calibration.expected_calibration_error, 4),
            "max_false_alarm": self.max_false_alarm,
            "false_alarm_rate": round(pooled.decision.confusion.bpcer, 4),
            "false_alarm_interval": _rounded(pooled.decision.false_alarm_interval),
            "detection_rate": round(1 - pooled.decision.confusion.apcer, 4),
            "coverage": round(decided / len(self.rows), 4),
            "error_among_decided": round(wrong / max(1, decided), 4),
            "unscored": len(self.unscored),
        }

    def to_markdown(self) -> str:
        """Tables for a document."""
        return "\n\n".join(
            [
                _pooled_table(self),
                _verdict_table(self),
                _group_table("generator", self.generators, spoof_only=True),
                _group_table("source", self.sources, spoof_only=False),
            ]
        )

    def write_scores(self, path: Path) -> None:
        """One CSV row per trial."""
        with path.open("w", newline="", encoding="utf-8") as stream:
            writer = csv.DictWriter(stream, fieldnames=list(self.rows[0]))
            writer.writeheader()
            writer.writerows(self.rows)


def evaluate_protocol(
    protocol: Path,
    *,
    settings: Settings,
    partition: str | None = None,
    progress: Callable[[int, int], None] | None = None,
    options: EvaluationOptions | None = None,
) -> ProtocolEvaluation:
    """Scan every file of a protocol and compare with its keys.

    Args:
        protocol: CSV; see `assay.data.protocol`.
        settings: In force: model, accepted false-alarm rate, jobs.
        partition: Only trials of this partition.
        progress: Called with the number of files done and in all.
        options: Bootstrap and bins.

    Raises:
        ProtocolError: If the protocol is malformed, a key has no file that could be scored, or there is more than one
            kind of media in it.
        ModelError: If the model is unknown or its weight was altered.
    """
    scanned = scan_protocol(protocol, settings=settings, partition=partition, progress=progress)
    rows, threshold = scanned.rows, scanned.threshold_llr
    scored = [row for row in rows if row["llr"] is not None]
    llrs = [row["llr"] for row in scored]
    keys = [row["key"] for row in scored]
    sources = [row["source"] or "-" for row in scored]
    options = options or EvaluationOptions()
    few = EvaluationOptions(n_resamples=0)

    def by(column: str, chosen: EvaluationOptions) -> GroupedEvaluation:
        unnamed = (
            {"bona_fide": "bona fide", "spoof": "-"} if column == "generator" else {"bona_fide": "-", "spoof": "-"}
        )
        labels = [row[column] or unnamed[row["key"]] for row in scored]
        return evaluate_groups(llrs, keys, labels, llr=llrs, threshold=threshold, sources=sources, options=chosen)

    return ProtocolEvaluation(
        model=scanned.model,
        threshold_llr=threshold,
        max_false_alarm=scanned.max_false_alarm,
        generators=by("generator", few),
        sources=by("source", options),
        verdicts=count_verdicts(rows),
        unscored=scanned.unscored,
        rows=rows,
    )


def _rounded(interval: Any) -> tuple[float, float] | None:
    return None if interval is None else (round(interval.low, 4), round(interval.high, 4))


def _span(interval: Any) -> str:
    return "" if interval is None else f" ({interval.low:.3f}–{interval.high:.3f})"


def _pooled_table(evaluation: ProtocolEvaluation) -> str:
    pooled: Evaluation = evaluation.sources.pooled
    assert pooled.calibration is not None
    assert pooled.decision is not None
    ranking, calibration, decision = pooled.ranking, pooled.calibration, pooled.decision
    calls = decision.confusion
    lines = [
        "| figure | value (95 % interval; EER and AUC by resampling sources) |",
        "|---|---|",
        f"| trials | {pooled.n_bona_fide} bona fide, {pooled.n_spoof} spoof, {len(evaluation.unscored)} not scored |",
        f"| EER | {ranking.eer:.3f}{_span(ranking.eer_interval)} |",
        f"| AUC | {ranking.auc:.3f}{_span(ranking.auc_interval)} |",
        f"| AUC within sources that hold both keys, mean | {_within(evaluation)} |",
        f"| average precision | {ranking.average_precision:.3f} |",
        f"| Cllr / min Cllr (bits) | {calibration.cllr:.3f} / {calibration.min_cllr:.3f} |",
        f"| actDCF / minDCF | {calibration.act_dcf:.3f} / {calibration.min_dcf:.3f} |",
        f"| ECE / Brier | {calibration.expected_calibration_error:.3f} / {calibration.brier_score:.3f} |",
        f"| false alarms at the {evaluation.max_false_alarm:g} point |"
        f" {calls.bpcer:.3f}{_span(decision.false_alarm_interval)} |",
        f"| spoofs detected there | {1 - calls.apcer:.3f} |",
    ]
    return "\n".join(lines)


def _within(evaluation: ProtocolEvaluation) -> str:
    area, sources = evaluation.auc_within_sources
    return "–" if area is None else f"{area:.3f} (of {sources})"


def _verdict_table(evaluation: ProtocolEvaluation) -> str:
    lines = ["| key | " + " | ".join(OUTCOMES) + " | decided |", "|---" * (len(OUTCOMES) + 2) + "|"]
    for key, counts in evaluation.verdicts.items():
        decided = sum(counts[v] for v in DECIDED) / max(1, sum(counts.values()))
        lines.append(f"| {key} | " + " | ".join(str(counts[v]) for v in OUTCOMES) + f" | {decided:.0%} |")
    return "\n".join(lines)


def _group_table(name: str, groups: GroupedEvaluation, *, spoof_only: bool) -> str:
    lines = [
        f"| {name} | bona fide | spoof | EER | AUC | false alarms | detected |",
        "|---|---|---|---|---|---|---|",
    ]
    for label, figures in groups.groups.items():
        if spoof_only and figures.borrowed == "spoof":
            continue
        assert figures.decision is not None
        calls = figures.decision.confusion
        own_bona = figures.borrowed != "bona_fide"
        own_spoof = figures.borrowed != "spoof"
        lines.append(
            f"| {label} | {figures.n_bona_fide if own_bona else '–'} | {figures.n_spoof if own_spoof else '–'} |"
            f" {figures.ranking.eer:.3f} | {figures.ranking.auc:.3f} |"
            f" {f'{calls.bpcer:.3f}' if own_bona else '–'} | {f'{1 - calls.apcer:.3f}' if own_spoof else '–'} |"
        )
    return "\n".join(lines)
