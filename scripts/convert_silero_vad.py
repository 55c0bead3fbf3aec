"""Rebuild the 16 kHz branch of silero-vad so that one call answers a whole stretch of audio.

    python scripts/convert_silero_vad.py path/to/silero_vad.onnx src/assay/weights/silero-vad.onnx [sounds]

The first path is a file inside the wheel silero_vad 6.2.3 (PyPI, MIT). The published network answers one
chunk of 32 ms per call and carries its LSTM state outside; 4 s of audio then cost 13 ms, more than the rest
of a scan. Same weights, same arithmetic up to the rounding of float32, other order:

- input ``samples (64 + 512 n,)``: 64 samples of context, then n chunks; ``h``, ``c`` (1, 1, 128): LSTM
  state;
- output ``probability (n,)`` of speech, ``h_out``, ``c_out``.

As convolutions, batched over chunks, 4 s cost 6.8 ms on one thread (the wheel's own sequence model); here
1.4 ms:

- Conv over short axes is slow in ONNX Runtime. Time comes first, ``(4, n, bins)``, and a layer is a few
  MatMul.
- The STFT kernel is a DFT behind a periodic Hann window (checked). Folding a frame in halves splits it into
  DFTs of the odd and the even bins, and these once more: 12 instead of 33 million products (decimation in
  frequency).
- The first convolution, four frames in and out, three taps, is Winograd's F(4, 3): six products per bin
  instead of ten (Lavin and Gray, "Fast algorithms for convolutional neural networks", CVPR 2016).
- What is left is the LSTM, which is sequential: 0.5 of the 1.4 ms.

The script compares both networks on made signals, and on the sounds named, before it writes; the bytes are
the same each time. The card beside the weight holds their SHA-256.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import helper, numpy_helper

CHUNK, CONTEXT, HOP, FRAME, UNITS = 512, 64, 128, 256, 128
FRAMES = 4  # STFT frames of one chunk
TOLERANCE = 1e-4  # of a probability
LAST = 2**31  # "to the end" of an ONNX Slice

# Winograd F(4, 3), points 0, ±1, ±2, ∞. The first and the last of its six inputs are padding, and left out.
INPUT_TRANSFORM = np.array(
    [[0, -5, 0, 1], [-4, -4, 1, 1], [4, -4, -1, 1], [-2, -1, 2, 1], [2, -1, -2, 1], [4, 0, -5, 0]], np.float32
)
KERNEL_TRANSFORM = np.array([[6, 0, 0], [-4, -4, -4], [-4, 4, -4], [1, 2, 4], [1, -2, 4], [0, 0, 24]]) / 24
OUTPUT_TRANSFORM = np.array(
    [[1, 1, 1, 1, 1, 0], [0, 1, -1, 2, -2, 0], [0, 1, 1, 4, 4, 0], [0, 1, -1, 8, -8, 1]], np.float32
)


def subgraphs(graph: onnx.GraphProto) -> Iterator[onnx.GraphProto]:
    """The graph and every branch and body inside it, outermost first."""
    yield graph
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.type == onnx.AttributeProto.GRAPH:
                yield from subgraphs(attribute.g)


def read_weights(path: Path) -> dict[str, NDArray[np.float32]]:
    """Weights of the 16 kHz branch by short name; the size of its STFT tells it from the 8 kHz one."""
    for graph in subgraphs(onnx.load(path).graph):
        constants = {n.output[0]: n.attribute[0].t for n in graph.node if n.op_type == "Constant"}
        named = {name.split("__")[-1]: tensor for name, tensor in constants.items() if tensor.dims}
        basis = named.get("stft.forward_basis_buffer")
        if basis is not None and list(basis.dims) == [FRAME + 2, 1, FRAME]:
            return {name: numpy_helper.to_array(tensor) for name, tensor in named.items()}
    raise SystemExit(f"{path} holds no 16 kHz branch of silero-vad; give silero_vad.onnx of the wheel 6.2.3.")


def dft(bins: NDArray[np.int64], length: int) -> NDArray[np.float64]:
    """Columns of a DFT that see only the first `length` samples: real parts, then imaginary parts."""
    phase = 2 * np.pi * np.outer(np.arange(length), bins) / FRAME
    return np.concatenate([np.cos(phase), -np.sin(phase)], axis=1)


def hann() -> NDArray[np.float64]:
    """The periodic Hann window of the STFT."""
    return np.hanning(FRAME + 1)[:-1]


class Graph:
    """A list of ONNX nodes that grows by calling it: ``y = graph("Add", a, b)``."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: list[onnx.TensorProto] = []
        self._values = 0

    def __call__(self, op: str, *inputs: str, **attributes: Any) -> str:
        """Add a node with one output, and name that output."""
        return self.several(1, op, *inputs, **attributes)[0]

    def several(self, count: int, op: str, *inputs: str, **attributes: Any) -> list[str]:
        """Add a node with `count` outputs."""
        outputs = [f"v{self._values + i}" for i in range(count)]
        self._values += count
        self.nodes.append(helper.make_node(op, list(inputs), outputs, **attributes))
        return outputs

    def constant(self, array: NDArray[np.generic]) -> str:
        """Add a stored array."""
        name = f"c{len(self.initializers)}"
        self.initializers.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def floats(self, array: NDArray[np.floating]) -> str:
        """Add a stored float32 array."""
        return self.constant(array.astype(np.float32))

    def ints(self, *values: int) -> str:
        """Add a stored shape, axis or position."""
        return self.constant(np.array(values, np.int64))

    def cut(self, x: str, start: int, stop: int, axis: int, step: int = 1) -> str:
        """``x[start:stop:step]`` along one axis."""
        return self("Slice", x, *(self.ints(value) for value in (start, stop, axis, step)))

    def split(self, x: str, sizes: list[int], axis: int) -> list[str]:
        """Cut `x` into parts of these sizes along one axis."""
        return self.several(len(sizes), "Split", x, self.ints(*sizes), axis=axis)

    def steps(self, x: str) -> list[str]:
        """The four frames of ``x (4, n, features)``, each ``(n, features)``."""
        return [self("Squeeze", part, self.ints(0)) for part in self.split(x, [1] * FRAMES, axis=0)]


