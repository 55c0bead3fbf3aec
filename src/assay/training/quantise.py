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
from collections.abc import Iterator
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


class _Clips(CalibrationDataReader):  # type: ignore[misc] # no types in onnxruntime
    """Training clips, spread over the corpus, one window each."""

    def __init__(self, corpus: Corpus, window: int) -> None:
        every = -(-len(corpus.trials) // CALIBRATION_CLIPS)
        self._feeds = self._draw(corpus, window, range(0, len(corpus.trials), every))

    @staticmethod
    def _draw(corpus: Corpus, window: int, indices: range) -> Iterator[dict[str, Any]]:
        versions = corpus.starts.shape[1]
        for number, index in enumerate(indices):
            yield {"samples": repeat_pad(corpus.clip(index, number % versions), window)[None]}

    def get_next(self) -> dict[str, Any] | None:
        return next(self._feeds, None)


def quantise(model: bytes, corpus: Corpus, window: int) -> bytes:
    """Put the trunk's convolutions into integers.

    Args:
        model: An exported network with ``samples (n, samples)``; nodes below `TRUNK` are quantised.
        corpus: Training clips, for the ranges of activations.
        window: Samples of a window.

    Returns:
        The quantised model.
    """
    with tempfile.TemporaryDirectory() as folder:
        plain, ready, small = (Path(folder) / name for name in ("plain.onnx", "ready.onnx", "small.onnx"))
        plain.write_bytes(model)
        quant_pre_process(str(plain), str(ready), skip_symbolic_shape=True)
        nodes = [
            node.name
            for node in onnx.load(ready).graph.node
            if node.op_type in QUANTISED and TRUNK in node.name and FLOATS not in node.name
        ]
        quantize_static(
            str(ready),
            str(small),
            _Clips(corpus, window),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=list(QUANTISED),
            nodes_to_quantize=nodes,
            per_channel=True,
            reduce_range=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
        )
        return small.read_bytes()
