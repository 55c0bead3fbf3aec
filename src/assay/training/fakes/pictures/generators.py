"""Whole pictures by generators that need no parent, found where they are installed."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from assay.errors import MissingExtra
from assay.training.fakes.installed import wheel
from assay.training.fakes.pictures.method import Pixels, to_pixels
from assay.training.fakes.pictures.warp import resized

STYLES = 1024  # of which the mean is taken
TRUNCATION = (0.5, 0.8)  # how far from the mean style a face may be: less is plainer, more has faults
LEAST_SIDE = 256


@dataclass(frozen=True)
class Generator:
    """One generator.

    Attributes:
        name: What ``--methods`` says.
        generator: What the protocol's ``generator`` column says.
        licence: Of its weights.
        make: ``(rng, longest side) -> pixels (h, w, 3)``, uint8.
        check: Raises MissingExtra, saying what to install, if it is missing.
    """

    name: str
    generator: str
    licence: str
    make: Callable[[np.random.Generator, int], Pixels]
    check: Callable[[], None]


def _folder() -> Path:
    """Where MobileStyleGAN's networks are."""
    folder = wheel("random_face", "random-face") / "data"  # its own code wants a programming interface that is gone
    if importlib.util.find_spec("openvino") is None:
        raise MissingExtra("'openvino' is not installed. pip install openvino", extra="openvino")
    return folder


def _check_mobile_stylegan() -> None:
    _folder()


@cache
def _mobile_stylegan() -> tuple[Any, Any, np.ndarray[Any, np.dtype[np.float32]]]:
    """Both networks, and the mean style, shape (1, 512)."""
    openvino = importlib.import_module("openvino")
    core, folder = openvino.Core(), _folder()
    core.set_property("CPU", {"INFERENCE_NUM_THREADS": 1})  # as all that `parallel.each` runs
    mapping = core.compile_model(core.read_model(folder / "MappingNetwork.xml"), "CPU")
    synthesis = core.compile_model(core.read_model(folder / "SynthesisNetwork.xml"), "CPU")
    drawn = np.random.default_rng(0).standard_normal((STYLES, 1, 512)).astype(np.float32)
    mean = np.stack([np.asarray(mapping([noise])[0]) for noise in drawn]).mean(axis=0)
    return mapping, synthesis, np.asarray(mean, np.float32)


def mobile_stylegan(rng: np.random.Generator, max_side: int) -> Pixels:
    """A face of 1,024 pixels a side, reduced to a drawn size: pictures found in the wild seldom have the first one.

    Source: Belousov, "MobileStyleGAN", 2021; StyleGAN2's generator, distilled, on FFHQ.
    """
    mapping, synthesis, mean = _mobile_stylegan()
    style = np.asarray(mapping([rng.standard_normal((1, 512)).astype(np.float32)])[0])
    drawn = synthesis([mean + np.float32(rng.uniform(*TRUNCATION)) * (style - mean)])[0]
    pixels = to_pixels((np.asarray(drawn)[0].transpose(1, 2, 0) + 1) * 127.5)
    most = min(max_side, len(pixels))
    least = min(LEAST_SIDE, most)
    side = round(float(np.exp(rng.uniform(np.log(least), np.log(most)))))
    return pixels if side == len(pixels) else resized(pixels, side, side, Image.Resampling.LANCZOS)


GENERATORS: dict[str, Generator] = {
    generator.name: generator
    for generator in (
        Generator("mobile-stylegan", "MobileStyleGAN(own)", "Apache-2.0", mobile_stylegan, _check_mobile_stylegan),
    )
}