def frame_halves(graph: Graph) -> tuple[str, str]:
    """First and second halves of all frames, each (4, n, 128).

    A chunk with its context starts with four segments of 128 samples; frame j is segments j and j + 1. The
    fifth segment is the last 64 samples and their mirror image (reflect padding, edge not repeated).
    """
    chunks = graph("Reshape", graph.cut("samples", 0, -CONTEXT, 0), graph.ints(-1, FRAMES, HOP))
    first = graph("Transpose", chunks, perm=[1, 0, 2])
    new = graph("Reshape", graph.cut("samples", CONTEXT, LAST, 0), graph.ints(-1, CHUNK))
    tail = graph.cut(new, CHUNK - CONTEXT, CHUNK, 1)
    mirror = graph.cut(new, CHUNK - 2, CHUNK - 2 - CONTEXT, 1, -1)
    fifth = graph("Unsqueeze", graph("Concat", tail, mirror, axis=1), graph.ints(0))
    return first, graph("Concat", graph.cut(first, 1, FRAMES, 0), fifth, axis=0)


def magnitudes(graph: Graph) -> tuple[str, NDArray[np.int64]]:
    """STFT magnitudes (4, n, 129) and the order their bins come in."""
    first, second = frame_halves(graph)
    window = hann()
    first = graph("Mul", first, graph.floats(window[:HOP]))
    second = graph("Mul", second, graph.floats(window[HOP:]))
    low, high = graph.split(graph("Add", first, second), [HOP // 2, HOP // 2], axis=2)
    parts = [  # folded frames and the bins that see them
        (graph("Sub", first, second), np.arange(1, HOP, 2), HOP),
        (graph("Sub", low, high), np.arange(2, HOP, 4), HOP // 2),
        (graph("Add", low, high), np.arange(0, HOP + 1, 4), HOP // 2),
    ]
    powers = []
    for folded, bins, length in parts:
        spectrum = graph("MatMul", folded, graph.floats(dft(bins, length)))
        real, imaginary = graph.split(graph("Mul", spectrum, spectrum), [len(bins)] * 2, axis=2)
        powers.append(graph("Add", real, imaginary))
    return graph("Sqrt", graph("Concat", *powers, axis=2)), np.concatenate([bins for _, bins, _ in parts])


def first_convolution(graph: Graph, x: str, weight: NDArray[np.float32], bias: NDArray[np.float32]) -> list[str]:
    """Three taps, stride one, padding one, over ``x (4, n, bins)``, then ReLU: four outputs (n, filters)."""
    filters, bins, _ = weight.shape
    kernels = np.einsum("pk,fbk->pbf", KERNEL_TRANSFORM, weight.astype(np.float64))
    points = graph("MatMul", graph.constant(INPUT_TRANSFORM), graph("Reshape", x, graph.ints(FRAMES, -1)))
    products = graph("MatMul", graph("Reshape", points, graph.ints(6, -1, bins)), graph.floats(kernels))
    y = graph("MatMul", graph.constant(OUTPUT_TRANSFORM), graph("Reshape", products, graph.ints(6, -1)))
    y = graph("Add", graph("Reshape", y, graph.ints(FRAMES, -1, filters)), graph.constant(bias))
    return graph.steps(graph("Relu", y))


def convolution(
    graph: Graph, x: list[str], weight: NDArray[np.float32], bias: NDArray[np.float32], stride: int
) -> list[str]:
    """Three taps, padding one, over a list of frames (n, features), then ReLU; padding costs nothing."""
    outputs, shared_bias = [], graph.constant(bias)
    for centre in range(0, len(x), stride):
        taps = [tap for tap in range(3) if 0 <= centre + tap - 1 < len(x)]
        frames = [x[centre + tap - 1] for tap in taps]
        joined = graph("Concat", *frames, axis=1) if len(frames) > 1 else frames[0]
        kernel = graph.constant(np.concatenate([weight[:, :, tap].T for tap in taps]))
        outputs.append(graph("Relu", graph("Gemm", joined, kernel, shared_bias)))
    return outputs


def recurrence(graph: Graph, x: str, weights: dict[str, NDArray[np.float32]]) -> str:
    """The LSTM over the chunks ``x (n, 128)``; its answer (n, 128)."""

    def gates(name: str) -> NDArray[np.float32]:
        # torch keeps the gates as input, forget, cell, output; ONNX wants input, output, forget, cell
        i, f, g, o = np.split(weights[f"decoder.rnn.{name}"], 4)
        return np.concatenate([i, o, f, g])[None]

    bias = np.concatenate([gates("bias_ih"), gates("bias_hh")], axis=1)
    arrays = [graph.constant(a) for a in (gates("weight_ih"), gates("weight_hh"), bias)]
    inputs = [graph("Unsqueeze", x, graph.ints(1)), *arrays, "", "h", "c"]
    graph.nodes.append(helper.make_node("LSTM", inputs, ["states", "h_out", "c_out"], hidden_size=UNITS))
    return graph("Reshape", "states", graph.ints(-1, UNITS))


def build(weights: dict[str, NDArray[np.float32]]) -> onnx.ModelProto:
    """The whole network, as the text above describes it."""
    graph = Graph()
    spectrum, order = magnitudes(graph)
    layers = [[weights[f"encoder.{i}.reparam_conv.{part}"] for part in ("weight", "bias")] for i in range(4)]
    x = first_convolution(graph, spectrum, layers[0][0][:, order], layers[0][1])
    for (weight, bias), stride in zip(layers[1:], (2, 2, 1), strict=True):
        x = convolution(graph, x, weight, bias, stride)
    hidden = graph("Relu", recurrence(graph, x[0], weights))
    head = [
        graph.constant(weights["decoder.decoder.2.weight"][0]),
        graph.constant(weights["decoder.decoder.2.bias"]),
    ]
    logit = graph("Reshape", graph("Gemm", hidden, *head), graph.ints(-1))
    graph.nodes.append(helper.make_node("Sigmoid", [logit], ["probability"]))
    return as_model(graph)


def as_model(graph: Graph) -> onnx.ModelProto:
    """Name inputs and outputs, and check the result."""

    def floats(name: str, *shape: int | str) -> onnx.ValueInfoProto:
        return helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape)

    inputs = [floats("samples", "64 + 512 n"), floats("h", 1, 1, UNITS), floats("c", 1, 1, UNITS)]
    outputs = [floats("probability", "n"), floats("h_out", 1, 1, UNITS), floats("c_out", 1, 1, UNITS)]
    body = helper.make_graph(graph.nodes, "silero-vad-16k", inputs, outputs, graph.initializers)
    model = helper.make_model(
        body,
        opset_imports=[helper.make_opsetid("", 17)],
        ir_version=8,
        producer_name="assay/scripts/convert_silero_vad.py",
    )
    helper.set_model_props(model, {"origin": "silero-vad 6.2.3", "licence": "MIT, Silero Team"})
    onnx.checker.check_model(model, full_check=True)
    return model


def session_of(model: bytes) -> onnxruntime.InferenceSession:
    """A session on one thread."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def made_signal(seconds: int = 90) -> NDArray[np.float32]:
    """Syllables with gliding pitch and formants, 10 s each with another level and noise, and true silence."""
    rng = np.random.default_rng(0)
    time, syllables = np.arange(16_000 * seconds) / 16_000, np.arange(seconds * 5 + 1) / 5
    pitch = 130 + 15 * np.sin(4 * time)
    voice = np.zeros(time.size)
    formants = [
        (np.interp(time, syllables, rng.uniform(low, high, syllables.size)), width, level)
        for low, high, width, level in ((300, 800, 130, 1), (900, 2_200, 160, 0.6), (2_300, 3_000, 230, 0.3))
    ]
    for harmonic in range(1, 40):
        gain = sum(level * np.exp(-(((harmonic * pitch - f) / width) ** 2)) for f, width, level in formants)
        voice += (gain + 0.003) * np.sin(2 * np.pi * harmonic * np.cumsum(pitch) / 16_000)
    voice *= 0.2 * np.sin(5 * np.pi * time) ** 2
    regime = np.arange(time.size) // 160_000 % 9
    level = np.array([1, 0.1, 0, 5, 1, 0.5, 1, 0, 0.01])[regime]
    noise = np.array([0, 1e-3, 1e-2, 0, 0.1, 0, 1, 0, 0])[regime]
    return np.clip(level * voice + noise * rng.normal(size=time.size), -1, 1).astype(np.float32)


def read_sound(path: str) -> NDArray[np.float32]:
    """A sound file as mono, taken as it is: a wrong rate only makes another test signal."""
    import soundfile

    channels: NDArray[np.float32] = soundfile.read(path, dtype="float32", always_2d=True)[0]
    return np.asarray(channels.mean(axis=1), np.float32)


def published(model: bytes, signal: NDArray[np.float32]) -> NDArray[np.float32]:
    """Probabilities of the network in the wheel, chunk by chunk."""
    session, state = session_of(model), np.zeros((2, 1, UNITS), np.float32)
    padded = np.concatenate([np.zeros(CONTEXT, np.float32), signal])
    answers = []
    for start in range(0, signal.size - CHUNK + 1, CHUNK):
        feed = {
            "input": padded[None, start : start + CONTEXT + CHUNK],
            "state": state,
            "sr": np.array(16_000),
        }
        probability, state = session.run(None, feed)
        answers.append(probability[0, 0])
    return np.array(answers)


def converted(model: bytes, signal: NDArray[np.float32]) -> NDArray[np.float32]:
    """Probabilities of the rebuilt network in calls of changing length, the state carried over."""
    session, rng = session_of(model), np.random.default_rng(1)
    h = c = np.zeros((1, 1, UNITS), np.float32)
    padded = np.concatenate([np.zeros(CONTEXT, np.float32), signal])
    answers, chunk, chunks = [], 0, signal.size // CHUNK
    while chunk < chunks:
        stop = min(chunk + int(rng.choice([1, 2, 17, 128])), chunks)
        feed = {"samples": padded[chunk * CHUNK : stop * CHUNK + CONTEXT], "h": h, "c": c}
        probability, h, c = session.run(["probability", "h_out", "c_out"], feed)
        answers.append(probability)
        chunk = stop
    return np.concatenate(answers)


def main() -> None:
    """Convert, compare, write."""
    if len(sys.argv) < 3:
        raise SystemExit((__doc__ or "").split("\n\n")[1])
    source, target, *sounds = (Path(argument) for argument in sys.argv[1:])
    weights = read_weights(source)
    kernel = weights["stft.forward_basis_buffer"][:, 0]
    # the DFT is written anew in build(), so the stored kernel has to be one
    if np.abs(kernel - (dft(np.arange(HOP + 1), FRAME) * hann()[:, None]).T).max() > 1e-6:
        raise SystemExit("The STFT kernel is not a DFT behind a Hann window; this is another version of silero-vad.")
    model = build(weights).SerializeToString(deterministic=True)
    speech = [read_sound(str(path)) for path in sounds]
    for name, signal in [("made", made_signal()), *([("sounds", np.concatenate(speech))] if speech else [])]:
        expected, got = published(source.read_bytes(), signal), converted(model, signal)
        error = float(np.abs(expected - got).max())
        share = float((expected > 0.5).mean())
        print(f"{name}: {signal.size / 16_000:.0f} s, {share:.0%} speech, largest |Δ probability| {error:.1e}")
        if not error < TOLERANCE:
            raise SystemExit(f"More than {TOLERANCE} apart; nothing written.")
    target.write_bytes(model)
    print(f"{target}: {len(model)} bytes, SHA-256 {hashlib.sha256(model).hexdigest()}")


if __name__ == "__main__":
    main()
