"""Weights in files that somebody else made: tensors by name, and nothing of them is run."""

from __future__ import annotations

from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from assay.errors import TrainingError


def read_plain(path: Path, device: torch.device | str = "cpu") -> dict[str, Any]:
    """What a file of PyTorch holds by name: tensors and plain values only, so that a file of others runs nothing.

    Args:
        path: Of a checkpoint or of weights.
        device: Where the tensors go.

    Raises:
        TrainingError: If it is missing or damaged, or holds anything else.
    """
    try:
        found = torch.load(path, map_location=device, weights_only=True)
    except (OSError, RuntimeError, ValueError, EOFError, UnpicklingError) as error:
        raise TrainingError(f"'{path}' cannot be read as weights: {error}", path=str(path)) from error
    if not isinstance(found, dict):
        raise TrainingError(f"'{path}' holds {type(found).__name__}, not weights by name.", path=str(path))
    return found


def read_state(path: Path) -> dict[str, torch.Tensor]:
    """Tensors by name from a ``.safetensors``, ``.pth`` or ``.pt`` file; no code of the file is run.

    Raises:
        TrainingError: If it is missing, damaged, or holds anything but tensors by name.
    """
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, ValueError, EOFError, UnpicklingError, SafetensorError) as error:
        raise TrainingError(
            f"'{path}' cannot be read as weights ({error}). Give a .safetensors file, or a .pth file that holds "
            "nothing but tensors by name.",
            path=str(path),
        ) from error
    if not isinstance(state, dict) or not all(isinstance(value, torch.Tensor) for value in state.values()):
        raise TrainingError(
            f"'{path}' holds something other than tensors by name. Save the network's state_dict() alone.",
            path=str(path),
        )
    return state
