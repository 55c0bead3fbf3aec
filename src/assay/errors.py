"""Every error Assay raises on purpose, as one short tree.

    AssayError
    ├── SettingsError            a setting is unknown or out of range
    ├── MissingExtra             an optional part of the installation is needed
    ├── MediaError               about one input; a batch reports it and goes on
    │   ├── MediaNotFound        no such file, or a folder or pattern without media
    │   ├── MediaUnreadable      it exists, but the system does not let us read it
    │   ├── EmptyMedia           no bytes, or no samples
    │   ├── UnsupportedMedia     not a kind of media that this version analyses
    │   ├── DecodeError          the right kind, but broken
    │   ├── InvalidArray         an array with a wrong type, shape, value or sample rate
    │   └── LimitExceeded        over a declared limit; names the limit and the setting
    ├── ModelError
    │   ├── ModelNotFound        no model of that name
    │   ├── CardError            a model card is missing or malformed
    │   ├── WeightMismatch       the weight file is not the one its card describes
    │   └── SelfTestFailed       the known-answer test gave another answer
    ├── SpeakerError             about enrolled speakers
    │   ├── ProfileNotFound      no profile of that id or name, or several of that name
    │   ├── ProfileDamaged       its file was altered, cut off or put in the place of another
    │   ├── ProfileKeyError      the key is missing, another one, or open to others
    │   ├── ProfileExpired       its retention date has passed
    │   ├── ProfileOutdated      made by another encoder
    │   └── EnrolmentRefused     no consent, too long kept, too little speech, too many recordings
    ├── MetricInputError         scores or keys that no metric is defined for
    ├── ProtocolError            a protocol (list of trials) or a catalogue is malformed
    ├── DataError                data cannot be fetched or made
    ├── ReportError              a report cannot be made of what was given
    ├── ExplanationError         an explanation cannot be made or read
    ├── TrainingError            a recipe or a training run cannot go on
    ├── RecordNotFound           no key or entry of that name is kept, or it is somebody else's
    ├── AccessError              the service refuses a request before it looks at it
    │   ├── KeyRequired          no API key was given
    │   ├── KeyRefused           the API key is malformed, unknown, expired or revoked
    │   ├── ScopeMissing         the API key is not for this
    │   ├── RateLimited          too many requests
    │   ├── HostRefused          the service was called by a name that is not its own
    │   └── OriginRefused        a page of another site called from a browser
    ├── JobError                 about jobs of the service; `status` is that of HTTP
    │   ├── BadSubmission        what the form asks for cannot be done
    │   ├── WebhookRefused       the address is not one that this service may call
    │   ├── KeyReused            the idempotency key stands for another request
    │   ├── JobNotFound          no such job, or it belongs to somebody else
    │   ├── JobNotDone           there is no result yet
    │   ├── JobEnded             it is over and cannot be cancelled
    │   ├── JobCancelled         there will be no result
    │   ├── TooManyJobs          this key has as many waiting as it may
    │   ├── QueueFull            the service has as many waiting as it takes
    │   ├── QueueUnreachable     the queue does not answer
    │   ├── ForgedWebhook        raised by whoever receives: the signature does not hold
    │   ├── WorkerLost           workers died again and again while they had this job
    │   ├── TookTooLong          scoring took longer than a job may
    │   └── UploadAltered        the stored file is not the one that was handed in
    ├── Stopped                  a scan was ended before it had an answer
    └── ServiceError             the service cannot do what a request asks
        ├── BadRequest           a request that cannot be read
        ├── UploadTooSlow        a request that does not arrive in time
        ├── Overloaded           as much is waiting as may wait
        ├── Unavailable          not ready yet, or about to stop
        └── TimedOut             an answer takes longer than a request may wait

A message says what was given, what is accepted, and the next step. `code` is stable and goes into JSON; `context`
holds the numbers. Foreign exceptions are translated where they first meet our code, with ``raise … from``.
"""

from __future__ import annotations

