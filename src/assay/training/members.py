"""Networks as files: what a run leaves behind, and several runs joined into one network.

A network's branches share nothing but their input and each learns for itself, so branches that were trained in runs of
their own, on several machines or on several days, are joined by putting them side by side.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from assay.errors import TrainingError
from assay.training.audio_net import VIEWS, AudioResnet

FILE = "network.safetensors"


def save_network(net: AudioResnet, folder: Path, *, recipe: str) -> Path:
    """Write `FILE` with the names of the network's views and of its recipe into `folder`."""
    part, path = folder / (FILE + ".part"), folder / FILE
    state = {name: value.contiguous() for name, value in net.state_dict().items()}
    save_file(state, part, metadata={"views": ",".join(net.views), "recipe": recipe})
    part.replace(path)
    return path


def load_network(folder: Path) -> tuple[AudioResnet, str]:
    """The network that a run left in its work folder, in evaluation mode, and the name of its recipe.

    Raises:
        TrainingError: If there is none, or it is none of ours.
    """
    path = folder / FILE
    if not path.exists():
        raise TrainingError(f"'{folder}' holds no {FILE}: no run was ended there. Train there first.")
    try:
        with safe_open(path, framework="pt") as stored:
            notes = stored.metadata() or {}
            views = notes.get("views", "").split(",")
            if not set(views) <= set(VIEWS):
                raise TrainingError(f"'{path}' is for views {views}; known are {sorted(VIEWS)}.")
            net = AudioResnet(views)
            net.load_state_dict({name: stored.get_tensor(name) for name in stored.keys()})  # noqa: SIM118 # no dict
    except (SafetensorError, RuntimeError, OSError) as error:
        raise TrainingError(f"'{path}' is not a network of this version: {error}") from error
    return net.eval(), notes.get("recipe", "")


def join(nets: Sequence[AudioResnet]) -> AudioResnet:
    """One network with all branches, in this order; they are taken over, not copied."""
    joined = AudioResnet([view for net in nets for view in net.views])
    for place, branch in enumerate(branch for net in nets for branch in net.branches):
        joined.branches[place] = branch
    return joined.eval()
