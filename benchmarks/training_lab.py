"""The general trainer as a subject: against the loop, whole commands, in little memory, and what comes out of it."""

from __future__ import annotations

import json
import resource
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from load import Load
from torch.nn.functional import binary_cross_entropy_with_logits
from training_data import MANY_S
from training_subjects import BATCH, FLOOR_EPOCHS, SHARE_BATCHES

from assay.data import read_protocol
from assay.errors import AssayError, MissingExtra
from assay.training.export import export_model
from assay.training.export.files import calibration_inputs
from assay.training.export.graph import Graph
from assay.training.export.litert import Interpreter
from assay.training.export.run import FORMS, milliseconds
from assay.training.lab.config import load_run
from assay.training.lab.data import Reader
from assay.training.lab.fit import fit
from assay.training.lab.folder import METRICS
from assay.training.lab.run import train
from assay.training.lab.setting import Setting, ready
from assay.training.lab.weights import WEIGHTS, begin, write_weights
from assay.training.trained import Trained, read_trained
from assay.training.zoo import architecture

MARGIN = 768 * 2**20  # bytes of address space allowed beyond what libraries take
SMALL_BATCH = 8


class Lab:
    """The general trainer, from files to weights.

    Args:
        load: The protocol.
        model: Architecture.
        augmented: Whether its augmentation takes part.
        epochs: Of the run.
        changes: Further settings of the run.
    """

    def __init__(self, load: Load, model: str, *, augmented: bool, epochs: int, changes: tuple[str, ...] = ()) -> None:
        torch.set_num_threads(load.threads)
        settings = (f"optimisation.epochs={epochs}", f"data.batch_size={BATCH}")
        self.protocol = Path(load.files[0])
        self.run = load_run(model, None, [*settings, f"data.augment={str(augmented).lower()}", *changes])
        self._passes: list[dict[str, Any]] = []

    def __call__(self) -> None:
        """Train from nothing: no cache is left from the pass before."""
        with tempfile.TemporaryDirectory(prefix="assay-bench-lab-") as name:
            started = time.perf_counter()
            setting = ready(self.run, [self.protocol], Path(name) / "cache", jobs=1)
            prepared_s = time.perf_counter() - started
            history = self.learn(setting, Path(name))
            self._passes.append(
                {
                    "prepared_s": prepared_s,
                    "epochs_s": [row["seconds"] for row in history],
                    "total_s": time.perf_counter() - started,
                    "examples": len(setting.parts["train"]),
                    "val_auc": history[-1]["val_auc"],
                }
            )

    def learn(self, setting: Setting, folder: Path) -> tuple[dict[str, float], ...]:
        """Train from random weights and write what was learnt; gives the figures of each epoch."""
        fitted = fit(
            begin(setting.architecture, self.run),
            self.run,
            setting.reader("train"),
            setting.reader("validation"),
            folder,
            fingerprint=setting.fingerprint(),
            resume=False,
        )
        write_weights(fitted.net, folder / WEIGHTS, {})
        return fitted.history

    def facts(self) -> dict[str, Any]:
        """Times of each pass."""
        return {"passes": self._passes}


