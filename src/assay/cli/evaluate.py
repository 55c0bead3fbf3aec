"""`assay evaluate`: error rates of a model on a protocol whose keys are known."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from assay.cli.completion import detector_names

EPILOG = """\b
Examples:
  assay evaluate protocol.csv
  assay evaluate protocol.csv --partition eval --jobs 2
  assay evaluate protocol.csv --scores scores.csv --format json --output figures.json
"""


def evaluate(
    protocol: Annotated[
        Path, typer.Argument(help="CSV with the columns path and key (bona_fide or spoof).", dir_okay=False)
    ],
    model: Annotated[
        str | None, typer.Option(help="Detector; `assay models` lists them.", autocompletion=detector_names)
    ] = None,
    partition: Annotated[str | None, typer.Option(help="Only the trials of this partition.")] = None,
    scores: Annotated[Path | None, typer.Option(help="Write the score of each trial to this CSV.")] = None,
    form: Annotated[
        Literal["text", "json", "markdown"], typer.Option("--format", "-f", help="text is markdown, drawn.")
    ] = "text",
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write the figures to this file.")] = None,
    jobs: Annotated[int | None, typer.Option("--jobs", "-j", help="Files scored at the same time.")] = None,
) -> None:
    """Score every trial of a protocol and tell error rates: pooled with intervals, per generator, per source."""
    from assay.cli.progress import progress_bar
    from assay.cli.terminal import prepare

    settings = prepare(audio_model=model, jobs=jobs)
    from assay.evaluate import evaluate_protocol

    with progress_bar(True, None) as bar:
        evaluation = evaluate_protocol(protocol, settings=settings, partition=partition, progress=bar.at)
    if scores is not None:
        evaluation.write_scores(scores)
    text = json.dumps(evaluation.to_dict(), indent=2) if form == "json" else evaluation.to_markdown()
    _write(text, output, drawn=form == "text" and output is None and sys.stdout.isatty())


def _write(text: str, output: Path | None, *, drawn: bool) -> None:
    from assay.cli.terminal import say

    if output is not None:
        output.write_text(f"{text}\n", encoding="utf-8")
    elif drawn:
        from rich.console import Console
        from rich.markdown import Markdown

        from assay.logs import colour_wanted

        Console(no_color=not colour_wanted(sys.stdout)).print(Markdown(text))
    else:
        say(text)
