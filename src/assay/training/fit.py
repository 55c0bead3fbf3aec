"""The training run: Lightning drives, this module says what one step and one check are."""

from __future__ import annotations

import logging
import math
from pathlib import Path
from typing import Any

import lightning
import numpy as np
import torch
from lightning.pytorch.callbacks import EMAWeightAveraging, ModelCheckpoint, TQDMProgressBar
from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger
from numpy.typing import NDArray
from torch.nn import functional
from torch.utils.data import DataLoader

from assay.metrics import auc, equal_error_rate
from assay.training.audio_net import WINDOW_SAMPLES, AudioResnet
from assay.training.augment import Channel, band_masks
from assay.training.batches import Batch, PairedBatches, repeat_pad
from assay.training.corpus import Corpus
from assay.training.recipe import Recipe

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
        self.net = AudioResnet()
        self.net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def train_dataloader(self) -> DataLoader[Batch]:
        """Batches of this epoch; an epoch is the stretch between two checks."""
        each = self.recipe.optimisation.evaluate_every
        first = self.current_epoch * each
        last = min(first + each, self.recipe.optimisation.steps)
        return DataLoader(PairedBatches(self.train_corpus, self.recipe, WINDOW_SAMPLES, first, last), batch_size=None)

    def training_step(self, batch: Batch, batch_index: int) -> torch.Tensor:
        """Loss of one batch."""
        waves, keys, groups = batch
        generator = torch.Generator().manual_seed(self.recipe.seed * 1_000_003 + self.global_step)
        waves = self.channel(waves, groups, generator)
        masks = band_masks(int(groups.max()) + 1, self.recipe.augmentation.mask, generator)[groups]
        logits = self.net(waves.to(self.device), masks.to(self.device))[:, 0].float()
        smooth = self.recipe.optimisation.label_smoothing
        loss = functional.binary_cross_entropy_with_logits(logits, keys * (1 - 2 * smooth) + smooth)
        self.log("loss", loss, prog_bar=True)
        return loss

    def val_dataloader(self) -> DataLoader[Any]:
        """Indices of development clips, in batches."""
        return DataLoader(range(len(self.development.trials)), batch_size=32)  # type: ignore[arg-type]

    def on_validation_epoch_start(self) -> None:
        """Forget the scores of the last check."""
        self._scores: list[torch.Tensor] = []

    def validation_step(self, indices: torch.Tensor, batch_index: int) -> None:
        """Score development clips, each as it came and after a codec."""
        self._scores.append(torch.stack([self._logits(indices, version) for version in self._versions()]))

    def on_validation_epoch_end(self) -> None:
        """Equal error rate and area over all versions pooled."""
        scores = torch.cat(self._scores, dim=1).numpy().astype(np.float64)
        spoof = np.array([trial.key == "spoof" for trial in self.development.trials])[: scores.shape[1]]
        if spoof.all() or not spoof.any():  # Lightning's first look at two batches may hold one key
            return
        eer = equal_error_rate(scores[:, ~spoof].ravel(), scores[:, spoof].ravel()).rate
        area = auc(scores[:, ~spoof].ravel(), scores[:, spoof].ravel())
        self.log_dict({"dev_eer": eer, "dev_auc": area}, prog_bar=True)
        log.info("step %d dev_eer %.4f dev_auc %.4f", self.global_step, eer, area)

    def _versions(self) -> range:
        return range(min(2, self.development.starts.shape[1]))

    def _logits(self, indices: torch.Tensor, version: int) -> torch.Tensor:
        waves = [repeat_pad(self.development.clip(int(index), version), WINDOW_SAMPLES) for index in indices]
        logits: torch.Tensor = self.net(torch.from_numpy(np.stack(waves)).to(self.device))
        return logits[:, 0].float().cpu()

    def configure_optimizers(self) -> Any:
        """AdamW without decay on norms and biases, linear warm-up and cosine decay."""
        settings = self.recipe.optimisation
        weights = [p for p in self.net.parameters() if p.ndim > 1]
        others = [p for p in self.net.parameters() if p.ndim <= 1]
        optimiser = torch.optim.AdamW(
            [
                {"params": weights, "weight_decay": settings.weight_decay},
                {"params": others, "weight_decay": 0.0},
            ],
            lr=settings.learning_rate,
        )
        warm = max(1, settings.steps // 20)

        def factor(step: int) -> float:
            fall = min(1.0, max(0.0, (step - warm) / max(1, settings.steps - warm)))
            return min((step + 1) / warm, 0.5 + 0.5 * math.cos(math.pi * fall))

        schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, factor)
        return {"optimizer": optimiser, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


def fit(
    recipe: Recipe, train: Corpus, development: Corpus, channel: Channel, work: Path, *, resume: bool
) -> AudioResnet:
    """Train to the end and return the network of the best check.

    Args:
        recipe: What to do.
        train: Clips to learn from.
        development: Clips of other sources, to choose the checkpoint.
        channel: The augmentation.
        work: Folder for checkpoints, logs and TensorBoard files.
        resume: Go on from ``last.ckpt`` if it is there; the result is the same as without the interruption.
    """
    lightning.seed_everything(recipe.seed, verbose=False)
    module = AudioTraining(recipe, train, development, channel)
    settings = recipe.optimisation
    best = ModelCheckpoint(
        work / "checkpoints", "best", monitor="dev_eer", save_last=True, enable_version_counter=False
    )
    trainer = lightning.Trainer(
        accelerator="auto",
        devices=1,
        precision=precision(),  # type: ignore[arg-type]
        max_steps=settings.steps,
        gradient_clip_val=5.0,
        reload_dataloaders_every_n_epochs=1,
        num_sanity_val_steps=0,
        log_every_n_steps=50,
        callbacks=[best, EMAWeightAveraging(decay=settings.average_decay), TQDMProgressBar(refresh_rate=50)],
        logger=[CSVLogger(work, "log", version=0), TensorBoardLogger(work, "tensorboard", version=0)],
        default_root_dir=work,
    )
    last = work / "checkpoints" / "last.ckpt"
    trainer.fit(module, ckpt_path=str(last) if resume and last.exists() else None, weights_only=True)
    state = torch.load(best.best_model_path, map_location="cpu", weights_only=True)["state_dict"]
    module.load_state_dict(state)
    log.info("best check: dev_eer %.4f (%s)", float(best.best_model_score or np.nan), best.best_model_path)
    module.eval()
    return module.net


def development_logits(net: AudioResnet, corpus: Corpus, version: int) -> NDArray[np.float64]:
    """Logits of every clip in one version, shape (clips,)."""
    scores = []
    with torch.inference_mode():
        for start in range(0, len(corpus.trials), 32):
            stop = min(start + 32, len(corpus.trials))
            waves = [repeat_pad(corpus.clip(index, version), WINDOW_SAMPLES) for index in range(start, stop)]
            scores.append(net(torch.from_numpy(np.stack(waves)))[:, 0].double().numpy())
    return np.concatenate(scores)
