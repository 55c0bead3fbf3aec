"""What training makes small, and inputs that are made to make it large."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch.nn import functional

from assay.training.attacks import FULL_SCALE, LEVELS, Span, climbed
from assay.training.lab.config import Adversarial, Optimisation

Loss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
EPSILON = {"audio": 0.002, "image": 2.0, "video": 2.0, "features": 0.02}  # full scale 1, levels of 255, standard units
SPANS: dict[str, Span | None] = {"audio": FULL_SCALE, "image": LEVELS, "video": LEVELS, "features": None}


class Criterion:
    """Loss of a batch, a mean over media, so that halves of a batch may be averaged.

    Args:
        settings: Kind, weights and smoothing.
        spoof_share: Of spoofs among what is drawn, in (0, 1), for balanced weights.

    References:
        Lin et al., "Focal loss for dense object detection", ICCV 2017, equation 5.
    """

    def __init__(self, settings: Optimisation, spoof_share: float) -> None:
        self._settings = settings
        weights = settings.class_weights
        if weights == "balanced":
            share = min(max(spoof_share, 1e-6), 1 - 1e-6)
            self.weights = (0.5 / (1 - share), 0.5 / share)
        elif isinstance(weights, str):
            self.weights = (1.0, 1.0)
        else:
            self.weights = weights

    def __call__(self, logits: torch.Tensor, spoof: torch.Tensor) -> torch.Tensor:
        """Loss of logits (n,) against keys (n,), 1 for spoof."""
        settings, smooth = self._settings, self._settings.label_smoothing
        targets = spoof * (1 - 2 * smooth) + smooth
        each = functional.binary_cross_entropy_with_logits(logits, targets, reduction="none")
        if settings.loss == "focal":
            wrong = torch.sigmoid(torch.where(spoof > 0, -logits, logits))  # 1 - p of the true key
            alpha = torch.where(spoof > 0, settings.focal_alpha, 1 - settings.focal_alpha)
            each = each * wrong**settings.focal_gamma * alpha
        bona_fide, spoofed = self.weights
        return (each * torch.where(spoof > 0, spoofed, bona_fide)).mean()


def attacked(
    inputs: torch.Tensor, harm: Callable[[torch.Tensor], torch.Tensor], settings: Adversarial, kind: str
) -> torch.Tensor:
    """Inputs moved, within a small distance of each value, to where the loss is larger.

    Args:
        inputs: Shape (n, ...); uint8 values are moved as floats, which networks take, too.
        harm: Loss of such inputs.
        settings: Method, distance and steps; the first `share` of the batch is moved.
        kind: ``audio``, ``image``, ``video`` or ``features``; decides distance and range.

    Returns:
        Same shape, float32.

    The methods are those of `assay.training.attacks`; PGD begins at the input itself.
    """
    count = max(1, round(settings.share * len(inputs)))
    whole = inputs.float()

    def slope(moved: torch.Tensor) -> torch.Tensor:
        tried = moved.detach().requires_grad_()
        (found,) = torch.autograd.grad(harm(torch.cat([tried, whole[count:]])), tried)
        return found

    steps = 1 if settings.method == "fgsm" else settings.steps
    epsilon = settings.epsilon or EPSILON[kind]
    moved = climbed(whole[:count], slope, epsilon=epsilon, steps=steps, span=SPANS[kind])
    return torch.cat([moved, whole[count:]])
