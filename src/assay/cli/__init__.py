"""The command line: parse, call, print. No signal processing and no decisions.

Decisions
- Importing this loads typer and nothing heavy: `assay --help` must answer in a quarter of a second.
  Commands import what they need in their bodies; rich comes in only where it draws (progress bar, tables).
- Results go to standard output, everything else (progress, summary, errors, logs) to standard error.
- Errors of our tree become one line and an exit code (`assay.cli.exits`); ``--debug`` shows the traceback.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from assay._version import __version__
from assay.cli import (
    config,
    data,
    demo,
    doctor,
    evaluate,
    exits,
    explain,
    export,
    jobs,
    keys,
    listen,
    models,
    report,
    scan,
    serve,
    speaker,
    train,
    worker,
)
from assay.cli.terminal import complain
from assay.errors import AssayError

EPILOG = f"""\b
Examples:
  assay scan recording.wav
  assay COMMAND --help

{exits.TABLE}
"""

app = typer.Typer(
    name="assay",
    help="Tell whether a recording is bona fide or synthetic, where and why; and say when it cannot tell.",
    epilog=EPILOG,
    no_args_is_help=True,
    rich_markup_mode=None,  # with it, every --help would import rich: 60 ms
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command(epilog=scan.EPILOG, short_help="Scan recordings for signs of synthesis.")(scan.scan)
app.command(epilog=listen.EPILOG, short_help="Judge sound as it comes.")(listen.listen)
app.command(epilog=serve.EPILOG, short_help="Answer over HTTP.")(serve.serve)
app.command(epilog=explain.EPILOG, short_help="Tell what moved the score of files.")(explain.explain)
app.command(epilog=demo.EPILOG, short_help="Show the web page, with samples to try.")(demo.demo)
app.command(epilog=models.EPILOG, short_help="List the models or show a card.")(models.models)
app.command(epilog=doctor.EPILOG, short_help="Check the installation.")(doctor.doctor)
app.command(epilog=config.EPILOG, short_help="Show the settings in force.")(config.config)
app.command(epilog=report.EPILOG, short_help="Report on a file or a result, as PDF or HTML.")(report.report)
app.add_typer(data.app, name="data")
app.add_typer(train.app, name="train")
app.add_typer(keys.app, name="keys")
app.add_typer(jobs.app, name="jobs")
app.add_typer(speaker.app, name="speaker")
app.command(epilog=evaluate.EPILOG, short_help="Measure a model on a protocol.")(evaluate.evaluate)
app.command(epilog=export.EPILOG, short_help="Export a trained network.")(export.export)
app.command(epilog=worker.EPILOG, short_help="Score what was handed in as jobs.")(worker.worker)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"assay {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool,
        typer.Option("--version", help="Show the version.", callback=_show_version, is_eager=True),
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    """Options that stand before the command; `main` looks at --debug itself."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; ends with `SystemExit`.

    Args:
        arguments: What follows the program's name; None takes `sys.argv`.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in given
    try:
        app(given, prog_name="assay")
    except AssayError as error:
        complain(error.message, error.code, traceback_of=error if debug else None)
        sys.exit(exits.code_of(error))
    except OSError as error:
        complain(f"The system says: {error}.", "system", traceback_of=error if debug else None)
        sys.exit(exits.SYSTEM)
    except Exception as error:  # noqa: BLE001 - the outermost place: whatever escaped becomes one line and a code
        message = (
            f"{type(error).__name__}: {error}. This is a fault in Assay; please report it, with what"
            " `assay --debug …` shows in addition."
        )
        complain(message, "unexpected", traceback_of=error if debug else None)
        sys.exit(exits.UNEXPECTED)
