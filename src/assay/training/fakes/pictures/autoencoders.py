"""Round trips through small autoencoders of our own, which differ in how they enlarge.

The networks are those of `assay.training.pictures.autoencoders`; `autoencoder_room.py` trains one from its recipe. The
weights are two files, ``NAME.safetensors`` and the card ``NAME.json``, in a folder given by ``--engines``.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from functools import cache, partial
from pathlib import Path

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import nn

from assay.errors import MissingExtra, TrainingError
from assay.training.fakes.pictures.autoencoder_recipe import AutoencoderRecipe
from assay.training.fakes.pictures.engines import find_weights
from assay.training.fakes.pictures.method import Helps, Made, Method, Pixels
from assay.training.fakes.pictures.round_trip import Trip, regional, whole
from assay.training.pictures.autoencoders import Autoencoder
from assay.training.vocoders.weights import Source

LICENCE = "Apache-2.0"
KINDS = ("transposed", "nearest", "bilinear", "shuffle")
NAMES = tuple(f"autoencoder-{kind}" for kind in KINDS)


class AutoencoderCard(BaseModel):
    """What is known of an autoencoder's weights."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    version: str
    licence: str
    sha256: str = Field(description="of the weights' file")
    parameters: int = Field(gt=0)
    psnr_db: float = Field(description="of round trips of held-out crops")
    held_out_pictures: int = Field(gt=0)
    data: tuple[Source, ...]
    recipe: AutoencoderRecipe


def weights_of(net: nn.Module) -> bytes:
    """The bytes of a weights' file, half precision."""
    return save({name: value.half().contiguous() for name, value in net.state_dict().items()})


def autoencoder_from(weights: bytes, recipe: AutoencoderRecipe) -> Autoencoder:
    """The network that a weights' file holds, float32, in evaluation mode.

    Raises:
        TrainingError: If the bytes are no weights, or those of another network.
    """
    with torch.random.fork_rng(devices=[]):
        net = Autoencoder(recipe.shape)
    try:
        net.load_state_dict({name: value.float() for name, value in load(weights).items()})
    except (SafetensorError, RuntimeError) as error:
        raise TrainingError(f"The weights of '{recipe.name}' do not fit their recipe: {error}") from error
    return net.eval().requires_grad_(False)


def write_autoencoder(weights: bytes, card: AutoencoderCard, folder: Path) -> Path:
    """Write weights and card; gives the card's path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{card.name}.json"
    text = json.dumps(card.model_dump(mode="json"), indent=1) + "\n"
    for target, content in ((folder / f"{card.name}.safetensors", weights), (path, text.encode())):
        part = target.with_name(target.name + ".part")
        part.write_bytes(content)
        part.replace(target)
    return path


def load_autoencoder(name: str, engines: Sequence[Path]) -> Autoencoder:
    """An autoencoder by its name.

    Raises:
        MissingExtra: If no folder holds it.
        TrainingError: If its files are damaged or do not belong together.
    """
    paths = _files(name, engines)
    weights = paths[1].read_bytes()
    try:
        card = AutoencoderCard.model_validate_json(paths[0].read_bytes())
    except ValidationError as error:
        raise TrainingError(f"'{paths[0]}' is not the card of an autoencoder: {error}") from error
    found = hashlib.sha256(weights).hexdigest()
    if found != card.sha256:
        raise TrainingError(
            f"'{paths[1]}' has SHA-256 {found}, but its card says {card.sha256}. The files do not belong together; "
            "train the autoencoder again."
        )
    return autoencoder_from(weights, card.recipe)


def _files(name: str, engines: Sequence[Path]) -> list[Path]:
    return find_weights(engines, name, f"{name}.json", f"{name}.safetensors")


@cache
def _trip(name: str, engines: tuple[Path, ...]) -> tuple[Trip, int]:
    net = load_autoencoder(name, engines)
    halvings = sum(isinstance(layer, nn.Conv2d) and layer.stride == (2, 2) for layer in net.encoder)

    def trip(x: torch.Tensor) -> torch.Tensor:
        y: torch.Tensor = net(x * 2 - 1)
        return (y + 1) / 2

    return trip, int(2**halvings)


def _round(pixels: Pixels, rng: np.random.Generator, helps: Helps, *, name: str) -> Made:
    return whole(pixels, *_trip(name, helps.engines), rng)


def inpaint_autoencoder(pixels: Pixels, rng: np.random.Generator, helps: Helps) -> Made:
    """A region by chance replaced by a round trip through one of the autoencoders that are there."""
    there = _there(helps.engines)
    return regional(pixels, *_trip(there[int(rng.integers(len(there)))], helps.engines), rng)


def _there(engines: Sequence[Path]) -> list[str]:
    found = []
    for name in NAMES:
        try:
            _files(name, engines)
        except MissingExtra:
            continue
        found.append(name)
    return found


def _check(engines: Sequence[Path], *, name: str) -> None:
    _files(name, engines)


def _check_any(engines: Sequence[Path]) -> None:
    if not _there(engines):
        _files(NAMES[0], engines)


def methods() -> list[Method]:
    """One for each way to enlarge, and the one for regions."""
    trips = [
        Method(name, f"Autoencoder-{kind}(own)", partial(_round, name=name), check=partial(_check, name=name))
        for name, kind in zip(NAMES, KINDS, strict=True)
    ]
    inpainting = Method("inpaint-autoencoder", "Autoencoder-inpainting(own)", inpaint_autoencoder, check=_check_any)
    return [*trips, inpainting]
