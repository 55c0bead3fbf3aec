"""The training run: Lightning drives, this module says what one step and one check are.

Decision: an epoch is the stretch between two checks, and a checkpoint is taken at each check. It holds everything that
the next step depends on, the state of the random generator (dropout) included, so that a resumed run ends with the
weights of an uninterrupted one: exactly on one processor with one number of threads, up to rounding elsewhere.
"""

from __future__ import annotations

import logging
import math
from pathlib import Path
from typing import Any

import lightning
import numpy as np
import torch
from lightning.pytorch.callbacks import EMAWeightAveraging, ModelCheckpoint
from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger
from torch.nn import functional
from torch.utils.data import DataLoader

from assay.errors import TrainingError
from assay.metrics import auc, equal_error_rate
from assay.training.audio_net import PART_SAMPLES, WINDOW_SAMPLES, AudioResnet
from assay.training.augment import Channel, band_masks
from assay.training.batches import Batch, CoupledBatches, repeat_pad
from assay.training.chatter import Progress, quiet
from assay.training.corpus import Corpus
from assay.training.muon import Muon
from assay.training.recipe import Recipe
from assay.training.tensors import read_plain

REPORT_STEPS = 100
REFRESH_BATCHES = 100
RECIPE, RANDOM = "assay_recipe", "assay_random"  # what a checkpoint holds beside Lightning's own entries
log = logging.getLogger("assay.training.fit")


def precision() -> str:
    """Mixed precision where the processor multiplies bfloat16 in hardware; elsewhere it only costs."""
    if torch.cuda.is_available():
        return "bf16-mixed" if torch.cuda.is_bf16_supported() else "32-true"
    flags = Path("/proc/cpuinfo").read_text(encoding="utf-8") if Path("/proc/cpuinfo").exists() else ""
    return "bf16-mixed" if "avx512_bf16" in flags or "amx_bf16" in flags else "32-true"


