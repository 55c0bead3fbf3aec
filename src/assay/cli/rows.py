"""An outcome as one row of a table, in CSV or Parquet."""

from __future__ import annotations

from typing import Any

from assay.report.text import shown
from assay.result import Outcome, ScanResult

COLUMNS = (
    "path",
    "sha256",
    "media",
    "duration_s",
    "speech_s",
    "width",
    "height",
    "verdict",
    "spoof_probability",
    "llr",
    "interval_low",
    "interval_high",
    "suspicious_spans",
    "reasons",
    "evidence",
    "model",
    "model_version",
    "error_code",
    "error_message",
)


def row(outcome: Outcome) -> list[Any]:
    """The outcome as flat values in the order of `COLUMNS`; what it lacks is empty."""
    if not isinstance(outcome, ScanResult):
        return [outcome.path, *[""] * (len(COLUMNS) - 3), outcome.error.code, outcome.error.message]
    low, high = outcome.interval or ("", "")
    spans = (f"{s.start_s:.3f}-{s.end_s:.3f}" for s in outcome.suspicious)
    return [
        outcome.path,
        outcome.sha256,
        outcome.media,
        outcome.duration_s,
        outcome.speech_s,
        outcome.width,
        outcome.height,
        outcome.verdict,
        outcome.spoof_probability,
        outcome.llr,
        low,
        high,
        " ".join(spans),
        " ".join(reason.text for reason in outcome.reasons),
        " ".join(each.name for each in shown(outcome)),
        outcome.model.name if outcome.model else None,
        outcome.model.version if outcome.model else None,
        "",
        "",
    ]
