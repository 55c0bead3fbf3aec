"""The folder of a run: found or made, and what describes it.

config.toml          everything that was set                 weights.safetensors  the network
environment.json     versions, machine, commit               model.onnx           as users run it
checkpoints/         best.ckpt, last.ckpt                    card.json            what the model promises
log/, tensorboard/   metrics while training                  metrics.json         all figures
scores.csv           every medium that was measured on       *.svg                plots
"""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

import torch

from assay._version import __version__
from assay.errors import TrainingError
from assay.training.lab.config import Run, to_toml
from assay.training.publish import commit_of

ENVIRONMENT, CONFIG, METRICS, SCORES = "environment.json", "config.toml", "metrics.json", "scores.csv"
PACKAGES = ("torch", "lightning", "numpy", "onnx", "onnxruntime", "av", "soundfile", "soxr", "pillow")


def run_folder(run: Run, fingerprint: str, out: Path, *, resume: bool) -> Path:
    """The folder to work in: a new one, or with `resume` the newest of the same run and data.

    Raises:
        TrainingError: If there are unfinished runs of this model to resume, but of other settings or data.
    """
    if resume:
        known = sorted(out.glob(f"{run.model}-[0-9]*"), reverse=True)
        for folder in known:
            if _noted(folder).get("fingerprint") == fingerprint:
                return folder
        if unfinished := [folder for folder in known if not (folder / METRICS).exists()]:
            raise TrainingError(
                f"'{unfinished[0]}' is not finished, but belongs to other settings or other data. Resume with those, "
                "or begin anew without --resume."
            )
    stamp = time.strftime("%Y%m%dT%H%M%S", time.gmtime())
    for number in range(1, 1000):
        folder = out / f"{run.model}-{stamp}{f'-{number}' if number > 1 else ''}"
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            continue
        (folder / CONFIG).write_text(to_toml(run.model_dump()), encoding="utf-8")
        write_json(folder / ENVIRONMENT, environment(fingerprint))
        return folder
    raise TrainingError(f"'{out}' already holds a thousand runs of this second.")


def environment(fingerprint: str) -> dict[str, Any]:
    """What a run depends on beside its settings."""
    return {
        "fingerprint": fingerprint,
        "assay": __version__,
        "commit": commit_of(Path(__file__)),
        "python": platform.python_version(),
        "system": platform.platform(),
        "processor": platform.machine(),
        "cpus": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "gpus": [torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())],
        "packages": {name: _version(name) for name in PACKAGES},
    }


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Write in one step."""
    part = path.with_name(path.name + ".part")
    part.write_text(json.dumps(value, indent=1) + "\n", encoding="utf-8")
    part.replace(path)


def _noted(folder: Path) -> dict[str, Any]:
    try:
        noted: dict[str, Any] = json.loads((folder / ENVIRONMENT).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return noted


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""
