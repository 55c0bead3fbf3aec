"""Runs Lightning over a network: callbacks, loggers, devices, checkpoints; gives back the weights that are kept."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import lightning
import torch
from lightning.pytorch.callbacks import EarlyStopping, LearningRateMonitor, ModelCheckpoint, TQDMProgressBar
from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger
from torch import nn

from assay.errors import TrainingError
from assay.training.chatter import Progress, quiet
from assay.training.fit import precision
from assay.training.lab.config import Run
from assay.training.lab.data import Reader, treatment_of
from assay.training.lab.module import HISTORY, OVER, RUN, UNREAD, LabModule
from assay.training.tensors import read_plain

CHECKPOINTS, BEST, LAST = "checkpoints", "best", "last"
REPORT_STEPS = 100


class PartCompany(lightning.Callback):
    """Ends the talk between spawned processes in good order: one that exits in the middle of it may abort."""

    def teardown(self, trainer: Any, pl_module: Any, stage: str) -> None:
        """Wait for the others, and hang up."""
        if torch.distributed.is_initialized():
            torch.distributed.barrier()
            torch.distributed.destroy_process_group()


@dataclass(frozen=True, eq=False)
class Fitted:
    """What came out of training.

    Attributes:
        net: With the weights that are kept, on the processor, in evaluation mode.
        history: Figures of each check: epoch, step, loss, rate, val_loss, val_auc, val_eer, seconds, network_share.
        unread: Media of the training part that could not be read.
    """

    net: nn.Module
    history: tuple[dict[str, float], ...]
    unread: int


def fit(
    net: nn.Module, run: Run, train: Reader, validation: Reader, folder: Path, *, fingerprint: str, resume: bool
) -> Fitted:
    """Train a network, or go on with it.

    Args:
        net: As training begins with it.
        run: How.
        train: What is learnt from.
        validation: What checks are measured on.
        folder: Of the run, for checkpoints and logs.
        fingerprint: Of run and data.
        resume: Go on from the last checkpoint in `folder`, if there is one.

    Raises:
        TrainingError: If the checkpoint is of other settings or data, or the loss is no number any more.
    """
    module = LabModule(net, run, train, validation, treatment_of(train.architecture, run), fingerprint)
    last = folder / CHECKPOINTS / f"{LAST}.ckpt"
    begun = resume and last.exists()
    if not (begun and _read(last, fingerprint)[OVER]):
        lightning.seed_everything(run.seed, verbose=False)
        with quiet():
            trainer = _trainer(run, folder, module)
            trainer.fit(module, ckpt_path=str(last) if begun else None, weights_only=True)
    end = _read(last, fingerprint)
    kept = end if run.optimisation.keep == "last" else _read(folder / CHECKPOINTS / f"{BEST}.ckpt", fingerprint)
    # Processes that were spawned do not hand back what they learnt; files do.
    state = {name.removeprefix("net."): value for name, value in kept["state_dict"].items()}
    net = net.cpu()
    net.load_state_dict(state)
    return Fitted(net.eval(), tuple(end[HISTORY]), len(end[UNREAD]))


def _read(path: Path, fingerprint: str) -> dict[str, Any]:
    """A checkpoint: tensors and plain values only, so that a file put there by others runs nothing."""
    checkpoint = read_plain(path)
    if checkpoint.get(RUN) != fingerprint:
        raise TrainingError(
            f"'{path}' belongs to other settings or other data. Resume with those, or start again without --resume."
        )
    return checkpoint


def _trainer(run: Run, folder: Path, module: LabModule) -> lightning.Trainer:
    settings, machine = run.optimisation, run.machine
    monitor, mode = f"val_{settings.monitor}", "max" if settings.monitor == "auc" else "min"
    places: dict[str, Any] = {
        "dirpath": folder / CHECKPOINTS,
        "save_on_train_epoch_end": False,
        "enable_version_counter": False,
    }
    callbacks: list[lightning.Callback] = [LearningRateMonitor(logging_interval="step")]
    if settings.patience:
        callbacks.append(EarlyStopping(monitor, mode=mode, patience=settings.patience, check_on_train_epoch_end=False))
    # The last one stands last: what it stores of the best one is then up to date.
    callbacks.append(ModelCheckpoint(filename=BEST, monitor=monitor, mode=mode, save_top_k=1, **places))
    callbacks.append(ModelCheckpoint(filename=LAST, save_top_k=1, **places))
    steps = settings.epochs * -(-module.epoch_batches(machine.devices) // settings.accumulate)
    bar = sys.stderr.isatty()
    callbacks.append(TQDMProgressBar() if bar else Progress(min(REPORT_STEPS, max(1, steps // 10)), steps))
    strategy = machine.strategy
    if strategy == "auto" and machine.devices > 1:
        # Spawned, not started over: the main process alone checks data and writes the folder. Networks may have layers
        # that nothing asks for.
        strategy = "ddp_spawn_find_unused_parameters_true"
        callbacks.append(PartCompany())
    kinds = {"32": "32-true", "bf16": "bf16-mixed", "auto": precision()}
    return lightning.Trainer(
        accelerator=machine.accelerator,
        devices=machine.devices,
        strategy=strategy,
        precision=kinds[settings.precision],  # type: ignore[arg-type]
        max_epochs=settings.epochs,
        max_time=timedelta(minutes=settings.minutes) if settings.minutes else None,
        gradient_clip_val=settings.gradient_clip or None,
        accumulate_grad_batches=settings.accumulate,
        num_sanity_val_steps=0,
        log_every_n_steps=max(1, min(50, steps // 20)),
        use_distributed_sampler=False,
        enable_progress_bar=bar,
        enable_model_summary=False,
        callbacks=callbacks,
        # A resumed run writes its metrics into a folder of its own: Lightning empties one that it finds.
        logger=[CSVLogger(folder, "log"), TensorBoardLogger(folder, "tensorboard", version=0)],
        default_root_dir=folder,
    )
