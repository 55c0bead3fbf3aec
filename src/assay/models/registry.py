"""Which models there are: the cards in the package's `weights` folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from assay.errors import CardError, ModelNotFound, SelfTestFailed
from assay.models.card import Card, DetectorCard, FaceCard, PictureCard, SpeakerCard, VideoCard, ZooCard

Kind = TypeVar("Kind", bound=Card)
CLASSES: dict[str, type[Card]] = {
    "audio-detector": DetectorCard,
    "eye-landmarks": FaceCard,
    "face-detector": FaceCard,
    "face-landmarks": FaceCard,
    "picture-detector": PictureCard,
    "speaker-encoder": SpeakerCard,
    "speech-activity": Card,
    "video-detector": VideoCard,
    "zoo-detector": ZooCard,
}


def weights_folder() -> Path:
    """Where cards, weights and known-answer samples lie."""
    return Path(__file__).parent.parent / "weights"


def read_sample(name: str) -> NDArray[np.uint8]:
    """A shipped picture, a plain PNG, as uint8 RGB of shape (height, width, 3).

    Raises:
        SelfTestFailed: If it cannot be read.
    """
    from PIL import Image

    try:
        with Image.open(weights_folder() / name, formats=("PNG",)) as image:
            return np.asarray(image.convert("RGB"))
    except (OSError, SyntaxError, ValueError) as error:  # Pillow reports a broken PNG as a SyntaxError
        raise SelfTestFailed(f"The sample '{name}' cannot be read: {error}. Reinstall Assay.") from error


def model_names() -> list[str]:
    """Names of all models, sorted."""
    return sorted(path.stem for path in weights_folder().glob("*.json"))


def list_cards() -> list[Card]:
    """All cards, sorted by name.

    Raises:
        CardError: If one is malformed.
    """
    return [load_card(name) for name in model_names()]


def load_card(name: str) -> Card:
    """The card of a model.

    Raises:
        ModelNotFound: If there is none of that name; the message lists what there is.
        CardError: If the card cannot be read, is not valid JSON or lacks a field.
    """
    known = model_names()
    if name not in known:  # not a look at the disk: a name with slashes would reach other folders
        raise ModelNotFound(f"There is no model '{name}'. `assay models` lists: {', '.join(known)}.", model=name)
    try:
        text = (weights_folder() / f"{name}.json").read_text(encoding="utf-8")
        fields = json.loads(text)
        kind = fields.get("kind") if isinstance(fields, dict) else None
        if not isinstance(kind, str) or kind not in CLASSES:
            raise CardError(f"The card of '{name}' is malformed: its kind is {kind!r}. Reinstall Assay.", model=name)
        return CLASSES[kind].model_validate_json(text)
    except (OSError, ValueError) as error:  # pydantic's ValidationError is a ValueError
        raise CardError(f"The card of '{name}' is malformed: {error}. Reinstall Assay.", model=name) from error


def detector_card(name: str) -> DetectorCard:
    """The card of a detector of sound.

    Raises:
        ModelNotFound: If there is no such model, or it is not a detector of sound.
        CardError: If its card is malformed.
    """
    return _card_of(name, DetectorCard, "judge sound")


def picture_card(name: str) -> PictureCard:
    """The card of a detector of pictures.

    Raises:
        ModelNotFound: If there is no such model, or it is not a detector of pictures.
        CardError: If its card is malformed.
    """
    return _card_of(name, PictureCard, "judge pictures")


def video_card(name: str) -> VideoCard:
    """The card of a detector of videos.

    Raises:
        ModelNotFound: If there is no such model, or it is not a detector of videos.
        CardError: If its card is malformed.
    """
    return _card_of(name, VideoCard, "judge videos")


def face_card(name: str) -> FaceCard:
    """The card of a network that looks at faces.

    Raises:
        ModelNotFound: If there is no such model, or it is of another kind.
        CardError: If its card is malformed.
    """
    return _card_of(name, FaceCard, "look at faces")


def speaker_card(name: str) -> SpeakerCard:
    """The card of a network that tells voices apart.

    Raises:
        ModelNotFound: If there is no such model, or it is of another kind.
        CardError: If its card is malformed.
    """
    return _card_of(name, SpeakerCard, "tell voices apart")


def _card_of(name: str, kind: type[Kind], does: str) -> Kind:
    card = load_card(name)
    if not isinstance(card, kind):
        fitting = ", ".join(card.name for card in list_cards() if isinstance(card, kind))
        raise ModelNotFound(f"'{name}' is a {card.kind} model and does not {does}; these do: {fitting}.", model=name)
    return card
