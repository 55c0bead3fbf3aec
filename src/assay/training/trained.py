"""Reads a trained network back from the folder of its run: what export and measuring need to know of training.

A run folder holds ``weights.safetensors`` and a config, ``config.json`` or ``config.toml``, with

    model (or architecture)   name in `assay.training.zoo`
    options                   table of what the architecture is made with; may be left out
    shape                     of one input; the architecture's own if left out
    data                      table with `windows`, `longest_s` and `look`: how files are read; usual values if left out
    pruned                    table of channels left in pruned layers, which `assay export --prune` writes

Nothing in it is run: names are looked up in the register, tensors are safetensors.
"""

from __future__ import annotations

import inspect
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn

from assay.errors import TrainingError
from assay.training.inputs import Inputs
from assay.training.lab.config import Data
from assay.training.lab.decode import form_of
from assay.training.prune import shrink_to
from assay.training.zoo import Architecture, architecture

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

WEIGHTS = "weights.safetensors"
READING = ("windows", "longest_s", "look")
CONFIGS = ("config.json", "config.toml", "run.json", "run.toml")


@dataclass(frozen=True)
class Trained:
    """A network with trained weights.

    Attributes:
        architecture: What it is.
        net: On the processor, in eval mode.
        inputs: Reads files as it takes them.
        options: What it was made with.
        pruned: Channels left in pruned layers, by module.
        folder: Of the run.
    """

    architecture: Architecture
    net: nn.Module
    inputs: Inputs
    options: Mapping[str, Any] = field(default_factory=dict)
    pruned: Mapping[str, int] = field(default_factory=dict)
    folder: Path = Path()

    def logits(self, batch: Any) -> Any:
        """Logits of inputs, shape (k, ...) to (k,), positive for spoof."""
        # A copy: mapped and decoded arrays are often read-only, which torch warns of.
        given = batch if isinstance(batch, torch.Tensor) else torch.from_numpy(np.array(batch))
        with torch.inference_mode():
            return self.net(given).reshape(-1).double().numpy()


def read_trained(folder: Path) -> Trained:
    """Read a run folder.

    Raises:
        TrainingError: If there is no config or no weights, the architecture is unknown, or they do not fit.
    """
    config = _config(folder)
    name = config.get("model", config.get("architecture"))
    if not isinstance(name, str):
        raise TrainingError(f"The config in '{folder}' names no architecture; it needs model = \"NAME\".")
    kind, options = architecture(name), _options(config)
    try:
        net = kind.make(**options)
    except (TypeError, ValueError, RuntimeError) as error:
        accepted = ", ".join(inspect.signature(kind.make).parameters)
        raise TrainingError(
            f"'{name}' cannot be made with the options {options} of '{folder}': {error}. It takes: {accepted}."
        ) from error
    kind, inputs = _reading(config, kind, folder)
    pruned = {str(module): int(count) for module, count in dict(config.get("pruned", {})).items()}
    shrink_to(net, pruned)
    _load(net, folder / WEIGHTS, name)
    return Trained(kind, net.eval(), inputs, options, pruned, folder)


def _config(folder: Path) -> dict[str, Any]:
    path = next((folder / name for name in CONFIGS if (folder / name).is_file()), None)
    if path is None:
        raise TrainingError(f"'{folder}' is no run folder: it has no {' or '.join(CONFIGS[:2])}. Train one first.")
    try:
        text = path.read_text(encoding="utf-8")
        found = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
    except (OSError, ValueError) as error:  # broken JSON, TOML and UTF-8 are all ValueErrors
        raise TrainingError(f"The config '{path}' cannot be read: {error}.") from error
    if not isinstance(found, dict):
        raise TrainingError(f"The config '{path}' is no table of names and values.")
    return found


def _options(config: Mapping[str, Any]) -> dict[str, Any]:
    options = config.get("options", {})
    return dict(options) if isinstance(options, Mapping) else {}


def _reading(config: Mapping[str, Any], kind: Architecture, folder: Path) -> tuple[Architecture, Inputs]:
    """The architecture with the shape of its inputs, and what reads them as they were read in training."""
    told, shape = config.get("data", {}), config.get("shape", ())
    try:
        data = Data.model_validate({name: told[name] for name in READING if name in told})
        shaped = kind.shaped([int(side) for side in shape])
    except (TypeError, ValueError) as error:  # pydantic's ValidationError is a ValueError
        raise TrainingError(f"The config of '{folder}' does not say how files are read: {error}.") from error
    return shaped, Inputs(form_of(shaped, longest_s=data.longest_s, look=data.look), data.windows)


def _load(net: nn.Module, path: Path, name: str) -> None:
    try:
        tensors = load_file(path)
    except (OSError, SafetensorError) as error:
        raise TrainingError(f"The weights '{path}' cannot be read: {error}. They must be safetensors.") from error
    try:
        net.load_state_dict(tensors)
    except RuntimeError as error:
        raise TrainingError(f"The weights '{path}' do not fit '{name}' with its options: {error}.") from error
