"""`assay explain`: what a network reacted to in files, where, and whether that can be trusted."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from assay.cli import exits
from assay.cli.completion import detector_names

if TYPE_CHECKING:
    from assay.explain.door import Explained

EPILOG = f"""\b
Examples:
  assay explain recording.wav
  assay explain portrait.jpg --output maps
  assay explain recording.wav --format json | python -m json.tool
  assay explain recording.wav --method grad_cam --model runs/mel-cnn-20260101T120000

{exits.TABLE}
"""


def explain(
    paths: Annotated[list[str], typer.Argument(metavar="FILE", help="Files; - is standard input.", show_default=False)],
    form: Annotated[
        Literal["text", "json"], typer.Option("--format", "-f", help="text for people; json for programs.")
    ] = "text",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Draw each map over its medium into this folder, as PNG.")
    ] = None,
    method: Annotated[
        Literal["occlusion", "grad_cam"],
        typer.Option(
            help="occlusion hides places and asks again; grad_cam looks at gradients, for networks trained here (extra"
            " 'explain')."
        ),
    ] = "occlusion",
    model: Annotated[
        str | None,
        typer.Option(
            help="Detector, as `assay models` lists them, or the folder of a training run, for files of its medium.",
            autocompletion=detector_names,
        ),
    ] = None,
    threads: Annotated[int | None, typer.Option(help="Threads of the network for one file.")] = None,
) -> None:
    """Tell what moved the score of recordings, pictures and videos: times, frequencies and places.

    An explanation tells what the network reacted to, not what was done to the file. A file that cannot be explained is
    reported and the others go on.
    """
    from assay.cli.terminal import complain, model_setting, prepare, say, say_json
    from assay.errors import AssayError, MediaError
    from assay.explain.door import Explainer

    settings = prepare(**model_setting(model), threads=threads)
    explainer = Explainer(settings=settings)
    if output is not None:
        output.mkdir(parents=True, exist_ok=True)
    told: list[dict[str, Any]] = []
    failed = False
    for path in paths:
        try:
            found = explainer.explain(path, method=method)
            drawings = _draw(found, output) if output is not None else []
        except AssayError as error:
            if not isinstance(error, MediaError):
                raise
            failed = True
            complain(error.message if path in error.message else f"{path}: {error.message}", error.code)
            told.append(_failed(path, error))
            continue
        if form == "text":
            say(_paragraph(found, drawings))
        told.append(_record(found, drawings))
    if form == "json":
        say_json(told)
    raise typer.Exit(exits.INPUT_FAILED if failed else exits.OK)


def _failed(path: str, error: Any) -> dict[str, Any]:
    from assay.result import ScanFailure

    return ScanFailure.of(path, error).model_dump(mode="json")


def _record(found: Explained, drawings: list[Path]) -> dict[str, Any]:
    result = found.result
    return {
        "path": result.path,
        "sha256": result.sha256,
        "verdict": result.verdict,
        "llr": result.llr,
        "explanation": found.explanation.as_dict(),
        "drawings": [str(path) for path in drawings],
    }


def _paragraph(found: Explained, drawings: list[Path]) -> str:
    from assay.report.text import printable

    drawn = f" Drawn in {', '.join(map(str, drawings))}." if drawings else ""
    text = " ".join(found.explanation.sentences)
    return f"{printable(found.result.path)}: {found.result.plain_verdict}. {text}{drawn}"


def _draw(found: Explained, folder: Path) -> list[Path]:
    """Draw every map; names tell file, kind and time, and repeat nothing."""
    from assay.explain.draw import drawn

    name = Path(found.result.path).name.strip("<>-") or "input"
    written = []
    for saliency in found.explanation.saliency:
        when = f"-{saliency.start_s:.2f}s" if saliency.kind == "frame" else ""
        label = f"-{saliency.label.replace(' ', '-')}" if saliency.label else ""
        path = folder / f"{name}-{found.result.sha256[:8]}-{saliency.kind}{label}{when}.png"
        drawn(found.media, saliency).save(path)
        written.append(path)
    return written
