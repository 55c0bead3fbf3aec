"""What the training benchmark measures: the general trainer, and the loop that a user would write instead.

| name | what one pass does |
|---|---|
| `lab:MODEL` | `assay.training.lab`: check, hash and decode files, train and validate `EPOCHS` epochs, write weights |
| `lab-augmented:MODEL` | the same with its augmentation as it comes |
| `lab-few:MODEL` | the same as `lab` for `FEW_EPOCHS` epochs |
| `loop:MODEL` | PyTorch's Dataset and DataLoader, librosa for every file of every epoch; same layers, as many epochs |
| `loop-augmented:MODEL` | the same; noise and gain are drawn with NumPy, as in many tutorials |
| `loop-few:MODEL` | the same as `loop` for `FEW_EPOCHS` epochs |
| `single…:MODEL` | as the `lab…` of that name, in single precision on every machine |
| `steps:MODEL` | the network alone learns from one batch in memory, again and again: the floor |
| `train:MODEL` | one command's work, `assay train MEDIA MODEL`, with default augmentation and workers: network share |
| `memory:MODEL` | a training under a limit on memory that its data do not fit in |
| `export:MODEL` | what `train` left behind, in all forms of `assay export` |

The loop is a competent one: it keeps its workers, has as many as the trainer, decodes nothing before its time and
computes features in the workers. Its network is the trainer's own without the front end, which librosa stands in for.
Each subject is built once (not timed: libraries are loaded) and then called, once per pass, always from the files.

What they are stands in training_lab.py and training_loop.py, which load PyTorch and are therefore loaded when needed.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable
from typing import Any

from load import Load

EPOCHS, BATCH = 20, 16  # of what is compared; as many epochs as the trainer makes where nothing is said
FEW_EPOCHS = 5  # of a short run
FLOOR_EPOCHS = 5  # of the network alone, whose epochs are all alike
COMPARED = ("mel-cnn", "mfcc-net")
KINDS: dict[str, dict[str, Any]] = {
    "": {"augmented": False, "epochs": EPOCHS},
    "-augmented": {"augmented": True, "epochs": EPOCHS},
    "-few": {"augmented": False, "epochs": FEW_EPOCHS},
}
SINGLE = ("optimisation.precision=32",)
SHARES = {  # architectures whose network share is measured, and their data
    "mel-cnn": "sounds",
    "sinc-lcnn": "sounds",
    "resnet": "pictures",
    "anomaly-ae": "pictures",
    "frame-cnn": "videos",
}
SHARE_BATCHES = 16  # of an epoch; two epochs

Subject = Callable[[Load], Any]


def _of(module: str, kind: str, model: str, **told: Any) -> Subject:
    def make(load: Load) -> Any:
        # Read when PyTorch is loaded. Threads that spin while they wait for each other keep a core from whoever has
        # work, and on a busy machine all that is measured then is who spins more.
        os.environ["OMP_WAIT_POLICY"] = "PASSIVE"
        return getattr(importlib.import_module(module), kind)(load, model, **told)

    return make


def _compared(model: str) -> dict[str, Subject]:
    found = {f"steps:{model}": _of("training_lab", "Steps", model)}
    for name, told in KINDS.items():
        found[f"lab{name}:{model}"] = _of("training_lab", "Lab", model, **told)
        found[f"single{name}:{model}"] = _of("training_lab", "Lab", model, **told, changes=SINGLE)
        found[f"loop{name}:{model}"] = _of("training_loop", "Loop", model, **told)
    return found


TRAINING_SUBJECTS: dict[str, Subject] = {
    **{name: subject for model in COMPARED for name, subject in _compared(model).items()},
    **{f"train:{model}": _of("training_lab", "Command", model) for model in SHARES},
    **{f"export:{model}": _of("training_lab", "Export", model) for model in SHARES},
    "memory:mel-cnn": _of("training_lab", "Memory", "mel-cnn"),
}
