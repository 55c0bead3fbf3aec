"""`assay models`: the cards that travel with the weights."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from assay.cli.completion import model_names

if TYPE_CHECKING:
    from assay.models.card import Card

LONG_LIST = 6  # lists of more numbers than this are summed up

EPILOG = """\b
Examples:
  assay models
  assay models audio-resnet
  assay models audio-resnet --format json
"""


def models(
    name: Annotated[
        str | None, typer.Argument(help="Show the whole card of this model.", autocompletion=model_names)
    ] = None,
    form: Annotated[Literal["text", "json"], typer.Option("--format", "-f", help="For people or programs.")] = "text",
) -> None:
    """List the models, or show one card: data, measured error rates, thresholds, limits."""
    from assay.cli.terminal import prepare, say, say_json, table
    from assay.models.registry import list_cards, load_card

    prepare()
    if name is not None:
        card = load_card(name)
        if form == "json":
            say_json(card.model_dump(mode="json"))
        else:
            say("\n".join(card_lines(card)))
        return
    cards = list_cards()
    if form == "json":
        say_json([card.model_dump(mode="json") for card in cards])
    else:
        table(("name", "version", "kind", "size", "licence", "summary"), [_row(card) for card in cards])


def _row(card: Card) -> tuple[str, ...]:
    size = f"{card.size_bytes / 1e6:.1f} MB"
    return card.name, card.version, card.kind, size, card.licence_weights, card.summary


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
