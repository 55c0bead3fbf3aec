"""A recipe: everything but the data that determines a training run, read from one TOML file.

Decision: what is not in the file has a default here, and a run is known by `Recipe.fingerprint`, which covers both. A
recipe that differs little from another one names it, ``extends = "other.toml"``, and states the differences.
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, PositiveInt, ValidationError
from pydantic_core import ErrorDetails

from assay.errors import TrainingError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

Kind = TypeVar("Kind", bound=BaseModel)


class Part(BaseModel):
    """A table of a recipe: unknown keys are errors, and nothing changes once it is read."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Optimisation(Part):
    """How the weights are found."""

    steps: int = Field(gt=0, description="optimiser steps in all")
    batch_size: int = Field(gt=3, multiple_of=4, description="clips per step; half of each key")
    learning_rate: float = Field(gt=0, description="peak, after the warm-up")
    weight_decay: float = Field(ge=0, description="AdamW decay of the convolution and dense weights")
    muon_rate: float = Field(
        default=0.0, ge=0, description="peak for convolutions by Muon; 0 leaves them to AdamW, with `learning_rate`"
    )
    label_smoothing: float = Field(
        default=0.02, ge=0, lt=0.5, description="keeps logits finite on labels that may be wrong"
    )
    average_decay: float = Field(default=0.999, ge=0, lt=1, description="exponential moving average of the weights")
    evaluate_every: int = Field(default=1000, gt=0, description="steps between scorings of the development part")


class Network(Part):
    """What is trained; see `assay.training.audio_net`."""

    views: tuple[str, ...] = Field(
        default=("mels", "pulses-phase"), min_length=1, description="how each branch looks at the sound"
    )


class Augmentation(Part):
    """Chances per clip (or pair) of what happens to both keys alike."""

    codec: float = Field(default=0.6, ge=0, le=1, description="take a clip that went through another codec")
    speed: float = Field(default=0.0, ge=0, le=1, description="play 10 % slower to 10 % faster, pitch with it")
    room: float = Field(default=0.25, ge=0, le=1, description="convolve with a room response")
    noise: float = Field(default=0.5, ge=0, le=1, description="add noise at 5 to 40 dB")
    band: float = Field(default=0.6, ge=0, le=1, description="equalise and limit the band")
    clip: float = Field(default=0.1, ge=0, le=1, description="overdrive")
    replay: float = Field(default=0.0, ge=0, le=1, description="play through a loudspeaker, record in a room again")
    boost: float = Field(default=0.0, ge=0, le=1, description="non-linear filters and impulsive noise, as RawBoost")
    pause: float = Field(default=0.0, ge=0, le=1, description="silence around a short clip rather than its repetition")
    mask: float = Field(default=0.5, ge=0, le=1, description="blank bands of the spectrogram")


class Mixture(Part):
    """Shares of the three kinds of couples in a batch; see `assay.training.batches`."""

    content: float = Field(default=0.4, ge=0, description="a spoof and the clip it was made from")
    source: float = Field(default=0.4, ge=0, description="a spoof and a bona fide clip of the same source")
    any: float = Field(default=0.2, ge=0, description="a spoof and a bona fide clip, drawn apart")


class Recipe(Part):
    """One training run."""

    name: str = Field(pattern=r"^[\w-]+$", description="of the weight and its card")
    version: str
    seed: int = Field(ge=0, lt=2**32, description="decides everything that is drawn")
    development_sources: tuple[str, ...] = Field(min_length=1, description="whole sources kept out of training")
    left_out_sources: tuple[str, ...] = Field(default=(), description="sources used for nothing, e.g. doubtful keys")
    fakes: dict[str, PositiveInt] = Field(
        default_factory=dict, description="copy-synthesis method -> number of parents"
    )
    limits: tuple[str, ...] = Field(min_length=1, description="what the card must say the model cannot do")
    codec_versions: int = Field(default=2, ge=0, le=8, description="transcoded versions kept of every clip")
    integers: bool = Field(default=True, description="publish 8-bit convolutions if that costs at most 0.005 of EER")
    optimisation: Optimisation
    network: Network = Network()
    mixture: Mixture = Mixture()
    augmentation: Augmentation = Augmentation()

    def fingerprint(self) -> str:
        """Hash of every field that the weights depend on."""
        return hashlib.sha256(self.model_dump_json(exclude={"name", "version", "limits"}).encode()).hexdigest()


def load_recipe(path: Path) -> Recipe:
    """Read and check a recipe.

    Raises:
        TrainingError: If the file cannot be read or is no TOML; or naming each field that is missing, unknown or out
            of range.
    """
    return read_recipe(path, Recipe)


def read_recipe(path: Path, kind: type[Kind]) -> Kind:
    """Read and check a recipe of any kind.

    Raises:
        TrainingError: As `load_recipe`.
    """
    try:
        return kind.model_validate(read_tables(path))
    except ValidationError as error:
        raise TrainingError(f"The recipe '{path}' is wrong: {complaints(error)}") from error


def complaints(error: ValidationError) -> str:
    """What is wrong with each field, in one line."""
    return "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}{_given(e)}" for e in error.errors())


def read_tables(path: Path) -> dict[str, Any]:
    """What a recipe and those that it extends say, unchecked.

    Raises:
        TrainingError: If a file cannot be read or is no TOML.
    """
    return _tables(path)


def _tables(path: Path, below: tuple[Path, ...] = ()) -> dict[str, Any]:
    """What a recipe says, laid over what the one that it extends says: tables key by key, all else as a whole."""
    try:
        own = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise TrainingError(f"The recipe '{path}' cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise TrainingError(f"The recipe '{path}' is not UTF-8 TOML: {error}") from error
    if "extends" not in own:
        return own
    name, chain = own.pop("extends"), (*below, path.resolve())
    if not isinstance(name, str) or (path.parent / name).resolve() in chain:
        raise TrainingError(f"The recipe '{path}' extends {name!r}; it takes the name of another recipe.")
    tables = _tables(path.parent / name, chain)
    for key, value in own.items():
        whole = not (isinstance(value, dict) and isinstance(tables.get(key), dict))
        tables[key] = value if whole else {**tables[key], **value}
    return tables


def _given(error: ErrorDetails) -> str:
    return "" if error["type"] == "missing" else f" (given: {error['input']!r})"
