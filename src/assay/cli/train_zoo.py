"""`assay train audio|image|video MODEL`, `all` and `search`: the general trainer's options, and how they reach it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, cast

import typer

from assay.cli.extras import training_extra

if TYPE_CHECKING:
    from assay.training.lab.config import Run

ALL_EPILOG = """\b
Examples:
  assay train all --media audio --data protocol.csv --epochs 10 --out runs
  assay train all --media image --data protocol.csv --set data.batch_size=16 --resume

The table is a CSV in --out. Budget and settings are the same for every architecture.
"""

SEARCH_EPILOG = """\b
Examples:
  assay train search sinc-lcnn --data protocol.csv --trials 20 --epochs 5 --work runs/search
  assay train audio sinc-lcnn --data protocol.csv --recipe runs/search/best.toml

The space is the table [search] of the recipe: dotted names with {low, high, log} or lists of choices.
"""

Model = Annotated[
    str | None,
    typer.Argument(help="Architecture to train with the general trainer; without it a recipe of our own detector."),
]
Changes = Annotated[
    list[str] | None,
    typer.Option("--set", help="MODEL: a setting, such as optimisation.learning_rate=3e-4. May be given again."),
]
Epochs = Annotated[int | None, typer.Option(min=1, help="MODEL: checks in all.")]
Devices = Annotated[int | None, typer.Option(min=1, help="MODEL: processes or GPUs that train together.")]
Folds = Annotated[int | None, typer.Option(min=2, help="MODEL: cross-validate in so many parts, groups kept whole.")]
NoFineTune = Annotated[bool, typer.Option("--no-fine-tune", help="MODEL: leave the backbone of --start as it is.")]
OnError = Annotated[
    Literal["stop", "skip"] | None,
    typer.Option(help="MODEL: whether bad data stop the run or are counted and left out."),
]
Given = Annotated[
    Path | None,
    typer.Option(
        "--recipe", help="Recipe, a TOML file; with MODEL the trainer's settings.", exists=True, dir_okay=False
    ),
]
Data = Annotated[
    list[Path],
    typer.Option(help="Protocol: CSV with path, key, partition. May be given again.", exists=True, dir_okay=False),
]
Jobs = Annotated[int | None, typer.Option("--jobs", "-j", help="Processes that prepare data.")]
RUNS = Path("runs")


def needed(**given: Path | None) -> tuple[Path, ...]:
    """Options that a command needs without MODEL.

    Raises:
        typer.BadParameter: If one was not given.
    """
    for name, value in given.items():
        if value is None:
            raise typer.BadParameter(f"Missing option '--{name}'; or name a MODEL to train with the general trainer.")
    return tuple(cast("Path", value) for value in given.values())


def train_one(
    media: str,
    model: str,
    data: list[Path],
    *,
    out: Path | None,
    jobs: int | None,
    resume: bool,
    unfitting: dict[str, object],
    **settings: Any,
) -> None:
    """Train MODEL and print its run folder.

    Raises:
        typer.BadParameter: If an option of the other kind of training was given.
        TrainingError: If the model is of another medium.
    """
    for name, value in unfitting.items():
        if value:
            raise typer.BadParameter(f"'--{name}' is for recipes of our own detectors and does not go with MODEL.")
    from assay.cli.terminal import say
    from assay.errors import TrainingError

    processes = _prepared(jobs)
    with training_extra("Training"):
        from assay.training.lab.run import train
        from assay.training.zoo import architecture, names
    if architecture(model).media != media:
        known = ", ".join(names(media))  # type: ignore[arg-type] # one of its three
        raise TrainingError(f"'{model}' is for {architecture(model).media}; for {media} there are: {known}.")
    say(str(train(run_of(model, **settings), data, out or RUNS, resume=resume, jobs=processes)))


def run_of(
    model: str,
    *,
    recipe: Path | None,
    changes: list[str] | None,
    epochs: int | None,
    devices: int | None = None,
    folds: int | None = None,
    fine_tune: bool = True,
    start: Path | None = None,
    on_error: str | None = None,
) -> Run:
    """The settings in force: defaults < recipe < --set < options.

    Raises:
        TrainingError: If one is wrong.
    """
    from assay.training.lab.config import load_run

    return load_run(
        model,
        recipe,
        changes or (),
        optimisation__epochs=epochs,
        machine__devices=devices,
        folds=folds,
        fine_tune=None if fine_tune else False,
        start=None if start is None else str(start),
        data__on_error=on_error,
    )


def train_every(
    media: Annotated[Literal["audio", "image", "video"], typer.Option(help="Whose architectures.")],
    data: Data,
    recipe: Given = None,
    changes: Changes = None,
    epochs: Epochs = None,
    devices: Devices = None,
    folds: Folds = None,
    on_error: OnError = None,
    variants: Annotated[bool, typer.Option("--variants", help="Train the named variants, too.")] = False,
    resume: Annotated[
        bool, typer.Option("--resume", help="Leave finished runs, go on with an interrupted one.")
    ] = False,
    jobs: Jobs = None,
    out: Annotated[Path, typer.Option(help="Folder of run folders and of the table.", file_okay=False)] = RUNS,
) -> None:
    """Train every architecture of a medium with one budget, and write a table."""
    from assay.cli.terminal import say

    processes = _prepared(jobs)
    with training_extra("Training"):
        from assay.training.lab.every import train_all
        from assay.training.zoo import names
    first = next(iter(names(media)), "")
    run = run_of(first, recipe=recipe, changes=changes, epochs=epochs, devices=devices, folds=folds, on_error=on_error)
    say(str(train_all(run, media, data, out, variants=variants, resume=resume, jobs=processes)))


def search(
    model: Annotated[str, typer.Argument(help="Architecture.")],
    data: Data,
    work: Annotated[Path, typer.Option(help="Folder for trials.csv and best.toml.", file_okay=False)],
    trials: Annotated[int, typer.Option(min=1, help="Settings to try.")] = 20,
    recipe: Given = None,
    changes: Changes = None,
    epochs: Epochs = None,
    on_error: OnError = None,
    jobs: Jobs = None,
) -> None:
    """Search settings of an architecture by short trainings; the best become a recipe."""
    from assay.cli.terminal import say

    processes = _prepared(jobs)
    with training_extra("Training"):
        from assay.training.lab.search import search as searched
    run = run_of(model, recipe=recipe, changes=changes, epochs=epochs, on_error=on_error)
    say(str(searched(run, data, work, trials=trials, jobs=processes)))


def _prepared(jobs: int | None) -> int:
    """Settings and logs in force; how many processes prepare data."""
    from assay.cli.terminal import prepare_long

    return prepare_long(jobs=jobs).jobs
