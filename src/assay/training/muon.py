"""Muon: momentum whose update is made orthogonal, for convolutions; everything else by AdamW, in one optimiser.

A convolution's averaged gradient is taken as a matrix, outputs by inputs and taps, and replaced by the nearest matrix
with singular values near one, so that rare directions move as far as common ones. In our tries it reached the loss of
AdamW in half the steps (docs/audio-detector.md).

torch has `torch.optim.Muon`, for matrices only.

Source: Jordan et al., "Muon: an optimizer for hidden layers in neural networks", 2024, whose coefficients these are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch

COEFFICIENTS = (3.4445, -4.7750, 2.0315)  # a quintic that lifts small singular values fastest
ITERATIONS = 5
MOMENTUM = 0.95


def orthogonal(matrix: torch.Tensor) -> torch.Tensor:
    """Same singular vectors, singular values between about 0.7 and 1.2, shape (rows, columns), by Newton and Schulz."""
    first, third, fifth = COEFFICIENTS
    wide = matrix.T if len(matrix) > matrix.shape[1] else matrix
    x: torch.Tensor = wide / (wide.norm() + 1e-7)
    for _ in range(ITERATIONS):
        gram = x @ x.T
        x = first * x + (third * gram + fifth * gram @ gram) @ x
    return x.T if len(matrix) > matrix.shape[1] else x


class Muon(torch.optim.AdamW):
    """Muon for groups with ``muon`` set, AdamW for the others."""

    def __init__(self, groups: Iterable[dict[str, Any]], lr: float) -> None:
        super().__init__([{"muon": False, **group} for group in groups], lr=lr)

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """One step of all groups; returns what `closure` returned."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        groups = self.param_groups
        for group in groups:
            if group["muon"]:
                self._turn(group)
        self.param_groups = [group for group in groups if not group["muon"]]
        try:
            super().step()
        finally:
            self.param_groups = groups
        return loss

    def _turn(self, group: dict[str, Any]) -> None:
        for weight in group["params"]:
            if weight.grad is None:
                continue
            state = self.state[weight]
            if not state:
                # AdamW looks for a step count when a state is loaded.
                state.update(momentum=torch.zeros_like(weight), step=torch.zeros(()))
            average = state["momentum"].lerp_(weight.grad, 1 - MOMENTUM)
            matrix = weight.grad.lerp(average, MOMENTUM).reshape(len(weight), -1).float()
            # Tall matrices have fewer singular values than rows: the same step per output.
            reach = max(1.0, matrix.shape[0] / matrix.shape[1]) ** 0.5
            weight.mul_(1 - group["lr"] * group["weight_decay"])
            weight.add_(orthogonal(matrix).reshape(weight.shape).to(weight.dtype), alpha=-group["lr"] * reach)
