"""Exit codes of the command line, and which error ends in which."""

from __future__ import annotations

from assay.errors import (
    AssayError,
    EnrolmentRefused,
    MetricInputError,
    MissingExtra,
    ModelError,
    ProfileNotFound,
    ProtocolError,
    ReportError,
    SettingsError,
    TrainingError,
)

OK = 0
INPUT_FAILED = 1
USAGE = 2
MODEL = 3
FLAGGED = 4
SYSTEM = 74  # EX_IOERR of sysexits.h
UNEXPECTED = 70  # EX_SOFTWARE of sysexits.h
INTERRUPTED = 130  # 128 + SIGINT, as shells report it

# "\b" keeps the line breaks that the help formatter would undo.
TABLE = """\b
Exit codes:
    0  everything was done
    1  at least one input failed; the others were done
    2  the command line, a setting, a protocol or a recipe is wrong
    3  a model or its weight is missing, altered or fails its self-test
    4  --fail-on was given and a file got such a verdict or decision
   70  an error that we did not foresee
   74  the system refused to read or write (disk full, say)
  130  interrupted; what was written so far is kept"""

_BY_KIND: tuple[tuple[type[AssayError], int], ...] = (
    (SettingsError, USAGE),
    (MissingExtra, USAGE),
    (ProtocolError, USAGE),
    (ReportError, USAGE),
    (MetricInputError, USAGE),
    (TrainingError, USAGE),
    (EnrolmentRefused, USAGE),
    (ProfileNotFound, USAGE),
    (ModelError, MODEL),
)


def code_of(error: AssayError) -> int:
    """The exit code that an error of our tree ends a command with."""
    return next((code for kind, code in _BY_KIND if isinstance(error, kind)), INPUT_FAILED)
