"""`assay train`: make a model again from its recipe, or train any architecture of the zoo. Needs the extra `train`.

Decision: one command for each medium. With MODEL the general trainer trains that architecture; without it the recipe of
our own detector is followed, as before.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from assay.cli.extras import training_extra
from assay.cli.train_zoo import (
    ALL_EPILOG,
    SEARCH_EPILOG,
    Changes,
    Devices,
    Epochs,
    Folds,
    Given,
    Model,
    NoFineTune,
    OnError,
    needed,
    search,
    train_every,
    train_one,
)

EPILOG = """\b
Examples:
  assay train audio --recipe recipes/audio-resnet.toml --data protocol.csv --work runs/first
  assay train audio --recipe recipes/audio-resnet.toml --data protocol.csv --work runs/first --resume
  assay train audio --recipe longer.toml --data protocol.csv --work runs/second --start runs/first
  assay train audio sinc-lcnn --data protocol.csv --epochs 20
  assay train audio sinc-lcnn --data protocol.csv --folds 5 --set optimisation.loss=focal --on-error skip

With MODEL a run folder is made in --out (runs): weights, ONNX, card, figures, plots. Models: assay.training.zoo.
"""

IMAGE_EPILOG = """\b
Examples:
  assay train image --recipe recipes/picture-lite.toml --data protocol.csv --imagenet lite0.pth --work runs/p
  assay train image --recipe r.toml --data a.csv --data b.csv --imagenet lite0.pth --work runs/p --device cuda
  assay train image efficientnet --data protocol.csv --start lite0.pth --no-fine-tune --epochs 10

With MODEL a run folder is made in --out (runs): weights, ONNX, card, figures, plots.
Without it, what is done in --work stays: pack on one machine, train on another with a GPU, publish on a third.
"""

VOCODER_EPILOG = """\b
Examples:
  assay train vocoder --recipe recipes/vocoder-istft.toml --data protocol.csv --work runs/istft
  assay train vocoder --recipe recipes/vocoder-istft.toml --data protocol.csv --work runs/istft --resume
"""

VIDEO_EPILOG = """\b
Examples:
  assay train video --recipe recipes/video-lite.toml --data videos/protocol.csv --work runs/v
  assay train video frame-rnn --data videos/protocol.csv --epochs 30

With MODEL a run folder is made in --out (runs): weights, ONNX, card, figures, plots.
Without it, videos are watched once; what was seen stays in --work.
"""

AUTOENCODER_EPILOG = """\b
Examples:
  assay train autoencoder --recipe recipes/autoencoder-shuffle.toml --data protocol.csv --out engines
  assay data fakes protocol.csv --to faked --methods autoencoder-shuffle=100 --engines engines
