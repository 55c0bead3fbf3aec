"""`assay data stats`: what a protocol holds."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

EPILOG = """\b
Examples:
  assay data stats protocol.csv
  assay data stats protocol.csv --format json
  assay data stats protocol.csv --plots figures --plot-format png
"""


def stats(
    protocol: Annotated[Path, typer.Argument(help="CSV or Parquet with path and key.", exists=True, dir_okay=False)],
    plots: Annotated[
        Path | None, typer.Option(help="Folder for figures of the distribution; needs matplotlib.", file_okay=False)
    ] = None,
    plot_format: Annotated[Literal["svg", "png"], typer.Option(help="Of the figures.")] = "svg",
    form: Annotated[Literal["text", "json", "csv"], typer.Option("--format", "-f", help="How to report.")] = "text",
    jobs: Annotated[int | None, typer.Option("--jobs", "-j", help="Files opened at the same time.")] = None,
) -> None:
    """Count files, hours and persons by partition, key, source, generator, language and licence."""
    import csv
    import sys

    from assay.cli.progress import progress_bar
    from assay.cli.terminal import note, prepare, say, say_json, table

    settings = prepare(jobs=jobs)
    from assay.data.stats import stats as run

    with progress_bar(True, None) as bar:
        found = run(protocol, settings=settings, progress=bar.at)
    columns = ("column", "value", "bona fide", "spoof", "hours", "MB", "persons")
    if form == "json":
        say_json(found.to_dict())
    else:
        rows = [
            (
                line.column,
                line.value,
                *(str(line.bona_fide), str(line.spoof)),
                *(f"{line.hours:.3f}", f"{line.megabytes:.1f}", str(line.persons)),
            )
            for line in found.lines
        ]
        if form == "csv":
            csv.writer(sys.stdout, lineterminator="\n").writerows([columns, *rows])
        else:
            table(columns, rows)
    if found.unreadable:
        note(f"{found.unreadable} files could not be opened; `assay data check` says why")
    if plots is not None:
        from assay.data.plots import draw

        for path in draw(found, plots, form=plot_format):
            (note if form != "text" else say)(str(path))
