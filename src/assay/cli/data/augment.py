"""`assay data augment`: copies of recordings and pictures as they come out of the world. Needs the extra `train`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from assay.errors import MissingExtra

EPILOG = """\b
Examples:
  assay data augment protocol.csv --to augmented
  assay data augment protocol.csv --to augmented --copies 3 --seed 1 --jobs 2
  assay data augment protocol.csv --to augmented --recipe recipes/audio-resnet.toml --on-error skip

Run it again to go on where it was interrupted.
"""


def augment(
    protocol: Annotated[list[Path], typer.Argument(help="CSV or Parquet files with path and key.", exists=True)],
    to: Annotated[Path, typer.Option("--to", help="Folder for the files and protocol.csv.", file_okay=False)],
    copies: Annotated[int, typer.Option(min=1, help="Of each file.")] = 1,
    seed: Annotated[int, typer.Option(help="Decides everything that is drawn.")] = 0,
    partition: Annotated[str | None, typer.Option(help="Only the trials of this partition.")] = None,
    recipe: Annotated[
        Path | None,
        typer.Option(help="Recipe of a detector of sound, for its [augmentation].", exists=True, dir_okay=False),
    ] = None,
    max_seconds: Annotated[float, typer.Option(min=1.0, help="Longest recording.")] = 12.0,
    max_side: Annotated[int, typer.Option(min=96, help="Pictures are reduced to so many pixels a side.")] = 512,
    on_error: Annotated[Literal["stop", "skip"], typer.Option(help="What to do about a file that cannot be read.")] = (
        "stop"
    ),
    jobs: Annotated[int | None, typer.Option("--jobs", "-j", help="Processes.")] = None,
) -> None:
    """Make augmented copies, each with its row in protocol.csv that names its parent.

    Recordings go through codecs, rooms, noise and band limits and come out as FLAC; of pictures a square goes through
    scaling, light, noise and JPEG and comes out as PNG. A spoof and the file that it was made from are treated alike.
    """
    from assay.cli.terminal import note, prepare_long, say
    from assay.data import read_protocol

    settings = prepare_long(jobs=jobs)
    try:
        from assay.training.augmented import Order, augment_folder
        from assay.training.recipe import Augmentation, load_recipe
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] in {"torch", "scipy"}:
            raise MissingExtra.of("train", "Augmentation") from error
        raise
    trials = [trial for path in protocol for trial in read_protocol(path, partition=partition)]
    chances = load_recipe(recipe).augmentation if recipe else Augmentation()
    order = Order(to, copies, seed, chances, max_seconds, max_side)
    made = augment_folder(trials, order, jobs=settings.jobs, on_error=on_error)
    note(f"{len(made.trials)} copies" + (f", {len(made.failures)} left out" if made.failures else ""))
    say(str(to / "protocol.csv"))
