"""The network as an ONNX file, compared with torch before anybody gets it."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from assay.errors import TrainingError
from assay.training.publish import traced
from assay.training.trained import Trained

INPUTS = {"audio": "samples", "image": "pixels", "video": "frames"}
OUTPUT = "logit"
PARITY = 1e-3  # of the largest logit, or of 1; runtimes sum in different orders
Floats = NDArray[np.float64]


class Graph:
    """An ONNX network in ONNX Runtime, one thread, on the processor.

    Args:
        model: ONNX bytes of a network with one input and the output ``logit``.
    """

    def __init__(self, model: bytes) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        self._name = self._session.get_inputs()[0].name

    def __call__(self, inputs: NDArray[Any]) -> Floats:
        """Logits, shape (k, ...) to (k,)."""
        logits = self._session.run([OUTPUT], {self._name: np.ascontiguousarray(inputs)})[0]
        found: Floats = logits.reshape(-1).astype(np.float64)
        return found


def to_onnx(trained: Trained) -> bytes:
    """ONNX bytes: raw media ``(n, *shape)`` to ``logit (n,)``."""
    kind = trained.architecture
    name = INPUTS[kind.media]
    return traced(trained.net, kind.example(2), name, [OUTPUT], {name: {0: "n"}, OUTPUT: {0: "n"}})


def parity(expected: Floats, found: Floats) -> float:
    """Largest difference between the logits of the same inputs."""
    return float(np.abs(expected - found).max())


def check_parity(trained: Trained, graph: Graph, inputs: NDArray[Any]) -> float:
    """Largest difference between torch and ONNX logits.

    Args:
        trained: The network.
        graph: Exported from it.
        inputs: Shape (k, ...), k >= 1.

    Raises:
        TrainingError: If it is above `PARITY`.
    """
    expected = trained.logits(inputs)
    # Another batch size than the one it was traced with: a size that was frozen into the graph shows.
    found = np.concatenate([graph(inputs[:1]), graph(inputs[1:])]) if len(inputs) > 1 else graph(inputs)
    worst, allowed = parity(expected, found), PARITY * max(1.0, float(np.abs(expected).max()))
    if not worst <= allowed:
        raise TrainingError(
            f"The exported network differs from the trained one by {worst:.2g} (at most {allowed:.2g}); it is not"
            " written. Its architecture does something that ONNX does otherwise."
        )
    return worst
