"""`assay export`: a trained network as ONNX, in integers, for LiteRT, as safetensors; checked and timed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

EPILOG = """\b
Examples:
  assay export runs/sinc-lcnn --to exported
  assay export runs/sinc-lcnn --to exported --formats onnx,int8 --calibrate protocol.csv
  assay export runs/sinc-lcnn --to smaller --prune 0.3 --calibrate protocol.csv --partition eval
"""

COLUMNS = ("form", "file", "size", "one input", "difference", "EER")


def export(
    model: Annotated[
        str,
        typer.Argument(
            metavar="RUN|MODEL", help="Folder of a training run, or a shipped detector (int8 only).", show_default=False
        ),
    ],
    to: Annotated[Path, typer.Option(help="Folder for the files.", file_okay=False)],
    formats: Annotated[
        str | None, typer.Option(help="Of onnx, int8, safetensors, litert, with commas between.")
    ] = None,
    prune: Annotated[float | None, typer.Option(help="Share of channels or weights to cut first, such as 0.3.")] = None,
    calibrate: Annotated[
        Path | None,
        typer.Option(help="Protocol whose files integers are calibrated on (its partition train, if it has one)."),
    ] = None,
    measure: Annotated[
        Path | None, typer.Option(help="Protocol that error rates are measured on; --calibrate if not given.")
    ] = None,
    partition: Annotated[str | None, typer.Option(help="Partition that error rates are measured on.")] = None,
    form: Annotated[Literal["text", "json"], typer.Option("--format", "-f", help="For people or programs.")] = "text",
) -> None:
    """Export a trained network; each file is compared with the network and timed before it counts."""
    from assay.cli.extras import training_extra
    from assay.cli.terminal import note, prepare, say_json, table

    prepare()
    with training_extra("Export"):
        from assay.training.export.run import export_model, rows
        from assay.training.export.shipped import export_shipped
        from assay.training.trained import read_trained
    if Path(model).is_dir():
        wanted = (formats or "onnx,safetensors").split(",")
        found = export_model(
            read_trained(Path(model)),
            to,
            forms=[one.strip() for one in wanted if one.strip()],
            share=prune,
            calibrate=calibrate,
            measure=measure,
            partition=partition,
        )
    else:
        found = export_shipped(
            model, to, formats=formats, prune=prune, calibrate=calibrate, measure=measure, partition=partition
        )
    if form == "json":
        say_json(found.to_dict())
        return
    table(COLUMNS, rows(found))
    if found.pruning is not None:
        note(found.told_of_pruning())
