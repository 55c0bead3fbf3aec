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
Span = tuple[float, float]
FULL_SCALE: Span = (-1.0, 1.0)
LEVELS: Span = (0.0, 255.0)


def climbed(
    start: torch.Tensor,
    slope: Callable[[torch.Tensor], torch.Tensor],
    *,
    epsilon: float,
    steps: int,
    span: Span | None,
    first: torch.Tensor | None = None,
    step: float | None = None,
) -> torch.Tensor:
    """Steps along the sign of a slope, each brought back to within `epsilon` of where it began and into the scale.

    Args:
        start: Float32, any shape.
        slope: Gradient at such values, of the same shape.
        epsilon: Largest change of a value.
        steps: How many; one is FGSM.
        span: Least and largest value; None for any.
        first: Where the first step is taken from; None for `start`.
        step: Length of one; None for `epsilon` if it is the only one, else 2.5 `epsilon` / `steps` (Madry et al.).
    """
    length = step if step is not None else epsilon if steps == 1 else 2.5 * epsilon / steps
    moved = start if first is None else _near(first, start, epsilon, span)
    for _ in range(steps):
        moved = _near(moved + length * slope(moved).sign(), start, epsilon, span)
    return moved


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
    found = climbed(inputs.float(), _slope(net, spoof), epsilon=epsilon, steps=1, span=_span(inputs))
    return _stored(found, inputs)


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
        step: Length of one; see `climbed`.
        seed: Of the start.

    Returns:
        As `fgsm`.

    Raises:
        TrainingError: As `fgsm`, or without a step.
    """
    _check(epsilon)
    if steps < 1:
        raise TrainingError(f"PGD with {steps} steps; at least 1 is needed.")
    start = inputs.float()
    generator = torch.Generator().manual_seed(seed)
    noise = (torch.rand(start.shape, generator=generator) * 2 - 1).to(start.device)
    found = climbed(
        start,
        _slope(net, spoof),
        epsilon=epsilon,
        steps=steps,
        span=_span(inputs),
        first=start + epsilon * noise,
        step=2.5 * epsilon / steps if step is None else step,
    )
    return _stored(found, inputs)


def _check(epsilon: float) -> None:
    if not epsilon > 0:
        raise TrainingError(f"epsilon is {epsilon:g}; an attack needs a largest change above 0.")


def _slope(net: nn.Module, spoof: torch.Tensor) -> Callable[[torch.Tensor], torch.Tensor]:
    return lambda inputs: _gradient(net, inputs, spoof)


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


def _span(like: torch.Tensor) -> Span:
    return FULL_SCALE if like.is_floating_point() else LEVELS


def _near(moved: torch.Tensor, start: torch.Tensor, epsilon: float, span: Span | None) -> torch.Tensor:
    near = torch.minimum(torch.maximum(moved, start - epsilon), start + epsilon)
    return (near if span is None else near.clamp(*span)).detach()


def _stored(changed: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    """In the type of the inputs; rounding to whole levels never leaves a whole `epsilon`."""
    return changed.to(like.dtype) if like.is_floating_point() else changed.round().to(like.dtype)
