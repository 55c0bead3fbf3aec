"""Weights that training begins with, and those that it ends with."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import nn

from assay.errors import TrainingError
from assay.training.lab.config import Run
from assay.training.tensors import read_state
from assay.training.zoo import Architecture

WEIGHTS = "weights.safetensors"
TRUNKS = ("trunk", "backbone")  # what a transferred network calls the part that was trained before
log = logging.getLogger("assay.training.lab")


def begin(architecture: Architecture, run: Run) -> nn.Module:
    """A network as training begins with it: made from the seed, given weights loaded, parts frozen.

    Raises:
        TrainingError: If options, weights or names of what is to be frozen do not fit the architecture.
    """
    options = dict(run.options)
    taken = inspect.signature(architecture.make).parameters
    if not run.fine_tune and "fine_tune" in taken:
        options["fine_tune"] = False
    torch.manual_seed(run.seed)
    try:
        net = architecture.make(**options)
    except (TypeError, ValueError, RuntimeError) as error:
        raise TrainingError(
            f"'{architecture.name}' cannot be made with the options {options}: {error}. It takes {sorted(taken)}."
        ) from error
    if run.start:
        load_start(net, Path(run.start))
    elif not run.fine_tune:
        raise TrainingError("A backbone that does not learn must know something: name its weights with --start.")
    _freeze(net, run, told="fine_tune" in taken)
    return net


def load_start(net: nn.Module, path: Path) -> None:
    """Load weights: of a run folder or a file, its own names or those of ImageNet's published weights.

    Where a part of the names fits, as where the last layer is another one, the others stay as they are.

    Raises:
        TrainingError: If the file cannot be read, or little of it fits.
    """
    file = path / WEIGHTS if path.is_dir() else path
    given, own = read_state(file), net.state_dict()
    fitting = {name: value for name, value in given.items() if name in own and own[name].shape == value.shape}
    known = sum(own[name].numel() for name in fitting) / max(1, sum(value.numel() for value in own.values()))
    if known < 0.5 and callable(load := getattr(net, "load_imagenet", None)):
        load(file)
        return
    if known < 0.5:
        raise TrainingError(
            f"'{file}' fits {known:.0%} of this network. Give weights of this architecture with these options."
        )
    if left := sorted(set(own) - set(fitting)):
        log.warning("%d of %d tensors begin at random: %s", len(left), len(own), ", ".join(left[:5]))
    net.load_state_dict({**own, **fitting})


def write_weights(net: nn.Module, path: Path, notes: Mapping[str, str]) -> None:
    """Write a network's tensors in one step."""
    part = path.with_name(path.name + ".part")
    # Cloned: layers that share a tensor would be refused.
    state = {name: value.detach().cpu().contiguous().clone() for name, value in net.state_dict().items()}
    save_file(state, part, metadata=dict(notes))
    part.replace(path)


def _freeze(net: nn.Module, run: Run, *, told: bool) -> None:
    if not run.fine_tune and not told:
        trunk = next((getattr(net, name) for name in TRUNKS if isinstance(getattr(net, name, None), nn.Module)), None)
        if trunk is None:
            raise TrainingError(
                f"'{run.model}' has no part named {' or '.join(TRUNKS)} to leave as it is. Name beginnings of "
                f"parameters with --set freeze=[...]; its parts are {[name for name, _ in net.named_children()]}."
            )
        trunk.requires_grad_(False)
    for start in run.freeze:
        chosen = [value for name, value in net.named_parameters() if name.startswith(start)]
        if not chosen:
            raise TrainingError(
                f"No parameter of '{run.model}' begins with '{start}'; its parts are "
                f"{[name for name, _ in net.named_children()]}."
            )
        for value in chosen:
            value.requires_grad_(False)
