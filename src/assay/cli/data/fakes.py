"""`assay data fakes`: spoofs made from a protocol's bona fide clips or pictures, and by text-to-speech.

Needs the extra `train`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from assay.errors import MissingExtra, SettingsError

EPILOG = """\b
Examples:
  assay data fakes protocol.csv --to fakes --methods world,melgan --per-method 200
  assay data fakes protocol.csv --to fakes --methods kokoro=500,hifigan-drawn=400 --jobs 2
  assay data fakes protocol.csv --to fakes --methods all --per-method 100 --leave-out OWNER/NAME
  assay data fakes pictures.csv --to faked --methods landmark-swap=500,splice=150 --jobs 2

Run it again to go on where it was interrupted.
"""


def fakes(
    protocol: Annotated[list[Path], typer.Argument(help="CSV files with path and key.", exists=True, dir_okay=False)],
    to: Annotated[Path, typer.Option("--to", help="Folder for the files and protocol.csv.", file_okay=False)],
    methods: Annotated[
        str,
        typer.Option(
            help="Methods and engines, NAME or NAME=COUNT, commas between; for sounds or for pictures. 'all' is what "
            "is installed and suits the protocol's first file."
        ),
    ] = "all",
    per_method: Annotated[int, typer.Option(min=1, help="Files by each that has no count of its own.")] = 100,
    seed: Annotated[int, typer.Option(help="Decides everything that is drawn.")] = 0,
    jobs: Annotated[int | None, typer.Option("--jobs", "-j", help="Processes.")] = None,
    texts: Annotated[
        Path | None,
        typer.Option(help="Lines of language, tab, sentence for the engines.", exists=True, dir_okay=False),
    ] = None,
    partition: Annotated[str, typer.Option(help="Parents are of this partition.")] = "train",
    leave_out: Annotated[
        list[str] | None, typer.Option(help="Source whose clips are no parents. May be repeated.")
    ] = None,
    max_seconds: Annotated[float, typer.Option(min=1.0, help="Longest file of sound.")] = 4.0,
    max_side: Annotated[
        int, typer.Option(min=96, help="Longest side of a picture in pixels; larger ones are reduced first.")
    ] = 1024,
    engines: Annotated[
        list[Path] | None,
        typer.Option(
            help="Folder with weights of networks for pictures. May be repeated.", exists=True, file_okay=False
        ),
    ] = None,
) -> None:
    """Make spoofs of the protocols' bona fide clips or pictures, each with its row in protocol.csv.

    A copy-synthesis names its parent; a spoken sentence has none, and its source is 'tts:ENGINE'. A changed picture has
    a bona fide twin beside it, stored as it is, and a mask of what is new.
    """
    from assay.cli.terminal import note, prepare_long, say
    from assay.data import read_protocol

    settings = prepare_long(jobs=jobs)
    try:
        from assay.training.fakes.factory import Order, make_folder, names_for
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] in {"torch", "onnxruntime", "scipy"}:
            raise MissingExtra.of("train", "Making spoofs") from error
        raise
    everything = methods == "all"
    trials = [
        trial
        for path in protocol
        for trial in read_protocol(path, partition=partition)
        if trial.source not in (leave_out or ())
    ]
    chosen = names_for(trials) if everything else methods.split(",")
    orders = [Order(name, count) for name, count in _counts(chosen, per_method)]
    made = make_folder(
        orders,
        trials,
        to,
        seed=seed,
        jobs=settings.jobs,
        texts=texts,
        max_seconds=max_seconds,
        max_side=max_side,
        engines=engines or (),
        skip_missing=everything,
    )
    note(f"{len(made)} spoofs")
    say(str(to / "protocol.csv"))


def _counts(given: list[str], per_method: int) -> list[tuple[str, int]]:
    """Name and number of files of each entry ``NAME`` or ``NAME=COUNT``."""
    counts = []
    for entry in given:
        name, equals, count = entry.strip().partition("=")
        if equals and not (count.isdecimal() and int(count) > 0):
            raise SettingsError(f"--methods: '{entry}' is neither NAME nor NAME=COUNT with a whole number above 0.")
        counts.append((name, int(count) if equals else per_method))
    return counts
