"""Where a network of a run folder looks: Grad-CAM on its last convolution that still has places.

Source: Selvaraju et al., "Grad-CAM: visual explanations from deep networks via gradient-based localization", ICCV 2017;
computed by captum. Values keep their sign: above 0 a place raises the logit, which speaks for a spoof.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from assay.errors import ExplanationError, MissingExtra
from assay.training.trained import Trained, read_trained

CONVOLUTIONS = (nn.Conv1d, nn.Conv2d)
LEAST_PLACES = 4  # along an axis; fewer tell nothing of where
Floats = NDArray[np.float64]
Fits = Callable[[tuple[int, ...]], int | None]


def over_time(folder: Path, views: NDArray[np.float32]) -> Floats:
    """Of sounds, shape (n, samples) to (n, frames).

    Which axis of a layer is time is found by asking it with a longer sound: the axis that grows is.

    Raises:
        ExplanationError: If no convolution has an axis that goes with time.
        MissingExtra: If captum is missing.
        TrainingError: If the run folder holds no torch weights.
    """
    trained = read_trained(folder)
    given = torch.from_numpy(np.ascontiguousarray(views))
    short = _shapes(trained.net, given[:1])
    try:
        longer = _shapes(trained.net, torch.cat([given[:1], given[:1]], 1))
    except (RuntimeError, ValueError) as error:
        raise _unseen(trained, "takes sounds of one length alone") from error
    for name in reversed(list(short)):
        grown = [axis for axis, (a, b) in enumerate(zip(short[name], longer[name], strict=True)) if b > a]
        if len(grown) == 1 and grown[0] >= 2 and short[name][grown[0]] >= LEAST_PLACES and short[name][0] == 1:
            maps = _grad_cam(trained.net, name, given)
            others = tuple(axis for axis in range(1, maps.ndim) if axis != grown[0])
            return np.asarray(maps.sum(axis=others))
    raise _unseen(trained, "has no convolution that keeps the order of time")


def over_pixels(folder: Path, pixels: NDArray[np.uint8]) -> Floats:
    """Of pictures, uint8 (n, side, side, 3) to (n, rows, columns).

    Raises:
        ExplanationError: If no convolution has places.
        MissingExtra, TrainingError: As of `over_time`.
    """
    trained = read_trained(folder)
    given = torch.from_numpy(np.array(pixels)).float()
    shapes = _shapes(trained.net, given[:1])
    for name in reversed(list(shapes)):
        shape = shapes[name]
        if len(shape) == 4 and shape[0] == 1 and min(shape[2:]) >= LEAST_PLACES:
            return np.asarray(_grad_cam(trained.net, name, given).sum(axis=1))
    raise _unseen(trained, "has no convolution over the picture")


def _shapes(net: nn.Module, given: torch.Tensor) -> dict[str, tuple[int, ...]]:
    """What each convolution puts out, in the order in which they run."""
    found: dict[str, tuple[int, ...]] = {}

    def note(name: str) -> Callable[[nn.Module, Any, torch.Tensor], None]:
        def hook(_: nn.Module, __: Any, out: torch.Tensor) -> None:
            found.pop(name, None)
            found[name] = tuple(out.shape)

        return hook

    hooks = [
        module.register_forward_hook(note(name))
        for name, module in net.named_modules()
        if isinstance(module, CONVOLUTIONS)
    ]
    try:
        with torch.no_grad():
            net(given)
    finally:
        for hook in hooks:
            hook.remove()
    return found


def _grad_cam(net: nn.Module, name: str, given: torch.Tensor) -> Floats:
    """Shape of the layer's output, with one map in place of its channels."""
    try:
        captum: Any = import_module("captum.attr")
    except ImportError as error:
        raise MissingExtra.of("explain", "Grad-CAM") from error
    for value in net.parameters():
        value.requires_grad_(True)
    layer = net.get_submodule(name)
    maps = captum.LayerGradCam(lambda inputs: net(inputs).reshape(-1), layer).attribute(given)
    found: Floats = maps.detach().double().numpy()
    return found


def _unseen(trained: Trained, why: str) -> ExplanationError:
    name = trained.architecture.name
    return ExplanationError(f"'{name}' {why}, so Grad-CAM has nothing to show. Use --method occlusion.", model=name)
