"""LiteRT (TensorFlow Lite) files, for telephones and boards; needs the extra ``litert``.

litert-torch traces with `torch.export` and answers with an object whose ``export`` writes the file;
ai-edge-litert runs it. Sizes are fixed, for one input at a time.

Source: github.com/google-ai-edge/litert-torch, README.
"""

from __future__ import annotations

import sys
import tempfile
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.errors import MissingExtra, TrainingError
from assay.training.trained import Trained

Floats = NDArray[np.float64]


def to_litert(trained: Trained) -> bytes:
    """The network as a LiteRT file, for inputs of shape (1, ...).

    Raises:
        MissingExtra: If litert-torch is not installed.
        TrainingError: If it cannot convert this network.
    """
    try:
        import litert_torch  # type: ignore[import-not-found, unused-ignore]
    except ModuleNotFoundError as error:
        raise MissingExtra.of("litert", "Export to LiteRT") from error
    example = trained.architecture.example(1)
    try:
        with redirect_stdout(sys.stderr):  # it draws its progress there, where our results belong
            converted = litert_torch.convert(trained.net.eval(), (example,))
    except Exception as error:  # a compiler's own errors, of many kinds
        raise TrainingError(
            f"litert-torch cannot convert '{trained.architecture.name}': {str(error).splitlines()[0][:300]}"
        ) from error
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "network.tflite"
        with redirect_stdout(sys.stderr):
            converted.export(str(path))
        return path.read_bytes()


class Interpreter:
    """A LiteRT file, running on the processor with one thread.

    Args:
        model: Bytes of the file.

    Raises:
        MissingExtra: If ai-edge-litert is not installed.
    """

    def __init__(self, model: bytes) -> None:
        try:
            from ai_edge_litert.interpreter import (  # type: ignore[import-not-found, unused-ignore]
                Interpreter as Foreign,
            )
        except ModuleNotFoundError as error:
            raise MissingExtra.of("litert", "Running LiteRT files") from error
        self._foreign = Foreign(model_content=model, num_threads=1)
        self._foreign.allocate_tensors()
        self._into = self._foreign.get_input_details()[0]["index"]
        self._out = self._foreign.get_output_details()[0]["index"]

    def __call__(self, inputs: NDArray[Any]) -> Floats:
        """Logits, shape (k, ...) to (k,), one after the other."""
        found = []
        for one in inputs:
            self._foreign.set_tensor(self._into, np.ascontiguousarray(one[None]))
            self._foreign.invoke()
            found.append(float(np.asarray(self._foreign.get_tensor(self._out)).reshape(-1)[0]))
        return np.array(found, np.float64)
