"""`assay export`: writes the forms asked for, compares each with the network, times it, and tells it in one table.

Everything is made and checked before anything is written, so that a form that is refused leaves no file behind; forms
that were good are kept all the same.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save

from assay.errors import TrainingError
from assay.training.export.files import Answer, Yardstick, calibration_inputs
from assay.training.export.graph import Graph, check_parity, parity, to_onnx
from assay.training.export.integers import refuse_loss, to_integers
from assay.training.export.litert import Interpreter, to_litert
from assay.training.prune import Pruning, prune
from assay.training.trained import WEIGHTS, Trained

FORMS: Final = ("onnx", "int8", "safetensors", "litert")
RUNS = 10
log = logging.getLogger("assay.training.export")


@dataclass(frozen=True)
class Exported:
    """One form of the network.

    Attributes:
        form: Which.
        file: Where it was written.
        size_bytes: Of the file.
        milliseconds: Median of one input, one thread of this machine.
        difference: Largest difference of a logit from the network as it was trained.
        eer: Equal error rate on the files given; None without.
    """

    form: str
    file: Path
    size_bytes: int
    milliseconds: float
    difference: float
    eer: float | None


@dataclass(frozen=True)
class Export:
    """What was written.

    Attributes:
        forms: In the order asked for.
        pruning: What was cut before; None for nothing.
        eer_before: Equal error rate of the network as it was given, before pruning; None without files.
    """

    forms: tuple[Exported, ...]
    pruning: Pruning | None = None
    eer_before: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {
            "forms": [{**one.__dict__, "file": str(one.file)} for one in self.forms],
            "pruning": None
            if self.pruning is None
            else {**self.pruning.__dict__, "channels": dict(self.pruning.channels), "removed": self.pruning.removed},
            "eer_before": self.eer_before,
        }

    def told_of_pruning(self) -> str:
        """What pruning did, in a sentence."""
        cut = self.pruning
        assert cut is not None
        if cut.kind == "channels":
            what = f"{cut.parameters_before:,} parameters became {cut.parameters_after:,} in {len(cut.channels)} layers"
        else:
            what = f"{cut.zeros:.1%} of {cut.parameters_after:,} parameters are zero now (smaller only when compressed)"
        rates = [one.eer for one in self.forms if one.eer is not None]
        error = (
            f"; EER {self.eer_before:.4f} before, {rates[0]:.4f} after" if rates and self.eer_before is not None else ""
        )
        return f"pruned by {cut.kind}: {what}{error}. Nothing was trained since."


def export_model(
    trained: Trained,
    folder: Path,
    *,
    forms: Sequence[str] = ("onnx", "safetensors"),
    share: float | None = None,
    calibrate: Path | None = None,
    measure: Path | None = None,
    partition: str | None = None,
) -> Export:
    """Write a network in several forms.

    Args:
        trained: The network; pruned in place if `share` is given.
        folder: Created if need be.
        forms: Of `FORMS`.
        share: To prune away first.
        calibrate: Protocol whose files tell the ranges of integers; needed for ``int8``.
        measure: Protocol whose files tell error rates; None takes `calibrate`.
        partition: Of `measure`.

    Raises:
        TrainingError: If a form is unknown, a form does not answer as the network does, or integers err more than
            `assay.training.export.integers.MAX_EER_RISE` above floats; that form is not written.
        ProtocolError: If a protocol has no files for its purpose.
        MissingExtra: If a form needs what is not installed.
    """
    _check(forms, calibrate)
    source = measure or calibrate
    yardstick = None if source is None else Yardstick(source, trained.inputs, partition)
    torch.set_num_threads(1)
    before = None if yardstick is None else yardstick.eer(trained.logits)
    pruning = None if share is None else prune(trained.net, share)
    if pruning is not None:
        trained = replace(trained, pruned={**trained.pruned, **pruning.channels})
    inputs = _samples(trained, calibrate)
    weight = to_onnx(trained)
    folder.mkdir(parents=True, exist_ok=True)
    made = _Made(trained, folder, inputs, yardstick)
    found = []
    for form in forms:
        found.append(_WRITERS[form](made, weight, calibrate))
        log.info("%s: %s", form, found[-1])
    return Export(tuple(found), pruning, before)


@dataclass(frozen=True)
class _Made:
    """What every form is compared with, and where it goes."""

    trained: Trained
    folder: Path
    inputs: NDArray[Any]
    yardstick: Yardstick | None

    @property
    def stem(self) -> str:
        return self.trained.architecture.name

    def write(self, form: str, name: str, content: bytes, answer: Answer, eer: float | None = None) -> Exported:
        """Write a file that was checked, and tell it."""
        path = self.folder / name
        part = path.with_name(f"{name}.part")
        part.write_bytes(content)
        part.replace(path)
        difference = parity(self.trained.logits(self.inputs), answer(self.inputs))
        rate = self.eer(answer) if eer is None else eer
        return Exported(form, path, len(content), milliseconds(answer, self.inputs[:1]), difference, rate)

    def eer(self, answer: Answer) -> float | None:
        return None if self.yardstick is None else self.yardstick.eer(answer)


def _onnx(made: _Made, weight: bytes, calibrate: Path | None) -> Exported:
    graph = Graph(weight)
    check_parity(made.trained, graph, made.inputs)
    return made.write("onnx", f"{made.stem}.onnx", weight, graph)


def _int8(made: _Made, weight: bytes, calibrate: Path | None) -> Exported:
    assert calibrate is not None
    assert made.yardstick is not None
    floats = Graph(weight)
    check_parity(made.trained, floats, made.inputs)
    small = to_integers(weight, calibration_inputs(calibrate, made.trained.inputs), made.trained.net)
    integers = Graph(small)
    rate = made.yardstick.eer(integers)
    refuse_loss(made.yardstick.eer(floats), rate)
    return made.write("int8", f"{made.stem}.int8.onnx", small, integers, rate)


def _safetensors(made: _Made, weight: bytes, calibrate: Path | None) -> Exported:
    trained = made.trained
    config = {
        "model": trained.architecture.name,
        "options": dict(trained.options),
        "pruned": dict(trained.pruned),
        "shape": list(trained.architecture.shape),
        "data": trained.inputs.told(),
    }
    text = json.dumps(config, indent=1, sort_keys=True) + "\n"
    (made.folder / "config.json").write_text(text, encoding="utf-8")
    tensors = {name: tensor.contiguous().clone() for name, tensor in trained.net.state_dict().items()}
    return made.write("safetensors", WEIGHTS, save(tensors), trained.logits)


def _litert(made: _Made, weight: bytes, calibrate: Path | None) -> Exported:
    content = to_litert(made.trained)
    answer = Interpreter(content)
    expected = made.trained.logits(made.inputs)
    worst = parity(expected, answer(made.inputs))
    allowed = 1e-2 * max(1.0, float(np.abs(expected).max()))
    if not worst <= allowed:
        raise TrainingError(
            f"The LiteRT file differs from the trained network by {worst:.2g} (at most {allowed:.2g}); it is not"
            " written."
        )
    return made.write("litert", f"{made.stem}.tflite", content, answer)


_WRITERS: dict[str, Callable[[_Made, bytes, Path | None], Exported]] = {
    "onnx": _onnx,
    "int8": _int8,
    "safetensors": _safetensors,
    "litert": _litert,
}


def _check(forms: Sequence[str], calibrate: Path | None) -> None:
    unknown = [form for form in forms if form not in FORMS]
    if unknown or not forms:
        raise TrainingError(f"There is no form '{', '.join(unknown)}'; there are {', '.join(FORMS)}.")
    if "int8" in forms and calibrate is None:
        raise TrainingError("Integers need real files to learn the ranges of values from: --calibrate PROTOCOL.csv.")


def _samples(trained: Trained, calibrate: Path | None) -> NDArray[Any]:
    """Inputs to compare on: real ones where there are any, else made up."""
    if calibrate is None:
        return np.asarray(trained.architecture.example(4))
    return np.concatenate(calibration_inputs(calibrate, trained.inputs)[:16])


def milliseconds(answer: Answer, one: NDArray[Any]) -> float:
    """Median time of one input on this machine."""
    answer(one)
    spent = []
    for _ in range(RUNS):
        started = time.perf_counter()
        answer(one)
        spent.append(1e3 * (time.perf_counter() - started))
    return float(np.median(spent))


def rows(found: Export) -> tuple[tuple[str, ...], ...]:
    """The table that is shown: form, file, size, time, difference, error rate."""
    return tuple(
        (
            one.form,
            one.file.name,
            f"{one.size_bytes / 1e6:.2f} MB",
            f"{one.milliseconds:.2f} ms",
            f"{one.difference:.2g}",
            _share(one.eer),
        )
        for one in found.forms
    )


def _share(rate: float | None) -> str:
    return "–" if rate is None else f"{rate:.4f}"