class Steps:
    """The network alone: as many steps as the trainer makes in some epochs, on one batch that is there already."""

    def __init__(self, load: Load, model: str) -> None:
        torch.set_num_threads(load.threads)
        one = architecture(model)
        self._net = one.make().train()
        self._optimiser = torch.optim.AdamW(self._net.parameters(), lr=1e-3)
        self._inputs, self._spoof = one.example(BATCH), torch.arange(BATCH) % 2.0
        self._examples = len(read_protocol(Path(load.files[0]), partition="train"))
        self._passes: list[dict[str, Any]] = []

    def __call__(self) -> None:
        """Learn."""
        epochs_s = []
        for _ in range(FLOOR_EPOCHS):
            started = time.perf_counter()
            for _ in range(self._examples // BATCH):
                self._optimiser.zero_grad()
                binary_cross_entropy_with_logits(self._net(self._inputs), self._spoof).backward()
                self._optimiser.step()
            epochs_s.append(time.perf_counter() - started)
        told = {"prepared_s": 0.0, "epochs_s": epochs_s, "total_s": sum(epochs_s), "examples": self._examples}
        self._passes.append(told)

    def facts(self) -> dict[str, Any]:
        """Times of each pass."""
        return {"passes": self._passes}


class Command:
    """`assay train MEDIA MODEL` whole, with default augmentation and workers; the run folder stays beside the data."""

    def __init__(self, load: Load, model: str) -> None:
        torch.set_num_threads(load.threads)
        self._protocol = Path(load.files[0])
        self._run = load_run(model, None, ("optimisation.epochs=2", f"data.epoch_batches={SHARE_BATCHES}"))
        self._facts: dict[str, Any] = {}

    def __call__(self) -> None:
        """Train, measure, export, draw."""
        started = time.perf_counter()
        folder = train(self._run, [self._protocol], runs(self._protocol, self._run.model))
        whole_s = time.perf_counter() - started
        metrics = json.loads((folder / METRICS).read_text(encoding="utf-8"))
        training = metrics["training"]
        self._facts = {
            "share": training["network_share"],
            "epochs": [row["network_share"] for row in metrics["history"]],
            "step_s": training["seconds"] / training["steps"],
            "training_s": training["seconds"],
            "whole_s": whole_s,
        }

    def facts(self) -> dict[str, Any]:
        """Share of the time of steps that was spent in the network, and seconds."""
        return self._facts


def runs(protocol: Path, model: str) -> Path:
    """Folder of run folders beside a protocol."""
    return protocol.parent / "runs" / model


class Memory:
    """A training whose data do not fit in the memory that it may have (RLIMIT_AS)."""

    def __init__(self, load: Load, model: str) -> None:
        changes = (f"data.longest_s={MANY_S}", f"data.batch_size={SMALL_BATCH}")
        self._lab = Lab(load, model, augmented=True, epochs=1, changes=changes)
        self._facts: dict[str, Any] = {}

    def __call__(self) -> None:
        """Set the limit for good, decode, train an epoch, and see whether all could have been mapped at once."""
        limit = _status("VmSize") + MARGIN
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
        before = _status("VmRSS")
        with tempfile.TemporaryDirectory(prefix="many-", dir=self._lab.protocol.parent) as name:
            setting = ready(self._lab.run, [self._lab.protocol], Path(name) / "cache", jobs=1)
            history = self._lab.learn(setting, Path(name))
            reader = setting.reader("train")
            self._facts = {
                "media": len(reader.items),
                "decoded_bytes": sum(setting.cache.place(item.content).stat().st_size for item in reader.items),
                "allowed_bytes": MARGIN,
                "grown_bytes": max(0, _status("VmHWM") - before),
                "reader_bytes": 1024 * resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss,
                "steps": history[-1]["step"],
                "fits": _all_at_once(reader),
            }

    def facts(self) -> dict[str, Any]:
        """Sizes."""
        return self._facts


def _all_at_once(reader: Reader) -> bool:
    """Whether every array can be mapped at the same time."""
    held = []
    try:
        for item in reader.items:
            held.append(reader.cache.array(*item.file))  # noqa: PERF401
    except OSError:
        return False
    return True


def _status(field: str) -> int:
    """A line of /proc/self/status, in bytes."""
    text = Path("/proc/self/status").read_text(encoding="ascii")
    return 1024 * int(text.split(f"{field}:")[1].split()[0])


class Export:
    """What `Command` trained, in every form; a pass times each of them, one after the other."""

    def __init__(self, load: Load, model: str) -> None:
        protocol = Path(load.files[0])
        trained = read_trained(max(runs(protocol, model).glob(f"{model}-*")))
        folder = protocol.parent / "exported" / model
        shutil.rmtree(folder, ignore_errors=True)
        self._one = calibration_inputs(protocol, trained.inputs)[0]
        self._answers: dict[str, Callable[[Any], Any]] = {}
        self._forms: dict[str, dict[str, Any]] = {}
        for form in FORMS:
            try:
                (made,) = export_model(trained, folder, forms=(form,), calibrate=protocol).forms
            except AssayError as error:
                self._forms[form] = {"missing" if isinstance(error, MissingExtra) else "refused": error.message}
                continue
            self._answers[form] = _answer(form, made.file, trained)
            self._forms[form] = {"bytes": made.size_bytes, "difference": made.difference, "eer": made.eer, "ms": []}

    def __call__(self) -> None:
        """Time each form on one input."""
        for form, answer in self._answers.items():
            self._forms[form]["ms"].append(milliseconds(answer, self._one))

    def facts(self) -> dict[str, Any]:
        """Size, largest difference of a logit, error rate and times of each form, or why it is not there."""
        return {"forms": self._forms}


def _answer(form: str, file: Path, trained: Trained) -> Callable[[Any], Any]:
    """What answers as the exported file does; safetensors are run by PyTorch."""
    if form == "safetensors":
        return trained.logits
    return Interpreter(file.read_bytes()) if form == "litert" else Graph(file.read_bytes())
