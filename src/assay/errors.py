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
    ├── MetricInputError         scores or keys that no metric is defined for
    ├── ProtocolError            a protocol (list of trials) or a catalogue is malformed
    ├── DataError                data cannot be fetched or made
    ├── ReportError              a report cannot be made of what was given
    ├── ExplanationError         an explanation cannot be made or read
    └── TrainingError            a recipe or a training run cannot go on

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
