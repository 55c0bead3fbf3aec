"""Adversarial changes: the smallest steps that move a network's answer furthest to the wrong side.

Whoever has the weights can make them, so they bound what an attacker who knows the detector can do; they say little of
one who does not. The attacker works within `epsilon` of each value, in the units of the input: 1 is full scale for
sounds (float32, -1 to 1), one level for pictures (0 to 255). Pictures are rounded to whole levels afterwards, because
that is what a file can hold.

References:
    Goodfellow, Shlens, Szegedy: Explaining and harnessing adversarial examples, ICLR 2015 (FGSM). Madry et al.: Towards
    deep learning models resistant to adversarial attacks, ICLR 2018 (PGD).
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn

from assay.errors import TrainingError

Attack = Callable[[nn.Module, torch.Tensor, torch.Tensor], torch.Tensor]


def fgsm(net: nn.Module, inputs: torch.Tensor, spoof: torch.Tensor, epsilon: float) -> torch.Tensor:
    """One step of `epsilon` along the sign of the gradient (fast gradient sign method).

    Args:
        net: Inputs to logits (n,), positive for spoof; in eval mode. It is not changed.
        inputs: Shape (n, ...): float32 in [-1, 1], or uint8.
        spoof: Truth, shape (n,): 1 for spoof, 0 for bona fide.
        epsilon: Largest change of a value, > 0.

    Returns:
        Changed inputs of the same shape and type, each value within `epsilon` and within the scale.

    Raises:
        TrainingError: If `epsilon` is not positive or no gradient reaches the inputs.
    """
    _check(epsilon)
    start = inputs.float()
    return _stored(_within(start + epsilon * _gradient(net, start, spoof).sign(), start, epsilon, inputs), inputs)


def pgd(
    net: nn.Module,
    inputs: torch.Tensor,
    spoof: torch.Tensor,
    epsilon: float,
    *,
    steps: int = 10,
    step: float | None = None,
    seed: int = 0,
) -> torch.Tensor:
    """Several smaller steps from a random start, each brought back to within `epsilon` (projected gradient descent).

    Args:
        net: See `fgsm`.
        inputs: See `fgsm`.
        spoof: See `fgsm`.
        epsilon: Largest change of a value, > 0.
        steps: How many.
        step: Length of one; None for 2.5 `epsilon` / `steps`, as Madry et al. take.
        seed: Of the start.

    Returns:
        As `fgsm`.

    Raises:
        TrainingError: As `fgsm`, or without a step.
    """
    _check(epsilon)
    if steps < 1:
        raise TrainingError(f"PGD with {steps} steps; at least 1 is needed.")
    length = 2.5 * epsilon / steps if step is None else step
    start = inputs.float()
    generator = torch.Generator().manual_seed(seed)
    noise = (torch.rand(start.shape, generator=generator) * 2 - 1).to(start.device)
    changed = _within(start + epsilon * noise, start, epsilon, inputs)
    for _ in range(steps):
        gradient = _gradient(net, changed, spoof)
        changed = _within(changed + length * gradient.sign(), start, epsilon, inputs)
    return _stored(changed, inputs)


def _check(epsilon: float) -> None:
    if not epsilon > 0:
        raise TrainingError(f"epsilon is {epsilon:g}; an attack needs a largest change above 0.")


def _gradient(net: nn.Module, inputs: torch.Tensor, spoof: torch.Tensor) -> torch.Tensor:
    """Of the logit, turned to the wrong side, with respect to the inputs; the network's own gradients stay as they are.

    The cross-entropy has a gradient of the same sign, which is all that is used, but in float32 it is exactly zero
    where the network is very sure: an attack on it would fail there and make the network look robust.
    """
    tracked = inputs.detach().requires_grad_(True)
    with torch.enable_grad():
        logits = net(tracked).reshape(-1)
        loss = ((1 - 2 * spoof.to(logits)) * logits).sum()
        if not loss.requires_grad:
            raise TrainingError("No gradient reaches the inputs of this network; it cannot be attacked this way.")
        (found,) = torch.autograd.grad(loss, tracked, allow_unused=True)
    if found is None:
        raise TrainingError("No gradient reaches the inputs of this network; it cannot be attacked this way.")
    return found


def _within(changed: torch.Tensor, start: torch.Tensor, epsilon: float, like: torch.Tensor) -> torch.Tensor:
    low, high = (-1.0, 1.0) if like.is_floating_point() else (0.0, 255.0)
    near = torch.minimum(torch.maximum(changed, start - epsilon), start + epsilon)
    return near.clamp(low, high).detach()


def _stored(changed: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    """In the type of the inputs; rounding to whole levels never leaves a whole `epsilon`."""
    return changed.to(like.dtype) if like.is_floating_point() else changed.round().to(like.dtype)
