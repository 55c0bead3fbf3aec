"""What a training run says: its own log lines instead of Lightning's banner, tips and progress bar."""

from __future__ import annotations

import logging
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import lightning

from assay.errors import TrainingError

log = logging.getLogger("assay.training.fit")

# Warnings that say nothing to the user of a recipe, as (pattern at the start of the message, why).
UNFITTING = (
    (r"The '\w+' does not have many workers", "a batch is copied out of a memory map; handing it over costs more"),
    (r"Checkpoint directory .* exists and is not empty", "a work folder is there to be gone on with"),
    (r"The number of training batches .* is smaller than the logging interval", "a short run is logged at its checks"),
    (r"`isinstance\(treespec, LeafSpec\)` is deprecated", "Lightning's own matter with torch"),
)


@contextmanager
def quiet() -> Iterator[None]:
    """Hold back Lightning's records below WARNING (which hardware, tips, advertisements), and `UNFITTING`."""
    logger = logging.getLogger("lightning.pytorch")
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        with warnings.catch_warnings():
            for message, _ in UNFITTING:
                warnings.filterwarnings("ignore", message)
            yield
    finally:
        logger.setLevel(level)


class Progress(lightning.Callback):
    """Logs the loss and the time left every `every` steps, and stops a run whose loss is no number any more."""

    def __init__(self, every: int, steps: int) -> None:
        self.every, self.steps = every, steps
        self._since, self._told = (0, 0.0), 0

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        """Start the clock."""
        self._since, self._told = (trainer.global_step, time.monotonic()), trainer.global_step

    def on_train_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        """Report, now and then."""
        done = trainer.global_step
        if done % self.every or done <= self._told:  # several batches may make one step
            return
        self._told = done
        loss = float(outputs["loss"])
        if loss != loss:
            raise TrainingError(f"The loss is not a number at step {done}. Lower 'learning_rate' in the recipe.")
        first, started = self._since
        pace = (done - first) / max(time.monotonic() - started, 1e-9)
        left_min = (self.steps - done) / pace / 60
        log.info("step %d of %d, loss %.4f, %.1f steps/s, %.0f min left", done, self.steps, loss, pace, left_min)
