"""Which models there are: the cards in the package's `weights` folder."""

from __future__ import annotations

import json
from pathlib import Path

from pydantic import ValidationError

from assay.errors import CardError, ModelNotFound
from assay.models.card import Card, DetectorCard

CLASSES: dict[str, type[Card]] = {"audio-detector": DetectorCard, "speech-activity": Card}


def weights_folder() -> Path:
    """Where cards, weights and known-answer samples lie."""
    return Path(__file__).parent.parent / "weights"


def list_cards() -> list[Card]:
    """All cards, sorted by name."""
    names = sorted(entry.name[:-5] for entry in weights_folder().iterdir() if entry.name.endswith(".json"))
    return [load_card(name) for name in names]


def load_card(name: str) -> Card:
    """The card of a model.

    Raises:
        ModelNotFound: If there is none of that name; the message lists what there is.
        CardError: If the card is not valid JSON or lacks a field.
    """
    folder = weights_folder()
    path = folder / f"{name}.json"
    if not path.is_file():
        known = sorted(entry.name[:-5] for entry in folder.iterdir() if entry.name.endswith(".json"))
        raise ModelNotFound(f"There is no model '{name}'. `assay models` lists: {', '.join(known)}.", model=name)
    try:
        text = path.read_text(encoding="utf-8")
        kind = json.loads(text).get("kind")
        return CLASSES[kind].model_validate_json(text)
    except (ValidationError, ValueError, KeyError, AttributeError) as error:
        raise CardError(f"The card of '{name}' is malformed: {error}. Reinstall Assay.", model=name) from error


def detector_card(name: str) -> DetectorCard:
    """The card of a detector of sound.

    Raises:
        ModelNotFound: If there is no such model, or it is not a detector.
        CardError: If its card is malformed.
    """
    card = load_card(name)
    if not isinstance(card, DetectorCard):
        detectors = [c.name for c in list_cards() if isinstance(c, DetectorCard)]
        raise ModelNotFound(f"'{name}' is a {card.kind} model; detectors are: {', '.join(detectors)}.", model=name)
    return card