from typing import ClassVar


class AssayError(Exception):
    """Root of the tree.

    Args:
        message: One sentence for a person: what was given, what is accepted, what to do next.
        context: The numbers and names behind the message, for programs. Values must be JSON-serialisable.
    """

    code: ClassVar[str] = "error"

    def __init__(self, message: str, **context: object) -> None:
        super().__init__(message)
        self.message = message
        self.context = context

    def __reduce__(self) -> tuple[object, ...]:
        # Exceptions cross process boundaries; the default reduction would drop the context.
        return (_rebuild, (type(self), self.message, self.context))


def _rebuild(kind: type[AssayError], message: str, context: dict[str, object]) -> AssayError:
    return kind(message, **context)


class SettingsError(AssayError):
    """A setting is unknown or out of range."""

    code = "bad_setting"


class MissingExtra(AssayError):
    """An optional part of the installation is needed for what was asked."""

    code = "missing_extra"

    @classmethod
    def of(cls, extra: str, purpose: str) -> MissingExtra:
        """Build the error that names the extra to install."""
        return cls(f"{purpose} needs the extra '{extra}'. Install it with: pip install 'assay[{extra}]'", extra=extra)


class MediaError(AssayError):
    """Something about one input; a batch reports it and goes on."""

    code = "media_error"


class MediaNotFound(MediaError):
    """No such file, or a folder or pattern that holds no media."""

    code = "not_found"


class MediaUnreadable(MediaError):
    """The input exists, but the system does not let us read it."""

    code = "unreadable"


class EmptyMedia(MediaError):
    """The input holds no bytes, or no samples."""

    code = "empty"


class UnsupportedMedia(MediaError):
    """Not a kind of media that this version analyses."""

    code = "unsupported"


class DecodeError(MediaError):
    """The right kind of media, but broken."""

    code = "decode_failed"


class InvalidArray(MediaError):
    """An array with a wrong type, shape, value or sample rate."""

    code = "invalid_array"


class LimitExceeded(MediaError):
    """Over a declared limit; `context` names the limit, the setting and the value."""

    code = "limit_exceeded"


class ModelError(AssayError):
    """Something about a model, its card or its weight."""

    code = "model_error"


class ModelNotFound(ModelError):
    """No model of that name."""

    code = "model_not_found"


class CardError(ModelError):
    """A model card is missing or malformed."""

    code = "bad_card"


class WeightMismatch(ModelError):
    """The weight file is not the one its card describes."""

    code = "weight_mismatch"


class SelfTestFailed(ModelError):
    """The known-answer test gave another answer than the card states."""

    code = "self_test_failed"


class SpeakerError(AssayError):
    """Something about enrolled speakers and their profiles."""

    code = "speaker_error"


class ProfileNotFound(SpeakerError):
    """No speaker profile of that id or name, or several of that name."""

    code = "profile_not_found"


class ProfileDamaged(SpeakerError):
    """The file of a speaker profile was altered, cut off or put in the place of another."""

    code = "profile_damaged"


class ProfileKeyError(SpeakerError):
    """The key of the speaker profiles is missing, another one, or open to others."""

    code = "profile_key"


class ProfileExpired(SpeakerError):
    """The retention date of a speaker profile has passed; it is not used any more."""

    code = "profile_expired"


class ProfileOutdated(SpeakerError):
    """A speaker profile was made by another encoder than the one installed."""

    code = "profile_outdated"


class EnrolmentRefused(SpeakerError):
    """A speaker cannot be enrolled like this: consent, retention, number of recordings or speech."""

    code = "enrolment_refused"


class MetricInputError(AssayError):
    """Scores or keys that no metric is defined for."""

    code = "bad_metric_input"


class ProtocolError(AssayError):
    """A protocol (list of trials) or a catalogue is malformed."""

    code = "bad_protocol"


class DataError(AssayError):
    """Data cannot be fetched or made."""

    code = "data_failed"


