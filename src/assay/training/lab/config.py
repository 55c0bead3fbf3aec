"""Everything but the data that determines a run, read from TOML, from ``key=value`` pairs, or built in Python.

Decision: every field has a default, so that a run needs no file. A run is known by `Run.fingerprint`, which covers
every field that its weights depend on; how many processes read for it is not among them.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError, field_validator, model_validator

from assay.errors import TrainingError
from assay.training.pictures.recipe import Augmentation as PictureChances
from assay.training.recipe import Augmentation as ChannelChances
from assay.training.recipe import Part, complaints, read_tables

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

OnError = Literal["stop", "skip"]
Balance = Literal["none", "key", "source"]
Group = Literal["source", "speaker", "identity", "parent", "content"]


class Data(Part):
    """What is learnt from, and how it is read."""

    train: str = Field(default="train", description="partition that is learnt from")
    validation: str = Field(
        default="dev", description="partition that epochs are measured on; split off `train` if the protocol has none"
    )
    test: str = Field(default="", description="partition that is scored once at the end; empty for none")
    validation_share: float = Field(default=0.2, gt=0, lt=1, description="of `train`, where it is split off")
    group_by: tuple[Group, ...] = Field(
        default=("source", "speaker", "identity", "parent", "content"),
        description="trials that share one of these never stand on both sides of a split",
    )
    batch_size: int = Field(default=32, gt=0, multiple_of=2, description="media in a batch of one device")
    epoch_batches: int = Field(default=0, ge=0, description="batches from one check to the next; 0 for all the data")
    balance: Balance = Field(default="key", description="draw evenly over nothing, keys, or keys and then sources")
    windows: int = Field(
        default=3, gt=0, le=1_000, description="stretches of a recording that its score is the mean of"
    )
    longest_s: float = Field(
        default=30.0, gt=0, le=3_600, description="of a recording or video; the rest is not looked at"
    )
    look: Literal["whole", "face"] = Field(default="whole", description="part of a picture or frame that is seen")
    augment: bool = Field(default=True, description="whether `sound`, `picture` and `video` chances apply")
    prepare: bool = Field(default=True, description="decode everything before training, so that errors come first")
    on_error: OnError = Field(default="stop", description="what bad data do: stop the run, or be counted and left out")


class Optimisation(Part):
    """How the weights are found."""

    epochs: int = Field(default=20, gt=0, description="checks in all, at most")
    minutes: float | None = Field(default=None, gt=0, description="stop after so long; such a run cannot be repeated")
    optimiser: Literal["adam", "adamw", "sgd"] = "adamw"
    learning_rate: float = Field(default=1e-3, gt=0, description="peak")
    weight_decay: float = Field(default=1e-2, ge=0, description="of weights; norms and biases are not drawn to zero")
    momentum: float = Field(default=0.9, ge=0, lt=1, description="of SGD")
    gradient_clip: float = Field(default=5.0, ge=0, description="largest norm of the gradient; 0 for any")
    accumulate: int = Field(default=1, gt=0, description="batches to a step")
    precision: Literal["32", "bf16", "auto"] = Field(
        default="auto", description="auto: bf16 where hardware multiplies it, else 32"
    )
    scheduler: Literal["none", "cosine", "step", "plateau"] = "cosine"
    warm_up: float = Field(default=0.05, ge=0, lt=1, description="share of the steps in which the rate rises")
    step_epochs: int = Field(default=10, gt=0, description="of `step`: epochs between two falls")
    factor: float = Field(default=0.3, gt=0, lt=1, description="of `step` and `plateau`: what the rate falls by")
    plateau_patience: int = Field(default=3, ge=0, description="of `plateau`: checks without gain before a fall")
    patience: int = Field(default=0, ge=0, description="checks without gain before training ends; 0 for never")
    monitor: Literal["loss", "auc", "eer"] = Field(default="loss", description="of validation: which check is the best")
    keep: Literal["best", "last"] = Field(default="best", description="weights that are kept")
    loss: Literal["bce", "focal"] = "bce"
    focal_gamma: float = Field(default=2.0, ge=0, description="how little easy media count")
    focal_alpha: float = Field(default=0.5, gt=0, lt=1, description="weight of spoofs; bona fide have the rest")
    class_weights: Literal["none", "balanced"] | tuple[float, float] = Field(
        default="none", description="of bona fide and spoof; balanced: inverse to how many are drawn"
    )
    label_smoothing: float = Field(
        default=0.0, ge=0, lt=0.5, description="keeps logits finite on labels that are wrong"
    )

    @field_validator("precision", mode="before")
    @classmethod
    def _word(cls, value: Any) -> Any:
        return str(value) if isinstance(value, int) else value  # on a command line 32 is a number

    @field_validator("class_weights")
    @classmethod
    def _positive(cls, value: str | tuple[float, float]) -> str | tuple[float, float]:
        if not isinstance(value, str) and min(value) <= 0:
            raise ValueError("weights must be above 0")
        return value


class Adversarial(Part):
    """Inputs moved to where the loss rises (Goodfellow et al., ICLR 2015; Madry et al., ICLR 2018)."""

    method: Literal["none", "fgsm", "pgd"] = "none"
    share: float = Field(default=0.5, gt=0, le=1, description="of each batch")
    epsilon: float = Field(
        default=0.0, ge=0, description="largest change; 0 for 0.002 of full scale (sound), 2 levels (pixels), 0.02"
    )
    steps: int = Field(default=3, gt=0, description="of PGD")


class Sound(ChannelChances):
    """Chances of what happens to recordings; see `assay.training.lab.sounds`."""

    codec: float = Field(default=0.0, ge=0, le=1, description="encode and decode; costs up to 50 ms each")
    speed: float = Field(default=0.2, ge=0, le=1, description="play 10 % slower to 10 % faster, pitch with it")
    stretch: float = Field(default=0.0, ge=0, le=1, description="10 % slower to 10 % faster, pitch kept")
    pitch: float = Field(default=0.0, ge=0, le=1, description="up to two semitones up or down, speed kept")
    gain: float = Field(default=0.5, ge=0, le=1, description="12 dB softer to 6 dB louder")
    blank: float = Field(default=0.2, ge=0, le=1, description="silence a stretch of up to 0.3 s")
    noises: str = Field(default="", description="folder of FLAC recordings of noise")
    rooms: str = Field(default="", description="folder of FLAC impulse responses of rooms")


class Picture(PictureChances):
    """Chances of what happens to pictures; see `assay.training.pictures.history`."""


class Video(Part):
    """Chances of what happens to all frames of a video alike."""

    light: float = Field(default=0.5, ge=0, le=1, description="change brightness, contrast and colour")
    blur: float = Field(default=0.1, ge=0, le=1, description="blur")
    noise: float = Field(default=0.15, ge=0, le=1, description="add noise; of features: 5 % of their spread")
    jpeg: float = Field(default=0.5, ge=0, le=1, description="compress every frame")
    reverse: float = Field(default=0.0, ge=0, le=1, description="play backwards")
    still: float = Field(default=0.1, ge=0, le=1, description="hold frames, as a slow connection does")


class Machine(Part):
    """Who computes; the weights do not depend on `workers`."""

    accelerator: Literal["auto", "cpu", "gpu"] = "auto"
    devices: int = Field(
        default=1, gt=0, description="processes; each takes batches of its own, gradients are averaged"
    )
    strategy: str = Field(default="auto", description="of Lightning; auto is ddp_spawn for more than one device")
    workers: int | None = Field(
        default=None, ge=0, description="processes of each device that read and treat; as many as are idle, up to 4"
    )


class Run(Part):
    """One training run of one architecture."""

    model: str = Field(description="architecture, as `assay.training.zoo.names` lists them")
    options: dict[str, Any] = Field(default_factory=dict, description="of the architecture")
    shape: tuple[int, ...] = Field(default=(), description="of one input; empty for the architecture's own")
    version: str = "1"
    seed: int = Field(default=0, ge=0, lt=2**31, description="decides everything that is drawn")
    folds: int = Field(default=0, ge=0, description="parts for cross-validation; 0 for none")
    start: str = Field(default="", description="weights that training begins with")
    fine_tune: bool = Field(default=True, description="whether the backbone learns, too")
    freeze: tuple[str, ...] = Field(
        default=(), description="beginnings of the names of parameters that stay as they are"
    )
    data: Data = Data()
    optimisation: Optimisation = Optimisation()
    adversarial: Adversarial = Adversarial()
    sound: Sound = Sound()
    picture: Picture = Picture()
    video: Video = Video()
    machine: Machine = Machine()
    search: dict[str, Any] = Field(default_factory=dict, description="space of `assay train search`")

    @model_validator(mode="after")
    def _folds(self) -> Run:
        if self.folds == 1:
            raise ValueError("folds is 1; give 2 or more, or 0 for none")
        return self

    def fingerprint(self) -> str:
        """Hash of every field that the weights depend on."""
        shown = self.model_dump_json(exclude={"version": True, "machine": {"workers"}, "search": True})
        return hashlib.sha256(shown.encode()).hexdigest()


def load_run(model: str, recipe: Path | None = None, changes: Sequence[str] = (), **given: Any) -> Run:
    """Put a run together: defaults < recipe < `changes` < `given`.

    Args:
        model: Architecture.
        recipe: TOML with the fields of `Run`; None for the defaults. It may leave `model` out.
        changes: ``table.key=value`` or ``key=value``; values as in TOML, texts without quotes, too.
        **given: Fields by dotted name with ``__`` for the dot, such as ``optimisation__epochs``; None for not given.

    Raises:
        TrainingError: Naming each field that is unknown or out of range.
    """
    tables: dict[str, Any] = read_tables(recipe) if recipe else {}
    for change in changes:
        name, equals, text = change.partition("=")
        if not equals or not name.strip():
            raise TrainingError(f"'{change}' is no setting; write key=value, such as optimisation.learning_rate=3e-4.")
        _put(tables, name.strip().split("."), _value(text.strip()))
    for field, value in given.items():
        if value is not None:
            _put(tables, field.split("__"), value)
    tables["model"] = model
    return run_of(tables)


def run_of(tables: Mapping[str, Any]) -> Run:
    """A run of nested tables.

    Raises:
        TrainingError: Naming each field that is unknown or out of range.
    """
    try:
        return Run.model_validate(dict(tables))
    except ValidationError as error:
        raise TrainingError(f"The settings of the run are wrong: {complaints(error)}.") from error


def changed(run: Run, changes: Mapping[str, Any]) -> Run:
    """A run with other values under dotted names."""
    tables = run.model_dump()
    for name, value in changes.items():
        _put(tables, name.split("."), value)
    return run_of(tables)


def _put(tables: dict[str, Any], names: Sequence[str], value: Any) -> None:
    *outer, last = names
    for name in outer:
        inner = tables.setdefault(name, {})
        if not isinstance(inner, dict):
            raise TrainingError(f"'{'.'.join(names)}': '{name}' is a value and holds no other settings.")
        tables = inner
    tables[last] = value


def _value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except ValueError:
        return text


def to_toml(tables: Mapping[str, Any], name: str = "") -> str:
    """Plain values and nested tables as TOML; None is left out, as TOML has none."""
    plain = {key: value for key, value in tables.items() if not isinstance(value, Mapping) and value is not None}
    lines = [f"{_key(key)} = {_written(value)}" for key, value in plain.items()]
    text = "\n".join([*([f"[{name}]"] if name and plain else []), *lines]) + ("\n" if lines else "")
    for key, value in tables.items():
        if isinstance(value, Mapping):
            text += to_toml(value, f"{name}.{_key(key)}" if name else _key(key))
    return text


def _key(key: str) -> str:
    plain = key.replace("_", "").replace("-", "").isalnum() and key.isascii()
    return key if plain else _written(key)


def _written(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")
        return f'"{escaped}"'
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(_written, value))}]"
    return repr(value)
