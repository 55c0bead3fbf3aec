"""Errors of jobs: what the interface answers when something cannot be done.

AssayError
└── JobError                 `status` is that of HTTP, `retry_after_s` goes into Retry-After
    ├── BadSubmission        422, the form is wrong
    ├── WebhookRefused       422, the address is not one that this service may call
    ├── KeyReused            422, the idempotency key stands for another request
    ├── JobNotFound          404, no such job, or it belongs to somebody else
    ├── JobNotDone           409, there is no result yet
    ├── JobEnded             409, it is over and cannot be cancelled
    ├── JobCancelled         410, there will be no result
    ├── TooManyJobs          429, this key has as many waiting as it may
    ├── QueueFull            503, the service has as many waiting as it takes
    ├── QueueUnreachable     503, the queue does not answer
    └── ForgedWebhook        400, raised by whoever receives: the signature does not hold
"""

from __future__ import annotations

from typing import ClassVar

from assay.errors import AssayError


class JobError(AssayError):
    """Root of the errors of jobs."""

    code = "job_error"
    status: ClassVar[int] = 400
    retry_after_s: ClassVar[int | None] = None


class BadSubmission(JobError):
    """The form is wrong."""

    code = "bad_submission"
    status = 422


class WebhookRefused(JobError):
    """The address is not one that this service may call."""

    code = "webhook_refused"
    status = 422


class KeyReused(JobError):
    """The idempotency key stands for another request."""

    code = "idempotency_key_reused"
    status = 422


class JobNotFound(JobError):
    """No such job, or it belongs to somebody else."""

    code = "job_not_found"
    status = 404


class JobNotDone(JobError):
    """There is no result yet."""

    code = "job_not_done"
    status = 409
    retry_after_s = 1


class JobEnded(JobError):
    """It is over and cannot be cancelled."""

    code = "job_ended"
    status = 409


class JobCancelled(JobError):
    """There will be no result."""

    code = "job_cancelled"
    status = 410


class TooManyJobs(JobError):
    """This key has as many waiting as it may."""

    code = "too_many_jobs"
    status = 429
    retry_after_s = 5


class QueueFull(JobError):
    """The service has as many waiting as it takes."""

    code = "queue_full"
    status = 503
    retry_after_s = 5


class QueueUnreachable(JobError):
    """The queue does not answer."""

    code = "queue_unreachable"
    status = 503
    retry_after_s = 5


class ForgedWebhook(JobError):
    """The signature of a webhook does not hold, or it is too old."""

    code = "forged_webhook"
    status = 400