"""

Recipe = Annotated[Path, typer.Option(help="Recipe, a TOML file.", exists=True, dir_okay=False)]
Data = Annotated[
    list[Path],
    typer.Option(help="Protocol: CSV with path, key, partition. May be given again.", exists=True, dir_okay=False),
]
Resume = Annotated[bool, typer.Option("--resume", help="Go on from the last checkpoint in --work.")]
Start = Annotated[
    Path | None,
    typer.Option(
        help="Work folder of an ended run, with whose weights training begins; with MODEL weights or a run folder."
    ),
]
Out = Annotated[
    Path | None,
    typer.Option(help="Folder for weight and card, --work if not given; with MODEL of run folders.", file_okay=False),
]

app = typer.Typer(help="Train a model from a recipe, or any architecture.", no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def _train() -> None:
    """Train a model from a recipe, or any architecture."""


@app.command(epilog=EPILOG)
def audio(
    data: Data,
    model: Model = None,
    recipe: Given = None,
    work: Annotated[
        Path | None, typer.Option(help="Folder for checkpoints, caches and the run.", file_okay=False)
    ] = None,
    resume: Resume = False,
    jobs: Annotated[int | None, typer.Option("--jobs", "-j", help="Processes that prepare data.")] = None,
    start: Start = None,
    member: Annotated[
        list[Path] | None,
        typer.Option(help="Work folder of an ended run whose branches join in. May be given again.", file_okay=False),
    ] = None,
    out: Out = None,
    changes: Changes = None,
    epochs: Epochs = None,
    devices: Devices = None,
    folds: Folds = None,
    no_fine_tune: NoFineTune = False,
    on_error: OnError = None,
) -> None:
    """Train a detector of synthetic sound and export it with its card."""
    if model is not None:
        train_one(
            "audio", model, data, recipe=recipe, out=out, jobs=jobs, resume=resume, changes=changes, epochs=epochs,
            devices=devices, folds=folds, fine_tune=not no_fine_tune, start=start, on_error=on_error,
            unfitting={"work": work, "member": member},
        )  # fmt: skip
        return
    plan, folder = needed(recipe=recipe, work=work)
    from assay.cli.terminal import prepare_long, say

    settings = prepare_long(jobs=jobs)
    with training_extra("Training"):
        from assay.training.run import train_audio
    card = train_audio(
        plan, data, folder, resume=resume, jobs=settings.jobs, start=start, members=member or (), out=out
    )
    say(str(card))


@app.command(epilog=IMAGE_EPILOG)
def image(
    data: Data,
    model: Model = None,
    recipe: Given = None,
    work: Annotated[
        Path | None, typer.Option(help="Folder for crops, checkpoints and the run.", file_okay=False)
    ] = None,
    imagenet: Annotated[
        Path | None,
        typer.Option(
            help="Weights of efficientnet_lite0 that training begins with, .pth.", exists=True, dir_okay=False
        ),
    ] = None,
    resume: Resume = False,
    jobs: Annotated[int | None, typer.Option("--jobs", "-j", help="Processes that prepare and measure.")] = None,
    device: Annotated[str, typer.Option(help="Where the network is trained, as torch names it.")] = "cpu",
    start: Start = None,
    out: Out = None,
    changes: Changes = None,
    epochs: Epochs = None,
    devices: Devices = None,
    folds: Folds = None,
    no_fine_tune: NoFineTune = False,
    on_error: OnError = None,
) -> None:
    """Train a detector of synthetic and changed pictures and export it with its card."""
    if model is not None:
        train_one(
            "image", model, data, recipe=recipe, out=out, jobs=jobs, resume=resume, changes=changes, epochs=epochs,
            devices=devices, folds=folds, fine_tune=not no_fine_tune, start=start, on_error=on_error,
            unfitting={"work": work, "imagenet": imagenet},
        )  # fmt: skip
        return
    plan, folder, weights = needed(recipe=recipe, work=work, imagenet=imagenet)
    from assay.cli.terminal import prepare_long, say

    settings = prepare_long(jobs=jobs)
    with training_extra("Training"):
        from assay.training.pictures.run import train_image
    card = train_image(
        plan, data, folder, imagenet=weights, start=start, resume=resume, jobs=settings.jobs, device=device, out=out
    )
    say(str(card))


@app.command(epilog=VIDEO_EPILOG)
def video(
    data: Data,
    model: Model = None,
    recipe: Given = None,
    work: Annotated[Path | None, typer.Option(help="Folder for what was seen of each video.", file_okay=False)] = None,
    resume: Annotated[bool, typer.Option("--resume", help="MODEL: go on from the last checkpoint.")] = False,
    jobs: Annotated[int | None, typer.Option("--jobs", "-j", help="MODEL: processes that prepare data.")] = None,
    start: Annotated[Path | None, typer.Option(help="MODEL: weights or run folder that training begins with.")] = None,
    out: Out = None,
    changes: Changes = None,
    epochs: Epochs = None,
    devices: Devices = None,
    folds: Folds = None,
    no_fine_tune: NoFineTune = False,
    on_error: OnError = None,
) -> None:
    """Train a detector of synthetic and changed videos and export it with its card."""
    if model is not None:
        train_one(
            "video", model, data, recipe=recipe, out=out, jobs=jobs, resume=resume, changes=changes, epochs=epochs,
            devices=devices, folds=folds, fine_tune=not no_fine_tune, start=start, on_error=on_error,
            unfitting={"work": work},
        )  # fmt: skip
        return
    plan, folder = needed(recipe=recipe, work=work)
    from assay.cli.terminal import prepare_long, say

    prepare_long()
    with training_extra("Training"):
        from assay.training.video.run import train_video
    say(str(train_video(plan, data, folder, out=out)))


app.command("all", epilog=ALL_EPILOG)(train_every)
app.command("search", epilog=SEARCH_EPILOG)(search)


@app.command(epilog=VOCODER_EPILOG)
def vocoder(
    recipe: Recipe,
    data: Data,
    work: Annotated[Path, typer.Option(help="Folder for the checkpoint.", file_okay=False)],
    resume: Resume = False,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder for weights and card; --work if not given.", file_okay=False),
    ] = None,
) -> None:
    """Train a small vocoder, with which fakes are made."""
    from assay.cli.terminal import prepare_long, say

    prepare_long()
    with training_extra("Training"):
        from assay.training.vocoders.run import train_vocoder
    say(str(train_vocoder(recipe, data, work, resume=resume, out=out)))


@app.command(epilog=AUTOENCODER_EPILOG)
def autoencoder(
    recipe: Recipe,
    data: Data,
    out: Annotated[Path, typer.Option(help="Folder for weights and card.", file_okay=False)],
) -> None:
    """Train a small autoencoder of pictures, with which fakes are made."""
    from assay.cli.terminal import prepare_long, say

    prepare_long()
    with training_extra("Training"):
        from assay.training.fakes.pictures.autoencoder_room import train_autoencoder
    say(str(train_autoencoder(recipe, data, out)))
