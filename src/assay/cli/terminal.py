"""What every command needs of the terminal: settings and logs in force, colour, lines of error, tables."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, TextIO

import typer

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from assay.settings import Settings

PIPE_WIDTH = 160  # columns of a table that no terminal limits


def prepare(**given: Any) -> Settings:
    """Settings in force, with logging arranged by them.

    Args:
        **given: Fields from the command line; None means "not given".
    """
    from assay.logs import configure
    from assay.settings import load_settings

    settings = load_settings(**given)
    configure(settings)
    return settings


def model_setting(model: str | None) -> dict[str, str]:
    """The setting that a model of the command line goes into, by the medium that it judges; empty for None.

    Raises:
        CardError: If its card is malformed.
        SettingsError: If the settings are wrong.
    """
    if model is None:
        return {}
    from assay.models.runs import setting_of
    from assay.settings import load_settings

    return {setting_of(model, load_settings().models_dir): model}


def level_chosen() -> bool:
    """Whether somebody set the log level."""
    from assay.settings import load_settings, origin_of

    return origin_of(load_settings())["log_level"] != "default"


def prepare_long(**given: Any) -> Settings:
    """As `prepare`, for a command of hours: unless somebody chose otherwise, its progress is shown."""
    return prepare(**given, log_level=None if level_chosen() else "INFO")


def paint(text: str, stream: TextIO, **style: Any) -> str:
    """Text in colour if the stream is a terminal that wants it; `style` as for `typer.style`."""
    from assay.logs import colour_wanted

    return typer.style(text, **style) if colour_wanted(stream) else text


def complain(message: str, code: str, *, traceback_of: BaseException | None = None) -> None:
    """One line about an error on standard error, behind its traceback if one is wanted."""
    from assay.report.text import one_line

    if traceback_of is not None:
        import traceback

        traceback.print_exception(traceback_of)
    note(f"{paint('error:', sys.stderr, fg='red', bold=True)} {one_line(message)} [{code}]")


def note(line: str) -> None:
    """A line on standard error."""
    write(sys.stderr, f"{line}\n")


def say(line: str) -> None:
    """A line on standard output."""
    write(sys.stdout, f"{line}\n")


def write(stream: TextIO, text: str) -> None:
    """Write and flush; what the stream's encoding lacks is spelt out instead of failing."""
    encoding = stream.encoding or "utf-8"
    stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
    stream.flush()


def say_json(value: Any) -> None:
    """A value as indented JSON on standard output."""
    import json

    say(json.dumps(value, indent=2, default=str))


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """A table on standard output, as wide as the terminal."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from assay.logs import colour_wanted

    drawn = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        drawn.add_column(column, overflow="fold")
    for row in rows:
        drawn.add_row(*(Text(cell) for cell in row))
    width = None if sys.stdout.isatty() else PIPE_WIDTH
    colour = colour_wanted(sys.stdout)
    Console(file=sys.stdout, width=width, no_color=not colour, highlight=False).print(drawn)
