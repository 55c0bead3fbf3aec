"""A trained network as users run it: one ONNX file, compared with torch, and the scores that it gives."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnxruntime
import torch
from numpy.typing import NDArray
from torch import nn

from assay.errors import TrainingError
from assay.models.card import KnownAnswer
from assay.models.known import KNOWN_INPUT, known_input
from assay.training.lab.data import Reader
from assay.training.lab.figures import Floats, Scored
from assay.training.publish import PARITY, traced
from assay.training.zoo import Architecture

AT_A_TIME = 32  # views
COMPARED = 64  # views at most
log = logging.getLogger("assay.training.lab")
Array = NDArray[Any]


def input_name(architecture: Architecture) -> str:
    """Of the graph's input."""
    if architecture.media == "video":
        return "frames" if architecture.integer else "features"
    return {"audio": "samples", "image": "pixels"}[architecture.media]


def export(net: nn.Module, architecture: Architecture) -> bytes:
    """ONNX bytes: raw media ``(n, *shape)`` to ``logit (n,)``.

    Raises:
        TrainingError: If the network holds a step that ONNX has not.
    """
    name = input_name(architecture)
    try:
        return traced(net.eval(), architecture.example(2), name, ["logit"], {name: {0: "n"}, "logit": {0: "n"}})
    except (RuntimeError, ValueError, TypeError, torch.onnx.OnnxExporterError) as error:
        raise TrainingError(f"'{architecture.name}' cannot be exported to ONNX: {error}") from error


@dataclass(frozen=True, eq=False)
class Exported:
    """An exported network in ONNX Runtime.

    Attributes:
        architecture: What it takes.
        session: Of ONNX Runtime.
    """

    architecture: Architecture
    session: Any

    @classmethod
    def of(cls, model: bytes, architecture: Architecture) -> Exported:
        """Load it on the processor."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        options.log_severity_level = 3
        return cls(architecture, onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"]))

    def __call__(self, views: Array) -> Floats:
        """Logits of views, shape (n, *shape) to (n,)."""
        found = [
            self.session.run(["logit"], {input_name(self.architecture): np.ascontiguousarray(part)})[0]
            for part in np.split(views, range(AT_A_TIME, len(views), AT_A_TIME))
        ]
        logits: Floats = np.concatenate(found).astype(np.float64)
        return logits

    def known_answer(self) -> KnownAnswer:
        """What it gives on the made input."""
        logit = float(self(known_input(self.architecture.shape, integer=self.architecture.integer))[0])
        # As for shipped weights: runtimes and processors round differently, an altered weight is told by its hash.
        return KnownAnswer(sample=KNOWN_INPUT, values=(round(logit, 5),), tolerance=max(0.05, 0.02 * abs(logit)))


def score(answer: Exported, reader: Reader, views: int) -> Scored:
    """Score the media of a part by the mean logit of their views; those that cannot be read are left out and told.

    Raises:
        DataError: If one cannot be read and errors stop the run.
    """
    kept, logits = [], []
    for numbers, pile in _piles(reader, views):
        found = answer(np.concatenate(pile))
        ends = np.cumsum([len(part) for part in pile])
        logits += [float(part.mean()) for part in np.split(found, ends[:-1])]
        kept += [reader.items[number] for number in numbers]
    if not np.isfinite(logits).all():
        raise TrainingError("The exported network answers with values that are no numbers.")
    return Scored(tuple(kept), np.asarray(logits, np.float64))


def _piles(reader: Reader, views: int) -> Iterator[tuple[list[int], list[Array]]]:
    """Views of some media at a time, about `AT_A_TIME` together."""
    numbers: list[int] = []
    pile: list[Array] = []
    for number in range(len(reader.items)):
        array = reader.one(number)
        if array is None:
            continue
        numbers.append(number)
        pile.append(reader.views(array, views))
        if sum(map(len, pile)) >= AT_A_TIME:
            yield numbers, pile
            numbers, pile = [], []
    if pile:
        yield numbers, pile


def check_parity(net: nn.Module, answer: Exported, reader: Reader) -> float:
    """Largest difference between torch's and ONNX Runtime's logits, on views of media spread over a part.

    Raises:
        TrainingError: If it is above `PARITY`, times the logit where that is above 1.
    """
    every = max(1, len(reader.items) // COMPARED)
    arrays = [reader.one(number) for number in range(0, len(reader.items), every)]
    views = np.concatenate([reader.views(array, 1) for array in arrays if array is not None][:COMPARED])
    with torch.inference_mode():
        wanted = net(torch.from_numpy(np.ascontiguousarray(views))).double().numpy()
    off = np.abs(wanted - answer(views))
    if (off / np.maximum(1, np.abs(wanted))).max() > PARITY:
        raise TrainingError(f"The exported network differs from the trained one by {off.max():.2g} (at most {PARITY}).")
    return float(off.max())
