"""`assay evaluate`: error rates of a model, or of any system's scores, on a protocol whose keys are known."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from assay.cli.completion import detector_names

if TYPE_CHECKING:
    from assay.evaluate import Report

EPILOG = """\b
Examples:
  assay evaluate protocol.csv
  assay evaluate protocol.csv --partition eval --jobs 2
  assay evaluate protocol.csv --scores scores.csv --format json --output figures.json
  assay evaluate protocol.csv --robustness --html page.html
  assay evaluate score.txt protocol.csv --higher bona_fide
  assay evaluate scores.csv protocol.csv --compare other.txt=bona_fide --html page.html
  assay evaluate runs/sinc-lcnn protocol.csv --partition eval
"""


def evaluate(
    given: Annotated[
        list[str],
        typer.Argument(
            metavar="[MODEL|RUN|SCORES.csv] PROTOCOL.csv",
            help="A detector, the folder of a training run or a file of scores; and the CSV of trials with the columns"
            " path and key (bona_fide or spoof).",
            show_default=False,
        ),
    ],
    model: Annotated[
        str | None, typer.Option(help="Detector; `assay models` lists them.", autocompletion=detector_names)
    ] = None,
    partition: Annotated[str | None, typer.Option(help="Only the trials of this partition.")] = None,
    sample: Annotated[
        int | None,
        typer.Option(min=1, help="Only so many trials of each key, drawn evenly over sources and generators."),
    ] = None,
    by: Annotated[
        list[str] | None,
        typer.Option(help="Column of the protocol whose values are measured apart. May be given again."),
    ] = None,
    threshold: Annotated[float | None, typer.Option(help="Score from which a file is called spoof.")] = None,
    higher: Annotated[
        Literal["spoof", "bona_fide"] | None, typer.Option(help="What high scores of the score file mean.")
    ] = None,
    column: Annotated[str | None, typer.Option(help="Column of the score file.")] = None,
    scale: Annotated[
        Literal["llr", "logit", "probability", "score"] | None,
        typer.Option(help="What the scores of the score file are."),
    ] = None,
    missing: Annotated[
        Literal["error", "skip"], typer.Option(help="What to do about trials that a score file lacks.")
    ] = "error",
    compare: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SCORES[=KEY]",
            help="Scores of another system, behind '=' the key that its high scores mean. May be given again.",
        ),
    ] = None,
    robustness: Annotated[
        bool, typer.Option("--robustness", help="Score again after codecs, noise, replay, JPEG, resizing and so on.")
    ] = False,
    asv_scores: Annotated[
        Path | None, typer.Option(help="Scores of a speaker verifier, for the t-DCF.", dir_okay=False)
    ] = None,
    worst: Annotated[int, typer.Option(min=0, help="Errors listed of each kind.")] = 10,
    resamples: Annotated[int, typer.Option(min=0, help="Bootstrap resamples behind the intervals.")] = 1000,
    scores: Annotated[Path | None, typer.Option(help="Write the score of each trial to this CSV.")] = None,
    form: Annotated[
        Literal["text", "json", "markdown"], typer.Option("--format", "-f", help="text is markdown, drawn.")
    ] = "text",
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write the figures to this file.")] = None,
    html: Annotated[
        Path | None, typer.Option(help="Write one page with tables and plots to this file.", dir_okay=False)
    ] = None,
    jobs: Annotated[int | None, typer.Option("--jobs", "-j", help="Files scored at the same time.")] = None,
) -> None:
    """Tell the error rates of a model, or of any system's scores: pooled with intervals, per generator, per source."""
    from assay.cli.evaluating import Wanted, measure

    system, protocol = _parted(given, model)
    report = measure(
        Wanted(
            system=system,
            protocol=protocol,
            settings=_settings(system, jobs),
            partition=partition,
            sample=sample,
            by=tuple(by or ()),
            threshold=threshold,
            higher=higher,
            column=column,
            scale=scale,
            missing=missing,
            compare=tuple(compare or ()),
            robustness=robustness,
            asv_scores=asv_scores,
            worst=worst,
            resamples=resamples,
        )
    )
    _tell(report, scores=scores, form=form, output=output, html=html)


def _parted(given: Sequence[str], model: str | None) -> tuple[str | None, Path]:
    """What is measured, if it was named, and on which protocol."""
    if len(given) > 2 or (len(given) == 2 and model is not None):
        raise typer.BadParameter("Give one model, run or score file, and one protocol behind it.")
    return (given[0] if len(given) == 2 else model), Path(given[-1])


def _settings(system: str | None, jobs: int | None) -> Any:
    """Settings in force, with the model of the kind that the card tells."""
    from assay.cli.terminal import model_setting, prepare

    # What exists is a file of scores, or a run folder, which is measured as a network and not through the line.
    return prepare(jobs=jobs, **model_setting(None if system is None or Path(system).exists() else system))


def _tell(report: Report, *, scores: Path | None, form: str, output: Path | None, html: Path | None) -> None:
    if scores is not None:
        report.assessment.write_scores(scores)
    if html is not None:
        from assay.evaluate.page import html_page

        html.write_text(html_page(report, html.parent), encoding="utf-8")
    text = json.dumps(report.to_dict(), indent=2) if form == "json" else report.to_markdown()
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
