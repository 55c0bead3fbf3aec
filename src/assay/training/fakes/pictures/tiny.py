"""Tiny autoencoders for the latent spaces of diffusion families: TAESD and its sisters of other families.

Architecture after ``taesd.py`` of github.com/madebyollin/taesd (MIT), whose weights, ``NAME_encoder`` and
``NAME_decoder``, are looked for as ``.safetensors`` and as ``.pth``. They are not in this package.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, partial
from pathlib import Path

import numpy as np
import torch
from torch import nn

from assay.errors import TrainingError
from assay.training.fakes.pictures.engines import find_weights
from assay.training.fakes.pictures.method import Helps, Made, Method, Pixels
from assay.training.fakes.pictures.round_trip import Trip, whole
from assay.training.tensors import read_state

WIDTH = 64
MULTIPLE = 8  # three halvings
BOUND = 3.0  # latents are softly held within ±3
# Latent channels, and whether the narrow stage looks at the whole picture.
LATENTS = {"taesd": (4, False), "taesdxl": (4, False), "taesd3": (16, False), "taef1": (16, False), "taef2": (32, True)}
FAMILIES = {
    "taesd": "TAESD(round-trip)",
    "taesdxl": "TAESDXL(round-trip)",
    "taesd3": "TAESD3(round-trip)",
    "taef1": "TAEF1(round-trip)",
    "taef2": "TAEF2(round-trip)",
}


class _Bounded(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.tanh(x / BOUND) * BOUND


class _Block(nn.Module):
    def __init__(self, *, pooled: bool = False) -> None:
        super().__init__()
        self.conv = nn.Sequential(_conv(WIDTH), nn.ReLU(), _conv(WIDTH), nn.ReLU(), _conv(WIDTH))
        self.pool = (
            nn.Sequential(
                nn.Conv2d(WIDTH, 4 * WIDTH, 1, bias=False),
                nn.GroupNorm(4, 4 * WIDTH),
                nn.ReLU(),
                nn.Conv2d(4 * WIDTH, WIDTH, 1, bias=False),
            )
            if pooled
            else None
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.pool is not None:
            x = x + self.pool(x)
        return torch.relu(self.conv(x) + x)


def _conv(inputs: int, outputs: int = WIDTH, *, stride: int = 1, bias: bool = True) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, 3, stride, 1, bias=bias)


def make_encoder(latent: int, *, pooled: bool) -> nn.Sequential:
    """``(n, 3, h, w) in [0, 1] -> (n, latent, h / 8, w / 8)``; layers are numbered as in the weights."""
    layers: list[nn.Module] = [_conv(3), _Block()]
    for stage in range(3):
        layers.append(_conv(WIDTH, stride=2, bias=False))
        layers += [_Block(pooled=pooled and stage == 2) for _ in range(3)]
    return nn.Sequential(*layers, _conv(WIDTH, latent))


def make_decoder(latent: int, *, pooled: bool) -> nn.Sequential:
    """The way back."""
    layers: list[nn.Module] = [_Bounded(), _conv(latent), nn.ReLU()]
    for stage in range(3):
        layers += [_Block(pooled=pooled and stage == 0) for _ in range(3)]
        layers += [nn.Upsample(scale_factor=2), _conv(WIDTH, bias=False)]
    return nn.Sequential(*layers, _Block(), _conv(WIDTH, 3))


def methods() -> list[Method]:
    """One for each family."""
    return [
        Method(name, generator, partial(_make, name=name), check=partial(_check, name=name))
        for name, generator in FAMILIES.items()
    ]


def _check(engines: Sequence[Path], *, name: str) -> None:
    _files(name, engines)


def _files(name: str, engines: Sequence[Path]) -> list[Path]:
    parts = (f"{name}_{part}" for part in ("encoder", "decoder"))
    return find_weights(engines, name, *(f"{part}.safetensors|{part}.pth" for part in parts))


def _make(pixels: Pixels, rng: np.random.Generator, helps: Helps, *, name: str) -> Made:
    return whole(pixels, tiny_trip(name, helps.engines), MULTIPLE, rng)


@cache
def tiny_trip(name: str, engines: tuple[Path, ...]) -> Trip:
    """The round trip of a family, ``(n, 3, h, w) -> (n, 3, h, w)`` in about [0, 1], sides a multiple of 8.

    Raises:
        MissingExtra: If its weights are not there.
        TrainingError: If they are those of something else.
    """
    latent, pooled = LATENTS[name]
    with torch.random.fork_rng(devices=[]):  # who loads weights should not find other random numbers afterwards
        parts = make_encoder(latent, pooled=pooled), make_decoder(latent, pooled=pooled)
    for part, path in zip(parts, _files(name, engines), strict=True):
        _load(part, path, name)
    return nn.Sequential(*parts).eval().requires_grad_(False)


def _load(part: nn.Module, path: Path, name: str) -> None:
    try:
        part.load_state_dict({key: value.float() for key, value in read_state(path).items()})
    except (TrainingError, RuntimeError) as error:
        raise TrainingError(f"'{path}' does not hold the weights of '{name}': {error}") from error
