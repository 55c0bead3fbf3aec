"""`assay models`: the cards that travel with the weights."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from assay.cli.completion import model_names

if TYPE_CHECKING:
    from assay.models.card import Card
    from assay.settings import Settings

LONG_LIST = 6  # lists of more numbers than this are summed up

EPILOG = """\b
Examples:
  assay models
  assay models audio-resnet
  assay models audio-resnet --format json
  assay models runs/aasist-20260101T120000
"""


def models(
    name: Annotated[
        str | None,
        typer.Argument(
            help="Show the whole card of this model: a name, or the path of a run folder.", autocompletion=model_names
        ),
    ] = None,
    form: Annotated[Literal["text", "json"], typer.Option("--format", "-f", help="For people or programs.")] = "text",
) -> None:
    """List the models, or show one card: data, measured error rates, thresholds, limits.

    Beside the shipped models stand the networks in the folder that the setting models_dir names, by their folders.
    """
    from assay.cli.terminal import prepare, say, say_json, table
    from assay.models.registry import list_cards, load_card
    from assay.models.runs import find_run

    settings = prepare()
    if name is not None:
        run = find_run(name, settings.models_dir)
        card = load_card(name) if run is None else run.card
        if form == "json":
            say_json(card.model_dump(mode="json"))
        else:
            say("\n".join(card_lines(card)))
        return
    shipped, runs = list_cards(), list(_runs(settings))
    if form == "json":
        own = [{"run": folder, **card.model_dump(mode="json")} for folder, card in runs]
        say_json([*(card.model_dump(mode="json") for card in shipped), *own])
    else:
        rows = [*((card.name, card) for card in shipped), *runs]
        table(("name", "version", "kind", "size", "licence", "summary"), [_row(*one) for one in rows])


def _runs(settings: Settings) -> Iterator[tuple[str, Card]]:
    """Name and card of each run in the folder of models; one with a broken card is told and passed over."""
    from assay.cli.terminal import complain
    from assay.errors import ModelError
    from assay.models.runs import read_run, run_names

    for name in run_names(settings.models_dir):
        assert settings.models_dir is not None
        try:
            yield name, read_run(settings.models_dir / name).card
        except ModelError as error:
            complain(error.message, error.code)


def _row(name: str, card: Card) -> tuple[str, ...]:
    size = f"{card.size_bytes / 1e6:.1f} MB"
    return name, card.version, card.kind, size, card.licence_weights, card.summary


def card_lines(card: Card) -> Iterator[str]:
    """A card as indented lines: ``name: value``, parts of a value two columns deeper."""
    return _lines(card.model_dump(mode="json"), depth=0)


def _lines(value: dict[str, Any], depth: int) -> Iterator[str]:
    for name, part in value.items():
        head = "  " * depth + name.replace("_", " ")
        if part is None or part == [] or part == {}:
            continue
        if isinstance(part, dict):
            yield f"{head}:"
            yield from _lines(part, depth + 1)
        elif isinstance(part, list) and not all(isinstance(item, int | float) for item in part):
            yield f"{head}:"
            yield from _entries(part, depth + 1)
        else:
            yield f"{head}: {_short(part)}"


def _entries(items: list[Any], depth: int) -> Iterator[str]:
    """The items of a list, each behind a dash."""
    for item in items:
        if isinstance(item, dict):
            text = ", ".join(f"{name.replace('_', ' ')} {_short(part)}" for name, part in item.items())
        else:
            text = _short(item)
        yield f"{'  ' * depth}- {text}"


def _short(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list):
        if len(value) > LONG_LIST and all(isinstance(item, int | float) for item in value):
            return f"{len(value)} numbers from {_short(min(value))} to {_short(max(value))}"
        return " to ".join(map(_short, value)) if len(value) == 2 else ", ".join(map(_short, value))
    if isinstance(value, dict):
        return "; ".join(f"{name} {_short(part)}" for name, part in value.items())
    return str(value)
