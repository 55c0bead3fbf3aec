"""Shipped detectors in eight-bit integers, where they compute in floats; the other forms need the torch network."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray

from assay.errors import TrainingError
from assay.models import DetectorCard, PictureCard
from assay.models.registry import load_card
from assay.models.weights import read_weight
from assay.training.export.files import Yardstick, calibration_inputs
from assay.training.export.integers import refuse_loss, to_integers
from assay.training.export.run import Export, Exported, milliseconds
from assay.training.inputs import Inputs
from assay.views.form import Form

LONGEST_S = 30.0  # of a recording


@dataclass(frozen=True)
class _Whole:
    """The logit of a shipped graph that a file is scored by: the mean over its outputs for the input."""

    session: Any
    name: str

    def __call__(self, inputs: NDArray[Any]) -> NDArray[np.float64]:
        rows = [self.session.run(["logit"], {self.name: one[None]})[0].reshape(-1).mean() for one in inputs]
        return np.array(rows, np.float64)


def export_shipped(
    name: str,
    folder: Path,
    *,
    formats: str | None = None,
    prune: float | None = None,
    calibrate: Path | None = None,
    measure: Path | None = None,
    partition: str | None = None,
) -> Export:
    """Put a shipped detector of sounds or pictures into integers.

    Args:
        name: As `assay models` lists it.
        folder: Created if need be.
        formats: ``int8`` or None.
        prune: Must be None.
        calibrate: Protocol for the ranges of values.
        measure: Protocol for error rates; None takes `calibrate`.
        partition: Of `measure`.

    Raises:
        ModelNotFound: If there is no such model.
        TrainingError: If something else than ``int8`` is asked for, there is no protocol, the detector is in integers
            already or is not one of sounds or pictures, or it would err more; nothing is written then.
    """
    card = load_card(name)
    if (formats or "int8") != "int8" or prune is not None:
        raise TrainingError(f"'{name}' is shipped as ONNX; it can only become int8. Other forms need its run folder.")
    if not isinstance(card, (DetectorCard, PictureCard)):
        raise TrainingError(f"'{name}' is a {card.kind} model; only detectors of sounds or pictures become int8 here.")
    if calibrate is None:
        raise TrainingError("Integers need real files to learn the ranges of values from: --calibrate PROTOCOL.csv.")
    weight = read_weight(name)
    if any("QuantizeLinear" in node.op_type for node in onnx.load_from_string(weight).graph.node):
        raise TrainingError(f"'{name}' computes in integers already; nothing is written.")
    inputs = _inputs_of(card)
    small = to_integers(weight, calibration_inputs(calibrate, inputs))
    floats, integers = _whole(weight), _whole(small)
    yardstick = Yardstick(measure or calibrate, inputs, partition)
    rate = yardstick.eer(integers)
    refuse_loss(yardstick.eer(floats), rate)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.int8.onnx"
    path.write_bytes(small)
    sample = calibration_inputs(calibrate, inputs)[0]
    difference = float(np.abs(floats(sample) - integers(sample)).max())
    return Export((Exported("int8", path, len(small), milliseconds(integers, sample), difference, rate),))


def _whole(weight: bytes) -> _Whole:
    session = onnxruntime.InferenceSession(weight, providers=["CPUExecutionProvider"])
    return _Whole(session, session.get_inputs()[0].name)


def _inputs_of(card: DetectorCard | PictureCard) -> Inputs:
    if isinstance(card, DetectorCard):
        return Inputs(Form("audio", (card.window_samples,), "float32", LONGEST_S, ""))
    side = card.input_pixels
    return Inputs(Form("image", (side, side, 3), "uint8", 0.0, "whole", card.crop_pixels))
