"""`aasist`: graphs over frequency and over time that attend to each other, after Jung et al. 2022.

Layers, for 64,000 samples:

1. samples at one level → `Sinc`: 48 band-pass filters of 129 taps, a step of 1 ms; magnitude, max-pool 3 × 3, batch
   norm, SELU: 1 × 16 × 1333
2. six residual blocks (convolution 2×3, batch norm, SELU, convolution 2×3, a convolution 1×3 as shortcut where maps
   change) of 16, 16, 32, 32, 32, 32 maps; the first three end in max-pool 1 × 3: 32 × 16 × 49
3. two graphs: the largest magnitude over time gives 16 nodes of frequency (with a learnt position each), that over
   frequency 49 nodes of time; 32 features a node; graph attention 32 each, then pooling to the best half and 70 %
4. max graph operation: two branches, each of two heterogeneous stacking graph attention layers (32 features, a stack
   node of its own, pooling to half between them, the second added to what it was given); of the branches the larger
   value of each feature
5. readout: largest and mean node of time, largest and mean node of frequency, stack node: 5 × 32 → dropout 0.5,
   dense 1

Counts: 94,953 parameters, 147.3 M multiply-adds.

The variant ``wide`` has the sizes of the paper: 70 filters, a step of one sample, blocks of 32, 32, 64, 64, 64, 64 maps
that all end in max-pool, graph attention of 64 and 32 features: 297,141 parameters, 9.5 G multiply-adds.

Decided: at the paper's sizes a window costs some sixty times the budget of 150 M multiply-adds, so that the default is
narrower and steps by 1 ms from the start. Edges of filters are learnt. One logit comes out, not two.

Source: Jung et al., "AASIST: audio anti-spoofing using integrated spectro-temporal graph attention networks", ICASSP
2022; the encoder after Jung et al., "Improved RawNet with feature map scaling", Interspeech 2020; graph attention after
Veličković et al., ICLR 2018; graph pooling after Gao and Ji, "Graph U-Nets", ICML 2019. Written from the papers.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn
from torch.nn import functional

from assay.training.zoo._front import WINDOW_SAMPLES, at_one_level
from assay.training.zoo._graphs import GraphAttention, GraphPool, StackAttention
from assay.training.zoo._sinc import Sinc
from assay.training.zoo.registry import Architecture, register

TEMPERATURE = 2.0  # of attention within a graph
STACK_TEMPERATURE = 100.0  # of attention across graphs
KEPT = 0.5, 0.7  # share of nodes behind the first attention, of frequency and of time


class Aasist(nn.Module):
    """Raw samples to a logit.

    Args:
        filters: Of the encoder's first layer; a third as many nodes of frequency.
        stride: Samples from one output of the filters to the next.
        maps: Of the six residual blocks.
        pooled: Blocks that end in a pooling of three steps of time, from the first.
        features: Of a node, in the two graphs and behind.
    """

    def __init__(
        self,
        filters: int = 48,
        stride: int = 16,
        maps: Sequence[int] = (16, 16, 32, 32, 32, 32),
        pooled: int = 3,
        features: tuple[int, int] = (32, 32),
    ) -> None:
        super().__init__()
        graph, stacked = features
        self.front = Sinc(filters, stride=stride)
        self.encoder = nn.Sequential(
            nn.MaxPool2d(3),
            nn.BatchNorm2d(1),
            nn.SELU(),
            *(
                Block(before, after, pool=number < pooled)
                for number, (before, after) in enumerate(zip((1, *maps), maps, strict=False))
            ),
        )
        self.position = nn.Parameter(0.1 * torch.randn(1, filters // 3, maps[-1]))
        self.frequency = nn.Sequential(
            GraphAttention(maps[-1], graph, TEMPERATURE), GraphPool(graph, KEPT[0], dropout=0.3)
        )
        self.time = nn.Sequential(GraphAttention(maps[-1], graph, TEMPERATURE), GraphPool(graph, KEPT[1], dropout=0.3))
        self.branches = nn.ModuleList(Branch(graph, stacked) for _ in range(2))
        self.dropout = nn.Dropout(0.5)
        self.head = nn.Linear(5 * stacked, 1)

    def forward(self, samples: torch.Tensor) -> torch.Tensor:
        """Shape (n, samples) to logits (n,)."""
        maps = self.encoder(self.front(at_one_level(samples)).abs().unsqueeze(1)).abs()
        frequency = self.frequency(maps.amax(3).transpose(1, 2) + self.position)
        time = self.time(maps.amax(2).transpose(1, 2))
        one, other = (branch(time, frequency) for branch in self.branches)
        time, frequency, stack = (torch.maximum(a, b) for a, b in zip(one, other, strict=True))
        told = [time.abs().amax(1), time.mean(1), frequency.abs().amax(1), frequency.mean(1), stack.squeeze(1)]
        logits: torch.Tensor = self.head(self.dropout(torch.cat(told, 1))).squeeze(1)
        return logits


class Block(nn.Module):
    """Residual block over bands and time.

    Args:
        inputs: Maps that come in; 1 for the first block, whose input is normed already.
        outputs: Maps that go out.
        pool: Whether every three steps of time become one.
    """

    def __init__(self, inputs: int, outputs: int, *, pool: bool) -> None:
        super().__init__()
        self.before = nn.Sequential() if inputs == 1 else nn.Sequential(nn.BatchNorm2d(inputs), nn.SELU())
        # The first convolution pads a band at both ends, the second none: the number of bands is kept.
        self.first = nn.Conv2d(inputs, outputs, (2, 3), padding=(1, 1), bias=False)
        self.norm = nn.Sequential(nn.BatchNorm2d(outputs), nn.SELU())
        self.second = nn.Conv2d(outputs, outputs, (2, 3), padding=(0, 1))
        self.shortcut = nn.Conv2d(inputs, outputs, (1, 3), padding=(0, 1)) if inputs != outputs else nn.Identity()
        self.pool = pool

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Shape (n, inputs, bands, steps) to (n, outputs, bands, steps), or a third of the steps."""
        y: torch.Tensor = self.second(self.norm(self.first(self.before(x)))) + self.shortcut(x)
        return functional.max_pool2d(y, (1, 3)) if self.pool else y


