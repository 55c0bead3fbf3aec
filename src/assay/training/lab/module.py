"""One step, one check and one optimiser, for any architecture; Lightning drives.

Decision: everything random is a function of the seed and the number of the batch, dropout included, and an epoch is
the stretch between two checks. So a checkpoint taken at a check holds all that the rest of the run depends on, and a
resumed run ends with the weights of an uninterrupted one: exactly on one processor with one number of threads, up to
rounding elsewhere.
"""

from __future__ import annotations

import math
import time
from typing import Any, Literal

import lightning
import numpy as np
import torch
from torch import nn
from torch.optim.lr_scheduler import LambdaLR, ReduceLROnPlateau
from torch.utils.data import DataLoader

from assay.errors import TrainingError
from assay.metrics import auc, equal_error_rate
from assay.training.lab.config import Run
from assay.training.lab.data import Batch, Epochs, MeasuredBatches, Reader, TrainingBatches, Treatment, loader
from assay.training.lab.losses import Criterion, attacked
from assay.training.lab.order import Order

RUN, HISTORY, UNREAD, OVER, PLATEAU = (f"assay_{name}" for name in ("run", "history", "unread", "over", "plateau"))


class LabModule(lightning.LightningModule):
    """Trains a network.

    Args:
        net: Raw media to logits (n,).
        run: How.
        train: What is learnt from.
        validation: What checks are measured on.
        treatment: What happens to what is learnt from; None for nothing.
        fingerprint: Of run and data, told to checkpoints.
    """

    def __init__(
        self,
        net: nn.Module,
        run: Run,
        train: Reader,
        validation: Reader,
        treatment: Treatment | None,
        fingerprint: str,
    ) -> None:
        super().__init__()
        # Convolutions on processors are up to half again as fast this way.
        self.net: nn.Module = net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.run, self.fingerprint = run, fingerprint
        self.train_reader, self.validation_reader, self.treatment = train, validation, treatment
        self.one_class = train.architecture.one_class
        items = train.items
        self.order = Order(items, "none" if self.one_class else run.data.balance, run.seed)
        self.criterion = Criterion(run.optimisation, self.order.share())
        self.history: list[dict[str, float]] = []
        self.unread: set[int] = set()
        self._plateau: ReduceLROnPlateau | None = None
        self._plateau_state: dict[str, Any] | None = None
        self._epochs: Epochs | None = None
        self._times = [0.0, 0.0, 0.0]  # in batches, waiting for batches, end of the last one

    def epoch_batches(self, processes: int) -> int:
        """Batches of each process from one check to the next."""
        size = self.run.data.batch_size * processes
        return self.run.data.epoch_batches or max(1, math.ceil(len(self.train_reader.items) / size))

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Note whose it is, what was measured so far, and whether the run is over."""
        checkpoint[RUN], checkpoint[HISTORY] = self.fingerprint, list(self.history)
        checkpoint[UNREAD], checkpoint[OVER] = sorted(self.unread), bool(self.trainer.should_stop)
        checkpoint[PLATEAU] = self._plateau.state_dict() if self._plateau else None

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Check that it is of the same run and data.

        Raises:
            TrainingError: If it is of others.
        """
        if checkpoint.get(RUN) != self.fingerprint:
            raise TrainingError(
                "The last checkpoint belongs to other settings or other data. Resume with those, or start again "
                "without --resume."
            )
        self.history, self.unread = list(checkpoint[HISTORY]), set(checkpoint[UNREAD])
        self._plateau_state = checkpoint[PLATEAU]

    def train_dataloader(self) -> Epochs:
        """Batches of all epochs, one epoch at a time."""
        each = self.epoch_batches(self.trainer.world_size)
        numbers = range(self.run.optimisation.epochs * each)
        place = (self.trainer.global_rank, self.trainer.world_size)
        batches = TrainingBatches(self.train_reader, self.order, self.run, self.treatment, numbers, place)
        self._epochs = Epochs(batches, self.run, each, lambda: self.current_epoch, pinned=self._pinned())
        return self._epochs

    def val_dataloader(self) -> DataLoader[Batch]:
        """All media of the validation part, or this process's share of them."""
        place = (self.trainer.global_rank, self.trainer.world_size)
        batches = MeasuredBatches(self.validation_reader, self.run.data.batch_size, place)
        return loader(batches, self.run, pinned=self._pinned())

    def _pinned(self) -> bool:
        return bool(self.trainer.strategy.root_device.type == "cuda")

    def on_train_epoch_start(self) -> None:
        """Leave what is frozen as it is, the statistics of its norms included."""
        for part in self.net.modules():
            own = list(part.parameters())
            if own and not any(parameter.requires_grad for parameter in own):
                part.eval()
        # From here on, so that the wait for the first batch counts, too.
        self._times = [0.0, 0.0, time.perf_counter()]

    def on_train_batch_start(self, batch: Batch, batch_index: int) -> None:
        """Start the random numbers of this batch, and the clock."""
        seed = np.random.SeedSequence([self.run.seed, batch.number, self.global_rank]).generate_state(1, np.uint64)
        torch.manual_seed(int(seed[0]) >> 1)
        now = time.perf_counter()
        self._times[1] += now - self._times[2]
        self._times[2] = now

    def training_step(self, batch: Batch, batch_index: int) -> torch.Tensor:
        """Loss of one batch."""
        self.unread.update(batch.unread)
        inputs = batch.inputs
        if self.run.adversarial.method != "none":
            inputs = attacked(inputs, lambda moved: self._loss(moved, batch.spoof), self.run.adversarial, self._kind())
        loss = self._loss(inputs, batch.spoof)
        if not torch.isfinite(loss):
            raise TrainingError(
                f"The loss is not a number in batch {batch.number}. Lower optimisation.learning_rate, or raise "
                "optimisation.warm_up."
            )
        self.log("loss", loss, on_step=True, on_epoch=True, batch_size=len(batch.spoof), sync_dist=True)
        return loss

    def on_train_batch_end(self, outputs: Any, batch: Batch, batch_index: int) -> None:
        """Stop the clock."""
        now = time.perf_counter()
        self._times[0] += now - self._times[2]
        self._times[2] = now

    def teardown(self, stage: str) -> None:
        """End what reads ahead."""
        if self._epochs is not None:
            self._epochs.close()

    def _kind(self) -> str:
        architecture = self.train_reader.architecture
        return "features" if architecture.media == "video" and not architecture.integer else architecture.media

    def _loss(self, inputs: torch.Tensor, spoof: torch.Tensor) -> torch.Tensor:
        if self.one_class:
            loss: torch.Tensor = self.net.reconstruction_loss(inputs)  # type: ignore[operator]
            return loss
        return self.criterion(self.net(inputs).float(), spoof)

    def on_validation_epoch_start(self) -> None:
        """Forget the scores of the last check."""
        self._scores: list[torch.Tensor] = []

    def validation_step(self, batch: Batch, batch_index: int) -> None:
        """Score media."""
        logits = self.net(batch.inputs).double()
        self._scores.append(torch.stack([batch.rows.double(), logits], 1))

    def on_validation_epoch_end(self) -> None:
        """Area under the curve, equal error rate and loss over all media, from all processes."""
        gathered: Any = self.all_gather(torch.cat(self._scores))
        found = gathered.reshape(-1, 2).cpu()
        rows, places = np.unique(found[:, 0].numpy().astype(np.int64), return_index=True)
        logits = found[:, 1].numpy()[places]
        if not np.isfinite(logits).all():
            raise TrainingError(
                "The network answers with values that are no numbers. Lower optimisation.learning_rate."
            )
        spoof = self.validation_reader.spoof[rows]
        told = {"val_auc": auc(logits[spoof == 0], logits[spoof == 1])}
        told["val_eer"] = equal_error_rate(logits[spoof == 0], logits[spoof == 1]).rate
        told["val_loss"] = float(self.criterion(torch.from_numpy(logits).float(), torch.from_numpy(spoof)))
        self.log_dict(told, prog_bar=True, sync_dist=True)
        if self._plateau is not None:
            self._plateau.step(told[f"val_{self.run.optimisation.monitor}"])
        busy, waiting, _ = self._times
        loss = self.trainer.callback_metrics.get("loss_step", torch.tensor(math.nan))
        rate = self.trainer.optimizers[0].param_groups[0]["lr"]
        paces = {"seconds": busy + waiting, "network_share": busy / max(busy + waiting, 1e-9)}
        self.history.append(
            {"epoch": self.current_epoch, "step": self.global_step, "loss": float(loss), "rate": rate, **told, **paces}
        )

    def configure_optimizers(self) -> Any:
        """The optimiser and its schedule, as the run says."""
        settings = self.run.optimisation
        learning = [parameter for parameter in self.net.parameters() if parameter.requires_grad]
        if not learning:
            raise TrainingError("All parameters are frozen; nothing would be learnt. Freeze less.")
        groups = [
            {"params": [p for p in learning if p.ndim > 1], "weight_decay": settings.weight_decay},
            {"params": [p for p in learning if p.ndim <= 1], "weight_decay": 0.0},
        ]
        groups = [group for group in groups if group["params"]]
        optimiser: torch.optim.Optimizer
        if settings.optimiser == "sgd":
            optimiser = torch.optim.SGD(groups, lr=settings.learning_rate, momentum=settings.momentum)
        else:
            kind = torch.optim.Adam if settings.optimiser == "adam" else torch.optim.AdamW
            optimiser = kind(groups, lr=settings.learning_rate)
        if settings.scheduler == "plateau":
            # Lightning's own would forget its last step when a run is resumed from a check.
            mode: Literal["max", "min"] = "max" if settings.monitor == "auc" else "min"
            self._plateau = ReduceLROnPlateau(optimiser, mode, settings.factor, settings.plateau_patience, eps=0)
            if self._plateau_state is not None:
                self._plateau.load_state_dict(self._plateau_state)
        if settings.scheduler in ("none", "plateau"):
            return optimiser
        schedule = {"scheduler": LambdaLR(optimiser, self._factor), "interval": "step"}
        return {"optimizer": optimiser, "lr_scheduler": schedule}

    def _factor(self, step: int) -> float:
        """Learning rate over its peak at a step."""
        settings = self.run.optimisation
        each = math.ceil(self.epoch_batches(self.trainer.world_size) / settings.accumulate)
        steps = settings.epochs * each
        warm = settings.warm_up * steps
        rise = min(1.0, (step + 1) / warm) if warm >= 1 else 1.0
        if settings.scheduler == "step":
            return rise * settings.factor ** (step // (settings.step_epochs * each))
        fall = min(1.0, max(0.0, (step - warm) / max(1.0, steps - warm)))
        return rise * (0.5 + 0.5 * math.cos(math.pi * fall))