class AudioTraining(lightning.LightningModule):
    """Training step, development check and optimiser of `AudioResnet`."""

    def __init__(self, recipe: Recipe, train: Corpus, development: Corpus, channel: Channel) -> None:
        super().__init__()
        self.recipe, self.train_corpus, self.development, self.channel = recipe, train, development, channel
        self.net = AudioResnet(recipe.network.views)
        self.net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._resumed: tuple[int, dict[str, torch.Tensor]] | None = None

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Note the recipe and the random state."""
        states = {"cpu": torch.get_rng_state()}
        if self.device.type == "cuda":
            states["cuda"] = torch.cuda.get_rng_state(self.device)
        checkpoint[RECIPE], checkpoint[RANDOM] = self.recipe.fingerprint(), states

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Check that it is the same recipe; checkpoints without a note of it are taken as they are.

        Raises:
            TrainingError: If it is another.
        """
        if checkpoint.get(RECIPE, self.recipe.fingerprint()) != self.recipe.fingerprint():
            raise TrainingError(
                "The last checkpoint belongs to another recipe. Resume with that one, use another work folder, or "
                "start again without --resume."
            )
        if RANDOM in checkpoint:
            self._resumed = (checkpoint["global_step"], checkpoint[RANDOM])

    def transfer_batch_to_device(self, batch: Any, device: torch.device, dataloader_idx: int) -> Any:
        """Leave batches on the processor, where they are treated; a step moves what the network gets."""
        return batch

    def train_dataloader(self) -> DataLoader[Batch]:
        """Batches of this epoch; an epoch is the stretch between two checks."""
        each = self.recipe.optimisation.evaluate_every
        first = self.current_epoch * each
        # Lightning asks for the interrupted epoch first; the state belongs to the one after it.
        if self._resumed and self._resumed[0] == first:
            torch.set_rng_state(self._resumed[1]["cpu"])
            if "cuda" in self._resumed[1] and self.device.type == "cuda":
                torch.cuda.set_rng_state(self._resumed[1]["cuda"], self.device)
            self._resumed = None
        last = min(first + each, self.recipe.optimisation.steps)
        return DataLoader(CoupledBatches(self.train_corpus, self.recipe, PART_SAMPLES, first, last), batch_size=None)

    def treated(self, batch: Batch, step: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Waves after their channel, and their band masks, as the seed and the step decide."""
        waves, _, groups = batch
        generator = torch.Generator().manual_seed(self.recipe.seed * 1_000_003 + step)
        treated = self.channel(waves, groups, generator)
        return treated, band_masks(int(groups.max()) + 1, self.recipe.augmentation.mask, generator)[groups]

    def training_step(self, batch: Batch, batch_index: int) -> torch.Tensor:
        """Loss of one batch."""
        waves, masks = self.treated(batch, self.global_step)
        keys = batch[1]
        logits = self.net.part_logits(waves.to(self.device), masks.to(self.device))[:, :, 0].float()
        smooth = self.recipe.optimisation.label_smoothing
        targets = (keys * (1 - 2 * smooth) + smooth).to(self.device)
        # Each branch learns for itself; the mean of their logits would let one lean on the other.
        loss = functional.binary_cross_entropy_with_logits(logits, targets.expand_as(logits))
        self.log("loss", loss)
        return loss

    def val_dataloader(self) -> DataLoader[Any]:
        """Indices of development clips, in batches."""
        return DataLoader(range(len(self.development.trials)), batch_size=32)  # type: ignore[arg-type]

    def on_validation_epoch_start(self) -> None:
        """Forget the scores of the last check."""
        self._scores: list[torch.Tensor] = []

    def validation_step(self, indices: torch.Tensor, batch_index: int) -> None:
        """Score development clips, each as it came and, where there is a version, after a codec."""
        self._scores.append(torch.stack([self._logits(indices, version) for version in self._versions()]))

    def on_validation_epoch_end(self) -> None:
        """Equal error rate and area over all versions pooled; mean area within sources that hold both keys."""
        scores = torch.cat(self._scores, dim=1).numpy().astype(np.float64)
        spoof = np.array([trial.key == "spoof" for trial in self.development.trials])
        eer = equal_error_rate(scores[:, ~spoof].ravel(), scores[:, spoof].ravel()).rate
        area = auc(scores[:, ~spoof].ravel(), scores[:, spoof].ravel())
        sources = np.array([trial.source for trial in self.development.trials])
        both = [name for name in np.unique(sources) if len(set(spoof[sources == name])) == 2]
        areas = [
            auc(scores[:, ~spoof & (sources == n)].ravel(), scores[:, spoof & (sources == n)].ravel()) for n in both
        ]
        within = float(np.mean(areas)) if areas else math.nan
        self.log_dict({"dev_eer": eer, "dev_auc": area, "dev_auc_within": within})
        log.info("step %d dev_eer %.4f dev_auc %.4f within sources %.4f", self.global_step, eer, area, within)

    def _versions(self) -> range:
        return range(min(2, self.development.starts.shape[1]))

    def _logits(self, indices: torch.Tensor, version: int) -> torch.Tensor:
        waves = [repeat_pad(self.development.clip(int(index), version), WINDOW_SAMPLES) for index in indices]
        logits: torch.Tensor = self.net(torch.from_numpy(np.stack(waves)).to(self.device))[0]
        return logits.mean(1).float().cpu()

    def configure_optimizers(self) -> Any:
        """AdamW without decay on norms and biases, Muon for convolutions if the recipe says so, warm-up, cosine."""
        settings = self.recipe.optimisation
        parameters = list(self.net.parameters())
        convolutions = [p for p in parameters if p.ndim > 2 and settings.muon_rate]
        weights = [p for p in parameters if p.ndim > 1 and not any(p is known for known in convolutions)]
        groups: list[dict[str, Any]] = [
            {"params": weights, "weight_decay": settings.weight_decay},
            {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
        ]
        if convolutions:
            muon = {"params": convolutions, "weight_decay": settings.weight_decay, "lr": settings.muon_rate}
            groups.append({"muon": True, **muon})
        optimiser = Muon(groups, lr=settings.learning_rate)
        warm = max(1, settings.steps // 20)

        def factor(step: int) -> float:
            fall = min(1.0, max(0.0, (step - warm) / max(1, settings.steps - warm)))
            return min((step + 1) / warm, 0.5 + 0.5 * math.cos(math.pi * fall))

        schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, factor)
        return {"optimizer": optimiser, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


def fit(
    recipe: Recipe,
    train: Corpus,
    development: Corpus,
    channel: Channel,
    work: Path,
    *,
    start: AudioResnet | None = None,
    resume: bool,
) -> AudioResnet:
    """Train to the end of the schedule.

    The development check steers nothing: the learning rate ends at zero, and picking the luckiest of a few noisy checks
    would only spoil the sources that calibration needs.

    Args:
        recipe: What to do.
        train: Clips to learn from.
        development: Clips of other sources, to watch.
        channel: The augmentation.
        work: Folder for checkpoints, logs and TensorBoard files.
        start: Network whose weights training begins with.
        resume: Go on from ``last.ckpt`` if it is there; otherwise start again.

    Returns:
        The averaged weights of the last steps, on the processor, in evaluation mode.

    Raises:
        TrainingError: If the checkpoint belongs to another recipe, `start` has other views, or the loss is no number
            any more.
    """
    lightning.seed_everything(recipe.seed, verbose=False)
    module = AudioTraining(recipe, train, development, channel)
    if start is not None:
        if start.views != module.net.views:
            raise TrainingError(f"The network to start from has views {start.views}, the recipe {module.net.views}.")
        module.net.load_state_dict(start.state_dict())
    folder = work / "checkpoints"
    last = folder / "last.ckpt"
    with quiet():
        trainer = _trainer(recipe, folder, work)
        trainer.fit(module, ckpt_path=str(last) if resume and last.exists() else None, weights_only=True)
    end = read_plain(last)
    # Into a new network: averaging wears off the last bits of the constants, too.
    module.net = AudioResnet(recipe.network.views).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    module.cpu().load_state_dict(end["state_dict"])
    refresh_statistics(module)
    return module.net


def refresh_statistics(module: AudioTraining) -> None:
    """Measure the batch norms' statistics anew with the averaged weights, and leave evaluation mode on.

    The running statistics belong to the weights of each step and do not fit the average of many steps (Izmailov et al.,
    "Averaging weights leads to wider optima and better generalization", UAI 2018, section 3.2).
    """
    settings, norms = module.recipe.optimisation, (torch.nn.BatchNorm2d,)
    for part in module.net.modules():
        if isinstance(part, norms):
            part.reset_running_stats()
            part.momentum = None  # a plain mean over all batches
    module.net.train()
    first = settings.steps  # batches that training has not drawn
    batches = CoupledBatches(module.train_corpus, module.recipe, PART_SAMPLES, first, first + REFRESH_BATCHES)
    with torch.inference_mode():
        for step, batch in enumerate(batches):
            waves, masks = module.treated(batch, first + step)
            module.net.part_logits(waves, masks)
    module.net.eval()


def _trainer(recipe: Recipe, folder: Path, work: Path) -> lightning.Trainer:
    settings = recipe.optimisation
    # At checks only: a resumed run first ends the epoch it was cut in.
    last = ModelCheckpoint(folder, "last", save_on_train_epoch_end=False, enable_version_counter=False)
    return lightning.Trainer(
        accelerator="auto",
        devices=1,
        precision=precision(),  # type: ignore[arg-type]
        max_steps=settings.steps,
        gradient_clip_val=5.0,
        reload_dataloaders_every_n_epochs=1,
        num_sanity_val_steps=0,
        log_every_n_steps=50,
        enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=[
            last,
            EMAWeightAveraging(decay=settings.average_decay),
            Progress(min(REPORT_STEPS, settings.evaluate_every), settings.steps),
        ],
        # A resumed run writes its metrics into a folder of its own: Lightning empties one that it finds.
        logger=[CSVLogger(work, "log"), TensorBoardLogger(work, "tensorboard", version=0)],
        default_root_dir=work,
    )
