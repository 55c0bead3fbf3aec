"""Real inputs and error rates of a protocol, for whatever answers with logits."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.data import Trial, read_protocol
from assay.errors import MediaError, ProtocolError
from assay.metrics import equal_error_rate
from assay.training.inputs import Inputs

CALIBRATION_FILES = 128
Floats = NDArray[np.float64]
Answer = Callable[[NDArray[Any]], Floats]


def calibration_inputs(protocol: Path, inputs: Inputs) -> list[NDArray[Any]]:
    """The first input of files spread over a protocol: of its partition ``train`` if there is one.

    Raises:
        ProtocolError: If no file can be read.
    """
    trials = read_protocol(protocol)
    trials = [trial for trial in trials if trial.partition == "train"] or trials
    every = -(-len(trials) // CALIBRATION_FILES)
    found = [array[:1] for _, array in _read(trials[::every], inputs)]
    if not found:
        raise ProtocolError(f"No file of '{protocol}' can be read, so there is nothing to calibrate on.")
    return found


class Yardstick:
    """The files of a protocol that error rates are measured on, held as inputs.

    Args:
        protocol: Its path.
        inputs: Reads the files.
        partition: Only trials of this partition.

    Raises:
        ProtocolError: If not both keys have a file that can be read.
    """

    def __init__(self, protocol: Path, inputs: Inputs, partition: str | None = None) -> None:
        trials = read_protocol(protocol, partition=partition)
        self._files = [(trial.key == "spoof", array) for trial, array in _read(trials, inputs)]
        if len({spoof for spoof, _ in self._files}) < 2:
            raise ProtocolError(f"'{protocol}' has no readable files of both keys; the error rate cannot be measured.")

    def __len__(self) -> int:
        return len(self._files)

    def eer(self, answer: Answer) -> float:
        """Equal error rate, a file being scored by the mean logit of its inputs."""
        scores = np.array([float(np.mean(answer(array))) for _, array in self._files])
        spoof = np.array([key for key, _ in self._files])
        return equal_error_rate(scores[~spoof], scores[spoof]).rate


def _read(trials: Sequence[Trial], inputs: Inputs) -> Iterator[tuple[Trial, NDArray[Any]]]:
    """Inputs of each file that can be read; the others are left out, as calibration and comparison may do without."""
    for trial in trials:
        with suppress(MediaError):
            yield trial, inputs.of(trial)
