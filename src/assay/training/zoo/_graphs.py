"""Graph layers of `aasist`: attention within a graph, attention across two of them, and pooling to the best nodes.

Every node is linked to every other; an edge's weight comes from the product of its two nodes. Written from the papers
that `aasist` names.
"""

from __future__ import annotations

import torch
from torch import nn


class Edges(nn.Module):
    """Features of edges from those of their nodes."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.project = nn.Linear(inputs, outputs)

    def forward(self, x: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
        """Nodes (n, a, inputs) and (n, b, inputs) to edges (n, a, b, outputs)."""
        edges: torch.Tensor = self.project(x.unsqueeze(2) * other.unsqueeze(1)).tanh()
        return edges


class Renewed(nn.Module):
    """New features of nodes from what attention gathered and from what they were."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.gathered, self.own = nn.Linear(inputs, outputs), nn.Linear(inputs, outputs, bias=False)

    def forward(self, weights: torch.Tensor, neighbours: torch.Tensor, own: torch.Tensor) -> torch.Tensor:
        """Weights (n, a, b), neighbours (n, b, inputs), own (n, a, inputs) to (n, a, outputs)."""
        new: torch.Tensor = self.gathered(weights @ neighbours) + self.own(own)
        return new


class Normed(nn.Module):
    """Batch norm over all nodes of a batch, SELU."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(features)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Shape (n, nodes, features), kept."""
        return nn.functional.selu(self.norm(x.transpose(1, 2)).transpose(1, 2))


class GraphAttention(nn.Module):
    """Attention within a graph.

    Args:
        inputs: Features of a node.
        outputs: New ones.
        temperature: What scores are divided by.
    """

    def __init__(self, inputs: int, outputs: int, temperature: float) -> None:
        super().__init__()
        self.temperature = temperature
        self.dropout = nn.Dropout(0.2)
        self.edges = Edges(inputs, outputs)
        self.score = nn.Linear(outputs, 1, bias=False)
        self.renewed = Renewed(inputs, outputs)
        self.normed = Normed(outputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Shape (n, nodes, inputs) to (n, nodes, outputs)."""
        x = self.dropout(x)
        weights = (self.score(self.edges(x, x)).squeeze(3) / self.temperature).softmax(2)
        y: torch.Tensor = self.normed(self.renewed(weights, x, x))
        return y


class StackAttention(nn.Module):
    """Attention across two kinds of nodes, and a stack node that gathers from both (heterogeneous stacking).

    Each kind is brought into a space of both first; edges within the one kind, within the other and between them are
    scored each by a vector of their own. The stack node takes from all nodes and gives to none.

    Args:
        inputs: Features of a node, of either kind and of the stack node.
        outputs: New ones.
        temperature: What scores are divided by.
    """

    def __init__(self, inputs: int, outputs: int, temperature: float) -> None:
        super().__init__()
        self.temperature = temperature
        self.one, self.other = nn.Linear(inputs, inputs), nn.Linear(inputs, inputs)
        self.dropout = nn.Dropout(0.2)
        self.edges, self.to_stack = Edges(inputs, outputs), Edges(inputs, outputs)
        self.within_one, self.within_other, self.between, self.stacked = (
            nn.Linear(outputs, 1, bias=False) for _ in range(4)
        )
        self.renewed, self.renewed_stack = Renewed(inputs, outputs), Renewed(inputs, outputs)
        self.normed = Normed(outputs)

    def forward(
        self, one: torch.Tensor, other: torch.Tensor, stack: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Nodes (n, a, inputs), (n, b, inputs), stack (n, 1, inputs) to the same with `outputs` features."""
        count = one.shape[1]
        x = self.dropout(torch.cat([self.one(one), self.other(other)], 1))
        weights = (self._scores(self.edges(x, x), count) / self.temperature).softmax(2)
        towards = (self.stacked(self.to_stack(stack, x)).squeeze(3) / self.temperature).softmax(2)
        stack = self.renewed_stack(towards, x, stack)
        x = self.normed(self.renewed(weights, x, x))
        return x[:, :count], x[:, count:], stack

    def _scores(self, edges: torch.Tensor, count: int) -> torch.Tensor:
        """Of edges (n, nodes, nodes, outputs), shape (n, nodes, nodes); the first `count` nodes are of one kind."""
        near, far = edges[:, :count], edges[:, count:]
        rows = (
            torch.cat([self.within_one(near[:, :, :count]), self.between(near[:, :, count:])], 2),
            torch.cat([self.between(far[:, :, :count]), self.within_other(far[:, :, count:])], 2),
        )
        return torch.cat(rows, 1).squeeze(3)


class GraphPool(nn.Module):
    """The best nodes, each times how good it is.

    Args:
        features: Of a node.
        share: Of nodes that are kept, at least one.
        dropout: Share of features dropped in training before nodes are judged.
    """

    def __init__(self, features: int, share: float, dropout: float) -> None:
        super().__init__()
        self.share = share
        self.judge = nn.Sequential(nn.Dropout(dropout), nn.Linear(features, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Shape (n, nodes, features) to (n, kept, features), the best first."""
        good: torch.Tensor = self.judge(x).sigmoid()
        kept = good.squeeze(2).topk(max(1, int(self.share * int(x.shape[1]))), dim=1).indices
        best: torch.Tensor = (x * good).gather(1, kept.unsqueeze(2).expand(-1, -1, x.shape[2]))
        return best
