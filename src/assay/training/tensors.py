"""Weights in files that somebody else made: tensors by name, and nothing of them is run."""

from __future__ import annotations

from pathlib import Path
from pickle import UnpicklingError

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from assay.errors import TrainingError


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
