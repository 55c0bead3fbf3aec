"""Graphs of networks of the zoo: ONNX for any number of inputs at once, and the same in eight-bit integers.

Input and output are named as in the shipped graphs: ``samples``, ``pixels``, ``frames`` or ``features`` to ``logit
(n,)``. Recurrent layers stay in float: the runtime has no static integers for them. Attention's products of activations
stay, too, and so does what an architecture calls its `front`: what synthesis leaves in a spectrum is finer than 256
steps.
"""

from __future__ import annotations

import copy
from collections.abc import Collection, Iterable

import onnx
import torch
from torch import nn

from assay.training.publish import traced
from assay.training.quantise import static_integers

KINDS = ("Conv", "Gemm", "MatMul", "Relu", "Add")
FLOATS = ("/front/", "/spectrum/")  # parts of names of nodes


def input_name(example: torch.Tensor) -> str:
    """What the graph calls an input of this shape and kind."""
    if example.ndim == 3:
        return "features"
    return {2: "samples", 4: "pixels", 5: "frames"}[example.ndim]


def graph(net: nn.Module, example: torch.Tensor) -> bytes:
    """ONNX bytes of a network.

    Args:
        net: On the processor; a copy of it is exported, in evaluation mode.
        example: Input, shape (n, ...); the graph takes any n, and the other sizes as they are here.
    """
    name = input_name(example)
    return traced(copy.deepcopy(net).eval(), example[:1], name, ["logit"], {name: {0: "n"}, "logit": {0: "n"}})


def integer_graph(model: bytes, examples: Iterable[torch.Tensor]) -> bytes:
    """The graph in eight-bit integers where it has weights.

    Args:
        model: From `graph`.
        examples: Batches of inputs as training has them, which ranges of activations are taken from.
    """
    feeds = ({input_name(batch): batch.numpy()} for batch in examples)
    return static_integers(model, feeds, _chosen, KINDS)


def _chosen(ready: onnx.GraphProto) -> list[str]:
    constants = {tensor.name for tensor in ready.initializer}
    return [node.name for node in ready.node if node.op_type in KINDS and _has_weights(node, constants)]


def _has_weights(node: onnx.NodeProto, constants: Collection[str]) -> bool:
    """Whether a node is behind the front end, and one of its factors is a weight."""
    if any(part in node.name for part in FLOATS):
        return False
    return node.op_type in ("Relu", "Add") or node.input[1] in constants
