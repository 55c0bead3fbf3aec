"""How large and how costly a network is: its parameters, and its multiply-adds for one input.

Multiply-adds are those of convolutions, dense and recurrent layers, attention and all other matrix products, such as
the transform of a front end; additions, pooling, norms and activations are left out, as is usual. PyTorch counts what
its dispatcher sees (`torch.utils.flop_counter`); the two fused operators of its processor backend that it does not
know, recurrent layers and attention, are told to it here. A multiply-add is two of its operations.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

Shape = Sequence[int]


@dataclass(frozen=True)
class Counts:
    """Size and cost of a network.

    Attributes:
        parameters: Numbers that training may change.
        multiply_adds: For one input.
    """

    parameters: int
    multiply_adds: int


def count(net: nn.Module, example: torch.Tensor) -> Counts:
    """Count a network by running it once, in evaluation mode.

    Args:
        net: On the processor; its mode is kept.
        example: Input, shape (n, ...); the cost is divided by n.
    """
    training = net.training
    net.eval()
    # With gradients on, no layer takes the fused path of inference, whose products could not be seen.
    with torch.enable_grad(), FlopCounterMode(display=False, custom_mapping=_fused()) as operations:
        net(example)
    net.train(training)
    parameters = sum(values.numel() for values in net.parameters() if values.requires_grad)
    return Counts(parameters, operations.get_total_flops() // 2 // example.shape[0])


def _fused() -> dict[Any, Callable[..., int]]:
    """Operations of the fused operators, by the shapes of their arguments."""
    known: dict[str, Callable[..., int]] = {
        "mkldnn_rnn_layer": _recurrent,
        "_scaled_dot_product_flash_attention_for_cpu": _attention,
    }
    return {getattr(torch.ops.aten, name): rule for name, rule in known.items() if hasattr(torch.ops.aten, name)}


def _recurrent(inputs: Shape, from_inputs: Shape, from_state: Shape, *_: object, **__: object) -> int:
    """One layer in one direction; inputs are (steps, n, width)."""
    return 2 * inputs[0] * inputs[1] * (math.prod(from_inputs) + math.prod(from_state))


def _attention(query: Shape, key: Shape, value: Shape, *_: object, **__: object) -> int:
    """Products with keys and with values; all are (n, heads, steps, width)."""
    return 2 * math.prod(query[:3]) * key[2] * (query[3] + value[3])
