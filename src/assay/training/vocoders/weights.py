"""A trained vocoder as two files: ``NAME.safetensors``, half precision, and the card ``NAME.json``.

The card holds the recipe, which says how the network is built, and the hash of the weights, which says that they
belong to it.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from safetensors import SafetensorError
from safetensors.torch import load, save

from assay.data import Trial
from assay.errors import TrainingError
from assay.training.vocoders.generator import Generator, make_generator
from assay.training.vocoders.recipe import Features, VocoderRecipe

SHIPPED = Path(__file__).parent / "weights"
LICENCE = "Apache-2.0"


class Source(BaseModel):
    """What one source gave."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: str
    licence: str
    clips: int = Field(gt=0, description="learnt from")


class VocoderCard(BaseModel):
    """What is known of a vocoder's weights."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    version: str
    kind: str
    licence: str
    sha256: str = Field(description="of the weights' file")
    parameters: int = Field(gt=0)
    steps: int = Field(gt=0, description="really made")
    sample_rate_hz: int = Field(gt=0)
    features: Features
    mel_error: float = Field(
        ge=0, description="mean distance of log mel magnitudes, nepers, of copies of held-out clips to the clips"
    )
    held_out_clips: int = Field(gt=0)
    data: tuple[Source, ...]
    recipe: VocoderRecipe


def sources_of(trials: Sequence[Trial]) -> tuple[Source, ...]:
    """Clips by source and licence, in order of their names."""
    counts = Counter((trial.source, trial.licence or "unknown") for trial in trials)
    return tuple(Source(source=s, licence=licence, clips=count) for (s, licence), count in sorted(counts.items()))


def weights_of(generator: Generator) -> bytes:
    """The bytes of a weights' file, half precision."""
    return save({name: value.half().contiguous() for name, value in generator.state_dict().items()})


def generator_from(weights: bytes, recipe: VocoderRecipe) -> Generator:
    """The network that a weights' file holds, float32, in evaluation mode.

    Raises:
        TrainingError: If the bytes are no weights, or those of another network.
    """
    with torch.random.fork_rng(devices=[]):  # who loads weights should not find other random numbers afterwards
        generator = make_generator(recipe)
    try:
        state = {name: value.float() for name, value in load(weights).items()}
        generator.load_state_dict(state)
    except (SafetensorError, RuntimeError) as error:
        raise TrainingError(f"The weights of '{recipe.name}' do not fit their recipe: {error}") from error
    return generator.eval().requires_grad_(False)


def write_vocoder(weights: bytes, card: dict[str, Any], recipe: VocoderRecipe, folder: Path) -> Path:
    """Write weights and card; `card` holds what `recipe` and the weights do not tell. Gives the card's path."""
    known = VocoderCard(
        name=recipe.name,
        version=recipe.version,
        kind=recipe.kind,
        licence=LICENCE,
        sha256=hashlib.sha256(weights).hexdigest(),
        features=recipe.features,
        recipe=recipe,
        **card,
    )
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{recipe.name}.json"
    _replace(folder / f"{recipe.name}.safetensors", weights)
    _replace(path, (json.dumps(known.model_dump(mode="json"), indent=1) + "\n").encode())
    return path


def _replace(path: Path, content: bytes) -> None:
    part = path.with_name(path.name + ".part")
    part.write_bytes(content)
    part.replace(path)


def load_vocoder(name: str, folder: Path = SHIPPED) -> tuple[Generator, VocoderCard]:
    """A vocoder by its name.

    Args:
        name: Of the weights and their card.
        folder: Where both lie; by default those that come with the package.

    Returns:
        The network in evaluation mode, and its card.

    Raises:
        TrainingError: If a file is missing or damaged, or the weights are not those of the card.
    """
    paths = folder / f"{name}.json", folder / f"{name}.safetensors"
    try:
        card, weights = VocoderCard.model_validate_json(paths[0].read_bytes()), paths[1].read_bytes()
    except OSError as error:
        raise TrainingError(
            f"The vocoder '{name}' cannot be read: '{error.filename}': {error.strerror}. Install assay again, or make "
            f"it with 'assay train vocoder'."
        ) from error
    except ValidationError as error:
        raise TrainingError(f"'{paths[0]}' is not the card of a vocoder: {error}") from error
    found = hashlib.sha256(weights).hexdigest()
    if found != card.sha256:
        raise TrainingError(
            f"'{paths[1]}' has SHA-256 {found}, but its card says {card.sha256}. The files do not belong together; "
            f"install assay again, or make both again with 'assay train vocoder'."
        )
    return generator_from(weights, card.recipe), card