class ReportError(AssayError):
    """A report cannot be made of what was given."""

    code = "bad_report"


class ExplanationError(AssayError):
    """An explanation cannot be made of this, or read from this."""

    code = "explanation_failed"


class TrainingError(AssayError):
    """A recipe or a training run cannot go on."""

    code = "training_failed"


class RecordNotFound(AssayError):
    """No key or entry of that name is kept, or it is somebody else's."""

    code = "record_not_found"


class AccessError(AssayError):
    """The service refuses a request before it looks at it; `status` is that of HTTP."""

    code = "access_refused"
    status: ClassVar[int] = 403


class KeyRequired(AccessError):
    """No API key was given, and one is needed."""

    code = "key_required"
    status = 401


class KeyRefused(AccessError):
    """The API key is malformed, unknown, expired or revoked; `context` says which."""

    code = "key_refused"
    status = 401


class ScopeMissing(AccessError):
    """The API key is good, but not for this; `context` names the scope."""

    code = "scope_missing"


class RateLimited(AccessError):
    """Too many requests; `context` says after how many seconds the next one may come."""

    code = "rate_limited"
    status = 429


class HostRefused(AccessError):
    """The service was called by a name that is not its own."""

    code = "host_refused"
    status = 400


class OriginRefused(AccessError):
    """A page of another site called the service from a browser."""

    code = "origin_refused"


class JobError(AssayError):
    """Root of what can be wrong with jobs; `status` is that of HTTP, `retry_after_s` when to ask again."""

    code = "job_error"
    status: ClassVar[int] = 400
    retry_after_s: ClassVar[int | None] = None


class BadSubmission(JobError):
    """What the form asks for cannot be done."""

    code = "bad_submission"
    status = 422


class WebhookRefused(JobError):
    """The address of a webhook is not one that this service may call."""

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
    """There is no result of a job yet."""

    code = "job_not_done"
    status = 409
    retry_after_s = 1


class JobEnded(JobError):
    """A job is over and cannot be cancelled."""

    code = "job_ended"
    status = 409


class JobCancelled(JobError):
    """A job was cancelled; there will be no result."""

    code = "job_cancelled"
    status = 410


class TooManyJobs(JobError):
    """An API key has as many jobs waiting as it may."""

    code = "too_many_jobs"
    status = 429
    retry_after_s = 5


class QueueFull(JobError):
    """The service has as many jobs waiting as it takes."""

    code = "queue_full"
    status = 503
    retry_after_s = 5


class QueueUnreachable(JobError):
    """The queue of jobs does not answer."""

    code = "queue_unreachable"
    status = 503
    retry_after_s = 5


class ForgedWebhook(JobError):
    """The signature of a webhook does not hold, or it is too old."""

    code = "forged_webhook"


class WorkerLost(JobError):
    """Workers died again and again while they had a job."""

    code = "worker_lost"
    status = 422


class TookTooLong(JobError):
    """Scoring took longer than a job may."""

    code = "took_too_long"
    status = 422


class UploadAltered(JobError):
    """The stored file of a job is not the one that was handed in."""

    code = "upload_altered"
    status = 422


class Stopped(AssayError):
    """A scan was ended before it had an answer, because nobody waits for it any more."""

    code = "stopped"


class ServiceError(AssayError):
    """The service cannot do what a request asks; `context` may hold ``retry_after_s``."""

    code = "service_error"


class BadRequest(ServiceError):
    """A request that cannot be read: broken, incomplete, or with fields that nobody knows."""

    code = "bad_request"


class UploadTooSlow(ServiceError):
    """A request that does not arrive in the time it has."""

    code = "too_slow"


class Overloaded(ServiceError):
    """As much is waiting as may wait; ask again later."""

    code = "overloaded"


class Unavailable(ServiceError):
    """The service is not ready yet, or about to stop."""

    code = "unavailable"


class TimedOut(ServiceError):
    """An answer takes longer than a request may wait."""

    code = "timed_out"
