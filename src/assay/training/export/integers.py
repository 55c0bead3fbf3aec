"""Eight-bit integers for the learnt layers of any network, kept only where the error rate holds.

How they are made is said in `assay.training.quantise`. Which layers: convolutions and products whose weights were
learnt, but for the first. What comes before (spectra, filter banks, normalisation) works on values finer than 256
steps, and so does the first learnt layer, which costs little.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import onnx
from numpy.typing import NDArray
from torch import nn

from assay.errors import TrainingError
from assay.training.quantise import static_integers

LAYERS = ("Conv", "Gemm", "MatMul")
BETWEEN = ("Relu", "Add")  # joined with the layers, so that activations stay in integers
MAX_EER_RISE = 0.005


def to_integers(model: bytes, inputs: Iterable[NDArray[Any]], net: nn.Module | None = None) -> bytes:
    """Put the learnt layers into integers.

    Args:
        model: ONNX bytes with one input.
        inputs: Real ones, each of shape (k, ...), for the ranges of activations.
        net: The network it was traced from, which tells the learnt layers; None takes every layer with weights.

    Raises:
        TrainingError: If it is in integers already, or there is no layer to put into them.
    """
    graph = onnx.load_from_string(model).graph
    if any("QuantizeLinear" in node.op_type for node in graph.node):
        raise TrainingError("This network computes in integers already; export it from floats.")
    name = graph.input[0].name

    def chosen(ready: onnx.GraphProto) -> list[str]:
        return learnt_nodes(ready, net)

    if not learnt_nodes(graph, net):
        raise TrainingError("This network has fewer than two layers with learnt weights; integers would gain nothing.")
    return static_integers(model, ({name: one} for one in inputs), chosen, (*LAYERS, *BETWEEN))


def learnt_nodes(graph: onnx.GraphProto, net: nn.Module | None) -> list[str]:
    """Names of the nodes to quantise: learnt layers but the first, and what follows in the modules that hold them."""
    weights = {tensor.name for tensor in graph.initializer}
    weights |= {node.output[0] for node in graph.node if node.op_type == "Constant"}
    own = None if net is None else {name for name, one in net.named_parameters() if one.requires_grad}
    layers = [
        node
        for node in graph.node
        if node.op_type in LAYERS and set(node.input[1:2]) & weights and (own is None or _learnt(node, own))
    ]
    kept = layers[1:]
    if not kept:
        return []
    names = [node.name for node in graph.node]
    late = names[names.index(kept[0].name) :]
    between = [node.name for node in graph.node if node.op_type in BETWEEN and node.name in set(late)]
    return [node.name for node in kept] + between


def _learnt(node: onnx.NodeProto, parameters: set[str]) -> bool:
    """Whether the module a node stands for has parameters: its weight is one, or its name leads to a module of one.

    The exporter names nodes after modules, ``/trunk/trunk.0/Conv`` or ``/trunk/trunk.0/trunk.0.1/Conv`` for the module
    ``trunk.0`` or ``trunk.0.1``, and folds normalisations into new tensors, which have lost their names.
    """
    if node.input[1] in parameters:
        return True
    path = node.name.split("/")[1:-1]
    module = ".".join(_steps(path))
    return any(name.rpartition(".")[0] == module for name in parameters) if module else False


def _steps(path: list[str]) -> list[str]:
    """The module's dotted name in parts: an item of a list repeats what stands before it, lists in lists all of it."""
    steps: list[str] = []
    for part in path:
        if steps and part.startswith(f"{steps[-1]}."):
            steps[-1] = part
        else:
            steps.append(part)
    return steps


def refuse_loss(floats: float, integers: float) -> None:
    """Refuse integers that err more.

    Args:
        floats: Equal error rate of the network in floats.
        integers: The same in integers, on the same files.

    Raises:
        TrainingError: If it rose by more than `MAX_EER_RISE`.
    """
    if integers > floats + MAX_EER_RISE:
        raise TrainingError(
            f"In eight-bit integers the equal error rate rises from {floats:.4f} to {integers:.4f}, by more than"
            f" {MAX_EER_RISE:g}; the file is not written. Calibrate on more or other files, or stay with floats."
        )
