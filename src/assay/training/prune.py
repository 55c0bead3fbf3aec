"""Pruning by magnitude: whole channels where the layers stand in line, single weights elsewhere.

A channel of a convolution or linear layer can be cut out where the next such layer in one `nn.Sequential` is all that
reads it; between them may stand normalisations, activations, pools and dropout. That makes the network smaller and
faster everywhere. Where there is no such pair, the smallest weights of all layers together are set to zero, which
compresses well and is no faster on usual hardware.

Nothing is trained afterwards: what pruning costs is measured, and training on from the pruned weights usually wins
some of it back.

References:
    Han et al.: Learning both weights and connections for efficient neural networks, NeurIPS 2015 (weights). Li et al.:
    Pruning filters for efficient ConvNets, ICLR 2017 (channels by the L1 norm of their filters).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import torch
from torch import nn

from assay.errors import TrainingError

LAYERS = (nn.Conv1d, nn.Conv2d, nn.Linear)
NORMS = (nn.BatchNorm1d, nn.BatchNorm2d)
# These work on each channel alone, so a channel can leave.
PASSING = (
    nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.SiLU, nn.GELU, nn.ELU, nn.Tanh, nn.Sigmoid, nn.Hardswish, nn.Identity,
    nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.MaxPool1d, nn.MaxPool2d, nn.AvgPool1d, nn.AvgPool2d,
    nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d, *NORMS,
)  # fmt: skip
LEAST_CHANNELS = 4


@dataclass(frozen=True)
class Pruning:
    """What was cut.

    Attributes:
        kind: ``channels`` or ``weights``.
        asked: Share that was asked for.
        parameters_before, parameters_after: Of the network.
        zeros: Share of the parameters left that are zero.
        channels: Channels left, by module; for ``channels``.
    """

    kind: Literal["channels", "weights"]
    asked: float
    parameters_before: int
    parameters_after: int
    zeros: float
    channels: Mapping[str, int]

    @property
    def removed(self) -> float:
        """Share of the parameters that are gone or zero."""
        return 1 - self.parameters_after * (1 - self.zeros) / self.parameters_before


def prune(net: nn.Module, share: float) -> Pruning:
    """Prune a network in place.

    Args:
        net: Any network.
        share: Of each layer's channels, or of all weights, in (0, 1).

    Raises:
        TrainingError: If the share is out of range or there is no layer to prune.
    """
    if not 0 < share < 1:
        raise TrainingError(f"The share to prune is {share:g}; it must lie between 0 and 1, such as 0.3.")
    before = _count(net)
    channels: dict[str, int] = {}
    for pair in list(_pairs(net)):
        first = pair.first
        kept = max(LEAST_CHANNELS, round(first.weight.shape[0] * (1 - share)))
        if kept >= first.weight.shape[0]:
            continue
        norm = first.weight.detach().flatten(1).abs().sum(1)
        places = torch.sort(torch.topk(norm, kept).indices).values
        _cut(pair, places)
        channels[pair.name] = kept
    if not channels:
        _zero(net, share)
    after = _count(net)
    zeros = sum(int(torch.count_nonzero(layer.weight == 0)) for layer in _layers(net)) / after
    return Pruning("channels" if channels else "weights", share, before, after, zeros, channels)


def shrink_to(net: nn.Module, channels: Mapping[str, int]) -> None:
    """Cut a fresh network to the channels that a pruned one has, so that its weights fit.

    Args:
        net: As its architecture makes it.
        channels: As `Pruning.channels`.

    Raises:
        TrainingError: If a name or number does not fit the network.
    """
    pairs = {pair.name: pair for pair in _pairs(net)}
    for name, kept in channels.items():
        if name not in pairs or not 1 <= kept <= pairs[name].first.weight.shape[0]:
            raise TrainingError(f"The network has no layer '{name}' that could have {kept} channels left.")
        _cut(pairs[name], torch.arange(kept))


class _Pair(NamedTuple):
    """A layer, the normalisations behind it, and the one layer that reads it; Any, because torch types fields so."""

    name: str
    first: Any
    norms: list[Any]
    second: Any


def _pairs(net: nn.Module) -> Iterator[_Pair]:
    """Layers whose channels one other layer alone reads."""
    for prefix, module in net.named_modules():
        if type(module) is not nn.Sequential:  # a subclass may do more than run its parts in line
            continue
        first: tuple[str, nn.Module] | None = None
        norms: list[nn.Module] = []
        for name, part in module.named_children():
            if isinstance(part, LAYERS):
                if first and type(first[1]) is type(part) and _plain(first[1]) and _plain(part):
                    yield _Pair(first[0], first[1], norms, part)
                first, norms = (f"{prefix}.{name}" if prefix else name, part), []
            elif isinstance(part, PASSING):
                norms = [*norms, part] if isinstance(part, NORMS) else norms
            else:
                first, norms = None, []


def _plain(layer: nn.Module) -> bool:
    """Whether each output reads all inputs."""
    return getattr(layer, "groups", 1) == 1


def _cut(pair: _Pair, places: torch.Tensor) -> None:
    """Keep some channels between two layers."""
    first, second = pair.first, pair.second
    first.weight = nn.Parameter(first.weight.detach()[places].clone())
    if first.bias is not None:
        first.bias = nn.Parameter(first.bias.detach()[places].clone())
    for norm in pair.norms:
        for name in ("weight", "bias"):
            if getattr(norm, name) is not None:
                setattr(norm, name, nn.Parameter(getattr(norm, name).detach()[places].clone()))
        for name in ("running_mean", "running_var"):
            if getattr(norm, name) is not None:
                setattr(norm, name, getattr(norm, name)[places].clone())
        norm.num_features = len(places)
    second.weight = nn.Parameter(second.weight.detach()[:, places].clone())
    out, into = ("out_features", "in_features") if isinstance(first, nn.Linear) else ("out_channels", "in_channels")
    setattr(first, out, len(places))
    setattr(second, into, len(places))


def _zero(net: nn.Module, share: float) -> None:
    """Set the smallest weights of all layers together to zero."""
    weights = [layer.weight for layer in _layers(net)]
    if not weights:
        raise TrainingError("There is no convolution and no linear layer to prune in this network.")
    sizes = torch.cat([weight.detach().abs().flatten() for weight in weights])
    limit = torch.kthvalue(sizes, max(1, round(share * sizes.numel()))).values
    with torch.no_grad():
        for weight in weights:
            weight[weight.abs() <= limit] = 0


def _layers(net: nn.Module) -> Iterator[Any]:
    return (module for module in net.modules() if isinstance(module, LAYERS))


def _count(net: nn.Module) -> int:
    return sum(parameter.numel() for parameter in net.parameters())
