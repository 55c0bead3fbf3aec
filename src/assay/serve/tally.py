"""What this process has answered since it started, for `GET /api/stats`."""

from __future__ import annotations

from collections import Counter

from pydantic import BaseModel, ConfigDict, Field

from assay.result import Outcome, ScanFailure


class ScanCounts(BaseModel):
    """Files since the process started.

    Attributes:
        scanned: With a result.
        failed: Without.
        verdicts: Of results, by verdict.
        media: Of results, by kind.
        errors: Of failures, by code.
        mean_s: Seconds from being asked to the answer, on average over results; None without any.
    """

    model_config = ConfigDict(extra="forbid")

    scanned: int = Field(ge=0)
    failed: int = Field(ge=0)
    verdicts: dict[str, int]
    media: dict[str, int]
    errors: dict[str, int]
    mean_s: float | None


class ServiceTally:
    """Counts outcomes; an observer of `assay.serve.scoring.Scorer`."""

    def __init__(self) -> None:
        self._verdicts: Counter[str] = Counter()
        self._media: Counter[str] = Counter()
        self._errors: Counter[str] = Counter()
        self._spent_s = 0.0

    def __call__(self, outcome: Outcome, spent_s: float) -> None:
        """Count one."""
        if isinstance(outcome, ScanFailure):
            self._errors[outcome.error.code] += 1
            return
        self._verdicts[outcome.verdict] += 1
        self._media[outcome.media] += 1
        self._spent_s += spent_s

    def counts(self) -> ScanCounts:
        """So far."""
        scanned = sum(self._verdicts.values())
        return ScanCounts(
            scanned=scanned,
            failed=sum(self._errors.values()),
            verdicts=dict(self._verdicts),
            media=dict(self._media),
            errors=dict(self._errors),
            mean_s=round(self._spent_s / scanned, 4) if scanned else None,
        )
