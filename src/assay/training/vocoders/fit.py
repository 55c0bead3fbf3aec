"""The training of a vocoder: a plain loop over steps.

Decision: what a step draws depends on the seed and its number alone, and a checkpoint holds everything else, so that a
resumed run ends with the weights of an uninterrupted one: exactly on one processor with one number of threads.
"""

from __future__ import annotations

import logging
import math
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from assay.errors import TrainingError
from assay.training.fit import precision
from assay.training.tensors import read_plain
from assay.training.vocoders.clips import Clips
from assay.training.vocoders.discriminator import Critics
from assay.training.vocoders.generator import Generator, make_generator
from assay.training.vocoders.losses import (
    adversarial_loss,
    critic_loss,
    matching_loss,
    mel_of,
    spectral_loss,
)
from assay.training.vocoders.recipe import VocoderRecipe

REPORT_STEPS = 100
RISE_STEPS = 100  # of the learning rate, at the start of each of the two optimisers
BETAS = (0.8, 0.99)
log = logging.getLogger("assay.training.vocoders")


class VocoderTraining:
    """Networks, optimisers and the number of steps done."""

    def __init__(self, recipe: VocoderRecipe) -> None:
        self.recipe = recipe
        settings = recipe.training
        torch.manual_seed(recipe.seed)
        self.generator = make_generator(recipe)
        self.critics = Critics(recipe.critics.n_ffts, recipe.critics.channels)
        self.average = make_generator(recipe)
        self.average.load_state_dict(self.generator.state_dict())
        decay = settings.weight_decay
        self.makers = torch.optim.AdamW(self.generator.parameters(), settings.learning_rate, BETAS, weight_decay=decay)
        self.judges = torch.optim.AdamW(self.critics.parameters(), settings.critic_rate, BETAS, weight_decay=decay)
        self._fast_pays = precision() != "32-true"
        self.done = 0
        self.adversarial_from = round(settings.warm_up * settings.steps)

    def step(self, wanted: torch.Tensor, excited: torch.Tensor) -> dict[str, float]:
        """One step on waves (batch, samples) and their excitations (batch, 2, samples); gives the losses."""
        recipe, settings = self.recipe, self.recipe.training
        self._set_rates()
        mel = mel_of(wanted, recipe.features)
        with self._fast():
            made = self.generator(mel, excited)
        losses = {"spectra": spectral_loss(made, wanted), "mel": (mel_of(made, recipe.features) - mel).abs().mean()}
        if self.done >= self.adversarial_from:
            losses |= self._contest(made[: recipe.critics.segments], wanted[: recipe.critics.segments])
        weights = recipe.losses.model_dump()
        total = torch.stack([weights[name] * loss for name, loss in losses.items() if name in weights]).sum()
        self.makers.zero_grad()
        total.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.generator.parameters(), settings.clip_norm)
        self.makers.step()
        self._update_average()
        self.done += 1
        return {"loss": float(total.detach()), **{name: float(loss.detach()) for name, loss in losses.items()}}

    def _contest(self, made: torch.Tensor, wanted: torch.Tensor) -> dict[str, torch.Tensor]:
        """Let the critics learn, then ask them."""
        with self._fast():
            own = critic_loss(self.critics(wanted), self.critics(made.detach()))
        self.judges.zero_grad()
        own.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.critics.parameters(), self.recipe.training.clip_norm)
        self.judges.step()
        self.critics.requires_grad_(False)
        with self._fast():
            with torch.no_grad():
                real = self.critics(wanted)
            judged = self.critics(made)
        self.critics.requires_grad_(True)
        return {
            "adversarial": adversarial_loss(judged),
            "matching": matching_loss(real, judged),
            "critics": own.detach(),
        }

    def _fast(self) -> torch.autocast:
        return torch.autocast("cpu", torch.bfloat16, enabled=self._fast_pays)

    def _set_rates(self) -> None:
        settings = self.recipe.training
        fall = 0.5 + 0.5 * math.cos(math.pi * self.done / settings.steps)
        for optimiser, peak, start in (
            (self.makers, settings.learning_rate, 0),
            (self.judges, settings.critic_rate, self.adversarial_from),
        ):
            for group in optimiser.param_groups:
                group["lr"] = peak * fall * min(1.0, (self.done - start + 1) / RISE_STEPS)

    def _update_average(self) -> None:
        # Early on a short memory, lest the drawn weights stay in it.
        keep = min(self.recipe.training.average_decay, (1 + self.done) / (10 + self.done))
        with torch.no_grad():
            for mean, new in zip(self.average.parameters(), self.generator.parameters(), strict=True):
                mean.lerp_(new, 1 - keep)

    def state(self) -> dict[str, Any]:
        """Everything that the next step depends on."""
        parts = ("generator", "critics", "average", "makers", "judges")
        states = {name: getattr(self, name).state_dict() for name in parts}
        return {"recipe": self.recipe.fingerprint(), "done": self.done, **states}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a `state`.

        Raises:
            TrainingError: If it belongs to another recipe.
        """
        if state["recipe"] != self.recipe.fingerprint():
            raise TrainingError(
                "The last checkpoint belongs to another recipe. Resume with that one, use another work folder, or "
                "start again without --resume."
            )
        for name in ("generator", "critics", "average", "makers", "judges"):
            getattr(self, name).load_state_dict(state[name])
        self.done = state["done"]


def fit_vocoder(recipe: VocoderRecipe, clips: Clips, work: Path, *, resume: bool) -> Generator:
    """Train to the end of the schedule.

    Args:
        recipe: What to do.
        clips: To learn from.
        work: Folder for the checkpoint ``last.pt``.
        resume: Go on from it if it is there; otherwise start again.

    Returns:
        The averaged weights, in evaluation mode.

    Raises:
        TrainingError: If the checkpoint belongs to another recipe, or the loss is no number any more.
    """
    training, last = VocoderTraining(recipe), work / "last.pt"
    if resume and last.exists():
        training.restore(read_plain(last))
    steps, first, began = recipe.training.steps, training.done, time.monotonic()
    while training.done < steps:
        rng = np.random.default_rng([recipe.seed, training.done])
        losses = training.step(*clips.batch(recipe.training.batch_size, recipe.segment_samples, rng))
        if not math.isfinite(losses["loss"]):
            raise TrainingError(f"The loss is not a number at step {training.done}. Lower 'learning_rate'.")
        if training.done % REPORT_STEPS == 0 or training.done == steps:
            pace = (training.done - first) / (time.monotonic() - began)
            parts = " ".join(f"{name} {value:.3f}" for name, value in losses.items())
            log.info("step %d of %d, %s, %.2f steps/s", training.done, steps, parts, pace)
        if training.done % recipe.training.checkpoint_every == 0 or training.done == steps:
            _write(training.state(), last)
    return training.average.eval()


def _write(state: dict[str, Any], path: Path) -> None:
    part = path.with_suffix(".part")
    torch.save(state, part)
    part.replace(path)  # a run killed here leaves the checkpoint before
