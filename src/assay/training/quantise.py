"""Eight-bit integers for the network's convolutions, calibrated on training clips.

The front end and the first convolution behind it stay in float: what synthesis leaves in a spectrum is finer than 256
steps, and so few maps gain nothing from integers.

Static quantisation in ONNX Runtime's QDQ form. Decisions: activations are unsigned, weights signed and per channel, and
weights have seven bits. On processors without VNNI the product of two 8-bit pairs saturates its 16-bit sum; with seven
bits it cannot, so the answer is the same on every processor, and the self-test may ask for it.

Source: https://onnxruntime.ai/docs/performance/model-optimizations/quantization.html
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import onnx
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from assay.training.batches import repeat_pad
from assay.training.corpus import Corpus

CALIBRATION_CLIPS = 256
QUANTISED = ("Conv", "Relu", "Add")
TRUNK = "/trunk/"
FLOATS = "/trunk/trunk.0/"


class _Feeds(CalibrationDataReader):  # type: ignore[misc] # no types in onnxruntime
    """Inputs one after the other."""

    def __init__(self, feeds: Iterable[dict[str, Any]]) -> None:
        self._feeds = iter(feeds)

    def get_next(self) -> dict[str, Any] | None:
        return next(self._feeds, None)


def _clips(corpus: Corpus, window: int) -> Iterator[dict[str, Any]]:
    """Training clips, spread over the corpus, one window each."""
    every = -(-len(corpus.trials) // CALIBRATION_CLIPS)
    versions = corpus.starts.shape[1]
    for number, index in enumerate(range(0, len(corpus.trials), every)):
        yield {"samples": repeat_pad(corpus.clip(index, number % versions), window)[None]}


def quantise(model: bytes, corpus: Corpus, window: int) -> bytes:
    """Put the trunk's convolutions into integers.

    Args:
        model: An exported network with ``samples (n, samples)``; nodes below `TRUNK` are quantised.
        corpus: Training clips, for the ranges of activations.
        window: Samples of a window.

    Returns:
        The quantised model.
    """

    def chosen(graph: onnx.GraphProto) -> list[str]:
        return [
            node.name
            for node in graph.node
            if node.op_type in QUANTISED and TRUNK in node.name and FLOATS not in node.name
        ]

    return static_integers(model, _clips(corpus, window), chosen, QUANTISED)


def static_integers(
    model: bytes,
    feeds: Iterable[dict[str, Any]],
    choose: Callable[[onnx.GraphProto], Sequence[str]],
    kinds: Sequence[str],
) -> bytes:
    """Put chosen nodes of a network into integers, as this module's text says.

    Args:
        model: ONNX bytes.
        feeds: Real inputs by name, for the ranges of activations.
        choose: Names of the nodes, of the graph as it is before they are quantised.
        kinds: Operators among them.
    """
    with tempfile.TemporaryDirectory() as folder:
        plain, ready, small = (Path(folder) / name for name in ("plain.onnx", "ready.onnx", "small.onnx"))
        plain.write_bytes(model)
        quant_pre_process(str(plain), str(ready), skip_symbolic_shape=True)
        quantize_static(
            str(ready),
            str(small),
            _Feeds(feeds),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=list(kinds),
            nodes_to_quantize=list(choose(onnx.load(ready).graph)),
            per_channel=True,
            reduce_range=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
        )
        return small.read_bytes()