class Branch(nn.Module):
    """Two stacking layers over both graphs."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.stack = nn.Parameter(0.1 * torch.randn(1, 1, inputs))
        self.first = StackAttention(inputs, outputs, STACK_TEMPERATURE)
        self.second = StackAttention(outputs, outputs, STACK_TEMPERATURE)
        self.pools = nn.ModuleList(GraphPool(outputs, 0.5, dropout=0.3) for _ in range(2))
        self.dropout = nn.Dropout(0.2)

    def forward(self, time: torch.Tensor, frequency: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Nodes (n, nodes, inputs) to half as many (n, nodes / 2, outputs), and the stack node (n, 1, outputs)."""
        time, frequency, stack = self.first(time, frequency, self.stack.expand(time.shape[0], -1, -1))
        time, frequency = self.pools[0](time), self.pools[1](frequency)
        deeper = self.second(time, frequency, stack)
        time, frequency, stack = (
            self.dropout(given + more) for given, more in zip((time, frequency, stack), deeper, strict=True)
        )
        return time, frequency, stack


register(
    Architecture(
        name="aasist",
        media="audio",
        make=Aasist,
        shape=(WINDOW_SAMPLES,),
        integer=False,
        summary="Sinc filters, six residual blocks, graphs of frequency and time, heterogeneous stacking graph "
        "attention, max graph operation, readout (Jung et al. 2022, narrower).",
        variants=(
            (
                "wide",
                {"filters": 70, "stride": 1, "maps": (32, 32, 64, 64, 64, 64), "pooled": 6, "features": (64, 32)},
            ),
        ),
        small_shape=(WINDOW_SAMPLES // 4,),
    )
)
