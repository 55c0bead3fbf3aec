"""Where log records go. Only the command line calls `configure`; the library itself stays quiet.

Decisions
- Everything hangs on the logger ``assay``; the root logger is never touched, so a program that imports Assay
  keeps its own arrangements.
- Records go to the standard error that is current when they are written, so a progress bar can step aside.
- A level per module is set with ``log_levels = {media = "DEBUG"}``, which means the logger ``assay.media``.
"""

from __future__ import annotations

import json
import logging
import logging.handlers
import os
import sys
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, TextIO

from assay.errors import SettingsError

if TYPE_CHECKING:
    from assay.settings import Settings

    _StreamHandler = logging.StreamHandler[TextIO]
else:
    _StreamHandler = logging.StreamHandler  # generic at run time from Python 3.11 on

ROOT = "assay"
MAX_BYTES = 10 * 2**20
KEPT_FILES = 5

_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
_COLOURS = {"DEBUG": "2", "INFO": "36", "WARNING": "33", "ERROR": "31", "CRITICAL": "1;31"}  # ANSI SGR codes
_LINE = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"
# What every record has; anything beyond was given by the caller as `extra`.
_STANDARD = {*vars(logging.makeLogRecord({})), "message", "asctime", "taskName"}


def configure(settings: Settings) -> None:
    """Send the records of Assay to the console, and to a file if one is set.

    Calling it again replaces what the previous call arranged.

    Args:
        settings: `log_level`, `log_levels`, `log_json` and `log_file` are used.

    Raises:
        SettingsError: If a level is unknown, or the log file cannot be opened.
    """
    levels = {_logger_name(name): _level(name, level) for name, level in settings.log_levels.items()}
    handlers: list[logging.Handler] = [_Console()]
    handlers[0].setFormatter(JsonFormatter() if settings.log_json else ColourFormatter(_LINE))
    if settings.log_file is not None:
        handlers.append(_file_handler(settings))
    reset()
    logger = logging.getLogger(ROOT)
    logger.setLevel(settings.log_level)
    for handler in handlers:
        handler.set_name(f"{ROOT}-{type(handler).__name__}")
        logger.addHandler(handler)
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


def reset() -> None:
    """Undo `configure`: close its handlers and clear the levels below ``assay``."""
    logger = logging.getLogger(ROOT)
    for handler in list(logger.handlers):
        if (handler.get_name() or "").startswith(f"{ROOT}-"):
            logger.removeHandler(handler)
            handler.close()
    for name in list(logging.Logger.manager.loggerDict):
        if name == ROOT or name.startswith(f"{ROOT}."):
            logging.getLogger(name).setLevel(logging.NOTSET)


class ColourFormatter(logging.Formatter):
    """One line a record; the level in colour when a person looks at it."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, with colour only for a terminal that wants it."""
        line = super().format(record)
        if not colour_wanted(sys.stderr):
            return line
        code = _COLOURS.get(record.levelname, "0")
        return line.replace(record.levelname, f"\x1b[{code}m{record.levelname}\x1b[0m", 1)


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time (UTC), level, logger, message, any `extra`, and the traceback."""

    def format(self, record: logging.LogRecord) -> str:
        """The object on one line; values that JSON lacks become strings."""
        fields: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, timezone.utc).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        fields |= {name: value for name, value in vars(record).items() if name not in _STANDARD}
        if record.exc_info:
            fields["traceback"] = self.formatException(record.exc_info)
        return json.dumps(fields, default=str)


class _Console(_StreamHandler):
    """Writes to whatever `sys.stderr` is at that moment."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)

    @property
    def stream(self) -> TextIO:
        return sys.stderr

    @stream.setter
    def stream(self, _value: TextIO) -> None:
        """There is nothing to set."""


def colour_wanted(stream: TextIO) -> bool:
    """Whether colour suits a stream: a terminal, and neither NO_COLOR (no-color.org) nor TERM=dumb is set."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def _logger_name(module: str) -> str:
    return module if module == ROOT or module.startswith(f"{ROOT}.") else f"{ROOT}.{module}"


def _level(module: str, level: str) -> str:
    if level.upper() not in _LEVELS:
        raise SettingsError(
            f"log_levels: '{level}' for '{module}' is not a level; use one of {', '.join(_LEVELS)}.",
            module=module,
            level=level,
        )
    return level.upper()


def _file_handler(settings: Settings) -> logging.Handler:
    assert settings.log_file is not None
    try:
        handler = logging.handlers.RotatingFileHandler(
            settings.log_file, maxBytes=MAX_BYTES, backupCount=KEPT_FILES, encoding="utf-8"
        )
    except OSError as error:
        raise SettingsError(
            f"log_file: '{settings.log_file}' cannot be written ({error.strerror}). Name another.",
            log_file=str(settings.log_file),
        ) from error
    handler.setFormatter(JsonFormatter() if settings.log_json else logging.Formatter(_LINE))
    return handler
