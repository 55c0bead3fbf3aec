"""Recurrent networks over the features of a face, frame by frame; one logit a frame and one for the window.

The default is three recurrent layers of 256, 128 and 64 units with self-attention behind the first two. Source of the
parts: Hochreiter & Schmidhuber, "Long short-term memory", 1997; Cho et al. (gated recurrent unit), 2014; Vaswani et
al. (scaled dot-product attention), 2017.

A window is judged by its frames' logits, weighted by an attention of their own, so that a frame's logit says how much
it spoke for a spoof: that is what tells when.
"""

from __future__ import annotations

from typing import Literal, get_args

import torch
from torch import nn

Kind = Literal["lstm", "gru", "frame"]
KINDS: tuple[str, ...] = get_args(Kind)
WIDTHS = (256, 128, 64)


class Attention(nn.Module):
    """Self-attention over the frames of a window, added to what comes in.

    Args:
        width: Of the features.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.query, self.key, self.value = (nn.Linear(width, width, bias=False) for _ in range(3))
        self.norm = nn.LayerNorm(width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Shape (n, frames, width), kept."""
        scores = self.query(x) @ self.key(x).transpose(1, 2) / x.shape[2] ** 0.5
        y: torch.Tensor = self.norm(x + scores.softmax(-1) @ self.value(x))
        return y


class TemporalNet(nn.Module):
    """Features of frames to logits.

    Args:
        features: Numbers for each frame.
        kind: ``lstm``, ``gru``, or ``frame``: no recurrence, every frame by itself, for comparison.
        narrow: What features are brought to before the first layer.
        dropout: Share dropped in training, of features and between layers.
    """

    def __init__(self, features: int, kind: Kind = "lstm", narrow: int = 64, dropout: float = 0.3) -> None:
        super().__init__()
        self.kind = kind
        self.mean: torch.Tensor
        self.scale: torch.Tensor
        self.register_buffer("mean", torch.zeros(features))
        self.register_buffer("scale", torch.ones(features))
        self.narrow = nn.Linear(features, narrow)
        self.dropout = nn.Dropout(dropout)
        layers: list[nn.Module] = []
        width = narrow
        for wider in WIDTHS:
            layers.append(self._layer(width, wider))
            width = wider
        self.layers = nn.ModuleList(layers)
        self.attention = nn.ModuleList([Attention(width) for width in WIDTHS[:2]] if kind != "frame" else [])
        self.logit = nn.Linear(width, 1)
        self.weight = nn.Linear(width, 1)

    def _layer(self, inputs: int, outputs: int) -> nn.Module:
        if self.kind == "lstm":
            return nn.LSTM(inputs, outputs, batch_first=True)
        if self.kind == "gru":
            return nn.GRU(inputs, outputs, batch_first=True)
        return nn.Sequential(nn.Linear(inputs, outputs), nn.ReLU())

    def forward(self, features: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Logits, positive for spoof.

        Args:
            features: Shape (n, frames, features).

        Returns:
            Of windows, shape (n,), and of frames, shape (n, frames); a window's is a weighted mean of its frames'.
        """
        x = (features - self.mean) / self.scale
        x = torch.relu(self.narrow(self.dropout(x)))
        for number, layer in enumerate(self.layers):
            x = layer(x) if self.kind == "frame" else layer(x)[0]
            if number < len(self.attention):
                x = self.attention[number](x)
            x = self.dropout(x)
        logits = self.logit(x).squeeze(-1)
        weights = self.weight(x).squeeze(-1).softmax(-1)
        return (logits * weights).sum(-1), logits
