"""Windows of sequences, couples of them, and the loop that trains a temporal network."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from assay.training.video.network import Kind, TemporalNet
from assay.training.video.sequences import FPS, FaceSequence
from assay.video.detector import window_starts
from assay.video.track import LONGEST_STEP

FRAMES = 16  # of a window: 3.2 s
HOP = 4
log = logging.getLogger("assay.training.video")
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class TemporalPlan:
    """Everything but the data that the weights depend on.

    Attributes:
        kind: Of the network.
        steps, couples: Optimiser steps, and couples in each: a spoof and a bona fide window.
        same: Share of the couples whose halves come from one source, where it has both keys.
        learning_rate, weight_decay: Of AdamW; peak, cosine to zero.
        noise: Added to features, in deviations of each.
        label_smoothing: Keeps logits finite.
        seed: Of everything drawn.
    """

    kind: Kind = "lstm"
    steps: int = 600
    couples: int = 32
    same: float = 0.6
    learning_rate: float = 1e-3
    weight_decay: float = 0.02
    noise: float = 0.2
    label_smoothing: float = 0.05
    seed: int = 0


@dataclass(frozen=True)
class Window:
    """A stretch of a sequence.

    Attributes:
        sequence: Number of the sequence.
        start: First observation.
    """

    sequence: int
    start: int


def windows_of(times_s: Floats) -> list[int]:
    """First observations of all windows without a hole; of a shorter sequence none."""
    return window_starts(times_s, FRAMES, HOP, LONGEST_STEP / FPS)


class Drawer:
    """Draws batches, evenly over sources and generators rather than over windows.

    Args:
        sequences: All of them.
        plan: How.
    """

    def __init__(self, sequences: Sequence[FaceSequence], plan: TemporalPlan) -> None:
        self._rng = np.random.default_rng(plan.seed)
        self._same = plan.same
        self._groups: dict[str, dict[tuple[str, str], list[Window]]] = {"bona_fide": {}, "spoof": {}}
        for number, one in enumerate(sequences):
            group = (one.source, one.generator)
            found = [Window(number, start) for start in windows_of(one.times_s)]
            if found:
                self._groups[one.key].setdefault(group, []).extend(found)

    def couple(self) -> tuple[Window, Window]:
        """A spoof and a bona fide window."""
        rng = self._rng
        (source, _), spoof = self._pick(self._groups["spoof"])
        bona = self._groups["bona_fide"]
        own = {group: found for group, found in bona.items() if group[0] == source}
        _, other = self._pick(own if own and rng.random() < self._same else bona)
        return spoof, other

    def _pick(self, groups: dict[tuple[str, str], list[Window]]) -> tuple[tuple[str, str], Window]:
        names = sorted(groups)
        sizes = np.array([len(groups[name]) for name in names]) ** 0.5
        name = names[int(self._rng.choice(len(names), p=sizes / sizes.sum()))]
        return name, groups[name][int(self._rng.integers(len(groups[name])))]


def fit_temporal(sequences: Sequence[FaceSequence], plan: TemporalPlan) -> TemporalNet:
    """Train a network; comes back in eval mode.

    Args:
        sequences: For training; of both keys.
        plan: How.
    """
    torch.manual_seed(plan.seed)
    rng = torch.Generator().manual_seed(plan.seed)
    stack = np.concatenate([one.features for one in sequences]).astype(np.float32)
    net = TemporalNet(stack.shape[1], plan.kind)
    net.mean.copy_(torch.from_numpy(stack.mean(0)))
    net.scale.copy_(torch.from_numpy(stack.std(0) + 1e-3))
    drawer = Drawer(sequences, plan)
    optimiser = torch.optim.AdamW(net.parameters(), lr=plan.learning_rate, weight_decay=plan.weight_decay)
    wanted = torch.tensor([1 - plan.label_smoothing, plan.label_smoothing]).repeat(plan.couples)
    net.train()
    running = math.log(2)
    for step in range(plan.steps):
        rate = plan.learning_rate * min(1.0, (step + 1) / 30) * (0.5 + 0.5 * math.cos(math.pi * step / plan.steps))
        for group in optimiser.param_groups:
            group["lr"] = rate
        drawn = [window for _ in range(plan.couples) for window in drawer.couple()]
        x = torch.from_numpy(np.stack([_features(sequences, window) for window in drawn]))
        x = x + plan.noise * net.scale * torch.randn(x.shape, generator=rng)
        whole, frames = net(x)
        loss = functional.binary_cross_entropy_with_logits(whole, wanted)
        loss = loss + 0.3 * functional.binary_cross_entropy_with_logits(frames, wanted[:, None].expand_as(frames))
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimiser.step()
        running = 0.98 * running + 0.02 * loss.item()
        if step % 100 == 99:
            log.info("step %d loss %.4f", step + 1, running)
    return net.eval()


def _features(sequences: Sequence[FaceSequence], window: Window) -> NDArray[np.float32]:
    found = sequences[window.sequence].features[window.start : window.start + FRAMES]
    return np.asarray(found, np.float32)


@torch.inference_mode()
def window_logits(net: TemporalNet, one: FaceSequence) -> Floats:
    """The logit of every window of a sequence; of a shorter one that of all its frames together."""
    starts = windows_of(one.times_s)
    parts = [one.features[s : s + FRAMES] for s in starts] or [one.features]
    whole = [net(torch.from_numpy(part.astype(np.float32))[None])[0] for part in parts]
    return torch.cat(whole).double().numpy()
