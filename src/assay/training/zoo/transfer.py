"""Transfer learning: a trunk that may begin with ImageNet weights, and one head for bona fide or spoof.

With `fine_tune=False` the trunk stays as it was loaded: its weights take no gradient, and its batch normalisation
keeps its statistics in training, too. Such a trunk makes sense with loaded weights only; whoever trains checks that.

Source: Yosinski et al., "How transferable are features in deep neural networks?", NeurIPS 2014.
"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol, TypeVar, runtime_checkable

import torch
from torch import nn

from assay.errors import TrainingError
from assay.training.tensors import read_state
from assay.training.zoo.pixels import Normalise

CLASSIFIERS = ("_fc.", "fc.", "classifier.")  # layers that answer for ImageNet's classes; left out
COUNTER = "num_batches_tracked"  # older files lack it, and nothing here reads it
TOLD = 3  # names in an error
_Self = TypeVar("_Self", bound="Transfer")


@runtime_checkable
class Pretrained(Protocol):
    """A network that can begin with published ImageNet weights."""

    def load_imagenet(self, path: Path) -> None:
        """Begin with the weights of a file; see `load_trunk`."""


class Transfer(nn.Module):
    """A trunk, the mean of its features over the picture, and a linear head.

    Args:
        trunk: Shape (n, 3, h, w) to (n, features, rows, columns).
        features: Channels that it ends with.
        normalise: What its weights were trained with.
        fine_tune: Whether the trunk learns, too.
        dropout: Share of features dropped in training.
    """

    def __init__(
        self, trunk: nn.Module, features: int, normalise: Normalise, *, fine_tune: bool, dropout: float
    ) -> None:
        super().__init__()
        self.normalise, self.trunk = normalise, trunk
        self.dropout, self.head = nn.Dropout(dropout), nn.Linear(features, 1)
        self.fine_tune = fine_tune
        self.trunk.requires_grad_(fine_tune)
        self.train()

    def train(self: _Self, mode: bool = True) -> _Self:
        """Training or evaluation mode; a frozen trunk stays in the latter."""
        super().train(mode)
        self.trunk.train(mode and self.fine_tune)
        return self

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """Logits, positive for spoof.

        Args:
            pixels: Shape (n, side, side, 3), 0 to 255, side a multiple of 32.

        Returns:
            Shape (n,).
        """
        features = self.trunk(self.normalise(pixels)).mean((2, 3))
        logits: torch.Tensor = self.head(self.dropout(features)).squeeze(1)
        return logits

    def load_imagenet(self, path: Path) -> None:
        """Begin with the weights of a file; see `load_trunk`."""
        load_trunk(self.trunk, path)


def load_trunk(trunk: nn.Module, path: Path) -> None:
    """Begin with the weights of a file, all of them or none; layers for ImageNet's classes are left out.

    Args:
        trunk: Whose layers have the names of the file.
        path: See `assay.training.tensors.read_state`.

    Raises:
        TrainingError: If the file cannot be read, or its layers are not those of the trunk.
    """
    given = {name: value for name, value in read_state(path).items() if not name.startswith(CLASSIFIERS)}
    wanted = trunk.state_dict()
    wrong = [f"{name} is missing" for name in wanted if name not in given and not name.endswith(COUNTER)]
    wrong += [f"{name} is not known" for name in given if name not in wanted]
    wrong += [
        f"{name} has shape {tuple(value.shape)}, not {tuple(wanted[name].shape)}"
        for name, value in given.items()
        if name in wanted and value.shape != wanted[name].shape
    ]
    if wrong:
        more = f" and {len(wrong) - TOLD} more" if len(wrong) > TOLD else ""
        raise TrainingError(
            f"'{path}' does not fit this trunk: {'; '.join(wrong[:TOLD])}{more}. Give ImageNet weights of the very "
            "architecture, with the names of its published file.",
            path=str(path),
            wrong=len(wrong),
        )
    trunk.load_state_dict({**wanted, **given})
