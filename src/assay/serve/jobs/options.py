"""What a job may ask of the scan, and what the interface tells of a job."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from assay.result import ErrorDetail
from assay.serve.jobs.tables import Delivery, Job, State


class JobOptions(BaseModel):
    """Settings of one scan; what is not given is as the service has it. See docs/settings.md for each."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_false_alarm: float | None = Field(None, gt=0, le=0.5)
    prior: float | None = Field(None, gt=0, lt=1)
    channels: Literal["mix", "each"] | None = None
    stability: bool | None = None
    deep: bool | None = None
    num_frames: int | None = Field(None, ge=1, le=100_000)

    def given(self) -> dict[str, Any]:
        """Only what was asked for, by the name of the setting."""
        return self.model_dump(exclude_none=True)


class WebhookView(BaseModel):
    """How far the announcement of a job's end got.

    Attributes:
        state: ``waiting`` until the job ends, then ``pending``, ``delivered`` or ``failed``.
    """

    url: str
    state: Literal["waiting", "pending", "delivered", "failed"]
    attempts: int = 0
    last_status: int | None = None
    last_error: str | None = None


class JobView(BaseModel):
    """A job as the interface tells it; times are ISO 8601, UTC."""

    id: str
    state: State
    label: str
    sha256: str
    size_bytes: int
    options: JobOptions
    keep: bool
    submitted: str
    started: str | None
    ended: str | None
    attempts: int
    verdict: str | None
    error: ErrorDetail | None
    webhook: WebhookView | None


class JobPage(BaseModel):
    """Jobs, newest first; `next` goes into ``after`` for the page behind this one, None at the end."""

    jobs: list[JobView]
    next: str | None


def view_of(job: Job, delivery: Delivery | None = None) -> JobView:
    """What the interface tells of a row."""
    webhook = None
    if delivery is not None:
        webhook = WebhookView.model_validate(
            {name: getattr(delivery, name) for name in WebhookView.model_fields}, strict=False
        )
    elif job.webhook_url is not None:
        webhook = WebhookView(url=job.webhook_url, state="waiting")
    return JobView(
        id=job.id,
        state=job.state,
        label=job.label,
        sha256=job.sha256,
        size_bytes=job.size_bytes,
        options=JobOptions.model_validate_json(job.options),
        keep=job.keep,
        submitted=_iso(job.submitted) or "",
        started=_iso(job.started),
        ended=_iso(job.ended),
        attempts=job.attempts,
        verdict=job.verdict,
        error=None if job.error is None else ErrorDetail.model_validate(json.loads(job.error)),
        webhook=webhook,
    )


def _iso(seconds: float | None) -> str | None:
    if seconds is None:
        return None
    return datetime.fromtimestamp(seconds, timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
