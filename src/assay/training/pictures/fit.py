"""The fit of a picture network: couples, made spoofs, one history, two-sided cross-entropy.

Everything after the draw happens on the device: crops lie there as bytes, and round trips, blends and histories are
tensor operations on whole batches.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

from assay.image.looks import LOOKS, Look
from assay.metrics import auc
from assay.training.pictures.autoencoders import round_trip
from assay.training.pictures.blends import self_blended
from assay.training.pictures.couples import KINDS, Couples
from assay.training.pictures.crops import HULL_POINTS, SIDE, Crop
from assay.training.pictures.history import Chances, History
from assay.training.pictures.jpeg import save_and_open
from assay.training.pictures.network import PictureNet

log = logging.getLogger("assay.training.pictures")
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Plan:
    """Everything but the data that the weights depend on.

    Attributes:
        steps, couples: Optimiser steps, and couples in each.
        side: Side of what the network sees, pixels.
        learning_rate, weight_decay: Of AdamW; peak, cosine to zero.
        label_smoothing: Keeps logits finite where labels may be wrong.
        average_decay: Of the moving average of the weights, which is what is kept.
        shares: Of the kinds of couples; see `assay.training.pictures.couples`.
        looks: Weights of the looks.
        local: Share of round trips that change a part of the crop only.
        mosaic: Chance that a part of a couple is replaced by that of another couple, key by key.
        dropout: Share of features dropped before the heads.
        chances: Of the history.
        seed: Of everything drawn.
    """

    steps: int
    couples: int = 96
    side: int = 192
    learning_rate: float = 6e-4
    weight_decay: float = 0.02
    label_smoothing: float = 0.02
    average_decay: float = 0.999
    shares: dict[str, float] = field(
        default_factory=lambda: {"twin": 0.12, "same": 0.25, "any": 0.25, "trip": 0.2, "blend": 0.3}
    )
    looks: dict[Look, float] = field(default_factory=lambda: {"face": 1.0, "whole": 1.0, "piece": 1.0})
    local: float = 0.3
    mosaic: float = 0.0
    dropout: float = 0.2
    chances: Chances = field(default_factory=Chances)
    seed: int = 0


class Crops:
    """Crops on a device.

    Args:
        rows: What they are.
        pixels: uint8, shape (n, 3, SIDE, SIDE).
        device: Where they go.
    """

    def __init__(self, rows: Sequence[Crop], pixels: NDArray[np.uint8], device: torch.device) -> None:
        self.rows = list(rows)
        self.pixels = torch.from_numpy(pixels).to(device)
        hulls = np.zeros((len(rows), HULL_POINTS, 2), np.float32)
        for i, row in enumerate(rows):
            if row.hull:
                points = list(row.hull)
                hulls[i] = points + [points[-1]] * (HULL_POINTS - len(points))
        self.hulls = torch.from_numpy(hulls).to(device)
        self.device = device

    def __getitem__(self, rows: NDArray[np.int64]) -> torch.Tensor:
        return self.pixels[torch.from_numpy(rows).to(self.device)].float()


def fit(
    net: PictureNet,
    crops: Crops,
    plan: Plan,
    trips: Sequence[nn.Module],
    *,
    check: Callable[[PictureNet, int], None] | None = None,
    check_every: int = 0,
    seconds: float = math.inf,
    save: Callable[[dict[str, Any]], None] | None = None,
    state: dict[str, Any] | None = None,
) -> PictureNet:
    """Train in place; what comes back holds the averaged weights, in eval mode.

    Args:
        net: Begun with pre-trained weights, on the device of the crops.
        crops: For training.
        plan: How.
        trips: Autoencoders, eval mode, on the device; values -1 to 1.
        check: Called with the averaged network and the step after every `check_every` steps and at the end.
        check_every: 0 for at the end only.
        seconds: The learning rate falls with whichever is nearer to its end, the steps or this time.
        save: Called every `check_every` steps with what `state` takes to go on.
        state: Of an earlier run of the same plan.
    """
    device = crops.device
    torch.manual_seed(plan.seed)
    generator = torch.Generator(device)
    generator.manual_seed(plan.seed)
    couples = Couples(crops.rows, shares=plan.shares, looks=plan.looks, seed=plan.seed)
    history = History(plan.chances, plan.side, generator)
    net.to(memory_format=torch.channels_last).train()  # type: ignore[call-overload]
    averaged = PictureNet(net.view).to(device)
    averaged.load_state_dict(net.state_dict())
    averaged.eval()
    decayed = [p for p in net.parameters() if p.ndim > 1]
    others = [p for p in net.parameters() if p.ndim <= 1]
    groups = [{"params": decayed, "weight_decay": plan.weight_decay}, {"params": others, "weight_decay": 0.0}]
    optimiser = torch.optim.AdamW(groups, lr=plan.learning_rate)
    first = 0
    if state is not None:
        first = state["step"]
        net.load_state_dict(state["net"])
        averaged.load_state_dict(state["averaged"])
        optimiser.load_state_dict(state["optimiser"])
        # What was drawn before is not drawn again.
        couples = Couples(crops.rows, shares=plan.shares, looks=plan.looks, seed=plan.seed + first)
        generator.manual_seed(plan.seed + first)
    begun, running = time.monotonic(), 0.0
    for step in range(first, plan.steps):
        done = max(step / plan.steps, (time.monotonic() - begun) / seconds)
        if done >= 1:
            break
        warm = min(1.0, (step + 1) / max(1.0, 0.03 * plan.steps))
        for group in optimiser.param_groups:
            group["lr"] = plan.learning_rate * warm * (0.5 + 0.5 * math.cos(math.pi * done))
        loss = _loss(net, crops, couples, history, trips, plan, generator)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(net.parameters(), 5.0)
        optimiser.step()
        _average(averaged, net, min(plan.average_decay, (1 + step) / (10 + step)))
        if step % 10 == 0:
            running = loss.item() if step == first else 0.9 * running + 0.1 * loss.item()
        if step % 100 == 0:
            log.info("step %d loss %.4f, %.3f s each", step, running, (time.monotonic() - begun) / (step - first + 1))
        if check_every and (step + 1) % check_every == 0:
            if check:
                check(averaged, step + 1)
            if save:
                parts: dict[str, Any] = {"net": net, "averaged": averaged, "optimiser": optimiser}
                save({"step": step + 1, **{name: part.state_dict() for name, part in parts.items()}})
    net.load_state_dict(averaged.state_dict())
    net.eval()
    if check:
        check(net, plan.steps)
    return net


def _loss(
    net: PictureNet,
    crops: Crops,
    couples: Couples,
    history: History,
    trips: Sequence[nn.Module],
    plan: Plan,
    generator: torch.Generator,
) -> torch.Tensor:
    batch = couples.draw(plan.couples)
    spoof, bona = crops[batch.spoof], crops[batch.bona_fide]
    blended = np.flatnonzero(batch.kind == KINDS.index("blend"))
    if len(blended):
        hulls = crops.hulls[torch.from_numpy(batch.bona_fide[blended]).to(crops.device)]
        spoof[blended] = self_blended(bona[blended], hulls, generator)
    travelled = np.flatnonzero(batch.kind == KINDS.index("trip"))
    for part in np.array_split(travelled, min(3, len(travelled))) if len(travelled) else ():
        which = int(torch.randint(len(trips), (1,), generator=generator, device=crops.device).item())
        back = round_trip(trips[which], bona[part])
        spoof[part] = _partly(bona[part], back, plan.local, generator)
    order = torch.randperm(len(spoof), generator=generator, device=crops.device)  # groups of a history mix kinds
    pixels = history(torch.stack([spoof, bona], 1)[order])
    if plan.mosaic:
        found = torch.from_numpy(np.isin(batch.kind, [KINDS.index("same"), KINDS.index("any")])).to(crops.device)
        pixels = _mosaic(pixels, found[order], plan.mosaic, generator)
    column = torch.from_numpy(batch.look).to(crops.device)[order].repeat_interleave(2)[:, None]
    with torch.autocast(crops.device.type, torch.bfloat16):
        logits = net(pixels.flatten(0, 1).contiguous(memory_format=torch.channels_last))
    chosen = logits.float().gather(1, column).squeeze(1)
    wanted = torch.tensor([1 - plan.label_smoothing, plan.label_smoothing], device=crops.device).repeat(len(order))
    return functional.binary_cross_entropy_with_logits(chosen, wanted)


def _partly(own: torch.Tensor, back: torch.Tensor, share: float, generator: torch.Generator) -> torch.Tensor:
    """The round trip, for some of the crops only inside an ellipse with a soft edge."""
    n, side = len(own), own.shape[-1]
    drawn = torch.rand((n, 6), generator=generator, device=own.device)
    at = torch.linspace(0, 1, side, device=own.device)
    middle, radius = 0.25 + 0.5 * drawn[:, :2], 0.25 + 0.3 * drawn[:, 2:4]
    y = (at[None] - middle[:, :1]) / radius[:, :1]
    x = (at[None] - middle[:, 1:]) / radius[:, 1:]
    distance = (y[:, :, None] ** 2 + x[:, None] ** 2).sqrt()
    mask = ((1 - distance) * 12 * (0.3 + drawn[:, 4, None, None])).sigmoid()[:, None]
    whole = (drawn[:, 5] >= share).view(-1, 1, 1, 1)
    return torch.where(whole, back, own + (back - own) * mask)


def _mosaic(pixels: torch.Tensor, found: torch.Tensor, chance: float, generator: torch.Generator) -> torch.Tensor:
    """A rectangle of another couple in some: seams on both keys alike, and content that cannot be learnt by heart.

    Only among couples that were found, not made: in made ones a seam, or its absence, is what tells.
    """
    rows = torch.nonzero(found).squeeze(1)
    n, side = len(rows), pixels.shape[-1]
    if n < 2:
        return pixels
    drawn = torch.rand((n, 5), generator=generator, device=pixels.device)
    size = side * (0.4 + 0.4 * drawn[:, :2])
    start = drawn[:, 2:4] * (side - size)
    at = torch.arange(side, device=pixels.device)
    inside = (at >= start[..., None]) & (at < (start + size)[..., None])
    here = (inside[:, 0, :, None] & inside[:, 1, None])[:, None, None] & (drawn[:, 4] < chance).view(-1, 1, 1, 1, 1)
    own = pixels[rows]
    mixed = pixels.clone()
    mixed[rows] = torch.where(here, own.roll(1, 0), own)
    return mixed


@torch.no_grad()
def _average(averaged: nn.Module, net: nn.Module, decay: float) -> None:
    old, new = averaged.state_dict(), net.state_dict()
    floats = [name for name, value in old.items() if value.dtype.is_floating_point]
    torch._foreach_lerp_([old[n] for n in floats], [new[n] for n in floats], 1 - decay)
    for name in old.keys() - set(floats):
        old[name].copy_(new[name])


@torch.inference_mode()
def logits_of(
    net: PictureNet, crops: Crops, *, side: int = 192, quality: int | None = None, halve: bool = False, batch: int = 64
) -> Floats:
    """The logit of each crop's own look, shape (n,).

    Args:
        net: In eval mode.
        crops: The crops; their middle is scored.
        side: Of the middle, pixels.
        quality: Saved as a JPEG of this quality first.
        halve: Resized by half and back first.
        batch: Crops at a time.
    """
    start = (SIDE - side) // 2 // 8 * 8 + 4
    found = []
    for i in range(0, len(crops.rows), batch):
        x = crops.pixels[i : i + batch].float()
        if halve:
            small = functional.interpolate(x, scale_factor=0.5, mode="bilinear", antialias=True)
            x = functional.interpolate(small, scale_factor=2, mode="bilinear").clamp(0, 255).round()
        if quality is not None:
            x = save_and_open(x, torch.full((len(x),), float(quality), device=x.device), halved=True)
        x = x[..., start : start + side, start : start + side].contiguous(memory_format=torch.channels_last)
        looks = torch.tensor([LOOKS.index(row.look) for row in crops.rows[i : i + batch]], device=x.device)
        with torch.autocast(x.device.type, torch.bfloat16, enabled=x.is_cuda):
            logits = net(x)
        found.append(logits.float().gather(1, looks[:, None]).squeeze(1).cpu())
    return torch.cat(found).double().numpy()


def figures(rows: Sequence[Crop], logits: Floats) -> dict[str, float]:
    """Area under the curve of each look, pooled, and averaged within sources that hold both keys."""
    spoof = np.array([row.key == "spoof" for row in rows])
    sources = np.array([row.source for row in rows])
    looks = np.array([row.look for row in rows])
    found: dict[str, float] = {}
    for look in LOOKS:
        here = looks == look
        if not (here & spoof).any() or not (here & ~spoof).any():
            continue
        found[look] = auc(logits[here & ~spoof], logits[here & spoof])
        within = [
            auc(logits[here & ~spoof & own], logits[here & spoof & own])
            for own in (sources == name for name in np.unique(sources))
            if (here & ~spoof & own).any() and (here & spoof & own).any()
        ]
        if within:
            found[f"{look} within"] = float(np.mean(within))
    return {name: round(value, 4) for name, value in found.items()}
